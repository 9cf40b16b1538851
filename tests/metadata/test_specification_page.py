"""The page on the specification names all keys, and says rightly which are needed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from czcheck.metadata import OPTIONAL, REQUIRED

ROOT = Path(__file__).parents[2]


def test_page_and_schema_have_the_keys_of_the_reader() -> None:
    page = (ROOT / "docs" / "specification.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (yes)? ?\|", page, re.MULTILINE)
    assert {key for key, _ in rows} == {*REQUIRED, *OPTIONAL}
    assert {key for key, needed in rows if needed} == set(REQUIRED)
    schema = json.loads((ROOT / "schemas" / "spec.schema.json").read_text("utf-8"))
    assert schema["properties"].keys() == {*REQUIRED, *OPTIONAL}
    assert set(schema["required"]) == set(REQUIRED)

"""What fuzzing has collected goes through the readers without a surprise."""

from __future__ import annotations

import zipfile

import pytest

from fuzz.places import TARGETS
from fuzz.run import CORPUS
from fuzz.seeds import seeds

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("target", TARGETS)
def test_the_kept_corpus(target: str) -> None:
    with zipfile.ZipFile(CORPUS / f"{target}.zip") as archive:
        kept = [archive.read(name) for name in archive.namelist()]
    assert len(kept) >= 10
    for data in (*seeds(target), *kept):
        TARGETS[target](data)

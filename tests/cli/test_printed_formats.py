"""`--format json` and `--json` are the same in every command that prints data."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import good_payload

if TYPE_CHECKING:
    from pathlib import Path

    from calls import Call


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.czmodel").write_bytes(czmodel(metadata_xml(), good_payload()))


COMMANDS = (
    ("verify", "a.czmodel", "--level", "network"),
    ("diff", "a.czmodel", "a.czmodel", "--level", "network"),
    ("inspect", "a.czmodel"),
    ("config",),
    ("rules", "CZ1"),
)


@pytest.mark.parametrize("args", COMMANDS, ids=lambda args: args[0])
def test_both_ways_print_the_same(czcheck: Call, args: tuple[str, ...]) -> None:
    for more in (("--json",), ("--format", "json"), ("--json", "--format", "json")):
        told = czcheck(*args, *more)
        assert told.code == 0
        assert told.out == czcheck(*args, "--json").out
        assert json.loads(told.out)
    assert czcheck(*args, "--format", "text").out == czcheck(*args).out != told.out


@pytest.mark.parametrize("args", COMMANDS, ids=lambda args: args[0])
def test_two_formats_are_a_usage_error(czcheck: Call, args: tuple[str, ...]) -> None:
    told = czcheck(*args, "--format", "text", "--json")
    assert (told.code, told.out) == (2, "")
    assert "--json and --format text: give one of them" in told.err
    assert "--json" in czcheck(args[0], "--help").out


def test_evaluate_has_both(czcheck: Call) -> None:
    told = czcheck("evaluate", "a.czmodel", "a", "b", "--json", "--format", "text")
    assert (told.code, told.out) == (2, "")
    assert "give one of them" in told.err


def test_an_empty_folder_of_tiles_is_a_usage_error(czcheck: Call, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    for args in (("verify", "a.czmodel"), ("diff", "a.czmodel", "a.czmodel")):
        told = czcheck(*args, "--tiles", "none")
        assert (told.code, told.out) == (2, "")
        assert "none: the folder holds no image (.png, .tif, .tiff, .czi, .zarr)" in told.err


def test_help_lists_every_command_once_under_what_it_is_for(czcheck: Call) -> None:
    lines = czcheck("--help").out.splitlines()
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles[1:] == [
        "Check models:",
        "Make models:",
        "Inspect and use models:",
        "Rules and settings:",
    ]
    told = "verify diff evaluate baseline init build repair inspect segment rules config"
    below = lines[lines.index("Check models:") :]
    listed = [line.split()[0] for line in below if re.match("  \\w", line)]
    assert listed == told.split()

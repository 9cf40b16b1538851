"""Options of `czcheck verify` that concern the run: budgets, evidence, a second process."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from czcheck.cli import main
from fixtures.archives import czmodel, metadata_xml
from fixtures.bad_behaviour import GRAY, Net
from fixtures.make import BAD

SCHEMA = json.loads(files("czcheck.schemas").joinpath("report.schema.json").read_text("utf-8"))
Called = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Called:
    def call(*args: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["verify", *map(str, args)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert isinstance(stop.value.code, int)
        return stop.value.code, out, err

    return call


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.czmodel"
    path.write_bytes(czmodel(metadata_xml(GRAY), Net().ended("image").payload()))
    return path


@pytest.mark.parametrize("option", ["--max-load-seconds", "--max-tile-seconds", "--max-memory"])
@pytest.mark.parametrize("value", ["0", "-1", "much"])
def test_budgets_are_positive_numbers(verify: Called, good: Path, option: str, value: str) -> None:
    code, _, err = verify(good, option, value)
    assert code == 2
    assert option in err


def test_evidence_goes_into_a_folder(verify: Called, good: Path) -> None:
    code, _, err = verify(good, "--evidence", good)
    assert code == 2
    assert str(good) in err
    assert "folder" in err


def test_without_a_budget_its_rule_is_skipped_by_choice(verify: Called, good: Path) -> None:
    _, out, _ = verify(good, "--level", "network", "--format", "json")
    plain = json.loads(out)
    rules = {each["code"]: each for each in plain["files"][0]["rules"]}
    assert rules["CZ422"]["cause"] == "choice"


@pytest.mark.tensorflow
def test_a_network_that_takes_longer_than_the_timeout(verify: Called, good: Path) -> None:
    code, out, _ = verify(good, "--timeout", "0.001", "--memory", "6", "--format", "json")
    assert code == 1
    (file,) = json.loads(out)["files"]
    (finding,) = file["findings"]
    assert finding["code"] == "CZ401"
    assert "no answer within 0.001 seconds" in finding["message"]


@pytest.mark.tensorflow
def test_a_network_over_its_budgets(verify: Called, good: Path, tmp_path: Path) -> None:
    code, out, _ = verify(
        good,
        *("--max-memory", "0.01", "--max-load-seconds", "1e-6", "--max-tile-seconds", "100"),
        *("--thorough", "--evidence", tmp_path / "evidence", "--format", "json"),
    )
    assert code == 1
    plain: dict[str, Any] = json.loads(out)
    jsonschema.Draft202012Validator(SCHEMA).validate(plain)
    (file,) = plain["files"]
    assert [each["code"] for each in file["findings"] if each["severity"] == "error"] == [
        "CZ422",
        "CZ422",
    ]
    assert "0.01 GiB" in file["findings"][1]["message"]
    run = file["looked_at"]["run"]
    assert run["behaviour"]["fresh"] == {"labels": 1.0, "difference": 0.0}
    assert run["cost"]["peak_bytes"] > 100e6
    assert run["tile_runs"] > run["tiles"] == 11
    assert not (tmp_path / "evidence").exists(), "no finding has a tile"


@pytest.mark.tensorflow
def test_text_tells_cost_and_evidence(verify: Called, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    code, out, _ = verify(BAD / "CZ420_looks_at_blue.czmodel", "--evidence", folder)
    assert code == 0
    (cost,) = (line for line in out.splitlines() if line.startswith("  cost: loaded in "))
    assert " s per tile (" in cost
    assert cost.endswith("GiB peak memory")
    assert len(cost) <= 110
    names = sorted(each.name for each in folder.iterdir())
    assert [Path(name).suffix for name in names] == [".npz", ".png"]
    assert all(name in out for name in names)

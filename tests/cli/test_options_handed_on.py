"""What a command is given reaches the function that does the work, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from czcheck.errors import UsageError
from czcheck.runtime import DEFAULT_RUNNER_LIMITS, RunnerLimits

if TYPE_CHECKING:
    from calls import Call

Case = tuple[str, dict[str, Any]]

VERIFY = "czcheck.verifying.verification.verify"
SEGMENT = "czcheck.segmenting.segmentation.segment"
EVALUATE = "czcheck.evaluating.verdict.evaluate"
DIFF = "czcheck.diffing.comparing.diff"
BASELINE = "czcheck.verifying.baselines.write_baseline"
SECONDS = RunnerLimits(seconds_load=7, seconds_tile=7)
BYTES = RunnerLimits(memory_bytes=1 << 29)

JUDGING: list[Case] = [
    ("--target any", {"target": "any"}),
    ("--fail-on note", {"fail_on": "note"}),
    ("--select CZ1,cz2 --select CZ301", {"select": ("CZ1", "cz2", "CZ301")}),
    ("--ignore CZ2", {"ignore": ("CZ2",)}),
    ("--allow-op A --allow-op B", {"allow_op": ("A", "B")}),
]
LIMITING: list[Case] = [
    ("--timeout 7", {"timeout": 7.0}),
    ("--memory 0.5", {"memory": 0.5}),
    ("--backend python", {"backend": "python"}),
    ("--require-sandbox", {"require_sandbox": True}),
    ("--no-require-sandbox", {"require_sandbox": False}),
]
CONFIGURATION: list[Case] = [
    ("--config c.toml", {"config": Path("c.toml")}),
    ("--profile quick", {"profile": "quick"}),
    ("--isolated", {"find_config": False}),
    ("", {"find_config": True, "config": None, "profile": None}),
]
IMAGES: list[Case] = [
    ("--scene 0-3", {"scene": "0-3"}),
    ("--channel 1", {"channel": "1"}),
    ("--time 2", {"time": "2"}),
    ("--z 4", {"z": "4"}),
    ("--intensities scale", {"intensities": "scale"}),
    ("--align --stride 16", {"align": True, "stride": 16}),
    ("--pad zeros", {"pad": "zeros"}),
    ("--border 3", {"border": 3}),
    ("--tile 64x96", {"tile": (64, 96)}),
    ("--tile 64", {"tile": (64, 64)}),
    ("--min-confidence 60", {"min_confidence": 60}),
]
COMMANDS: list[tuple[str, str, list[Case]]] = [
    (
        "verify m.czmodel",
        VERIFY,
        [
            *JUDGING,
            *LIMITING,
            *CONFIGURATION,
            ("--level network", {"level": "network"}),
            ("--tiles a --tiles b", {"tiles": (Path("a"), Path("b"))}),
            ("--thorough", {"thorough": True}),
            ("--no-thorough", {"thorough": False}),
            ("--runtime python3.7", {"runtime": "python3.7"}),
            ("--baseline b.npz", {"baseline": Path("b.npz")}),
            ("--max-load-seconds 1", {"max_load_seconds": 1.0}),
            ("--max-tile-seconds 2", {"max_tile_seconds": 2.0}),
            ("--max-memory 3", {"max_memory": 3.0}),
            ("--jobs 4", {"jobs": 4}),
            ("--cache", {"cache": True}),
            ("--no-cache", {"cache": False}),
            ("--evidence e", {"evidence": Path("e")}),
            ("--dask tcp://h:1", {"dask": "tcp://h:1"}),
            # What was not given, a configuration may say.
            ("", {"level": None, "target": None, "select": None, "timeout": None, "jobs": None}),
        ],
    ),
    (
        "evaluate m.czmodel images masks",
        EVALUATE,
        [
            *JUDGING,
            *LIMITING,
            *CONFIGURATION,
            *IMAGES,
            ("--min-accuracy 0.5", {"min_accuracy": 0.5}),
            ("--min-f1 0.5", {"min_f1": 0.5}),
            ("--worst 3", {"pictures": 3}),
        ],
    ),
    (
        "segment m.czmodel a.png",
        SEGMENT,
        [
            *IMAGES,
            ("--timeout 7", {"runner_limits": SECONDS}),
            ("--memory 0.5", {"runner_limits": BYTES}),
            ("--backend python", {"runner_limits": RunnerLimits(backend="python")}),
            ("", {"runner_limits": DEFAULT_RUNNER_LIMITS, "require_sandbox": False}),
            ("--require-sandbox", {"require_sandbox": True}),
            ("--allow-op A", {"allow_op": ("A",)}),
            ("--class a --class b", {"classes": ("a", "b")}),
            ("--seams", {"seams": True}),
            ("--resume", {"resume": True}),
            ("--format czi", {"folder_format": "czi"}),
            ("--dask tcp://h:1", {"dask": "tcp://h:1"}),
        ],
    ),
    (
        "diff a.czmodel b.czmodel",
        DIFF,
        [
            *JUDGING[1:],
            ("--level network", {"level": "network"}),
            ("--tiles a", {"tiles": (Path("a"),)}),
            ("--timeout 7", {"timeout": 7.0}),
            ("--memory 0.5", {"memory": 0.5}),
            ("", {"timeout": None, "require_sandbox": None, "find_config": True}),
            ("--require-sandbox", {"require_sandbox": True}),
            ("--config a.toml", {"config": Path("a.toml")}),
            ("--profile a", {"profile": "a"}),
            ("--isolated", {"find_config": False}),
        ],
    ),
    (
        "baseline m.czmodel --output b.npz",
        BASELINE,
        [
            ("--max-change 0.5", {"max_change": 0.5}),
            ("--min-agreement 0.5", {"min_agreement": 0.5}),
            ("--min-dice 0.5", {"min_dice": 0.5}),
            ("--allow-op A", {"allow_op": ("A",)}),
        ],
    ),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with everything that the calls name, as far as commands look for it themselves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CZCHECK_CACHE")
    for name in ("m.czmodel", "a.czmodel", "b.czmodel"):
        (tmp_path / name).touch()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("command", "function", "option", "expected"),
    [
        pytest.param(command, function, *case, id=f"{command.split()[0]} {case[0]}")
        for command, function, cases in COMMANDS
        for case in cases
    ],
)
def test_options_reach_the_function(
    command: str,
    function: str,
    option: str,
    expected: dict[str, Any],
    czcheck: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: dict[str, Any] = {}

    def work(*_: object, **options: Any) -> None:
        given.update(options)
        raise UsageError("as far as this test goes")

    monkeypatch.setattr(function, work)
    result = czcheck(*command.split(), *option.split())
    assert "as far as this test goes" in result.err
    assert {name: given[name] for name in expected} == expected

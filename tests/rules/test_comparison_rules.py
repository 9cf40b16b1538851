"""CZ424 to CZ426 over facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from czcheck.rules import Found, TilePixel
from czcheck.rules import comparison as rules
from czcheck.rules.catalogue import catalogue
from czcheck.runtime import (
    Baseline,
    BaselineComparison,
    BaselineTolerances,
    Comparison,
    Environment,
    Failure,
    GoldenTile,
    Pixel,
    RunRecord,
    RuntimeComparison,
    TileComparison,
)

HERE = Environment("3.11.7", "2.21.0", "2.4.6", "process isolation; not a sandbox")
THERE = Environment("3.7.16", "2.0.0", "1.19.5", "process isolation; not a sandbox")
RUN = RunRecord(HERE, None)


def tile(
    name: str, *, change: float = 0.0, labels: int = 0, tolerance: float = 1e-3
) -> TileComparison:
    at = Pixel(0.5, 3, 4, 1) if change else None
    return TileComparison(name, tolerance, Comparison(change, at, labels, 0, 1000))


def elsewhere(*tiles: TileComparison, failures: tuple[Failure, ...] = ()) -> RuntimeComparison:
    return RuntimeComparison(THERE, failures, tiles)


def against(
    *tiles: TileComparison, other: str | None = None, dice: Any = (1, 1), **tolerances: float
) -> BaselineComparison:
    golden = Baseline(
        path=Path("golden.npz"),
        model_id="3f1c7a52-9d0b-4c36-8f5e-2b7d64a0c911",
        model_name="Nuclei",
        sha256="0" * 64,
        czcheck="0.1.0",
        tensorflow="2.21.0",
        height=32,
        width=32,
        channels=1,
        pixel_type="Gray16",
        scaled=False,
        classes=("Background", "Nucleus"),
        tiles=tuple(GoldenTile(each.tile, 0, ()) for each in tiles),
        tolerances=BaselineTolerances(**tolerances),
    )
    return BaselineComparison(golden, other, tiles, dice)


def said(code: str, found: Found) -> str:
    return catalogue()[code].says.format_map(found.fields)


def test_the_same_answers_elsewhere() -> None:
    same = elsewhere(tile("nuclei", change=9e-4), tile("noise"))
    assert list(rules.answers_are_the_same_elsewhere(RUN, same)) == []
    assert list(rules.network_runs_elsewhere(same)) == []


def test_other_answers_elsewhere_name_the_tile_with_the_most_changed_labels() -> None:
    other = elsewhere(
        tile("nuclei", change=0.9), tile("noise", change=0.6, labels=25), tile("grain")
    )
    (found,) = rules.answers_are_the_same_elsewhere(RUN, other)
    assert found.at == TilePixel("noise", 3, 4, 1)
    assert said("CZ424", found) == (
        "TensorFlow 2.0.0 (Python 3.7.16) gives other outputs for the tiles `nuclei` and `noise` "
        "than TensorFlow 2.21.0: 2.5 % of the labels of `noise` change, and a probability changes "
        "by 0.6 at row 3, column 4, channel 1 of `noise` (allowed: at most 0.001)."
    )


def test_another_shape_elsewhere() -> None:
    shape = TileComparison("nuclei", 1e-3, Comparison(float("inf"), None, 1000, 0, 1000))
    (found,) = rules.answers_are_the_same_elsewhere(RUN, elsewhere(shape))
    assert found.at == TilePixel("nuclei")
    assert "the output has another shape" in said("CZ424", found)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (
            Failure("load", None, "exception", "KeyError: x"),
            "cannot load the network: KeyError: x.",
        ),
        (Failure("predict", "zeros", "abort", "aborted"), "fails on the tile `zeros`: aborted."),
        (Failure("exit", None, "abort", "aborted"), "does not exit properly: aborted."),
    ],
)
def test_a_network_that_fails_elsewhere(failure: Failure, words: str) -> None:
    (found,) = rules.network_runs_elsewhere(elsewhere(failures=(failure,)))
    assert said("CZ425", found) == f"TensorFlow 2.0.0 (Python 3.7.16) {words}"
    assert found.at == TilePixel("zeros") or failure.phase != "predict"


def test_tiles_that_fail_elsewhere_for_one_reason_are_one_finding() -> None:
    failures = tuple(
        Failure("predict", name, "exception", "black") for name in ("zeros", "constant")
    )
    (found,) = rules.network_runs_elsewhere(elsewhere(failures=failures))
    assert "the tiles `zeros` and `constant`: black" in said("CZ425", found)


def test_answers_within_the_baseline_s_tolerances() -> None:
    found = tile("nuclei", change=0.04, labels=9, tolerance=0.05)
    close = against(found, max_change=0.05, min_agreement=0.99)
    assert list(rules.answers_are_those_of_the_baseline(close)) == []


def test_half_precision_is_the_reason_of_a_wide_tolerance() -> None:
    half = replace(tile("nuclei", change=0.04, tolerance=0.03), precision="float16")
    words = "(allowed: at most 0.03, as the network computes in float16)"
    for code, findings in (
        ("CZ424", rules.answers_are_the_same_elsewhere(RUN, elsewhere(half))),
        ("CZ426", rules.answers_are_those_of_the_baseline(against(half))),
    ):
        (found,) = findings
        assert words in said(code, found)


def test_each_tolerance_counts_by_itself() -> None:
    def what(comparison: BaselineComparison) -> str:
        (found,) = rules.answers_are_those_of_the_baseline(comparison)
        return said("CZ426", found)

    labels = what(against(tile("nuclei", labels=9)))
    assert "0.9 % of the labels of `nuclei` change (allowed: at most 0.01 %)." in labels
    change = what(against(tile("nuclei", change=0.04)))
    assert "changes by 0.04 at row 3, column 4, channel 1 of `nuclei`" in change
    assert "labels" not in change
    lost = what(against(tile("nuclei"), dice=(1, 0.5)))
    assert "the Dice coefficient of the class `Nucleus` is 0.5 (allowed: at least 0.99)." in lost
    two = what(against(tile("nuclei", labels=9), tile("noise", change=0.04)))
    assert "on the tiles `nuclei` and `noise`, 0.9 % of the labels" in two


def test_a_class_that_no_pixel_has_is_no_loss() -> None:
    assert list(rules.answers_are_those_of_the_baseline(against(dice=(1, None)))) == []


def test_another_kind_of_model() -> None:
    (found,) = rules.answers_are_those_of_the_baseline(against(other="it has 3 classes, not 2"))
    assert said("CZ426", found).endswith("c911): it has 3 classes, not 2.")

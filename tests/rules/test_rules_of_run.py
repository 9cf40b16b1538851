"""CZ4xx over facts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from czcheck.rules import Check, Found, TilePixel
from czcheck.rules import run as rules
from czcheck.rules.catalogue import catalogue
from czcheck.runtime import (
    Environment,
    Failure,
    LoadRecord,
    Pixel,
    RunRecord,
    Statistics,
    TileOutput,
)
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances

ENVIRONMENT = Environment("3.11.7", "2.21.0", "2.4.6", "process isolation; not a sandbox")
LOADED = LoadRecord("session", 0.1)
SOUND = Statistics(
    non_finite=0,
    first_non_finite=None,
    minimum=Pixel(0.0, 0, 0, 0),
    maximum=Pixel(1.0, 0, 0, 1),
    worst_sum=Pixel(1.0000001, 0, 0),
    classes_won=(1000, 24),
)
CHECKS: dict[str, Check] = {
    "CZ401": rules.network_loads,
    "CZ402": rules.every_tile_is_answered,
    "CZ403": rules.answer_has_the_tile_s_shape,
    "CZ404": rules.answer_is_float32,
    "CZ405": rules.answer_is_finite,
    "CZ406": rules.answer_is_within_0_and_1,
    "CZ407": rules.probabilities_sum_to_1,
    "CZ408": rules.probabilities_sum_to_1_exactly,
}


def answer(
    tile: str = "nuclei",
    *,
    shape: tuple[int, ...] = (1, 32, 32, 2),
    dtype: str = "float32",
    statistics: Statistics | None = SOUND,
) -> TileOutput:
    return TileOutput(tile, True, (1, 32, 32, 2), shape, dtype, 0.01, statistics)


def of(
    *,
    non_finite: int = 0,
    minimum: float = 0.0,
    maximum: float = 1.0,
    total: float | None = 1.0,
) -> Statistics:
    return Statistics(
        non_finite=non_finite,
        first_non_finite=Pixel(float("nan"), 5, 6, 1) if non_finite else None,
        minimum=Pixel(minimum, 1, 2, 0),
        maximum=Pixel(maximum, 3, 4, 1),
        worst_sum=None if total is None else Pixel(total, 7, 8),
        classes_won=(1024, 0),
    )


def record(*answers: TileOutput) -> RunRecord:
    return RunRecord(ENVIRONMENT, LOADED, answers=answers)


def found(
    run: RunRecord, tolerances: Tolerances = DEFAULT_TOLERANCES
) -> Iterator[tuple[str, Found]]:
    facts = {"run": run, "tolerances": tolerances}
    for code, check in CHECKS.items():
        assert catalogue()[code].check is check
        for each in check(*(facts[name] for name in catalogue()[code].needs)):
            yield code, each


def test_a_sound_network_has_no_finding() -> None:
    assert list(found(record(answer("nuclei"), answer("zeros")))) == []


def test_a_network_that_does_not_load() -> None:
    failure = Failure("load", None, "exception", "ValueError: no")
    for run in (
        RunRecord(ENVIRONMENT, None, failures=(failure,)),
        RunRecord(ENVIRONMENT, None, died=failure),
    ):
        ((code, each),) = found(run)
        assert code == "CZ401"
        assert each.fields["reason"] == "ValueError: no"


def test_tiles_that_fail_for_one_reason_are_one_finding() -> None:
    run = RunRecord(
        ENVIRONMENT,
        LOADED,
        died=Failure("predict", "noise", "time", "no answer within 120 seconds"),
        failures=(
            Failure("predict", "zeros", "exception", "InvalidArgumentError: black"),
            Failure("predict", "saturated", "exception", "InvalidArgumentError: black"),
        ),
        answers=(answer(),),
    )
    (first, black), (second, late) = found(run)
    assert first == second == "CZ402"
    assert black.at == TilePixel("zeros")
    assert black.fields["tiles"] == "the tiles `zeros` and `saturated`"
    assert late.fields["tiles"] == "the tile `noise`"
    assert late.fields["kind"] == "time"


def test_a_crash_at_the_end_counts() -> None:
    died = Failure("exit", None, "abort", "the process aborted (SIGABRT)")
    ((code, each),) = found(RunRecord(ENVIRONMENT, LOADED, died=died, answers=(answer(),)))
    assert code == "CZ402"
    assert "SIGABRT" in each.fields["reason"]


def test_shapes_are_grouped() -> None:
    small = answer("zeros", shape=(1, 30, 30, 2))
    ((code, each),) = found(record(answer(), small, answer("noise", shape=(1, 30, 30, 2))))
    assert code == "CZ403"
    assert each.fields["shape"] == "(1, 30, 30, 2)"
    assert each.fields["expected"] == "(1, 32, 32, 2)"
    assert each.fields["tiles"] == "the tiles `zeros` and `noise`"


def test_another_type() -> None:
    ((code, each),) = found(record(answer(dtype="float16"), answer("zeros", dtype="float16")))
    assert (code, each.fields["dtype"]) == ("CZ404", "float16")


def test_the_worst_pixel_of_the_worst_tile_is_named() -> None:
    mild, wild = answer("zeros", statistics=of(maximum=1.1)), of(minimum=-7.5, total=-6)
    ((code, each),) = found(record(answer(), mild, answer("noise", statistics=wild)))
    assert code == "CZ406"
    assert each.at == TilePixel("noise", 1, 2, 0)
    assert each.fields["value"] == "-7.5"
    assert each.fields["tiles"] == "the tiles `zeros` and `noise`"


def test_nan_does_not_also_count_as_out_of_range() -> None:
    ((code, each),) = found(record(answer(statistics=of(non_finite=3, total=None))))
    assert code == "CZ405"
    assert each.at == TilePixel("nuclei", 5, 6, 1)
    assert (each.fields["count"], each.fields["value"]) == (3, "nan")


def test_nan_on_one_tile_does_not_hide_sums_on_another() -> None:
    run = record(
        answer(statistics=of(non_finite=3, total=None)),
        answer("zeros", statistics=of(total=0.4)),
        answer("noise", statistics=of(maximum=12.0, total=12.5)),
    )
    assert [code for code, _ in found(run)] == ["CZ405", "CZ406", "CZ407"]
    sums = dict(found(run))["CZ407"]
    assert sums.at == TilePixel("zeros", 7, 8)


@pytest.mark.parametrize(
    ("statistics", "code"),
    [
        (of(maximum=1 + 5e-7), None),
        (of(minimum=-5e-7), None),
        (of(maximum=1 + 3e-6), "CZ406"),
        (of(minimum=-3e-6), "CZ406"),
        (of(total=1 + 9e-6), None),
        (of(total=1 - 2e-5), "CZ408"),
        (of(total=1 + 9e-4), "CZ408"),
        (of(total=1 - 2e-3), "CZ407"),
        (of(total=2.0), "CZ407"),
    ],
)
def test_how_far_is_too_far(statistics: Statistics, code: str | None) -> None:
    codes = [each for each, _ in found(record(answer(statistics=statistics)))]
    assert codes == ([] if code is None else [code])


def test_many_tiles_are_not_all_listed() -> None:
    run = record(*(answer(f"{number}.png", dtype="float64") for number in range(9)))
    ((_, each),) = found(run)
    assert each.fields["tiles"].endswith("`3.png` and 5 more")


def test_tolerances_decide_what_is_a_finding() -> None:
    run = record(answer(statistics=of(total=1.0005, maximum=1.00001)))
    assert {code for code, _ in found(run)} == {"CZ406"}
    wide = Tolerances(range=1e-4, sum=1e-2)
    assert {code for code, _ in found(run, wide)} == {"CZ408"}
    narrow = Tolerances(range=1e-4, sum=1e-4)
    assert {code for code, _ in found(run, narrow)} == {"CZ407"}
    assert list(found(run, Tolerances(range=1e-4, sum=1e-2, sum_noted=1e-2))) == []

"""CZ409 to CZ412 and CZ419 to CZ423 over facts: what is a finding, and what is not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from czcheck.limits import GIB
from czcheck.metadata import ModelMetadata, SegmentationClass
from czcheck.rules import Found, TilePixel
from czcheck.rules import behaviour as rules
from czcheck.rules import run as cost_rules
from czcheck.runtime import (
    Budgets,
    Environment,
    LoadRecord,
    Pixel,
    RunRecord,
    Statistics,
    TileOutput,
)
from czcheck.runtime.measure import Agreement, Behaviour, Cost, Orientation
from czcheck.tolerances import DEFAULT_TOLERANCES

METADATA = ModelMetadata(
    model_id="3f1c7a52-9d0b-4c36-8f5e-2b7d64a0c911",
    name="Nuclei",
    version="3.0.0",
    classes=(
        SegmentationClass(1, "Background", (255, 0, 0)),
        SegmentationClass(2, "Nucleus", (0, 255, 0)),
        SegmentationClass(3, "Debris", (0, 0, 255)),
    ),
    pixel_types=("Gray16",),
    color_handling="ConvertToMonochrome",
    border_size=4,
)
SAME = Agreement(1000, 1000, 0.0, (900, 100, 0))
COST = Cost(0.2, 0.9, 0.25, 1.0, 3 * GIB)
UPRIGHT = Orientation("upright", 0.001)


def answer(tile: str, *won: int, natural: bool = True) -> TileOutput:
    place = Pixel(0.5, 0, 0, 0)
    statistics = Statistics(0, None, place, place, place, won)
    shape = (1, 10, 100, len(won))
    return TileOutput(tile, natural, shape, shape, "float32", 0.1, statistics)


def run(
    *answers: TileOutput, behaviour: Behaviour | None = None, cost: Cost | None = None
) -> RunRecord:
    return RunRecord(
        Environment("3.11.7", "2.21.0", "2.4.6", "process isolation; not a sandbox"),
        LoadRecord("session", 0.1),
        answers=answers,
        behaviour=behaviour,
        cost=cost,
    )


def behaving(**measured: Any) -> RunRecord:
    return run(behaviour=Behaviour("nuclei", (900, 100, 0), **measured))


def changed(labels: int, difference: float, won: tuple[int, ...] = (800, 200, 0)) -> Agreement:
    return Agreement(1000, 1000 - labels, difference, won)


def found(record: RunRecord, metadata: ModelMetadata = METADATA) -> dict[str, Found]:
    checks: dict[str, Callable[[], Iterable[Found]]] = {
        "CZ409": lambda: rules.every_class_wins_somewhere(record, metadata),
        "CZ410": lambda: rules.answer_is_not_constant(record, metadata),
        "CZ411": lambda: rules.answer_is_repeatable(record, DEFAULT_TOLERANCES),
        "CZ412": lambda: rules.answer_does_not_depend_on_the_batch(record, DEFAULT_TOLERANCES),
        "CZ419": lambda: rules.range_of_intensities_does_not_matter(
            record, metadata, DEFAULT_TOLERANCES
        ),
        "CZ420": lambda: rules.order_of_colours_does_not_matter(record, DEFAULT_TOLERANCES),
        "CZ421": lambda: rules.answer_lies_as_the_tile(record),
        "CZ423": lambda: cost_rules.tile_fits_into_8_gb(record),
    }
    return {code: each for code, check in checks.items() for each in check()}


def test_a_network_that_behaves_has_no_finding() -> None:
    record = run(
        answer("nuclei", 900, 90, 10),
        answer("zeros", 1000, 0, 0, natural=False),
        behaviour=Behaviour(
            "nuclei",
            (900, 90, 10),
            again=SAME,
            fresh=SAME,
            batch=changed(3, 2e-4),
            scaled=changed(1, 0.2),
            colours=changed(1, 0.2),
            orientation=UPRIGHT,
        ),
        cost=COST,
    )
    assert found(record) == {}
    assert found(run()) == {}


def test_classes_that_never_win_are_named() -> None:
    record = run(answer("nuclei", 900, 100, 0), answer("noise", 1000, 0, 0, natural=False))
    assert found(record).keys() == {"CZ409"}
    assert found(record)["CZ409"].fields == {"count": 2, "classes": "`Debris`"}
    one = run(answer("nuclei", 1000, 0, 0), answer("noise", 999, 1, 0, natural=False))
    assert found(one).keys() == {"CZ410"}, "the stronger finding stands alone"


def test_one_class_on_all_natural_tiles() -> None:
    tiles = [answer(name, 0, 1000, 0) for name in ("nuclei", "grain", "my.png")]
    each = found(run(*tiles, answer("zeros", 1000, 0, 0, natural=False)))["CZ410"]
    assert each.fields["name"] == "`Nucleus`"
    assert each.fields["tiles"] == "`nuclei`, `grain` and `my.png`"
    assert each.at == TilePixel("nuclei")
    one_differs = run(*tiles, answer("blobs", 1, 999, 0))
    assert "CZ410" not in found(one_differs)


@pytest.mark.parametrize(
    ("again", "what"),
    [
        (changed(0, 9e-6), None),
        (changed(0, 2e-5), "probabilities change"),
        (changed(2, 0.5), "labels change"),
        (Agreement(1000, 0, math.inf, ()), "labels change"),
    ],
)
def test_repeatable_is_equal_but_for_rounding(again: Agreement, what: str | None) -> None:
    here, there = found(behaving(again=again)), found(behaving(again=SAME, fresh=again))
    if what is None:
        assert not here
        assert not there
    else:
        assert here["CZ411"].fields["what"] == what
        assert here["CZ411"].fields["how"] == "a second time"
        assert there["CZ411"].fields["how"] == "in a fresh process"


@pytest.mark.parametrize(
    ("batch", "what"),
    [
        (changed(5, 9e-4), None),
        (changed(1, 9e-3), None),
        (
            changed(5, 2e-3),
            "less than 1 % of the labels change, probabilities change by up to 0.002",
        ),
        (changed(0, 0.03), "probabilities change by up to 0.03, labels do not"),
        (changed(250, 0.62), "25 % of the labels change, probabilities change by up to 0.6"),
        (
            changed(1, 0.02),
            "less than 1 % of the labels change, probabilities change by up to 0.02",
        ),
        (Agreement(1000, 0, math.inf, ()), "it has another shape, or is not a number"),
    ],
)
def test_batches_may_round_differently(batch: Agreement, what: str | None) -> None:
    each = found(behaving(batch=batch)).get("CZ412")
    assert (None if each is None else each.fields["what"]) == what


def test_a_batch_that_fails_is_a_finding() -> None:
    each = found(behaving(batch_failure="InvalidArgumentError: no"))["CZ412"]
    assert each.fields["what"] == "the network fails, InvalidArgumentError: no"


def test_the_range_matters_only_where_nothing_states_it() -> None:
    scaled = changed(100, 0.9, won=(1000, 0, 0))
    each = found(behaving(scaled=scaled))["CZ419"]
    assert each.fields["raw"] == "90 % `Background` and 10 % `Nucleus`"
    assert each.fields["scaled"] == "100 % `Background`"
    assert (each.fields["top"], each.fields["equal"]) == (65535, "90 %")
    assert found(behaving(scaled=changed(1, 0.9))) == {}
    for stated in (True, False):
        metadata = replace(METADATA, scale_inputs_by_bitdepth=stated)
        assert found(behaving(scaled=scaled), metadata) == {}


def test_colours_in_another_order() -> None:
    each = found(behaving(colours=changed(412, 0.9)))["CZ420"]
    assert each.fields["changed"] == "41 %"


def test_an_answer_that_lies_wrong() -> None:
    turned = Orientation("mirrored left to right", 0.001)
    assert found(behaving(orientation=turned))["CZ421"].fields["way"] == turned.way
    assert found(behaving(orientation=Orientation("still", 0.0))) == {}


def test_more_than_8_gb_is_an_error() -> None:
    each = found(run(cost=replace(COST, peak_bytes=9 * GIB)))["CZ423"]
    assert each.fields["measured"] == "9.0 GiB"
    assert found(run(cost=replace(COST, peak_bytes=8 * GIB))) == {}
    assert found(run(cost=replace(COST, peak_bytes=None))) == {}


@pytest.mark.parametrize(
    ("budgets", "over"),
    [
        (Budgets(load_seconds=0.3, tile_seconds=0.3, memory_bytes=4 * GIB), []),
        (Budgets(load_seconds=0.1), [("The time to load the network", "0.1 s", "0.2 s")]),
        (Budgets(tile_seconds=0.1), [("The time for a tile", "0.1 s", "0.25 s")]),
        (Budgets(memory_bytes=2 * GIB), [("The peak memory", "2 GiB", "3.00 GiB")]),
    ],
)
def test_budgets(budgets: Budgets, over: list[tuple[str, ...]]) -> None:
    assert budgets.given
    each = cost_rules.cost_is_within_budget(run(cost=COST), budgets)
    assert [tuple(one.fields.values()) for one in each] == over


def test_the_only_tile_counts_where_there_is_one() -> None:
    cost = replace(COST, tile_seconds=None, megapixel_seconds=None)
    (each,) = cost_rules.cost_is_within_budget(run(cost=cost), Budgets(tile_seconds=0.5))
    assert each.fields["measured"] == "0.9 s"

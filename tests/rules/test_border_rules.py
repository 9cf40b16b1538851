"""What is said about borders, offsets and memory, from facts."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from czcheck.errors import NotApplicableError
from czcheck.limits import GIB
from czcheck.network import NodeUse, StaticCost, StaticReach
from czcheck.rules import (
    Found,
    answer_does_not_depend_on_input_statistics,
    answer_does_not_depend_on_the_origin,
    border_hides_seams,
    border_hides_traces,
    border_is_no_larger_than_needed,
    memory_leaves_room,
    memory_suffices,
    tiling_can_be_exact,
)
from czcheck.rules.catalogue import catalogue
from czcheck.runtime import Environment, RunRecord
from czcheck.runtime.measure import Behaviour, Distance, OffsetRecord, Orientation, ReachRecord
from czcheck.tolerances import DEFAULT_TOLERANCES
from czcheck.verifying import with_borders

Kind = Literal["local", "global-input", "global-inside"]
ALL = (
    border_hides_seams,
    border_hides_traces,
    border_is_no_larger_than_needed,
    answer_does_not_depend_on_input_statistics,
    tiling_can_be_exact,
)


def reach(
    *distances: int | None,
    declared: int = 8,
    kind: Kind = "local",
    bound: int | None = 60,
    plateau: float = 0.0,
) -> ReachRecord:
    """A reach at 1e-5, 1e-3 and 1e-2, equal at all edges, in a tile of 256 pixels."""
    rows = zip((1e-5, 1e-3, 1e-2), distances, strict=True)
    edges = None if bound is None else (bound,) * 4
    cause = None if kind == "local" else NodeUse("Mean", "mean", None)
    return ReachRecord(
        tile="nuclei",
        asked="nuclei, its origin moved by 8",
        asked_far="nuclei, its outer ring darkened",
        size=(256, 256),
        kind=kind,
        distances=tuple(Distance(tolerance, *[pixels] * 4) for tolerance, pixels in rows),
        plateau=plateau,
        change=0.0421,
        declared=declared,
        static=StaticReach(edges, 8, kind, cause),
    )


def run(found: ReachRecord | None = None, **more: Any) -> RunRecord:
    return RunRecord(Environment("3.11", "2.21", "2", "none"), None, reach=found, **more)


def said(found: ReachRecord | None, **more: Any) -> dict[str, str]:
    """The messages by code."""
    record = run(found, **more)
    messages = {}
    for check in ALL:
        (code,) = (code for code, rule in catalogue().items() if rule.check is check)
        for each in check(record, DEFAULT_TOLERANCES):
            messages[code] = catalogue()[code].says.format_map(each.fields)
    return messages


@pytest.mark.parametrize(
    ("distances", "declared", "codes"),
    [
        ((40, 24, 12), 24, set()),
        ((40, 24, 12), 23, {"CZ414"}),
        ((40, 24, 12), 12, {"CZ414"}),
        ((40, 24, 12), 11, {"CZ413"}),
        ((0, 0, 0), 0, set()),
        ((None, None, 12), 24, {"CZ414"}),
        ((None, None, None), 100, {"CZ413"}),
    ],
)
def test_border_against_reach(
    distances: tuple[int | None, ...], declared: int, codes: set[str]
) -> None:
    assert said(reach(*distances, declared=declared, bound=100)).keys() == codes


def test_a_border_that_is_too_small_is_told_with_what_to_declare() -> None:
    message = said(reach(40, 24, 12))["CZ413"]
    assert "BorderSize is 8" in message
    assert "up to 0.042 that far from the edge" in message
    assert "more than 0.01 up to 12 pixels from it" in message
    assert "24 is enough and costs 34 % of each tile" in message
    message = said(reach(None, None, None, bound=None))["CZ413"]
    assert "the middle of the tile" in message
    assert "no border that fits the tile is enough" in message


@pytest.mark.parametrize(
    ("declared", "bound", "fires"),
    [(64, 2, True), (10, 2, False), (64, 60, False), (64, None, False), (12, 2, True)],
)
def test_a_border_far_above_what_the_graph_allows(
    declared: int, bound: int | None, fires: bool
) -> None:
    messages = said(reach(2, 2, 2, declared=declared, bound=bound))
    assert ("CZ415" in messages) == fires
    if declared == 64 and fires:
        assert "no farther than 2 pixels: 75 % of each tile" in messages["CZ415"]


def test_global_networks() -> None:
    messages = said(reach(4, 4, 4, kind="global-input", plateau=0.26))
    assert messages.keys() == {"CZ416"}
    assert "(operation Mean, node mean)" in messages["CZ416"]
    assert "0.26" in messages["CZ416"]
    messages = said(reach(None, None, None, kind="global-inside", plateau=0.26))
    assert messages.keys() == {"CZ417"}
    # The verdict on the border is about what a border can do.
    assert said(reach(20, 20, 20, kind="global-input", plateau=0.26)).keys() == {"CZ413", "CZ416"}
    assert said(reach(None, 20, 20, kind="global-inside", plateau=9e-4)).keys() == {"CZ413"}


def test_what_changes_next_to_nothing_is_not_told() -> None:
    assert said(reach(4, 4, 4, kind="global-input", plateau=1e-3)) == {}
    assert said(reach(4, 4, 4, kind="global-inside", plateau=1e-3)) == {}


def test_where_nothing_was_measured_the_rules_are_skipped() -> None:
    with pytest.raises(NotApplicableError, match="64 pixels"):
        with_borders(run())


def test_a_turned_answer_has_no_border() -> None:
    behaviour = Behaviour("nuclei", (1, 1), orientation=Orientation("transposed", 0.0))
    with pytest.raises(NotApplicableError, match="CZ421"):
        with_borders(run(reach(40, 24, 12), behaviour=behaviour))
    measured = run(reach(40, 24, 12))
    assert with_borders(measured) is measured


def offsets(change: float, usual: float = 0.0) -> OffsetRecord:
    return OffsetRecord("nuclei, its origin moved by 3", 8, 3, change, 0.003, usual)


def told(found: OffsetRecord) -> list[Found]:
    record = run(offsets=found)
    return list(answer_does_not_depend_on_the_origin(record, DEFAULT_TOLERANCES))


def test_offsets_within_the_stride() -> None:
    (found,) = told(offsets(0.55))
    assert found.fields["measured"] == "0.55"
    assert (found.fields["offset"], found.fields["stride"]) == ("3 pixels", "8 pixels")
    assert told(offsets(0.01)) == []
    # A network that looks at the whole tile changes as much wherever the tile is cut.
    assert told(offsets(0.5, usual=0.3)) == []


@pytest.mark.parametrize(
    ("size", "codes"),
    [(5.9, []), (6.0, []), (6.1, ["CZ323"]), (8.0, ["CZ323"]), (8.1, ["CZ324"]), (200, ["CZ324"])],
)
def test_memory(size: float, codes: list[str]) -> None:
    cost = StaticCost(0, GIB, int((size - 1) * GIB))
    found = [
        code
        for code, check in (("CZ323", memory_leaves_room), ("CZ324", memory_suffices))
        for _ in check(cost)
    ]
    assert found == codes


def test_memory_that_is_not_known_is_not_judged() -> None:
    assert [*memory_leaves_room(None), *memory_suffices(None)] == []

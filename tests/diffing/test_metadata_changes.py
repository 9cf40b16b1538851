"""What changed in the metadata, and which class of one release is which of the other."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from czcheck.changes import MetadataChange, compare_metadata, match_classes
from czcheck.metadata import ModelMetadata, SegmentationClass
from fixtures.archives import metadata_xml

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 90, 90)


def classes(*names_and_colours: tuple[str, tuple[int, int, int]]) -> list[SegmentationClass]:
    return [
        SegmentationClass(number, name, colour)
        for number, (name, colour) in enumerate(names_and_colours, start=1)
    ]


def told(
    before: list[SegmentationClass], after: list[SegmentationClass]
) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.name, each.words) for each in match_classes(before, after)]


AB = classes(("A", RED), ("B", GREEN))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (classes(("A", RED), ("B", GREEN)), [("A", ()), ("B", ())]),
        (
            classes(("B", GREEN), ("A", RED)),
            [("A", ("reordered",)), ("B", ("reordered",))],
        ),
        (classes(("A", RED), ("C", GREEN)), [("A", ()), ("B -> C", ("renamed",))]),
        (classes(("A", GREY), ("B", GREEN)), [("A", ("recoloured",)), ("B", ())]),
        (
            classes(("A", RED), ("B", GREEN), ("C", BLUE)),
            [("A", ()), ("B", ()), ("C", ("added",))],
        ),
        (classes(("A", RED)), [("A", ()), ("B", ("removed",))]),
        (
            classes(("C", BLUE), ("A", RED), ("B", GREEN)),
            [("A", ("reordered",)), ("B", ("reordered",)), ("C", ("added",))],
        ),
        # Neither name nor place is left: its colour is.
        (
            classes(("A", RED), ("C", BLUE), ("D", GREEN)),
            [("A", ()), ("B -> C", ("renamed", "recoloured")), ("D", ("added",))],
        ),
    ],
    ids=["same", "exchanged", "renamed", "recoloured", "added", "removed", "in front", "colour"],
)
def test_classes_find_each_other(
    after: list[SegmentationClass], expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert told(AB, after) == expected


def test_a_class_that_was_renamed_and_moved_is_known_by_its_colour() -> None:
    before = classes(("A", RED), ("B", GREEN))
    after = classes(("X", BLUE), ("A", RED), ("Y", GREEN))
    found = {each.name: each.words for each in match_classes(before, after)}
    assert found == {
        "A": ("reordered",),
        "B -> Y": ("renamed", "reordered"),
        "X": ("added",),
    }


def test_names_that_are_there_twice_are_matched_by_place() -> None:
    twice = classes(("A", RED), ("A", GREEN))
    assert told(twice, twice) == [("A", ()), ("A", ())]


def compared(*changes: tuple[str, str]) -> MetadataChange:
    both = [ModelMetadata.from_xml(metadata_xml(*each)) for each in ((), changes)]
    return compare_metadata(*both)


def test_the_same_metadata_hold_no_change() -> None:
    change = compared()
    assert (change.fields, change.unknown) == ((), ())
    assert change.same_input


def test_every_field_is_compared() -> None:
    """A field that somebody adds to the metadata has to be told of, too."""
    sound = ModelMetadata.from_xml(metadata_xml())
    told_elsewhere = {"classes", "unknown"}
    for field in dataclasses.fields(ModelMetadata):
        if field.name in told_elsewhere:
            continue
        changed: dict[str, Any] = {field.name: ("another", "value")}
        other = dataclasses.replace(sound, **changed)
        change = compare_metadata(sound, other)
        assert len(change.fields) == 1, field.name


def test_fields_bear_the_names_of_the_format() -> None:
    change = compared((">4<", ">8<"), ("Gray16", "Gray8"), ("Nuclei", "Cells"))
    assert {each.field: (each.before, each.after) for each in change.fields} == {
        "ModelName": ("Nuclei", "Cells"),
        "PixelType": ("Gray16", "Gray8"),
        "BorderSize": (4, 8),
    }
    assert not change.same_input


def test_what_the_format_does_not_know_is_compared_as_well() -> None:
    old = ("</Model>", '<Author year="1">A</Author><Lab>L</Lab></Model>')
    new = ("</Model>", '<Author year="2">A</Author><Site>S</Site></Model>')
    change = compare_metadata(
        ModelMetadata.from_xml(metadata_xml(old)), ModelMetadata.from_xml(metadata_xml(new))
    )
    assert {each.field: (each.before, each.after) for each in change.unknown} == {
        "/Model/Author": ('<Author year="1">A</Author>', '<Author year="2">A</Author>'),
        "/Model/Lab": ("<Lab>L</Lab>", None),
        "/Model/Site": (None, "<Site>S</Site>"),
    }


def test_unknown_parts_in_another_order_are_no_change() -> None:
    parts = ("<Author>A</Author>", "<Lab>L</Lab>")
    both = [
        ModelMetadata.from_xml(metadata_xml(("</Model>", f"{one}{two}</Model>")))
        for one, two in (parts, parts[::-1])
    ]
    assert compare_metadata(*both).unknown == ()

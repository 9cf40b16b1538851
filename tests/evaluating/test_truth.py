"""What masks mean, and what is said of those that mean nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from czcheck.errors import InputError, UsageError
from czcheck.evaluating import mask_reading
from czcheck.figures import UNLABELLED
from czcheck.metadata import SegmentationClass

TWO = [SegmentationClass(1, "Background", (255, 0, 0)), SegmentationClass(2, "Nucleus", (0, 9, 0))]
THREE = [*TWO, SegmentationClass(3, "Edge", (0, 0, 255))]


def test_label_values() -> None:
    truth = mask_reading("labels", TWO, None).read(np.array([[0, 1], [2, 2]], np.uint8), "m.png")
    assert truth.classes.tolist() == [[UNLABELLED, 0], [1, 1]]
    assert truth.objects is None


def test_indices() -> None:
    truth = mask_reading("indices", TWO, None).read(np.array([[0, 1]], np.uint8), "m.png")
    assert truth.classes.tolist() == [[0, 1]]


def test_instances_of_the_second_of_two_classes() -> None:
    mask = np.array([[0, 300], [7, 0]], np.uint16)
    reading = mask_reading("instances", TWO, None)
    truth = reading.read(mask, "m.png")
    assert truth.classes.tolist() == [[0, 1], [1, 0]]
    assert truth.objects is not None
    assert truth.objects.tolist() == mask.tolist()
    assert reading.shown == 1


def test_instances_of_the_first_class_where_the_network_lists_it_first() -> None:
    reading = mask_reading("instances", TWO, "Background")
    assert reading.read(np.array([[0, 5]], np.uint8), "m.png").classes.tolist() == [[1, 0]]
    assert reading.shown == 0


def test_instances_of_one_of_three_classes_against_all_others() -> None:
    reading = mask_reading("instances", THREE, "Edge")
    assert reading.names == ("everything else", "Edge")
    assert reading.predicted(np.array([[0, 1, 2]], np.uint8)).tolist() == [[0, 0, 1]]
    assert reading.read(np.array([[0, 4]], np.uint8), "m.png").classes.tolist() == [[0, 1]]


@pytest.mark.parametrize("mask", [[[0, 255]], [[0, 1]], [[False, True]]])
def test_black_and_white(mask: list[list[int]]) -> None:
    reading = mask_reading("binary", TWO, None)
    truth = reading.read(np.array(mask), "m.png")
    assert truth.classes.tolist() == [[0, 1]]
    assert truth.objects is None
    assert not reading.numbered
    edge = mask_reading("binary", THREE, "Edge")
    assert edge.names == ("everything else", "Edge")
    assert edge.read(np.array(mask), "m.png").classes.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("kind", "mask", "message"),
    [
        ("labels", [[1, 2], [1, 9]], r"m\.png: value 9 at row 1, column 1 .*1 Background, 2 Nuc"),
        ("labels", [[3, 4, 5, 6], [7, 8, 9, 0]], "number objects are read with --mask instances"),
        ("labels", [[0, 255]], "masks of black and white are read with --mask binary"),
        (
            "indices",
            [[0, 2]],
            "value 2 at row 0, column 1 is not the label of a class .0 Background, 1 N",
        ),
    ],
)
def test_values_that_stand_for_no_class(kind: str, mask: list[list[int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mask_reading(kind, TWO, None).read(np.array(mask, np.uint8), "m.png")


def test_objects_have_numbers_from_one() -> None:
    mask = np.array([[0, 5], [-1, 2]], np.int32)
    with pytest.raises(
        InputError, match=r"m\.png: value -1 at row 11, column 20 is not the number of"
    ):
        mask_reading("instances", TWO, None).read(mask, "m.png", 10, 20)


def test_masks_of_fractions() -> None:
    with pytest.raises(InputError, match="float32 numbers; save whole numbers"):
        mask_reading("labels", TWO, None).read(np.zeros((2, 2), np.float32), "m.png")


@pytest.mark.parametrize(
    ("kind", "class_name", "message"),
    [
        ("label", None, "masks of the kind 'label' are unknown; choose from: labels, indices"),
        ("instances", None, "the model has 3 classes: select with --class which of them the masks"),
        ("instances", "Nuclei", "no class 'Nuclei'; it has: Background, Nucleus, Edge"),
        ("labels", "Edge", "needs --mask instances or binary"),
    ],
)
def test_what_cannot_be_read(kind: str, class_name: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        mask_reading(kind, THREE, class_name)

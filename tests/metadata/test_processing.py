"""Operations as the command line writes them, and which of them go together."""

from __future__ import annotations

import pytest

from czcheck.errors import InputError, UsageError
from czcheck.metadata import (
    POSTPROCESSING,
    PREPROCESSING,
    Operation,
    check_class_count,
    check_operations,
    parse_operation,
)

RGB = Operation("RgbToBgr")
SIGMOID = Operation("SigmoidToSoftmaxScores")
SOFTMAX = Operation("Softmax")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RgbToBgr", RGB),
        ("Normalization:mean=0.5,std=2", Operation("Normalization", (0.5,), (2.0,))),
        (
            "Normalization:Mean=1,2,-3, STD=4,5,6",
            Operation("Normalization", (1.0, 2.0, -3.0), (4.0, 5.0, 6.0)),
        ),
        ("Scale:factor=0.25", Operation("Scale", factor=0.25)),
        ("Scale:factor=max", Operation("Scale")),
        ("Scale:max", Operation("Scale")),
    ],
)
def test_what_the_command_line_writes(text: str, expected: Operation) -> None:
    found = parse_operation(text, PREPROCESSING)
    assert found == expected
    assert parse_operation(str(found), PREPROCESSING) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "give one of RgbToBgr"),
        ("rgbtobgr", "did you mean 'RgbToBgr'? There are RgbToBgr"),
        ("Normalisation:mean=1,std=1", "did you mean 'Normalization'?"),
        ("Blur", "give one of RgbToBgr"),
        ("Softmax", "that one stands behind a network"),
        ("RgbToBgr:axis=3", "RgbToBgr has no parameter 'Axis'; it has none"),
        ("RgbToBgr:3", "write NAME or NAME:key=value"),
        ("Normalization:mean=1,mean=2,std=1", "gives mean twice"),
        ("Normalization:mean=one,std=1", "Mean is 'one'; give a number"),
        ("Normalization:mean=,std=1", "Mean is ''; give a number"),
        ("Normalization:mean=NaN,std=1", "Mean is 'NaN'; give a number"),
        ("Scale:factor=0", "Factor is 0; give a number above 0"),
        ("Scale:factor=1,2", "Factor is a list"),
        ("Scale", "Scale lacks Factor"),
    ],
)
def test_what_is_no_operation(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_operation(text, PREPROCESSING)
    assert words in str(caught.value)


def test_operations_in_front_are_none_behind() -> None:
    with pytest.raises(UsageError, match="that one stands in front of a network"):
        parse_operation("RgbToBgr", POSTPROCESSING)


@pytest.mark.parametrize(
    ("before", "after", "pixel_type", "words"),
    [
        ([RGB], [], "Gray8", "RgbToBgr works on 3 channels, but tiles have 1"),
        ([Operation("RgbaToBgra")], [], "Bgr24", "works on 4 channels, but tiles have 3"),
        (
            [Operation("Normalization", (1.0, 2.0), (1.0,))],
            [],
            "Bgr24",
            r"Mean of Normalization has 2 numbers, but tiles have 3 channel\(s\)",
        ),
        ([Operation("Scale")], [], "Bgr96Float", "does nothing to Bgr96Float"),
        ([], [SIGMOID, SIGMOID], "Gray8", "cannot stand behind SigmoidToSoftmaxScores"),
        ([], [SOFTMAX, SIGMOID], "Gray8", "cannot stand behind Softmax"),
    ],
)
def test_what_does_not_go_together(
    before: list[Operation], after: list[Operation], pixel_type: str, words: str
) -> None:
    channels = {"Gray8": 1, "Bgr24": 3, "Bgr96Float": 3}[pixel_type]
    with pytest.raises(InputError, match=words):
        check_operations(before, after, channels, pixel_type)


def test_what_goes_together() -> None:
    mean = Operation("Normalization", (1.0, 2.0, 3.0), (2.0,))
    check_operations([RGB, mean, Operation("Scale")], [SIGMOID, SOFTMAX], 3, "Bgr24")


def test_one_channel_of_scores_takes_both_operations_and_several_take_a_softmax() -> None:
    check_operations([], [Operation("Sigmoid"), SIGMOID], 1, "Gray8")
    for after in ([Operation("Sigmoid")], [Operation("Sigmoid"), SOFTMAX]):
        with pytest.raises(InputError, match="a probability of each channel by itself"):
            check_operations([], after, 1, "Gray8")


def test_classes_that_the_operations_can_make_a_channel_for() -> None:
    check_class_count([], 5)
    check_class_count([SOFTMAX], 5)
    check_class_count([SIGMOID], 2)
    with pytest.raises(InputError, match="makes two channels of one, but the spec names 3"):
        check_class_count([SIGMOID], 3)
    with pytest.raises(InputError, match="but the spec names one class; name two"):
        check_class_count([SIGMOID], 1)
    with pytest.raises(InputError, match="Softmax over one channel is 1 everywhere"):
        check_class_count([SOFTMAX], 1)

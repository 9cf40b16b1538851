"""What is said of an output before anything is run, and the line that a specification needs."""

from __future__ import annotations

import json
import math

import pytest

from czcheck.metadata import Operation, parse_json, postprocessing
from czcheck.planned import (
    Binary,
    Ending,
    about_channels,
    about_labels,
    about_values,
    binary_of,
    exchange,
    remark,
    suggested,
)

SIGMOID = Ending(1, "sigmoid", 0, 1, sure=True)
SCORE = Ending(1, "linear", sure=True)
SCORES = Ending(3, "linear", sure=True)
SEVERAL = Ending(3, "sigmoid", 0, 1, sure=True)
SOFTMAX = Ending(3, "softmax", 0, 1, sure=True)
ONE_SOFTMAX = Ending(1, "softmax", 0, 1, sure=True)
BYTES = Ending(1, "linear", 0, 255, sure=True)
OPEN = Ending(1)
USUAL = ["Background", "Nucleus"]
PAIR_LINE = '"Postprocessing": ["SigmoidToSoftmaxScores"]'
CHAIN_LINE = '"Postprocessing": ["Sigmoid", "SigmoidToSoftmaxScores"]'
SOFTMAX_LINE = '"Postprocessing": ["Softmax"]'
CLASSES_LINE = '"Classes": ["Nucleus", "Background"]'


def operations(*names: str) -> list[Operation]:
    return [Operation(name) for name in names]


PAIR, CHAIN = operations("SigmoidToSoftmaxScores"), operations("Sigmoid", "SigmoidToSoftmaxScores")


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (SIGMOID, ["one sigmoid channel", "probability p of one class", PAIR_LINE, CLASSES_LINE]),
        (Ending(1, "Maximum", 0, 1, sure=True), ["one channel of 0 to 1", PAIR_LINE, CLASSES_LINE]),
        (SCORE, ["one channel of scores (logits)", CHAIN_LINE, CLASSES_LINE]),
        (BYTES, ["values from 0 to 255", "no probability", PAIR_LINE]),
        (Ending(1, "Neg", high=0, sure=True), ["values from -infinity to 0"]),
        (ONE_SOFTMAX, ["softmax over one channel, which is the same everywhere"]),
        (OPEN, ["if it is a probability p", PAIR_LINE, '["Sigmoid", "SigmoidToSoftmaxScores"]']),
        (SOFTMAX, ["outputs 3 channels", "2 classes (Background, Nucleus)"]),
    ],
)
def test_channels_that_do_not_fit_two_classes(ending: Ending, words: list[str]) -> None:
    found = about_channels(ending, (), USUAL)
    assert found is not None
    for word in words:
        assert word in found


def test_the_foreground_is_named_first_whatever_the_language() -> None:
    def line(*classes: str) -> str:
        return (about_channels(SIGMOID, (), classes) or "").rpartition(": ")[2]

    assert json.loads(line("Hintergrund", "Zellkern \u00e4")) == ["Zellkern \u00e4", "Hintergrund"]
    assert json.loads(line("Nucleus", "Other")) == ["Nucleus", "Other"]
    assert json.loads(line("a", "b")) == ["a", "b"]
    assert json.loads(line("a", "b", "c")) == ["Foreground", "Background"]
    one = about_values(SIGMOID, ()) or ""  # with one class, too, the build would fail at the end
    assert PAIR_LINE in one


def test_what_the_message_says_is_what_a_specification_takes() -> None:
    for line in (PAIR_LINE, CHAIN_LINE, SOFTMAX_LINE):
        value = json.dumps(json.loads("{" + line + "}")["Postprocessing"])
        assert postprocessing("Postprocessing", parse_json(value))


@pytest.mark.parametrize(
    ("ending", "after", "words"),
    [
        (SCORES, [], ["scores (logits)", SOFTMAX_LINE]),
        (Ending(2, "log-softmax", high=0, sure=True), [], ["log-softmax", "exactly", SOFTMAX_LINE]),
        (SEVERAL, [], ["several sigmoid channels", "multi-label", "no operation", SOFTMAX_LINE]),
        (Ending(2, "sigmoid", 0, 1, sure=True), [], ["two sigmoid channels"]),
        (Ending(2, "linear", 0, 255, sure=True), [], ["values from 0 to 255"]),
        (SCORE, PAIR, ["ends in a score (logit)", CHAIN_LINE, "in the spec"]),
        (SIGMOID, CHAIN, ["another Sigmoid", PAIR_LINE]),
        (BYTES, PAIR, ["values from 0 to 255"]),
        (ONE_SOFTMAX, PAIR, ["the same everywhere"]),
    ],
)
def test_values_that_are_no_probabilities(
    ending: Ending, after: list[Operation], words: list[str]
) -> None:
    found = about_values(ending, after)
    assert found is not None
    for word in words:
        assert word in found


@pytest.mark.parametrize(
    ("ending", "after"),
    [
        (SOFTMAX, []),
        (SIGMOID, PAIR),
        (SCORE, CHAIN),
        (SCORES, operations("Softmax")),
        (SEVERAL, operations("Softmax")),
        (Ending(2, "sigmoid-pair", 0, 1, sure=True, pair=0), []),
        (Ending(2, "RealDiv"), []),  # x / sum(x), perhaps
        (Ending(2, "linear"), []),  # probabilities made smooth, perhaps
        (Ending(None, "sigmoid", 0, 1, sure=True), []),  # one channel, perhaps
        (OPEN, PAIR),
        (OPEN, CHAIN),
    ],
)
def test_what_may_work_is_not_objected_to(ending: Ending, after: list[Operation]) -> None:
    classes = USUAL if ending.channels in {None, 1, 2} else ["a", "b", "c"]
    assert about_channels(ending, after, classes) is None
    assert about_values(ending, after) is None


def test_labels_and_whole_numbers_are_said() -> None:
    assert "label map (ArgMax)" in (about_labels(Ending(None, "ArgMax", dtype="int64")) or "")
    assert "label map" in (about_labels(Ending(1, "ArgMax")) or "")
    assert "whole numbers (uint8)" in (
        about_labels(Ending(1, "linear", 0, 255, dtype="uint8")) or ""
    )
    assert about_labels(Ending(2, "softmax", dtype="float16")) is None


def test_a_softmax_behind_sigmoids_is_remarked() -> None:
    assert "cannot come near 1" in (remark(SEVERAL, operations("Softmax")) or "")
    assert remark(SCORES, operations("Softmax")) is None


def test_who_gets_p() -> None:
    assert binary_of(SIGMOID, PAIR, USUAL) == Binary("Background", "Nucleus")
    assert binary_of(SCORE, CHAIN, USUAL[::-1]) == Binary("Nucleus", "Background")
    second = Ending(2, "sigmoid-pair", 0, 1, sure=True, pair=1)
    assert binary_of(second, (), USUAL) == Binary("Nucleus", "Background")
    assert binary_of(SOFTMAX, (), ["a", "b", "c"]) is None
    assert binary_of(Ending(2, "softmax"), (), USUAL) is None
    assert binary_of(None, (), USUAL) is None


def test_only_a_background_that_gets_p_looks_exchanged() -> None:
    exchanged = Binary("Background", "Nucleus")
    assert exchanged.looks_exchanged
    assert exchange(exchanged).endswith(CLASSES_LINE)
    assert not Binary("Nucleus", "Background").looks_exchanged
    assert not Binary("a", "b").looks_exchanged
    assert not Binary("Background", "Other").looks_exchanged  # which is the foreground?


def test_what_init_puts_behind() -> None:
    assert suggested(SIGMOID) == ("SigmoidToSoftmaxScores",)
    assert suggested(SCORE) == ("Sigmoid", "SigmoidToSoftmaxScores")
    assert suggested(SCORES) == ("Softmax",)
    for ending in (
        SOFTMAX,
        SEVERAL,
        ONE_SOFTMAX,
        Ending(2, "unknown"),
        Ending(2, "x", -math.inf, 9),
    ):
        assert suggested(ending) == ()

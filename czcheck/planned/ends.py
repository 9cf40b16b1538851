"""A network's input and output before it is built."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from czcheck.metadata.classes import is_background

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.processing import Operation
    from czcheck.network.bounds import Bounds
    from czcheck.network.facts import Network, TensorSpec


def about_taken(channels: int | None, metadata: ModelMetadata) -> str | None:
    """Why an input's channels do not fit the pixel type; None if they do. Section 2, N17.

    Args:
        channels: Size of the input's last dimension; None if it is open.
        metadata: What the archive will say.
    """
    if channels is None or channels in {metadata.channel_count, metadata.scalar_count}:
        return None
    required = metadata.channel_count
    return (
        f"the network takes {channels} channels, but the pixel type "
        f"{', '.join(metadata.pixel_types)} with {metadata.color_handling} has {required}; "
        "change `PixelType` or `ColorHandling` in the spec, or the network's input"
    )


def about_dtype(spec: TensorSpec, what: str) -> str | None:
    """Why an input or output is not of the dtype that a model has; None if it is.

    Args:
        spec: The input or output.
        what: Which of the two.
    """
    if spec.dtype == "float32":
        return None
    return (
        f"the network's {what} {spec.key} is {spec.dtype}; it has to be float32: "
        "cast inside the network"
    )


def about_open_tile(multiple: int) -> str:
    """Why a network without a tile size cannot be built without one.

    Args:
        multiple: Number that height and width have to be multiples of, as far as known.
    """
    hint = f", each a multiple of {multiple} for this network" if multiple > 1 else ""
    return (
        "the network takes tiles of any size, and ZEN needs a fixed one: set `SpatialDims` "
        f"[height, width] in the spec or give --tile HxW{hint}"
    )


SIGMOID, PAIR, SOFTMAX = "Sigmoid", "SigmoidToSoftmaxScores", "Softmax"
_SOFTMAX = ("softmax", "decomposed-softmax")
# Over one channel, these are the same everywhere.
_OVER_ONE = (*_SOFTMAX, "log-softmax")
_LABELS = ("ArgMax", "ArgMin")
_WHOLE = ("int", "uint", "bool")
_TWO = 2


@dataclass(frozen=True, slots=True)
class Ending:
    """The output of a network, without anything that a build puts behind it.

    Attributes:
        channels: Size of its last dimension; None if that is open.
        tail: What it comes from, as `Network.tail`.
        low: No value is below it; minus infinity where nothing is known.
        high: No value is above it.
        sure: Whether values really spread as far as that.
        dtype: Name of its dtype.
        pair: Channel of p where the two channels are p and 1 - p; else None.
    """

    channels: int | None
    tail: str = "unknown"
    low: float = -math.inf
    high: float = math.inf
    sure: bool = False
    dtype: str = "float32"
    pair: int | None = None

    @property
    def is_probability(self) -> bool:
        """Whether every value lies between 0 and 1."""
        return self.low >= 0 and self.high <= 1

    @property
    def is_score(self) -> bool:
        """Whether the values are scores (logits), which can be any number."""
        return self.sure and self.low == -math.inf and self.high == math.inf

    @property
    def is_of_other_range(self) -> bool:
        """Whether the values have a range of their own, such as 0 to 255."""
        return self.sure and not self.is_probability and not self.is_score


@dataclass(frozen=True, slots=True)
class Binary:
    """Who gets the two channels that are made of one.

    Attributes:
        p: Class of the probability p that the network's one channel gives.
        rest: Class of 1 - p.
    """

    p: str
    rest: str

    @property
    def looks_exchanged(self) -> bool:
        """Whether p goes to a class that is called like a background, and 1 - p to none such."""
        return is_background(self.p) and not is_background(self.rest)


def ending_of(network: Network) -> Ending | None:
    """The output of a network; None where there is not exactly one.

    Args:
        network: The network.
    """
    spec = network.output
    if spec is None:
        return None
    channels = spec.shape[-1] if spec.shape else None
    bounds: Bounds | None = network.bounds
    return Ending(
        channels,
        network.tail,
        *((-math.inf, math.inf, False) if bounds is None else bounds),
        dtype=spec.dtype,
        pair=network.pair,
    )


def binary_of(
    ending: Ending | None, after: Sequence[Operation], classes: Sequence[str]
) -> Binary | None:
    """Which class gets p and which 1 - p, where one channel was made two.

    Args:
        ending: The network's own output.
        after: Operations behind it.
        classes: Names of the classes.

    Returns:
        The two classes; None for every other network.
    """
    if len(classes) != _TWO:
        return None
    if any(operation.name == PAIR for operation in after):
        return Binary(classes[0], classes[1])
    if ending is None or ending.pair is None or after:
        return None
    return Binary(classes[ending.pair], classes[1 - ending.pair])


def exchange(binary: Binary) -> str:
    """What to say where p goes to a class that is called like a background.

    Args:
        binary: The classes.
    """
    return (
        f"p, the probability that the network's one channel gives, goes to '{binary.p}', which is "
        f"called like a background, and 1 - p to '{binary.rest}'; if the channel stands for "
        f"'{binary.rest}', exchange the two: {_classes_line([binary.rest, binary.p])}"
    )


def postprocessing_line(*names: str) -> str:
    """The line of a specification that puts operations behind a network.

    Args:
        *names: The operations, the first one first.
    """
    return f'"Postprocessing": {json.dumps(list(names))}'


def _classes_line(names: Sequence[str]) -> str:
    return f'"Classes": {json.dumps(list(names), ensure_ascii=False)}'


def _add(*names: str, given: Sequence[Operation] = ()) -> str:
    how, where = ("write", "in") if given else ("add", "to")
    return f"{how} {postprocessing_line(*names)} {where} the spec"


def about_labels(ending: Ending) -> str | None:
    """What to say of an output that holds labels or whole numbers; None for every other.

    Args:
        ending: The network's own output.
    """
    if ending.tail in _LABELS:
        return (
            f"the network outputs a label map ({ending.tail}): the number of one class for "
            "each pixel, where a model gives the probability of each class; leave the argmax out "
            "of the exported model, so that it ends in its softmax"
        )
    if not ending.dtype.startswith(_WHOLE):
        return None
    return (
        f"the network outputs whole numbers ({ending.dtype}), where a model gives the "
        "probability of each class as float32, 0 to 1; leave rounding, casts and argmax at the end "
        "out of the exported model"
    )


def about_channels(
    ending: Ending, after: Sequence[Operation], classes: Sequence[str]
) -> str | None:
    """Why an output has not the channels that classes and operations ask for; None if it has.

    Args:
        ending: The network's own output.
        after: Operations behind it, which go together.
        classes: Names of the classes.
    """
    count, channels = len(classes), ending.channels
    paired = any(operation.name == PAIR for operation in after)
    if channels is None or channels == (1 if paired else count):
        return None
    if paired:
        more = "; they are probabilities of all classes already" if ending.tail in _SOFTMAX else ""
        return f"the network outputs {channels} channels, but {PAIR} takes one; remove it{more}"
    if channels == 1:
        return _about_one(ending, after, classes)
    names = ", ".join(classes)
    return (
        f"the network outputs {channels} channels, but the spec names {count} "
        f"classes ({names}); name one class for each channel, in their order"
    )


def _about_one(ending: Ending, after: Sequence[Operation], classes: Sequence[str]) -> str:
    """What to say of a network with one channel and several classes, or one that is none."""
    two = f"name two classes, that of p first: {_classes_line(foreground_first(classes))}"
    if ending.tail in _OVER_ONE:
        return _CONSTANT
    if ending.is_probability:
        what = "one sigmoid channel" if ending.tail == "sigmoid" else "one channel of 0 to 1"
        return (
            f"the network ends in {what}, the probability p of one class, and a model has a "
            f"channel for each class: {_add(PAIR, given=after)}, which makes p and 1 - p of it, "
            f"and {two}"
        )
    if ending.is_score:
        return (
            f"the network ends in one channel of scores (logits), and a model has a probability "
            f"for each class: {_add(SIGMOID, PAIR, given=after)}, which makes the probability p of "
            f"it, then p and 1 - p, and {two}"
        )
    if ending.is_of_other_range:
        return (
            f"the network ends in one channel of {_range(ending)}, which is no probability; let "
            f"the network itself bring it to 0 to 1, {_add(PAIR, given=after)}, and {two}"
        )
    return (
        f"the network outputs one channel, and a model has one for each class; if it is a "
        f"probability p, {_add(PAIR, given=after)}, if a score (logit), write "
        f"{json.dumps([SIGMOID, PAIR])} there; and {two}"
    )


_CONSTANT = (
    "the network ends in a softmax over one channel, which is the same everywhere; end it with a "
    "sigmoid, or with a softmax over one channel for each class, and train it so"
)


def about_values(ending: Ending, after: Sequence[Operation]) -> str | None:
    """Why what comes out behind the operations are no probabilities; None if they may be.

    Only what is certain from the network's last operations counts.

    Args:
        ending: The network's own output, with the channels that it has to have.
        after: Operations behind it.
    """
    names = [operation.name for operation in after]
    if ending.channels == 1:
        return _about_one_value(ending, names, after)
    if names or ending.channels is None:
        return None
    if ending.tail == "sigmoid":
        count = "two" if ending.channels == _TWO else "several"
        return (
            f"the network ends in {count} sigmoid channels, each of which says yes or no by "
            "itself (multi-label); the probabilities of a model's classes sum to 1, and no "
            "operation makes such of these: end the network with a softmax over its channels in "
            "place of the sigmoid. Where each pixel belongs to one class, leave the sigmoid out "
            f"and {_add(SOFTMAX)}, which keeps the most probable class"
        )
    if ending.tail == "log-softmax":
        return (
            "the network ends in a log-softmax, the logarithms of probabilities; "
            f"{_add(SOFTMAX)}, which makes exactly those probabilities of them"
        )
    if ending.is_score:
        return (
            "the network ends in scores (logits), no probabilities; "
            f"{_add(SOFTMAX)}, which makes probabilities of them"
        )
    if ending.is_of_other_range:
        return (
            f"the network outputs {_range(ending)}, where probabilities lie between 0 and 1; "
            "let the network itself bring them there, so that they sum to 1 over the classes"
        )
    return None


def _about_one_value(
    ending: Ending, names: Sequence[str], after: Sequence[Operation]
) -> str | None:
    if ending.tail in _OVER_ONE:
        return _CONSTANT
    if not names:
        known = ending.is_probability or ending.sure
        return _about_one(ending, after, []) if known else None
    if names[0] == SIGMOID:
        if ending.is_probability:
            return (
                "the network ends in a probability, 0 to 1, already, of which another Sigmoid "
                f"makes 0.5 to 0.73; {_add(PAIR, given=after)}"
            )
        return None
    if ending.is_score:
        return (
            f"the network ends in a score (logit), and {PAIR} takes a probability; "
            f"{_add(SIGMOID, PAIR, given=after)}"
        )
    if ending.is_of_other_range:
        return (
            f"the network ends in {_range(ending)}, and {PAIR} takes a probability, 0 to 1; let "
            "the network itself bring its output there"
        )
    return None


def suggested(ending: Ending) -> tuple[str, ...]:
    """Names of the operations that make probabilities of an output; none where it needs none.

    Args:
        ending: The network's own output.
    """
    if ending.channels == 1 and ending.tail in _OVER_ONE:
        return ()
    if ending.channels == 1:
        return (SIGMOID, PAIR) if ending.is_score else (PAIR,)
    return (SOFTMAX,) if ending.is_score or ending.tail == "log-softmax" else ()


def about_suggested(ending: Ending, classes: Sequence[str]) -> str | None:
    """What to look at where `suggested` stands in a specification; None if there is nothing.

    Args:
        ending: The network's own output.
        classes: Names of the classes, that of p first.
    """
    names = suggested(ending)
    if PAIR not in names:
        what = "a log-softmax" if ending.tail == "log-softmax" else "scores (logits)"
        made = f"Postprocessing: the network ends in {what}; Softmax makes probabilities of that."
        return made if names else None
    what = "one channel of scores (logits)" if SIGMOID in names else "one channel"
    if ending.tail == "sigmoid":
        what = "one sigmoid channel"
    sure = ending.is_probability or SIGMOID in names
    doubt = "" if sure else " That the channel is a probability, 0 to 1, is a guess, too."
    return (
        f"Classes: the network ends in {what}; {classes[0]} gets its probability p, {classes[1]} "
        f"gets 1 - p. Name the class first that the channel was trained for.{doubt}"
    )


def remark(ending: Ending, after: Sequence[Operation]) -> str | None:
    """What is odd about the operations behind an output though they work; None if nothing is.

    Args:
        ending: The network's own output.
        after: Operations behind it.
    """
    names = [operation.name for operation in after]
    if names == [SOFTMAX] and ending.tail == "sigmoid" and (ending.channels or 0) > 1:
        return (
            "Softmax was put behind sigmoid channels: the most probable class of a pixel stays, "
            "but its probability says little, since it cannot come near 1; leave the sigmoid out "
            "of the exported model, so that Softmax gets its scores"
        )
    return None


def _range(ending: Ending) -> str:
    return f"values from {ending.low:g} to {ending.high:g}".replace("inf", "infinity")


def foreground_first(classes: Sequence[str]) -> list[str]:
    """Two classes, that of the foreground first, as far as their names tell.

    Args:
        classes: Names that there are; none, or more than two, stand for nothing.
    """
    if len(classes) == 1:
        first = classes[0]
        return ["Foreground", first] if is_background(first) else [first, "Background"]
    if len(classes) != _TWO:
        return ["Foreground", "Background"]
    first, second = classes
    exchanged = is_background(first) and not is_background(second)
    return [second, first] if exchanged else [first, second]

"""Operations that a build puts in front of a network or behind it, as a specification names them.

In JSON an operation is its name, or an object with `Name` and its parameters; on the command line
it is `NAME` or `NAME:key=value,...`, where a list's values follow each other (`mean=1,2,3,std=4`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from czcheck.errors import InputError, UsageError
from czcheck.metadata.json_text import JsonError, JsonMember, JsonValue, parse_json
from czcheck.metadata.pixel_types import PIXEL_TYPES
from czcheck.metadata.spec_values import Fault, quoted, wrong
from czcheck.text import nearest

PREPROCESSING: dict[str, tuple[str, ...]] = {
    "RgbToBgr": (),
    "RgbaToBgra": (),
    "PerImageStandardization": (),
    "Normalization": ("Mean", "Std"),
    "Scale": ("Factor",),
}
"""Names of the operations in front, each with its parameters."""

POSTPROCESSING: dict[str, tuple[str, ...]] = {
    "Softmax": (),
    "Sigmoid": (),
    "SigmoidToSoftmaxScores": (),
}
"""The same of those behind."""

CHANNELS = {"RgbToBgr": 3, "RgbaToBgra": 4}
"""Channels of a tile that an operation can work on; the others work on any number."""

MAXIMUM = "max"
_MOST_OPERATIONS = 16
_MOST_VALUES = 4
_SMALLEST, _LARGEST = 1e-30, 1e30  # far inside of what float32 holds, so that nothing overflows


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: One of `PREPROCESSING` or `POSTPROCESSING`.
        mean: `Normalization`: what is subtracted, one number or one for each channel.
        std: `Normalization`: what the difference is divided by, one number above 0 or one for each
            channel.
        factor: `Scale`: what intensities are multiplied by; None to divide them by the largest
            intensity of the pixel type.
    """

    name: str
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    factor: float | None = None

    def __str__(self) -> str:
        """The operation as the command line takes it."""
        if self.name == "Normalization":
            mean, std = (",".join(f"{each:g}" for each in part) for part in (self.mean, self.std))
            return f"{self.name}:mean={mean},std={std}"
        if self.name == "Scale":
            return f"{self.name}:factor={MAXIMUM if self.factor is None else f'{self.factor:g}'}"
        return self.name


def preprocessing(key: str, value: JsonValue) -> tuple[Operation, ...]:
    """`Preprocessing`: operations in front of the network, the first one first."""
    return _operations(key, value, PREPROCESSING)


def postprocessing(key: str, value: JsonValue) -> tuple[Operation, ...]:
    """`Postprocessing`: operations behind the network, the first one first."""
    return _operations(key, value, POSTPROCESSING)


def parse_operation(text: str, known: Mapping[str, tuple[str, ...]]) -> Operation:
    """Read an operation as the command line writes it.

    Args:
        text: `NAME` or `NAME:key=value,...`.
        known: `PREPROCESSING` or `POSTPROCESSING`.

    Raises:
        UsageError: There is no such operation, or its parameters are wrong.
    """
    name, _, rest = text.partition(":")
    values: dict[str, list[JsonValue]] = {}
    last = ""
    for piece in rest.split(",") if rest else []:
        key, equals, content = piece.partition("=")
        if equals:
            last = key.strip().lower().capitalize()
            if last in values:
                raise UsageError(f"{text!r} gives {key.strip()} twice; give it once")
            values[last] = []
        elif not last and piece.strip() == MAXIMUM:
            last, content = "Factor", piece
            values[last] = []
        elif not last:
            raise UsageError(f"{text!r} is no operation; write NAME or NAME:key=value,...")
        else:
            content = piece
        values[last].append(_scalar(content.strip()))
    members = {"Name": JsonMember(0, JsonValue(name.strip(), 0))}
    for key, items in values.items():
        content_of = items[0] if len(items) == 1 else JsonValue(items, 0)
        members[key] = JsonMember(0, content_of)
    try:
        return _operation("the operation", JsonValue(members, 0), known)
    except Fault as fault:
        raise UsageError(f"{text!r}: {fault.reason}") from None


def _scalar(text: str) -> JsonValue:
    try:
        return parse_json(text)
    except JsonError:
        return JsonValue(text, 0)


def _operations(
    key: str, value: JsonValue, known: Mapping[str, tuple[str, ...]]
) -> tuple[Operation, ...]:
    if not isinstance(value.value, list):
        raise wrong(key, value, f'a list of operations, such as ["{next(iter(known))}"]')
    if len(value.value) > _MOST_OPERATIONS:
        count = len(value.value)
        reason = f"{key} has {count} operations; at most {_MOST_OPERATIONS} are taken"
        raise Fault(reason, value.offset)
    return tuple(
        _operation(f"{key}, item {number},", item, known)
        for number, item in enumerate(value.value, start=1)
    )


def _operation(key: str, item: JsonValue, known: Mapping[str, tuple[str, ...]]) -> Operation:
    members = item.value if isinstance(item.value, dict) else {"Name": JsonMember(0, item)}
    if "Name" not in members:
        raise Fault(f"{key} has no Name; give one of {', '.join(known)}", item.offset)
    name = members["Name"].value
    if not isinstance(name.value, str) or name.value not in known:
        raise Fault(f"{key} is {quoted(name)}; {instead(name.value, known)}", name.offset)
    taken = known[name.value]
    for parameter, member in members.items():
        if parameter != "Name" and parameter not in taken:
            has = f"it has {' and '.join(taken)}" if taken else "it has none"
            shown = quoted(JsonValue(parameter, 0))
            raise Fault(f"{name.value} has no parameter {shown}; {has}", member.offset)
    missing = [parameter for parameter in taken if parameter not in members]
    if missing:
        what = "a number or one for each channel"
        if name.value == "Scale":
            what = f'a number above 0, or "{MAXIMUM}" to divide by the pixel type\'s largest value'
        raise Fault(f"{name.value} lacks {' and '.join(missing)}; give {what}", item.offset)
    if name.value == "Normalization":
        mean = _numbers("Mean", members["Mean"].value, positive=False)
        std = _numbers("Std", members["Std"].value, positive=True)
        return Operation(name.value, mean=mean, std=std)
    if name.value == "Scale":
        return Operation(name.value, factor=_factor("Factor", members["Factor"].value))
    return Operation(name.value)


def instead(name: object, known: Mapping[str, tuple[str, ...]]) -> str:
    """What to give in place of a name that is no operation's here.

    Args:
        name: What was given.
        known: `PREPROCESSING` or `POSTPROCESSING`.
    """
    choice = f"give one of {', '.join(known)}"
    if not isinstance(name, str):
        return choice
    if name in (POSTPROCESSING if known is PREPROCESSING else PREPROCESSING):
        side = "in front of" if known is POSTPROCESSING else "behind"
        return f"that one stands {side} a network; {choice}"
    near = nearest(name, known)
    return choice if near is None else f"did you mean '{near}'? There are {', '.join(known)}"


def _factor(key: str, value: JsonValue) -> float | None:
    if value.value == MAXIMUM:
        return None
    number = _number(value, positive=True)
    if number is None:
        raise wrong(key, value, f'a number above 0, {_SMALLEST:g} to {_LARGEST:g}, or "{MAXIMUM}"')
    return number


def _numbers(key: str, value: JsonValue, *, positive: bool) -> tuple[float, ...]:
    items = value.value if isinstance(value.value, list) else [value]
    numbers = [_number(item, positive=positive) for item in items]
    good = [number for number in numbers if number is not None]
    if len(good) != len(items) or not 1 <= len(items) <= _MOST_VALUES:
        least = f"{_SMALLEST:g}" if positive else f"{-_LARGEST:g}"
        what = f"a number from {least} to {_LARGEST:g}, or a list of one for each channel"
        raise wrong(key, value, what)
    return tuple(good)


def _number(value: JsonValue, *, positive: bool) -> float | None:
    number = value.value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return None
    if not math.isfinite(number) or abs(number) > _LARGEST:
        return None
    if positive and number < _SMALLEST:
        return None
    return float(number)


def check_operations(
    before: Sequence[Operation],
    after: Sequence[Operation],
    channels: int,
    pixel_type: str,
) -> None:
    """See that the operations can work on the tiles of a pixel type.

    Args:
        before: Operations in front of the network.
        after: Operations behind it.
        channels: Channels of a tile.
        pixel_type: The format's name of the pixel type.

    Raises:
        InputError: One of them cannot, or changes nothing.
    """
    for operation in before:
        needed = CHANNELS.get(operation.name, channels)
        if needed != channels:
            raise InputError(
                f"{operation.name} works on {needed} channels, but tiles have {channels}; remove "
                "it, or change `PixelType` or `ColorHandling`"
            )
        for key, values in (("Mean", operation.mean), ("Std", operation.std)):
            if len(values) not in {0, 1, channels}:
                raise InputError(
                    f"{key} of {operation.name} has {len(values)} numbers, but tiles have "
                    f"{channels} channel(s); give one number, or one for each channel"
                )
        divides = operation.name == "Scale" and operation.factor is None
        if divides and PIXEL_TYPES[pixel_type].maximum == 1:
            raise InputError(
                f"Scale by {MAXIMUM} does nothing to {pixel_type}, whose intensities go from 0 to "
                "1; remove it, or give a number as Factor"
            )
    _check_after(after)


def _check_after(after: Sequence[Operation]) -> None:
    for first, second in pairwise(after):
        if second.name == "SigmoidToSoftmaxScores" and first.name != "Sigmoid":
            raise InputError(
                f"SigmoidToSoftmaxScores works on one channel and cannot stand behind {first.name};"
                " put it first, or remove it"
            )
    for name, follower in pairwise([*(operation.name for operation in after), ""]):
        if name == "Sigmoid" and follower != "SigmoidToSoftmaxScores":
            raise InputError(
                "Sigmoid makes a probability of each channel by itself, and those of a model's "
                "classes sum to 1; put SigmoidToSoftmaxScores behind it for a network of one "
                "channel, or Softmax in its place for one channel for each class"
            )


def check_class_count(after: Sequence[Operation], classes: int) -> None:
    """See that the operations can make a channel for each class.

    Args:
        after: Operations behind the network, which go together.
        classes: Number of classes.

    Raises:
        InputError: They cannot, whatever the network's own channels.
    """
    names = [operation.name for operation in after]
    if "SigmoidToSoftmaxScores" in names and classes != 2:  # p and 1 - p
        number = "one class" if classes == 1 else f"{classes} classes"
        raise InputError(
            f"SigmoidToSoftmaxScores makes two channels of one, but the spec names {number}; "
            "name two, the one that the channel stands for first"
        )
    if names == ["Softmax"] and classes == 1:
        raise InputError(
            "Softmax over one channel is 1 everywhere; use SigmoidToSoftmaxScores behind one "
            "sigmoid channel, and name two classes"
        )

"""The arguments of a layer in a file, read strictly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from czcheck.errors import InputError

# What says nothing about the numbers that a trained layer computes.
_WITHOUT_A_MEANING = frozenset(
    {
        "name", "trainable", "dtype", "batch_input_shape", "input_dtype", "activity_regularizer",
        "autocast", "momentum", "unit_forget_bias", "implementation", "seed", "rng_type",
        "build_input_shape", "input_dim", "input_length", "sparse", "ragged",
        "optional", "synchronized", "fused", "trainable_weights", "dropout", "recurrent_dropout",
    }
)  # fmt: skip
_ENDS_WITHOUT_A_MEANING = ("_initializer", "_regularizer", "_constraint")


class Arguments:
    """The arguments of one layer. What is never asked for is refused at the end.

    Attributes:
        refuse: Makes an error about the layer.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Take the arguments.

        Args:
            values: What the file says, decoded JSON.
        """
        self._values = values
        self._read: set[str] = set()
        self.refuse: Callable[[str], InputError] = InputError

    def get(self, key: str, default: Any = None) -> Any:
        """An argument, whatever its type.

        Args:
            key: Its name.
            default: What it is where the file does not say it.
        """
        self._read.add(key)
        return self._values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Say an argument that stands elsewhere in the file."""
        self._values = {**self._values, key: value}

    def _wrong(self, key: str, value: Any) -> InputError:
        return self.refuse(f"has {key} = {str(value)[:60]}, which is not built")

    def flag(self, key: str, *, default: bool) -> bool:
        """An argument that is true or false."""
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, value)
        return value

    def only(self, key: str, *allowed: Any) -> None:
        """See that an argument has a value that changes nothing; the first one is the default."""
        value = self.get(key, allowed[0])
        if value not in allowed:
            raise self._wrong(key, value)

    def choice(self, key: str, allowed: Collection[str], default: str) -> str:
        """An argument that is one of some words."""
        value = self.get(key, default)
        if not isinstance(value, str) or value.lower() not in allowed:
            raise self._wrong(key, value)
        return value.lower()

    def number(self, key: str, default: float) -> float:
        """An argument that is a number; also one that is stored as an array of one."""
        value = self.get(key, default)
        if isinstance(value, dict):  # as standalone Keras stores numpy's arrays
            value = value.get("value")
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(key, value)
        return float(value)

    def whole(self, key: str, default: int | None = None) -> int:
        """An argument that is a whole number."""
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, value)
        return value

    def sizes(self, key: str, count: int, default: int | None = None) -> tuple[int, ...]:
        """An argument of some whole numbers, not negative; one alone holds for all."""
        value = self.get(key, default)
        listed = [value] * count if isinstance(value, int) else value
        if (
            not isinstance(listed, (list, tuple))
            or len(listed) != count
            or not all(isinstance(each, int) and 0 <= each < 1 << 31 for each in listed)
        ):
            raise self._wrong(key, value)
        return tuple(listed)

    def pairs(self, key: str, count: int) -> tuple[tuple[int, int], ...]:
        """An argument of (before, after) for each dimension, as padding and cropping have it."""
        value = self.get(key)
        listed = value
        if count == 1 and isinstance(value, list) and all(isinstance(each, int) for each in value):
            listed = [value]
        if not isinstance(listed, list) or len(listed) != count:
            raise self._wrong(key, value)
        found = []
        for each in listed:
            two = [each, each] if isinstance(each, int) else each
            if (
                not isinstance(two, list)
                or len(two) != 2
                or not all(isinstance(side, int) and side >= 0 for side in two)
            ):
                raise self._wrong(key, value)
            found.append((two[0], two[1]))
        return tuple(found)

    def whole_numbers(self, key: str, default: Any = None) -> tuple[int, ...]:
        """An argument of any count of whole numbers; one alone counts as a list of one."""
        value = self.get(key, default)
        listed = [value] if isinstance(value, int) else value
        if not isinstance(listed, (list, tuple)) or not all(isinstance(v, int) for v in listed):
            raise self._wrong(key, value)
        return tuple(listed)

    def finish(self) -> None:
        """Refuse what nobody asked for.

        Raises:
            InputError: An argument is not known, so the layer may mean something else with it.
        """
        for key, value in self._values.items():
            if key in self._read or key in _WITHOUT_A_MEANING or value is None:
                continue
            if not key.endswith(_ENDS_WITHOUT_A_MEANING):
                raise self._wrong(str(key)[:60], value)

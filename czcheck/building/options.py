"""What a build or a repair has to do: one frozen object, made once at the door."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from czcheck.errors import UsageError
from czcheck.limits import DEFAULT_LIMITS, LARGEST_SIDE, Limits
from czcheck.metadata import spec_values
from czcheck.metadata.json_text import JsonValue
from czcheck.metadata.processing import (
    POSTPROCESSING,
    PREPROCESSING,
    Operation,
    instead,
    parse_operation,
)
from czcheck.metadata.spec_values import Fault
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits

Given: TypeAlias = Operation | str | Sequence[Operation | str] | None
"""Operations in a call: one or several, as such or as the command line writes them."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """The options of a build or a repair, checked.

    Attributes:
        tile: (height, width) in pixels; None to keep the specification's or the network's own.
        preprocessing: Operations in place of the specification's; None to keep them.
        postprocessing: Operations in place of the specification's; None to keep them.
        custom_objects: Module with the classes of a Keras file that are not Keras's own.
        runtime: Another interpreter, with the framework that wrote the source.
        name: Name to give to the model that is repaired; None to keep its own.
        verify: Whether to verify the archive before it is put in place.
        allow_op: Operations to admit though they are not on the allowlist.
        limits: Limits on everything that is read.
        runner_limits: Limits on time and memory of the networks' processes.
    """

    tile: tuple[int, int] | None = None
    preprocessing: tuple[Operation, ...] | None = None
    postprocessing: tuple[Operation, ...] | None = None
    custom_objects: str | None = None
    runtime: str | None = None
    name: str | None = None
    verify: bool = True
    allow_op: tuple[str, ...] = ()
    limits: Limits = DEFAULT_LIMITS
    runner_limits: RunnerLimits = DEFAULT_RUNNER_LIMITS

    @classmethod
    def of(
        cls,
        *,
        tile: Sequence[int] | None = None,
        preprocessing: Given = None,
        postprocessing: Given = None,
        name: str | None = None,
        allow_op: Sequence[str] = (),
        runner_limits: RunnerLimits | None = None,
        **others: Any,
    ) -> BuildOptions:
        """Check the arguments of a call.

        Args:
            tile: (height, width) in pixels, or None.
            preprocessing: Operations, as such or as the command line writes them; or None.
            postprocessing: The same.
            name: Name to give to the model, or None.
            allow_op: Names of operations.
            runner_limits: Limits; None for the usual ones.
            **others: The other attributes, as they are.

        Raises:
            UsageError: One of them is none.
        """
        return cls(
            tile=size_of_tile("tile", tile),
            preprocessing=_operations("preprocessing", preprocessing, PREPROCESSING),
            postprocessing=_operations("postprocessing", postprocessing, POSTPROCESSING),
            name=_name(name),
            allow_op=(allow_op,) if isinstance(allow_op, str) else tuple(allow_op),
            runner_limits=runner_limits or DEFAULT_RUNNER_LIMITS,
            **others,
        )


def size_of_tile(name: str, value: Any) -> tuple[int, int] | None:
    """The size of a tile that was passed as an argument.

    Args:
        name: Name of the parameter.
        value: (height, width) in pixels, or None.

    Raises:
        UsageError: It is no size.
    """
    if value is None:
        return None
    try:
        sizes = [operator.index(side) for side in value]
    except TypeError:
        sizes = []
    if len(sizes) != 2 or not all(1 <= side <= LARGEST_SIDE for side in sizes):
        raise UsageError(
            f"{name} is {value!r}; give (height, width) in pixels, such as (1024, 1024), each 1 to "
            f"{LARGEST_SIDE}"
        )
    return sizes[0], sizes[1]


def _name(given: str | None) -> str | None:
    """A name to give to the model, as a specification may give it."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise UsageError(f"name is of type {type(given).__name__}; give a text")
    try:
        return spec_values.name("the name", JsonValue(given, 0))
    except Fault as fault:
        raise UsageError(fault.reason) from None


def _operations(
    name: str, given: Given, known: dict[str, tuple[str, ...]]
) -> tuple[Operation, ...] | None:
    """The operations in an argument; one alone counts as a list of one."""
    if given is None:
        return None
    listed = (given,) if isinstance(given, (str, Operation)) else given
    if not isinstance(listed, (list, tuple)):
        raise UsageError(f"{name} is of type {type(given).__name__}; give a list of operations")
    return tuple(_operation(name, each, known) for each in listed)


def _operation(name: str, given: Any, known: dict[str, tuple[str, ...]]) -> Operation:
    if isinstance(given, Operation):
        if given.name not in known:
            raise UsageError(f"{name} holds {given.name!r}; {instead(given.name, known)}")
        return given
    if not isinstance(given, str):
        kind = type(given).__name__
        raise UsageError(f"{name} holds something of type {kind}; give operations, as text")
    return parse_operation(given, known)

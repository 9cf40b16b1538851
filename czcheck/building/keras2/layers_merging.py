"""Layers that make one tensor of several."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from czcheck.building.keras2.kinds import kind

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call


def _alike(call: Call, tensors: Any) -> list[Any]:
    """Inputs of one rank: those of a lower one get dimensions behind the batch."""
    ranks = [each.shape.rank for each in tensors]
    if None in ranks:
        raise call.layer.refuse("takes inputs whose number of dimensions is open")
    alike = []
    for tensor, rank in zip(tensors, ranks, strict=True):
        for _ in range(max(ranks) - rank):
            tensor = call.tf.expand_dims(tensor, 1)  # noqa: PLW2901
        alike.append(tensor)
    return alike


@kind("Add", several=True)
def add(call: Call, x: Any) -> Any:
    """The sum."""
    return functools.reduce(call.tf.add, _alike(call, x))


@kind("Subtract", several=True)
def subtract(call: Call, x: Any) -> Any:
    """The first without the second."""
    if len(x) != 2:
        raise call.layer.refuse(f"takes {len(x)} inputs")
    first, second = _alike(call, x)
    return first - second


@kind("Multiply", several=True)
def multiply(call: Call, x: Any) -> Any:
    """The product."""
    return functools.reduce(call.tf.multiply, _alike(call, x))


@kind("Average", several=True)
def average(call: Call, x: Any) -> Any:
    """The mean."""
    return functools.reduce(call.tf.add, _alike(call, x)) / call.tf.cast(len(x), x[0].dtype)


@kind("Maximum", several=True)
def maximum(call: Call, x: Any) -> Any:
    """The largest."""
    return functools.reduce(call.tf.maximum, _alike(call, x))


@kind("Minimum", several=True)
def minimum(call: Call, x: Any) -> Any:
    """The smallest."""
    return functools.reduce(call.tf.minimum, _alike(call, x))


@kind("Concatenate", several=True)
def concatenate(call: Call, x: Any) -> Any:
    """One behind the other along an axis."""
    return call.tf.concat(x, call.layer.arguments.whole("axis", -1))

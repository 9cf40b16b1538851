"""What the definitions of operations say: defaults of attributes, names of outputs."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from czcheck.shipped import shipped


@cache
def load_defaults() -> dict[str, dict[str, list[Any]]]:
    """For each operation that may run, the defaults of its attributes, in the form of `plain`."""
    data: dict[str, dict[str, list[Any]]] = json.loads(shipped("czcheck.network", "defaults.json"))
    return data


@cache
def load_outputs() -> dict[str, dict[str, str]]:
    """For each operation with more than one output, their names in order.

    With each stands the attribute that says how many tensors it is, or "" for one.
    """
    data: dict[str, dict[str, str]] = json.loads(shipped("czcheck.network", "outputs.json"))
    return data


def position(node: Any, name: str, number: int) -> int:
    """The position of a tensor that a function names by an output.

    Args:
        node: The node: `op`, and `attr` with its attributes (AttrValue) by name.
        name: The name of the output.
        number: The number of the tensor within the output.

    Returns:
        Its number among all of the node, from 0; `number` where the operation has one output or is
        not known.
    """
    outputs = load_outputs().get(node.op, {})
    if name not in outputs:
        return number
    before = 0
    for other, counted in outputs.items():
        if other == name:
            break
        attribute = node.attr.get(counted) if counted else None
        if not counted or attribute is None:
            before += 1
        elif attribute.WhichOneof("value") == "i":
            before += max(0, attribute.i)
        else:
            before += len(attribute.list.type)
    return before + number

"""What the attributes of a node hold besides numbers: functions, and texts."""

from __future__ import annotations

from typing import Any

from czcheck.network import dtypes
from czcheck.network.grammar import called
from czcheck.network.order import LimitError

# Attributes may hold functions whose own attributes hold functions, and so on.
_FUNCTION_ATTRS = 1_000
_SHOWN = 100
# Tensors of these may hold programs.
_NO_NUMBERS = {dtypes.number(name) for name in ("string", "resource", "variant")}


def functions_in(attrs: Any) -> list[str]:
    """Names of the functions that a node's attributes refer to, with repeats.

    Raises:
        LimitError: There are too many.
    """
    found: list[str] = []
    pending = [attrs]
    while pending:
        attrs = pending.pop()
        for name in attrs:  # of a message's map, `values()` is three times as slow
            named = called(attrs[name])
            if len(found) + len(named) > _FUNCTION_ATTRS:
                raise LimitError(
                    f"the attributes of one node name over {_FUNCTION_ATTRS} functions, "
                    f"{named[0].name[:_SHOWN]} among them"
                )
            for each in named:
                found.append(each.name)
                if each.attr:
                    pending.append(each.attr)
    return found


def look(attrs: Any) -> tuple[list[str], bool]:
    """What `functions_in` finds, and whether any attribute holds a text, or a tensor of no numbers.

    Both in one go, since going over all attributes is most of what reading a graph takes.

    Raises:
        LimitError: There are too many functions.
    """
    texts = functions = False
    for name in attrs:
        value = attrs[name]
        kind = value.WhichOneof("value")
        if kind == "s":
            texts = True
        elif kind == "tensor":
            texts = texts or value.tensor.dtype in _NO_NUMBERS
        elif kind == "func":
            functions = True
        elif kind == "list":
            for field, _ in value.list.ListFields():
                texts = texts or field.name in ("s", "tensor")
                functions = functions or field.name == "func"
    # Functions have attributes, too.
    return (functions_in(attrs), True) if functions else ([], texts)

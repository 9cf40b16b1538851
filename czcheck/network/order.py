"""The order in which nodes run: each needs the ones before it, and none may need itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from czcheck.errors import InputError
from czcheck.network.grammar import node_of

# The one way back in a loop of TensorFlow 1, and where it leads.
_BACK = frozenset({"NextIteration", "RefNextIteration"})
_INTO = frozenset({"Merge", "RefMerge"})
_SHOWN = 100


class LimitError(InputError):
    """A graph that is too large, or that runs in circles."""


def check_order(nodes: Mapping[str, Any], arguments: Collection[str], place: str) -> None:
    """See that all inputs are there, and that no node waits for itself.

    Args:
        nodes: The nodes of the main graph or of one function, by name.
        arguments: The function's arguments.
        place: Where that is, to be put behind a node's name.

    Raises:
        LimitError: Nodes wait for each other in a circle that is no loop.
        InputError: A node is missing, or has a name that only TensorFlow itself may give.
    """
    waits: dict[str, set[str]] = {}
    users: dict[str, list[str]] = {}
    for name, node in nodes.items():
        if name.startswith("_"):
            raise InputError(f"no stored graph can have a node {name[:_SHOWN]!r}{place}")
        sources = set(map(node_of, node.input))
        if not sources <= nodes.keys():
            _check_missing(sources - nodes.keys(), arguments, place)
            sources &= nodes.keys()
        if node.op in _INTO:
            sources = {each for each in sources if nodes[each].op not in _BACK}
        waits[name] = sources
        for source in sources:
            users.setdefault(source, []).append(name)
    left = {name: len(sources) for name, sources in waits.items() if sources}
    ready = [name for name, sources in waits.items() if not sources]
    while ready:
        for user in users.get(ready.pop(), ()):
            left[user] -= 1
            if not left[user]:
                del left[user]
                ready.append(user)
    if left:
        # Whoever is left waits for another one who is: going back leads into the circle.
        name = next(iter(left))
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            name = min(each for each in waits[name] if each in left)
        raise LimitError(f"the node {name[:_SHOWN]}{place} waits for its own answer")


def _check_missing(missing: Iterable[str], arguments: Collection[str], place: str) -> None:
    for source in missing:
        if source not in arguments:
            raise InputError(f"the graph needs a node {source[:_SHOWN]!r}{place} that is not there")

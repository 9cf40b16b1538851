"""What in a SavedModel could do harm: facts, as `scan` finds them without running anything."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

When = Literal["load", "serving", "saver", "other"]
"""When a node runs: as the file is loaded, as the network is asked, as variables are saved or
restored, or not by itself. The first that applies."""


class Place(NamedTuple):
    """Where something stands.

    Attributes:
        node: Name of the node.
        function: The function that holds it; None for a main graph.
        graph: Tags of the graph, with `, ` between; empty for the one that is run.
        when: When it runs.
    """

    node: str
    function: str | None
    graph: str
    when: When


@dataclass(frozen=True, slots=True)
class Refused:
    """An operation that is not on the allowlist.

    Attributes:
        op: The operation.
        danger: What it does, as the end of a sentence.
        count: Nodes that have it.
        place: The node that runs first; of several, the first one in the file.
    """

    op: str
    danger: str
    count: int
    place: Place


class Oddity(NamedTuple):
    """Something else that is wrong with one node.

    Attributes:
        op: The node's operation.
        text: What is wrong, as the end of a sentence.
        place: The node.
    """

    op: str
    text: str
    place: Place


class BadAsset(NamedTuple):
    """An asset file that the graph names and the archive does not hold under a plain name.

    Attributes:
        name: The name.
        text: What is wrong with it, as the end of a sentence.
    """

    name: str
    text: str


class Safety(NamedTuple):
    """What in a SavedModel could do harm.

    Attributes:
        refused: Operations that are not on the allowlist, by name.
        hidden: Data that are programs.
        saver: Operations that save or restore and do not belong to the saver.
        assets: Asset files of unsafe names, or that are missing.
        lambdas: Where Keras keeps Python code of Lambda layers: names of files or parts of them.
        further: Tags of the graphs beside the one that is run.
        large: Strings of unusual size that the network reaches.
    """

    refused: tuple[Refused, ...] = ()
    hidden: tuple[Oddity, ...] = ()
    saver: tuple[Oddity, ...] = ()
    assets: tuple[BadAsset, ...] = ()
    lambdas: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    large: tuple[Oddity, ...] = ()

    def not_admitted(self, allow_op: Collection[str]) -> tuple[Refused, ...]:
        """The refused operations but those that the user admits.

        Args:
            allow_op: Operations that are admitted by name. What is internal to TensorFlow is not.
        """
        return tuple(
            each for each in self.refused if each.op not in allow_op or each.op.startswith("_")
        )

    def objection(self, allow_op: Collection[str] = ()) -> str | None:
        """Why the network must not be loaded, in words; None if nothing speaks against it.

        Args:
            allow_op: Operations that are admitted by name.
        """
        for refused in self.not_admitted(allow_op):
            return f"its operation {refused.op} ({refused.place.node}) {refused.danger}"
        for hidden in self.hidden:
            return f"its node {hidden.place.node} ({hidden.op}) holds {hidden.text}"
        for asset in self.assets:
            return f"its asset file {asset.name!r} {asset.text}"
        for saver in self.saver:
            return f"its operation {saver.op} ({saver.place.node}) {saver.text}"
        return None

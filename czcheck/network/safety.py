"""What in a SavedModel could do harm: the allowlist of operations, and facts that `scan` finds."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from czcheck.shipped import shipped

When = Literal["load", "serving", "saver", "other"]
"""When a node runs: as the file is loaded, as the network runs, as variables are saved or
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
        further: Tags of the graphs next to the one that is run.
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


_DANGERS = {
    "python_callback": "runs Python code",
    "process_control": "ends or stalls the process",
    "file_write": "writes files",
    "file_read": "reads files",
    "filesystem_config": "changes how files are reached",
    "network_rpc": "opens connections or talks to other processes",
    "debug_dump": "can send tensors to files or to other machines",
    "summary": "belongs to training logs and can write files",
    "print_log": "writes to the log or reads the clock",
    "nested_program": "runs a program that is hidden in data",
    "xla": "belongs to another compiler and can carry a program of its own",
    "dataset_iterator": "belongs to input pipelines, which can read files and start threads",
    "queue_stage_barrier": "can wait for ever",
    "lookup_table": "holds a table that can be filled from files",
    "codec": "reads or writes coded data, which no network on tiles needs",
    "image_codec": "decodes files, which no network on tiles needs",
    "text": "works on text, which no network on tiles needs",
    "trees": "belongs to other kinds of model than networks",
    "tpu": "drives other hardware",
    "dtensor": "drives several machines",
    "internal": "is internal to TensorFlow and never stands in an honest file",
    "test_only": "exists for TensorFlow's own tests",
}
# Reported where nothing particular is known.
_UNUSUAL = "has no place in a network on tiles"
_UNKNOWN = "is none that czcheck knows, and may do anything"
_SPECIAL = {
    "Abort": "ends the process",
    "DeserializeIterator": "restores an input pipeline, which can read files",
    "MatchingFiles": "lists files",
    "MergeV2Checkpoints": "moves and deletes files",
    "PrintV2": "writes to files or to the log",
    "RpcServer": "opens a port",
}


@dataclass(frozen=True, slots=True)
class Allowlist:
    """What may stand in a graph.

    Attributes:
        allowed: Operations that may stand anywhere.
        saver: Operations that may stand where only saving and restoring reach them.
        refused: Other operations that TensorFlow has, with the class of what they do.
    """

    allowed: frozenset[str]
    saver: frozenset[str]
    refused: Mapping[str, str] = field(repr=False)

    def knows(self, op: str) -> bool:
        """Whether TensorFlow has an operation of this name."""
        return op in self.allowed or op in self.refused or op in self.saver

    def danger(self, op: str) -> str:
        """What an operation that is not allowed does, as the end of a sentence."""
        if op in _SPECIAL:
            return _SPECIAL[op]
        if op.startswith("_"):
            return _DANGERS["internal"]
        kind = self.refused.get(op)
        return _UNKNOWN if kind is None else _DANGERS.get(kind, _UNUSUAL)


@cache
def load_allowlist() -> Allowlist:
    """The allowlist that czcheck ships; `fixtures/make_allowlist.py` writes it."""
    data = json.loads(shipped("czcheck.network", "allowlist.json"))
    refused = {op: kind for kind, names in data["refused"].items() for op in names.split()}
    return Allowlist(frozenset(data["allowed"].split()), frozenset(data["saver"].split()), refused)

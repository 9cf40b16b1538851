"""The operations that a network may hold, and what is wrong with the others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from czcheck.shipped import shipped

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
# Said where nothing particular is known.
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

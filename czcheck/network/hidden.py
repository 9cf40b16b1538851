"""Finds programs in data: graphs, pickled Python and machine code among the strings of a graph.

Nothing is loaded, unpickled or run; bytes are only looked at.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from czcheck.network import dtypes, messages
from czcheck.network.grammar import varint
from czcheck.network.safety import load_allowlist
from czcheck.network.wire import Table, fields, table_of

LARGEST = 16 << 20
"""Bytes of a string above which it is refused unread."""

PARTS = 1_000_000
"""Fields of messages that are looked at in all strings of a file; honest files have thousands."""

_SHORTEST = 8
# Longer texts hardly stand twice in a file.
_REMEMBERED = 1024
# NodeDef.op
_OP = 2
_STRING = dtypes.number("string")
_OBJECTS = {dtypes.number("resource"): "a resource", dtypes.number("variant"): "a variant"}
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\s-]{32,}={0,2}\s*")
_PICKLE_TEXT = re.compile(rb"(\(?c|\(i)[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n", re.ASCII)
_PICKLE_BINARY = re.compile(rb"\x80[\x02-\x05]")
_MAGIC = (
    (b"\x7fELF", "a program in machine code"),
    (b"\xcf\xfa\xed\xfe", "a program in machine code"),
    (b"ML\xefR", "a compiled program (MLIR)"),
    (b"#!/", "a script"),
)
# A code object: its mark, then counts of arguments and the like, each a small 32-bit number.
_MARSHAL_MARKS = (0xE3, 0x63)
_MARSHAL_COUNTS = 3
_MARSHAL_SHORTEST = 40


class Search:
    """A search for programs in many strings, which together may take so much work and no more."""

    def __init__(self, parts: int = PARTS) -> None:
        """Begin.

        Args:
            parts: Fields of messages that may be looked at.
        """
        self._left = parts
        # The same few settings stand in hundreds of nodes.
        self._harmless: set[bytes] = set()

    def program_in(self, data: bytes) -> str | None:
        """What program some bytes are.

        Returns:
            Words for it, such as "a TensorFlow graph with WriteFile"; None if they are none.
        """
        if len(data) < _SHORTEST or data in self._harmless:
            return None
        if len(data) > LARGEST:
            return "a string too large to look into"
        found = self._program(data)
        if found is None and _BASE64.fullmatch(data):
            code = b"".join(data.split()).replace(b"-", b"+").replace(b"_", b"/")
            try:
                plain = base64.b64decode(code + b"===")
            except binascii.Error:
                return None
            found = self._program(plain)
        if found is None and len(data) <= _REMEMBERED:
            self._harmless.add(data)
        return found

    def _program(self, data: bytes) -> str | None:
        if len(data) < _SHORTEST:
            return None
        for magic, what in _MAGIC:
            if data.startswith(magic):
                return what
        if _is_pickle(data):
            return "pickled Python objects"
        if _is_bytecode(data):
            return "Python bytecode"
        return self._graph(data)

    def _graph(self, data: bytes) -> str | None:
        """A graph's first operation that is not allowed, or else its first one."""
        known = load_allowlist()
        roots, node = _roots()
        first: str | None = None
        for root in roots:
            for table, number, begin, end in fields(data, root):
                self._left -= 1
                if self._left < 0:
                    return "data of too many parts to look into"
                if table is node and number == _OP:
                    op = data[begin:end].decode("ascii", "replace")
                    if len(op) > 1 and known.knows(op):
                        first = first or op
                        if op not in known.allowed:
                            return f"a TensorFlow graph with {op}"
        return None if first is None else f"a TensorFlow graph with {first}"


def _is_pickle(data: bytes) -> bool:
    if not data.rstrip(b"\0").endswith(b"."):
        return False
    return bool(_PICKLE_BINARY.match(data) or _PICKLE_TEXT.search(data[:4096]))


def _is_bytecode(data: bytes) -> bool:
    if data[0] not in _MARSHAL_MARKS or len(data) < _MARSHAL_SHORTEST:
        return False
    return not any(any(data[2 + 4 * at : 5 + 4 * at]) for at in range(_MARSHAL_COUNTS))


@cache
def _roots() -> tuple[tuple[Table, ...], Table]:
    """Tables of the messages that hold nodes, and that of the node itself."""
    whole = table_of(messages.SavedModel.DESCRIPTOR)
    meta_graph = _inner(whole, 2)
    graph = _inner(meta_graph, 2)
    library = _inner(graph, 2)
    function = _inner(library, 1)
    node = _inner(graph, 1)
    # FunctionDef keeps its nodes in a field of its own; the others differ from the outside in.
    return (graph, function, library, meta_graph, whole), node


def _inner(table: Table, number: int) -> Table:
    inner = table[number]
    assert inner is not None
    return inner


def strings_of(node: Any) -> Iterator[bytes]:
    """All strings that a node's attributes hold: texts, and the values of string constants.

    Args:
        node: The node (NodeDef).
    """
    pending = [node.attr]
    while pending:
        attrs = pending.pop()
        for name in attrs:  # `values()` is slow, as in `attributes`
            value = attrs[name]
            kind = value.WhichOneof("value")
            if kind == "s":
                yield value.s
            elif kind == "tensor":
                yield from _values(value.tensor)
            elif kind == "func":
                pending.append(value.func.attr)
            elif kind == "list":
                yield from value.list.s
                for tensor in value.list.tensor:
                    yield from _values(tensor)
                pending.extend(each.attr for each in value.list.func)


def objects_of(node: Any) -> str | None:
    """What a constant holds in place of numbers or text; None for an honest one."""
    if node.op != "Const" or "value" not in node.attr:
        return None
    return _OBJECTS.get(node.attr["value"].tensor.dtype)


def _values(tensor: Any) -> Iterator[bytes]:
    """The strings of a tensor."""
    if tensor.dtype == _STRING:
        yield from tensor.string_val
        # The other form: all lengths first, then the texts.
        content = tensor.tensor_content
        if content:
            yield content
            yield from _packed(content)


def _packed(content: bytes) -> Iterator[bytes]:
    """The texts of a string tensor that is stored in one piece, whatever their number."""
    lengths: list[int] = []
    at = total = 0
    while at + total < len(content):
        length, end = varint(content, at, len(content) - total)
        if end < 0:
            break
        lengths.append(length)
        at, total = end, total + length
    for length in lengths:
        yield content[at : at + length]
        at += length

"""Reads protobuf messages as they stand in a file, before anything is built from them.

Two bytes of a file can become a message of a hundred bytes in memory, and a file of a megabyte
packs into a kilobyte; so the parts of a large message are counted before it is parsed. The same
code finds messages in bytes of unknown kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from czcheck.network.grammar import varint

Table = Mapping[int, "Table | None"]
"""For each field number of a message: the table of the message it holds, None for a plain value."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MESSAGE = 11


def table_of(descriptor: Any) -> Table:
    """The table of a message type.

    Args:
        descriptor: Its descriptor, `SomeMessage.DESCRIPTOR`.
    """
    known: dict[str, dict[int, Any]] = {}
    pending = [descriptor]
    while pending:
        message = pending.pop()
        if message.full_name in known:
            continue
        known[message.full_name] = {}
        pending.extend(each.message_type for each in message.fields if each.type == _MESSAGE)
    pending = [descriptor]
    filled: set[str] = set()
    while pending:
        message = pending.pop()
        if message.full_name in filled:
            continue
        filled.add(message.full_name)
        for each in message.fields:
            inner = each.message_type if each.type == _MESSAGE else None
            known[message.full_name][each.number] = (
                None if inner is None else known[inner.full_name]
            )
            if inner is not None:
                pending.append(inner)
    return known[descriptor.full_name]


def fields(data: bytes, table: Table) -> Iterator[tuple[Table, int, int, int]]:
    """All fields of a message and of the messages in it, in the order of the bytes.

    What is damaged is left out, with all that follows it in the same message.

    Yields:
        For each field: the table of the message that holds it, the field's number, and the first
        byte and the end of its value; for plain numbers the two are not set apart.
    """
    pending: list[tuple[Table, int, int]] = [(table, 0, len(data))]
    while pending:
        known, at, end = pending.pop()
        while at < end:
            key = data[at]
            at += 1
            if key >= 0x80:  # more bytes follow
                key, at = varint(data, at - 1, end)
                if at < 0:
                    break
            kind = key & 7
            begin = at
            if kind == _BYTES:
                size, begin = varint(data, at, end)
                at = begin + size
                if begin < 0 or at > end:
                    break
                number = key >> 3
                yield known, number, begin, at
                inner = known.get(number)
                if inner is not None and begin < at:
                    # The rest of this message waits, so that the list is no wider than deep.
                    pending.append((known, at, end))
                    pending.append((inner, begin, at))
                    break
                continue
            if kind == _VARINT:
                _, at = varint(data, at, end)
                if at < 0:
                    break
            elif kind in (_FIXED32, _FIXED64):
                at += 4 if kind == _FIXED32 else 8
            else:
                break
            yield known, key >> 3, begin, at


def has_more_fields_than(data: bytes, table: Table, limit: int) -> bool:
    """Whether a message and the messages in it have more fields than a limit."""
    if len(data) < 2 * limit:
        return False
    return next(islice(fields(data, table), limit, None), None) is not None

"""Damages sound archives in every way that is cheap, and checks each without running it.

    python tests/acceptance/mutations.py PLACE EXAMPLES

PLACE is where the damage is done, see `PLACES`. What is found is an exception with the edits that
led to it, made as small as Hypothesis can; at the end the most memory that the process has used is
printed, in bytes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2]))

from czcheck.network import messages
from czcheck.runtime import peak_bytes
from fixtures.archives import zip_bytes
from fixtures.bundle import DATA, INDEX
from fuzz.verdicts import FILES, GRAPH, MARKER, METADATA, MODEL, XML, check, packed

# Values that have broken parsers before, in one to eight bytes.
ODD = [
    b"\0",
    b"\xff",
    b"\xff\xff",
    b"\0\0\0\x80",
    b"\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"<!--",
    b"&#0;",
    b"\xe2\x80\xae",
    b"..",
]
EDITS = ("flip", "set", "odd", "cut", "double", "swap", "truncate")
Edit = tuple[str, int, int, int]
edits = st.lists(
    st.tuples(
        st.sampled_from(EDITS),
        st.integers(0, (1 << 20) - 1),
        st.integers(0, 255),
        st.integers(1, 48),
    ),
    min_size=1,
    max_size=4,
)


def edited(data: bytes, steps: list[Edit]) -> bytes:
    """The bytes after some edits; places are parts of 2**20 of the length."""
    out = bytearray(data)
    for kind, place, value, length in steps:
        at = place * len(out) >> 20
        end = min(len(out), at + length)
        if kind == "flip" and out:
            out[at] ^= 1 << value % 8
        elif kind == "set" and out:
            out[at] = value
        elif kind == "odd":
            odd = ODD[value % len(ODD)]
            out[at : at + len(odd)] = odd
        elif kind == "cut":
            del out[at:end]
        elif kind == "double":
            out[at:at] = out[at:end] * (1 + value % 3)
        elif kind == "swap":
            other = value * len(out) >> 8
            out[at:end], out[other : other + length] = (
                out[other : other + length],
                out[at:end],
            )
        elif kind == "truncate":
            del out[at:]
    return bytes(out)


def _members(steps: list[Edit], members: list[tuple[str, bytes]]) -> bytes:
    """An archive whose members are swapped, doubled, left out, renamed, spliced together."""
    out = list(members)
    for kind, place, value, length in steps:
        if not out:
            break
        one, other = place % len(out), value % len(out)
        name, data = out[one]
        if kind in ("flip", "set"):
            out[one] = (
                edited(name.encode(), [(kind, place, value, length)]).decode("latin-1"),
                data,
            )
        elif kind == "odd":
            out[one] = (["../", "C:\\", "x/", "\u202e", "\n", "a\\", "CON"][value % 7] + name, data)
        elif kind == "cut":
            del out[one]
        elif kind == "double":
            out.insert(other, (name, data))
        elif kind == "swap":
            out[one], out[other] = (name, out[other][1]), (out[other][0], data)
        else:
            out[one] = (name, data[: place * len(data) >> 20] + out[other][1])
    names = {name for name, _ in out}
    return zip_bytes(out) if len(names) == len(out) else _doubled(out)


def _doubled(members: list[tuple[str, bytes]]) -> bytes:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of names that occur twice
        return zip_bytes(members)


def outer_members(steps: list[Edit]) -> bytes:
    """Members of the archive itself."""
    payload = zip_bytes(FILES.items())
    return _members(steps, [(XML, METADATA), (MODEL, payload), (MARKER, b"")])


def inner_members(steps: list[Edit]) -> bytes:
    """Members of the payload."""
    return packed(payload=_members(steps, [*FILES.items()]))


def inner_file(name: str) -> Callable[[list[Edit]], bytes]:
    """Bytes of one of the SavedModel's files."""
    return lambda steps: packed({**FILES, name: edited(FILES[name], steps)})


def graph_fields(steps: list[Edit]) -> bytes:
    """Fields of the graph, put in each other's place; the protobuf stays sound."""
    message = messages.SavedModel.FromString(FILES[GRAPH])
    for kind, place, value, length in steps:
        holders = list(_messages(message))
        holder = holders[place % len(holders)]
        other = holders[(value * 256 + length) % len(holders)]
        fields = [field for field, _ in holder.ListFields()]
        if not fields:
            continue
        field = fields[value % len(fields)]
        if kind in ("cut", "truncate"):
            holder.ClearField(field.name)
        elif kind == "double" and isinstance(holder, type(message.meta_graphs[0].graph_def)):
            holder.MergeFrom(holder)
        elif type(other) is type(holder):
            mine, theirs = holder.SerializeToString(), other.SerializeToString()
            if kind == "swap":
                holder.ParseFromString(theirs)
                other.ParseFromString(mine)
            else:
                holder.MergeFromString(theirs)
        elif field.type == field.TYPE_STRING and not _many(field):
            setattr(holder, field.name, edited(getattr(holder, field.name).encode(), steps).hex())
    return packed({**FILES, GRAPH: message.SerializeToString()})


def _many(field: Any) -> bool:
    return bool(getattr(field, "is_repeated", False)) or field.containing_type is None


def _messages(message: Any) -> Any:
    """A message and all in it, without recursion."""
    left = [message]
    while left:
        one = left.pop()
        yield one
        for field, value in one.ListFields():
            if field.type != field.TYPE_MESSAGE:
                continue
            if field.message_type.GetOptions().map_entry:
                values = [value[key] for key in value]
                left.extend(each for each in values if hasattr(each, "ListFields"))
            elif hasattr(value, "ListFields"):
                left.append(value)
            else:
                left.extend(value)


PLACES: Mapping[str, Callable[[list[Edit]], bytes]] = {
    "archive": lambda steps: edited(packed(), steps),
    "members": outer_members,
    "xml": lambda steps: packed(xml=edited(METADATA, steps)),
    "payload": lambda steps: packed(payload=edited(zip_bytes(FILES.items()), steps)),
    "payload-members": inner_members,
    "graph": inner_file(GRAPH),
    "graph-fields": graph_fields,
    "index": inner_file(INDEX),
    "data": inner_file(DATA),
}


def main() -> None:
    place, examples = sys.argv[1], int(sys.argv[2])
    make = PLACES[place]
    verdicts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutated.czmodel"
        path.write_bytes(make([]))
        assert check(path) == "passed"

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(edits)
        def damaged(steps: list[Edit]) -> None:
            path.write_bytes(make(steps))
            verdict = check(path)
            verdicts[verdict] = verdicts.get(verdict, 0) + 1

        damaged()
    sys.stdout.write(json.dumps({"verdicts": verdicts, "peak": peak_bytes()}) + "\n")


if __name__ == "__main__":
    main()

"""Odd containers: a verdict in bounded time and memory, and nothing left on the disk."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.archives import GUID, czmodel, metadata_xml, zip_bytes
from fixtures.graphs import good_payload

SECONDS, BYTES = 10, 512 << 20
# Tells what the command cost beside its verdict.
MEASURED = """
import resource, sys
from czcheck.cli import main
from czcheck.runtime.worker import peak_bytes
try:
    main(sys.argv[1:])
except SystemExit as stop:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(stop.code, used.ru_utime + used.ru_stime, peak_bytes(), file=sys.stderr)
"""


def deflated(size: int) -> bytes:
    """Zeros, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(bytes(size)) + packer.flush()


def declared(name: str, size: int) -> bytes:
    """A sound archive one of whose members says that it unpacks to far more than it does."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for member, data in (
            (f"{GUID}.xml", metadata_xml()),
            (f"{GUID}.model", good_payload()),
            (f"modelid={GUID}", b""),
        ):
            target.writestr(member, data)
    whole = bytearray(stream.getvalue())
    struct.pack_into("<L", whole, whole.index(name.encode()) - 30 + 22, size)
    struct.pack_into("<L", whole, whole.rindex(name.encode()) - 46 + 24, size)
    return bytes(whole)


def more_than_declared() -> bytes:
    """Unpacks to 4 MB and declares as much as it packs to."""
    data = zip_bytes([(f"{GUID}.model", deflated(4 << 20)), (f"{GUID}.xml", metadata_xml())])
    return data.replace(struct.pack("<H", 0) + data[10:14], struct.pack("<H", 8) + data[10:14], 1)


def overlapping(count: int = 60) -> bytes:
    """Members that all lie within each other, each header quoted by the one before: 4 MB in all."""
    each = 64 << 10
    kernel = deflated(each)
    headers: list[bytes] = []
    for number in range(count):
        name = f"{number:04d}".encode()
        fields = (20, 0, 8, 0, 33, 0, len(kernel), each, len(name), 0)
        headers.append(struct.pack("<4s5H3L2H", b"PK\x03\x04", *fields) + name)
    entries, at = [], 0
    for number, header in enumerate(headers):
        name = f"{number:04d}".encode()
        packed = len(kernel) + sum(map(len, headers[number + 1 :]))
        more = (20, 20, 0, 8, 0, 33, 0, packed, each, len(name), 0, 0, 0, 0, 0, at)
        entries.append(struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *more) + name)
        at += len(header)
    body = b"".join(headers) + kernel
    return body + directory_of(entries, len(body))


def directory_of(entries: list[bytes], at: int) -> bytes:
    """A directory and its end record."""
    whole = b"".join(entries)
    fields = (0, 0, len(entries), len(entries), len(whole), at, 0)
    return whole + struct.pack("<4s4H2LH", b"PK\x05\x06", *fields)


def many_members() -> bytes:
    """One entry, over and over."""
    fields = (20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *fields) + b"a"
    return directory_of([entry] * 20_000, 0)


def deep_path() -> bytes:
    return czmodel(metadata_xml(), good_payload(), extra=[("a/" * 300 + "b", b"")])


def long_metadata() -> bytes:
    """Metadata a little longer than what is read of them."""
    return czmodel(metadata_xml() + b" " * (1 << 20), good_payload())


# What comes out of each stays below a few megabytes, whatever it says of itself.
CONTAINERS: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "payload of 3 GB, as it says": (lambda: declared(f"{GUID}.model", 3 << 30), {"CZ104"}),
    "metadata of 512 MB, as they say": (lambda: declared(f"{GUID}.xml", 512 << 20), {"CZ104"}),
    "more than declared": (more_than_declared, {"CZ102", "CZ103"}),
    "members in each other": (overlapping, {"CZ102"}),
    "many members": (many_members, {"CZ102", "CZ104"}),
    "deep path": (deep_path, {"CZ105"}),
    "long metadata": (long_metadata, {"CZ201"}),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_odd_containers_are_judged_in_bounds(name: str, tmp_path: Path) -> None:
    make, codes = CONTAINERS[name]
    home = tmp_path / "home"
    home.mkdir()
    path = tmp_path / "odd.czmodel"
    path.write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "verify", str(path), "--format", "json"],
        cwd=home,
        env={**os.environ, "HOME": str(home), "TMPDIR": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    code, seconds, memory = done.stderr.split()[-3:]
    assert code == "1", done.stderr
    assert float(seconds) < SECONDS
    assert float(memory) < BYTES
    found = {finding["code"] for finding in json.loads(done.stdout)["files"][0]["findings"]}
    assert found & codes
    assert not list(home.rglob("*"))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["home", "odd.czmodel"]

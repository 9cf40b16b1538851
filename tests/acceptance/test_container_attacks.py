"""Hostile containers: an answer in bounded time and memory, and nothing left on the disk."""

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
# Tells what the command cost beside its answer.
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
    piece = bytes(1 << 20)
    return b"".join(packer.compress(piece) for _ in range(size >> 20)) + packer.flush()


def flat_bomb() -> bytes:
    """3 GB from 3 MB; sizes as they are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for name, data in ((f"{GUID}.xml", metadata_xml()), (f"modelid={GUID}", b"")):
            target.writestr(name, data)
        with target.open(f"{GUID}.model", "w", force_zip64=True) as member:
            piece = bytes(1 << 22)
            for _ in range(3 << 8):
                member.write(piece)
    return stream.getvalue()


def lying_bomb() -> bytes:
    """Unpacks to 256 MB and declares as much as it packs to."""
    data = zip_bytes([(f"{GUID}.model", deflated(256 << 20)), (f"{GUID}.xml", metadata_xml())])
    return data.replace(struct.pack("<H", 0) + data[10:14], struct.pack("<H", 8) + data[10:14], 1)


def overlapping_bomb(count: int = 60) -> bytes:
    """Members that all lie within each other, each header quoted by the one before."""
    kernel = deflated(64 << 20)
    entries, body = [], b""
    pieces: list[bytes] = []
    for number in range(count):
        name = f"{number:04d}".encode()
        header = struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 33, 0, len(kernel), 64 << 20, len(name), 0
        )
        pieces.append(header + name)
    at = 0
    for number, piece in enumerate(pieces):
        name = f"{number:04d}".encode()
        entries.append(
            struct.pack(
                "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, 0,
                len(kernel) + sum(map(len, pieces[number + 1 :])), 64 << 20,
                len(name), 0, 0, 0, 0, 0, at,
            ) + name
        )  # fmt: skip
        at += len(piece)
    body = b"".join(pieces) + kernel
    directory = b"".join(entries)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end


def a_million_members() -> bytes:
    """One entry, a million times."""
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )
    directory = (entry + b"a") * 65_534
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65_534, 65_534, len(directory), 0, 0)
    return directory + end


def deep_path() -> bytes:
    return czmodel(metadata_xml(), good_payload(), extra=[("a/" * 20_000 + "b", b"")])


def huge_xml() -> bytes:
    """Half a megabyte that unpacks to 512 MB of metadata."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(f"{GUID}.model", good_payload())
        target.writestr(f"modelid={GUID}", b"")
        with target.open(f"{GUID}.xml", "w") as member:
            for _ in range(512):
                member.write(bytes(1 << 20))
    return stream.getvalue()


ATTACKS: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "flat bomb": (flat_bomb, {"CZ104"}),
    "lying bomb": (lying_bomb, {"CZ102", "CZ103"}),
    "overlapping bomb": (overlapping_bomb, {"CZ102"}),
    "a million members": (a_million_members, {"CZ102", "CZ104"}),
    "deep path": (deep_path, {"CZ105"}),
    "huge metadata": (huge_xml, {"CZ104", "CZ201"}),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_answered_in_bounds(name: str, tmp_path: Path) -> None:
    make, codes = ATTACKS[name]
    home = tmp_path / "home"
    home.mkdir()
    path = tmp_path / "attack.czmodel"
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
    assert sorted(each.name for each in tmp_path.iterdir()) == ["attack.czmodel", "home"]

"""Inputs to begin with: parts of a sound archive, and of the bad files in `fixtures/bad`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fixtures.archives import zip_bytes
from fixtures.bundle import INDEX
from fixtures.graphs import classifier
from fuzz.verdicts import FILES, GRAPH, METADATA, packed

BAD = Path(__file__).parents[1] / "fixtures" / "bad"
MOST_BYTES = 8192
"""Larger inputs are neither begun with nor made."""

_MEMBERS = {"graph": GRAPH, "index": INDEX}


def seeds(target: str) -> Iterator[bytes]:
    """Inputs for a target, none larger than 8 KiB.

    Args:
        target: Name of the target.

    Yields:
        Bytes as the target takes them.
    """
    sound = {
        "container": [packed(), zip_bytes(FILES.items())],
        "xml": [METADATA],
        "graph": [FILES[GRAPH], classifier().files()[GRAPH]],
        "index": [FILES[INDEX]],
    }
    yield from sound[target]
    for path in sorted(BAD.glob("*.czmodel")):
        data = path.read_bytes()
        found = [data] if target == "container" else list(_parts(data, target))
        yield from (each for each in found if len(each) <= MOST_BYTES)


def _parts(data: bytes, target: str) -> Iterator[bytes]:
    """The parts of an archive that a target reads; nothing of one that cannot be opened."""
    with suppress(Exception), zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.file_size > MOST_BYTES:
                continue
            if target == "xml" and info.filename.endswith(".xml"):
                yield archive.read(info)
            elif target in _MEMBERS and info.filename.endswith(".model"):
                with zipfile.ZipFile(io.BytesIO(archive.read(info))) as payload:
                    yield payload.read(_MEMBERS[target])

"""What is fuzzed: the readers of everything that comes in a file, one by one."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from czcheck.archive import Archive, PayloadFiles, describe
from czcheck.errors import InputError
from czcheck.limits import DEFAULT_LIMITS
from czcheck.metadata import metadata_of, read_document
from czcheck.network import read_network, static_cost, static_reach, trace_of
from czcheck.network.scan import scan
from fixtures.bundle import INDEX
from fuzz.verdicts import FILES, GRAPH


class _Files:
    """Files of a SavedModel in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._files))

    def size(self, name: str) -> int:
        return len(self._files[name])

    def chunks(self, name: str) -> Iterator[bytes]:
        yield self._files[name]


def container(data: bytes) -> None:
    """An archive: its directory, each member, and their roles."""
    archive = Archive(io.BytesIO(data), DEFAULT_LIMITS, DEFAULT_LIMITS.members)
    describe(archive.members)
    if archive.is_sound:
        PayloadFiles(archive)
        for member in archive.members:
            assert len(archive.read(member.name, member.size + 1)) == member.size


def xml(data: bytes) -> None:
    """The metadata XML."""
    with suppress(InputError):
        metadata_of(read_document(data, DEFAULT_LIMITS))


def graph(data: bytes) -> None:
    """The graph: its facts, what in it could do harm, how far it looks and what it costs."""
    files = _Files({**FILES, GRAPH: data})
    with suppress(InputError):
        network = read_network(files, DEFAULT_LIMITS)
        scan(network, files)
        walk = trace_of(network)
        static_reach(walk)
        static_cost(walk, network)


def index(data: bytes) -> None:
    """The index of the variables."""
    with suppress(InputError):
        read_network(_Files({**FILES, INDEX: data}), DEFAULT_LIMITS)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "container": container,
    "xml": xml,
    "graph": graph,
    "index": index,
}

"""Facts of an opened czmodel, each read on first use."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from czcheck import metadata, network
from czcheck.archive.container import (
    PAYLOAD_ENDING,
    Container,
    ContainerKind,
    Payload,
    PayloadFiles,
    describe,
)
from czcheck.archive.foreign import PayloadKind, about_folder, about_missing, sniff
from czcheck.archive.members import DefectKind
from czcheck.archive.reader import Archive
from czcheck.errors import InputError, UnavailableError, UsageError
from czcheck.files import digest_of
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.metadata.model_metadata import metadata_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from czcheck.metadata.document import XmlDocument
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.network.facts import Network
    from czcheck.network.files import SavedModelFiles
    from czcheck.network.kernels import KernelFault
    from czcheck.network.reach import StaticCost, StaticReach
    from czcheck.network.safety import Safety
    from czcheck.network.static.trace import Trace
    from czcheck.network.target import Target

_HEAD = 16
# A directory that cannot be trusted, or names that reach out of it: nothing further is read.
_UNTRUSTED = (
    DefectKind.UNREADABLE,
    DefectKind.STRUCTURE,
    DefectKind.LIMIT,
    DefectKind.NAME,
    DefectKind.DUPLICATE,
)


class Model:
    """One archive and its facts. Use it as a context manager, or call `close`.

    Nothing is unpacked to disk but a payload over 64 MiB, into an unnamed temporary file. Nothing
    is run, and TensorFlow is not imported.

    Attributes:
        path: The file.
        limits: Limits on everything that is read.
    """

    def __init__(self, path: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        """Open the file.

        Args:
            path: The archive.
            limits: Limits on everything that is read.

        Raises:
            UsageError: There is no such file, or it cannot be opened.
        """
        self.path = path
        self.limits = limits
        self._spooled: BinaryIO | None = None
        try:
            if path.is_dir():
                raise UsageError(f"{path}: {about_folder(path)}")
            if path.exists() and not path.is_file():  # which may have no end, or wait for ever
                raise UsageError(f"{path}: is a device or a pipe; name a file")
            self._stream: BinaryIO = path.open("rb")
        except FileNotFoundError:
            raise UsageError(f"{path}: {about_missing(path)}") from None
        except OSError as error:
            raise UsageError(f"{path}: cannot be opened: {error.strerror}") from None
        self._opened = _state(os.fstat(self._stream.fileno()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        if "archive" in self.__dict__:  # it has been read
            self.archive.close()
        if self._spooled is not None:
            self._spooled.close()

    @cached_property
    def sha256(self) -> str:
        """Digest of the file, in hexadecimal."""
        return digest_of(self.path)

    def is_unchanged(self) -> bool:
        """Whether the path still names the file that was opened, and it is unchanged."""
        try:
            return _state(self.path.stat()) == self._opened
        except OSError:
            return False

    @cached_property
    def archive(self) -> Archive:
        """The outer archive: members and defects."""
        return Archive(self._stream, self.limits, self.limits.members, keep=PAYLOAD_ENDING)

    @property
    def damage(self) -> str:
        """Why the archive cannot be read, the first few defects; empty where it can be."""
        if not any(defect.kind in _UNTRUSTED for defect in self.archive.defects):
            return ""
        reasons = (
            (f"member {defect.member} " if defect.member else "") + defect.detail
            for defect in self.archive.defects[:5]
        )
        return "; ".join(reasons)

    @cached_property
    def container(self) -> Container:
        """The roles of the members.

        Raises:
            UnavailableError: The archive cannot be trusted.
        """
        if self.damage:
            raise UnavailableError("the archive cannot be read safely")
        return describe(self.archive.members)

    @property
    def _czmodel(self) -> Container:
        """The roles of the members, where the archive is a czmodel and nothing else."""
        container = self.container
        if container.kind is not ContainerKind.CZMODEL:
            raise UnavailableError(f"the file is {container.kind.in_words}")
        return container

    @cached_property
    def payload(self) -> Payload:
        """The payload and, where it is a ZIP archive, the files in it.

        Raises:
            UnavailableError: There is not exactly one payload, or it cannot be unpacked.
        """
        name = self._czmodel.payload_member
        if name is None:
            raise UnavailableError("the archive has no payload")
        member = self.archive.member(name)
        if member.sha256 is None:
            raise UnavailableError("the payload cannot be unpacked")
        head = self.archive.read(name, _HEAD)
        kind = sniff(head)
        if kind is not PayloadKind.ZIP:
            return Payload(name, kind, member.size, head, None)
        self._spooled = self.archive.spool(name)
        files = PayloadFiles(Archive(self._spooled, self.limits, self.limits.inner_members))
        return Payload(name, files.kind, member.size, head, files)

    @cached_property
    def files(self) -> SavedModelFiles:
        """The files of the SavedModel.

        Raises:
            UnavailableError: The payload is no SavedModel, or cannot be read safely.
        """
        payload = self.payload
        if payload.files is None or payload.kind is not PayloadKind.SAVED_MODEL:
            raise UnavailableError(f"the payload is no SavedModel ({payload.kind.value})")
        if not payload.files.archive.is_sound:
            raise UnavailableError("the payload's archive cannot be read safely")
        return payload.files

    @cached_property
    def document(self) -> XmlDocument:
        """The metadata XML, read and checked against the schema.

        Raises:
            UnavailableError: There is not exactly one, or it cannot be unpacked.
        """
        name = self._czmodel.metadata_member
        if name is None:
            raise UnavailableError("the archive has no metadata XML")
        if self.archive.member(name).sha256 is None:
            raise UnavailableError("the metadata XML cannot be unpacked")
        # One byte over the limit is enough for the reader to find that it is too large.
        return metadata.read_document(
            self.archive.read(name, self.limits.xml_bytes + 1), self.limits
        )

    @cached_property
    def metadata(self) -> ModelMetadata:
        """The metadata.

        Raises:
            UnavailableError: The metadata XML is missing or breaks the schema.
        """
        try:
            return metadata_of(self.document)
        except UnavailableError:
            raise
        except InputError:
            raise UnavailableError("the metadata XML breaks the schema") from None

    @cached_property
    def network(self) -> Network:
        """The network's facts: signature, operations, variables.

        Raises:
            UnavailableError: The payload is no SavedModel, or cannot be read safely.
        """
        return network.read_network(self.files, self.limits)

    @property
    def loaded(self) -> Network:
        """The network as it is loaded and run: by the signature in its own files.

        Raises:
            UnavailableError: The payload is no SavedModel, or cannot be read safely.
        """
        return self.network

    def left_to_build(self, *, run: bool) -> str | None:
        """Why the network has to be built before it can be checked; None if it need not.

        Args:
            run: Whether the network is to be run.
        """
        del run
        return None

    @cached_property
    def reach(self) -> StaticReach:
        """Receptive field and stride of the network.

        Raises:
            UnavailableError: The payload is no SavedModel, or cannot be read safely.
        """
        return network.static_reach(self._trace)

    @cached_property
    def cost(self) -> StaticCost | None:
        """What one tile costs; None where its size is open or the graph cannot be followed.

        Raises:
            UnavailableError: The payload is no SavedModel, or cannot be read safely.
        """
        return network.static_cost(self._trace, self.network)

    def kernel_faults(self, target: Target) -> tuple[KernelFault, ...]:
        """What a runtime's kernels refuse of the network, or compute otherwise.

        Args:
            target: The runtime, see `czcheck.network.target.load_target`.

        Raises:
            UnavailableError: The payload is no SavedModel, or cannot be read safely.
        """
        return network.faults(self.network, target, lambda: self._trace)

    @cached_property
    def _trace(self) -> Trace | str:
        return network.trace_of(self.network)

    @cached_property
    def safety(self) -> Safety:
        """The operations of the network that could do harm.

        Raises:
            UnavailableError: The payload is no SavedModel, or cannot be read.
        """
        from czcheck.network.scan import scan  # noqa: PLC0415 - reads its list when needed

        return scan(self.network, self.files)


def _state(found: os.stat_result) -> tuple[int, ...]:
    """What changes when a file is replaced or written to."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

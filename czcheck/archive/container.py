r"""What the members of an archive are: marker, metadata, payload, and everything else.

Sections 1.1 and 1.5 of the format. Besides the canonical form this understands what old tools and
careful hands have made: `\` separators, a folder around everything, `modelid=<guid>.model`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from czcheck.archive.foreign import PayloadKind
from czcheck.archive.members import Member
from czcheck.archive.reader import Archive

MARKER = "modelid="
PAYLOAD_ENDING = ".model"
SAVED_MODEL = "saved_model.pb"
OTHER_FORMS = ("saved_model.pbtxt", "saved_model.cpb")
"""Further forms of a SavedModel's graph: as text, and in chunks."""
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class ContainerKind(Enum):
    """What kind of archive this is, by its members and never by the file's name."""

    CZMODEL = "czmodel"
    CZANN = "czann"
    SAVED_MODEL = "savedmodel"
    KERAS = "keras"
    OTHER = "other"

    @property
    def in_words(self) -> str:
        """What the file is."""
        return _IN_WORDS[self]


_IN_WORDS = {
    ContainerKind.CZMODEL: "a czmodel archive",
    ContainerKind.CZANN: "a czann archive (model.json and an ONNX model): not supported yet",
    ContainerKind.SAVED_MODEL: "a zipped SavedModel without metadata",
    ContainerKind.KERAS: "a Keras file",
    ContainerKind.OTHER: "a ZIP archive without the members of a czmodel",
}


# What Keras 3 puts into every .keras file.
_KERAS_MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}


class Container(NamedTuple):
    r"""The roles of an archive's members, under the names as stored.

    Attributes:
        kind: What kind of archive this is.
        markers: Members whose name carries the id: `modelid=<guid>`.
        metadata: Candidates for the metadata XML.
        payloads: Candidates for the payload.
        others: Licence files and everything else; folders are left out.
        wrapper: Folder that holds all members, or None.
        backslashes: Members named with `\` as separator.
        literal_payload: Whether the payload is named `modelid=<guid>.model`.
    """

    kind: ContainerKind
    markers: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    payloads: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    wrapper: str | None = None
    backslashes: tuple[str, ...] = ()
    literal_payload: bool = False

    @property
    def marker_member(self) -> str | None:
        """The marker, where there is exactly one."""
        return self.markers[0] if len(self.markers) == 1 else None

    @property
    def metadata_member(self) -> str | None:
        """The metadata XML, where there is exactly one."""
        return self.metadata[0] if len(self.metadata) == 1 else None

    @property
    def payload_member(self) -> str | None:
        """The payload, where there is exactly one."""
        return self.payloads[0] if len(self.payloads) == 1 else None

    @property
    def marker_id(self) -> str | None:
        """The id that the marker carries."""
        name = self.marker_member
        return (
            None if name is None else _base(name).removeprefix(MARKER).removesuffix(PAYLOAD_ENDING)
        )

    @property
    def metadata_id(self) -> str | None:
        """The id in the name of the metadata XML."""
        name = self.metadata_member
        return None if name is None else _base(name).rsplit(".", 1)[0]

    @property
    def payload_id(self) -> str | None:
        """The id in the name of the payload."""
        name = self.payload_member
        return None if name is None else _base(name).removeprefix(MARKER).rsplit(".", 1)[0]


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def common_folder(paths: list[str]) -> str | None:
    """The one folder that holds all of the paths, or None.

    Args:
        paths: Paths with `/` as separator.
    """
    tops = {path.split("/", 1)[0] for path in paths if "/" in path}
    if len(tops) == 1 and all("/" in path for path in paths):
        return next(iter(tops))
    return None


def describe(members: tuple[Member, ...]) -> Container:
    """Find the role of each member.

    Returns:
        The roles; several candidates for one role are all named, none is chosen.
    """
    files = [member for member in members if not member.is_folder]
    paths = [member.path for member in files]
    wrapper = common_folder(paths)
    prefix = "" if wrapper is None else wrapper + "/"
    roots = {
        member.path.removeprefix(prefix): member.name
        for member in files
        if "/" not in member.path.removeprefix(prefix)
    }
    literal = [
        name
        for path, name in roots.items()
        if path.startswith(MARKER) and path.endswith(PAYLOAD_ENDING)
    ]
    markers = [
        name for path, name in roots.items() if path.startswith(MARKER) and name not in literal
    ]
    payloads = [
        name
        for path, name in roots.items()
        if path.endswith(PAYLOAD_ENDING) and name not in literal
    ]
    literal_payload = bool(literal) and not payloads
    if literal_payload:
        payloads = literal
        # The name of the payload then carries the id, too.
        markers = markers or literal[:1]
    metadata = _metadata_candidates(roots)
    backslashes = tuple(member.name for member in files if "\\" in member.name)
    if "model.json" in roots and not markers:
        kind = ContainerKind.CZANN
    elif SAVED_MODEL in roots:
        kind = ContainerKind.SAVED_MODEL
    elif markers or (metadata and payloads):
        kind = ContainerKind.CZMODEL
    else:
        kind = ContainerKind.KERAS if roots.keys() >= _KERAS_MEMBERS else ContainerKind.OTHER
    taken = {*markers, *payloads, *metadata}
    return Container(
        kind=kind,
        markers=tuple(sorted(markers)),
        metadata=tuple(sorted(metadata)),
        payloads=tuple(sorted(payloads)),
        others=tuple(member.name for member in files if member.name not in taken),
        wrapper=wrapper,
        backslashes=backslashes,
        literal_payload=literal_payload,
    )


def _metadata_candidates(roots: dict[str, str]) -> list[str]:
    """XML members in the root; those named by an id go before others, such as a licence."""
    documents = {path: name for path, name in roots.items() if path.lower().endswith(".xml")}
    named = [name for path, name in documents.items() if GUID.fullmatch(path[:-4])]
    return named or list(documents.values())


class PayloadFiles:
    """The SavedModel inside a payload, under canonical names."""

    def __init__(self, archive: Archive) -> None:
        """Find the SavedModel's root.

        Args:
            archive: The payload's own archive.
        """
        self.archive = archive
        files = [member for member in archive.members if not member.is_folder]
        self.wrapper = common_folder([member.path for member in files])
        prefix = "" if self.wrapper is None else self.wrapper + "/"
        # variables/ or assets/ alone is no wrapper: a SavedModel without its saved_model.pb.
        if self.wrapper in ("variables", "assets"):
            self.wrapper, prefix = None, ""
        self.backslashes = tuple(member.name for member in files if "\\" in member.name)
        self._stored = {member.path.removeprefix(prefix): member.name for member in files}

    @property
    def names(self) -> tuple[str, ...]:
        """All files, sorted, with `/` as separator, relative to the SavedModel's root."""
        return tuple(sorted(self._stored))

    @property
    def kind(self) -> PayloadKind:
        """Whether this is a SavedModel."""
        here = SAVED_MODEL in self._stored or "saved_model.pbtxt" in self._stored
        return PayloadKind.SAVED_MODEL if here else PayloadKind.ZIP

    def size(self, name: str) -> int:
        """Size of a file in bytes."""
        return self.archive.member(self._stored[name]).size

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes, in pieces of at most 256 KiB."""
        return self.archive.chunks(self._stored[name])


class Payload(NamedTuple):
    """The payload as a fact.

    Attributes:
        member: Its name in the outer archive.
        kind: What it is.
        size: Its size in bytes.
        head: Its first bytes, at most 16.
        files: The SavedModel's files; None where the payload is no ZIP archive.
    """

    member: str
    kind: PayloadKind
    size: int
    head: bytes
    files: PayloadFiles | None

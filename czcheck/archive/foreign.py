"""What a file is that is no archive, by its first bytes."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from czcheck.text import nearest


class PayloadKind(Enum):
    """What the payload is, by its first bytes. Section 1.5 of the format."""

    SAVED_MODEL = "SavedModel"
    ZIP = "ZIP archive without a SavedModel"
    PICKLE = "Python pickle"
    ONNX = "ONNX"
    EMPTY = "empty"
    UNKNOWN = "unknown"


def sniff(head: bytes) -> PayloadKind:
    """Tell what a payload is by its first bytes. Section 1.5 of the format.

    Args:
        head: The first bytes of the payload, at least 16 where there are as many.
    """
    if not head:
        return PayloadKind.EMPTY
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return PayloadKind.ZIP
    if head[0] == 0x80 and len(head) > 1 and head[1] in range(2, 6):
        return PayloadKind.PICKLE
    # ONNX's ModelProto begins with field 1, a small varint: the version of the format.
    if head[0] == 0x08 and len(head) > 1 and 3 <= head[1] <= 0x20:
        return PayloadKind.ONNX
    return PayloadKind.UNKNOWN


ENDINGS = (".czmodel", ".czseg")
# Enough to know a file by.
HEAD = 16
_FILES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"II*\x00": "a TIFF image",
    b"MM\x00*": "a TIFF image",
    b"ZISRAW": "a CZI image",
    b"\x89HDF": "an HDF5 file (a Keras .h5 model?)",
    b"\x1f\x8b": "a gzip file",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"%PDF": "a PDF document",
    b"<?xml": "an XML document",
    b"\x93NUMPY": "a NumPy array",
    b"\x08\x01\x12": "a SavedModel's saved_model.pb",
    b"version https://": "a pointer of Git LFS (`git lfs pull` fetches the file itself)",
}


def about_file(head: bytes, size: int) -> str:
    """Say what a file is that is no ZIP archive.

    Args:
        head: Its first `HEAD` bytes, or fewer where there are no more.
        size: Its size in bytes.
    """
    if not size:
        return "is empty"
    if head.startswith(b"PK\x03\x04"):
        return "is a ZIP archive that is cut short: its end record is missing"
    payloads = {PayloadKind.PICKLE: "a Python pickle", PayloadKind.ONNX: "an ONNX model"}
    known = next((what for magic, what in _FILES.items() if head.startswith(magic)), None)
    known = known or payloads.get(sniff(head))
    return "is not a ZIP archive" if known is None else f"is {known}, not a ZIP archive"


def about_folder(folder: Path) -> str:
    """Say what to name where a folder was named in an archive's place."""
    if (folder / "saved_model.pb").is_file():
        return (
            f"is a SavedModel, not an archive; `czcheck init {folder}` writes a specification of "
            "it, from which `czcheck build` makes one"
        )
    inside = archives_of(folder)
    if inside:
        return f"is a folder; name one archive in it, such as {inside[0]}"
    return f"is a folder, and holds no archive ({', '.join(ENDINGS)})"


def archives_of(folder: Path) -> list[Path]:
    """The archives in a folder, not below, by name."""
    return sorted(
        each for each in folder.iterdir() if each.suffix.lower() in ENDINGS and each.is_file()
    )


def about_missing(path: Path) -> str:
    """Say that there is no such file, and which neighbouring one has nearly that name."""
    if path.is_symlink():
        return f"no such file: it is a link to {path.readlink()}, which does not exist"
    try:
        neighbours = [each.name for each in path.parent.iterdir() if each.exists()]
    except OSError:
        return f"no such file: there is no folder {path.parent}"
    if any(letter in path.name for letter in "*?["):
        return "no file has a name like that"
    near = nearest(path.name, neighbours, 0.8)
    if not near:
        return "no such file"
    return f"no such file; did you mean {path.parent / near}?"

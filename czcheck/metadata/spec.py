"""The JSON specification from which an archive is built. Section 1.7 of the format."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from czcheck.archive.foreign import about_missing
from czcheck.errors import InputError, UsageError
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.metadata import processing
from czcheck.metadata import spec_values as check
from czcheck.metadata.fields import KEYS, OPTIONAL, REQUIRED
from czcheck.metadata.json_text import JsonError, JsonMember, JsonValue, parse_json
from czcheck.metadata.processing import Operation
from czcheck.metadata.spec_values import Fault, quoted, string
from czcheck.text import nearest


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """What an archive is to be built from.

    Attributes:
        path: The JSON file.
        name: Name of the model; the last part of `ModelPath` unless given. Never empty.
        model_id: GUID in small letters; None unless given.
        border_size: Pixels at each side of a tile whose output is not used.
        color_handling: `ConvertToMonochrome` or `SplitRgb`.
        pixel_types: Pixel type of each image channel; exactly one.
        classes: Names of the classes in the order of the output channels.
        colors: Red, green, blue (0 to 255) of each class; None unless given.
        model_path: The SavedModel's folder, or a `.keras` or `.h5` file.
        license_file: Licence to put into the archive; None unless given.
        test_image_file: Image to try the network on; None unless given.
        spatial_dims: (height, width) of the network's tile in pixels; None unless given.
        preprocessing: Operations to put in front of the network, the first one first.
        postprocessing: Operations to put behind it, the first one first.
    """

    path: Path
    name: str
    border_size: int
    color_handling: str
    pixel_types: tuple[str, ...]
    classes: tuple[str, ...]
    model_path: Path
    model_id: str | None = None
    colors: tuple[tuple[int, int, int], ...] | None = None
    license_file: Path | None = None
    test_image_file: Path | None = None
    spatial_dims: tuple[int, int] | None = None
    preprocessing: tuple[Operation, ...] = ()
    postprocessing: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class SpecPlace:
    """A place in the JSON text.

    Attributes:
        path: Key, or key and number, such as `Classes[1]`; empty for the text as a whole.
        line: Line, from 1; None where the text cannot be read at all.
        column: Column, from 1; None where only the line is known.
    """

    path: str = ""
    line: int | None = None
    column: int | None = None

    def of(self, file: Path | str) -> str:
        """The place with the file's name before it, `spec.json, line 7, column 18`."""
        text = str(file)
        for what, number in (("line", self.line), ("column", self.column)):
            if number is not None:
                text += f", {what} {number}"
        return text


@dataclass(frozen=True, slots=True)
class SpecFault:
    """One thing that is wrong with a specification.

    Attributes:
        reason: What is wrong and how to fix it, as a sentence without a full stop.
        at: Where.
    """

    reason: str
    at: SpecPlace = field(default_factory=SpecPlace)


@dataclass(frozen=True, slots=True)
class SpecReading:
    """A specification as far as it could be read.

    Attributes:
        spec: The specification; None if anything is wrong with it.
        faults: What is wrong, what matters most first; empty where there is a specification.
        places: Where its values stand, the text as a whole included.
    """

    spec: BuildSpec | None
    faults: tuple[SpecFault, ...] = ()
    places: tuple[SpecPlace, ...] = ()

    def place(self, path: str) -> SpecPlace:
        """Where a value stands; the whole text where the specification does not give it."""
        return next((place for place in self.places if place.path == path), SpecPlace())


class Places:
    """Finds lines, columns and paths of a JSON text."""

    def __init__(self, text: str, document: JsonValue | None = None) -> None:
        """Look through the values.

        Args:
            text: The text.
            document: Its value; None where it is no JSON.
        """
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._paths: dict[int, str] = {}
        self._values: list[tuple[str, int]] = []
        for path, offset, is_value in _offsets(document):
            self._paths.setdefault(offset, path)
            if is_value:
                self._values.append((path, offset))

    def at(self, offset: int) -> SpecPlace:
        """The place of a character.

        Args:
            offset: Its index in the text.
        """
        line = bisect_right(self._lines, offset)
        return SpecPlace(self._paths.get(offset, ""), line, offset - self._lines[line - 1] + 1)

    def all(self) -> tuple[SpecPlace, ...]:
        """The places of all values but the nested ones."""
        return tuple(self.at(offset) for path, offset in self._values if path)


def _offsets(document: JsonValue | None) -> Iterator[tuple[str, int, bool]]:
    """Keys, values and items of the top level: path, offset, and whether it is a value."""
    if document is None:
        return
    yield "", document.offset, True
    members: dict[str, JsonMember] = document.value if isinstance(document.value, dict) else {}
    for key, member in members.items():
        yield key, member.offset, False
        yield key, member.value.offset, True
        items = member.value.value if isinstance(member.value.value, list) else []
        for index, item in enumerate(items):
            yield f"{key}[{index}]", item.offset, True


KERAS_FILES = (".keras", ".h5", ".hdf5")
_PATHS = ("ModelPath", "LicenseFile", "TestImageFile")


def read_spec(path: Path, limits: Limits = DEFAULT_LIMITS, *, files: bool = True) -> BuildSpec:
    """Read a specification.

    Paths in it are relative to the JSON file; a backslash is taken as separator where the path as
    written does not exist.

    Args:
        path: The JSON file, UTF-8 with or without a byte order mark.
        limits: Limits; `spec_bytes` is the most that is read.
        files: Whether the files that it names have to exist. If not, `ModelPath` may be left out,
            too, and stands for the JSON file's folder then.

    Returns:
        The specification, every value checked and every file in it there.

    Raises:
        UsageError: There is no such file, or it cannot be opened.
        InputError: It is no JSON or no specification: one line with file, line, column, key, fix.
    """
    reading = examine_spec(path, limits, files=files)
    if reading.spec is None:
        first, *others = reading.faults
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{first.at.of(path)}: {first.reason}{more}")
    return reading.spec


def examine_spec(path: Path, limits: Limits = DEFAULT_LIMITS, *, files: bool = True) -> SpecReading:
    """Read a specification and say all that is wrong with it.

    Args:
        path: The JSON file, as in `read_spec`.
        limits: Limits; `spec_bytes` is the most that is read.
        files: Whether the files that it names have to exist.

    Returns:
        The specification, or its faults.

    Raises:
        UsageError: There is no such file, or it cannot be opened.
    """
    text = _text(path, limits.spec_bytes)
    if isinstance(text, SpecFault):
        return SpecReading(None, (text,))
    try:
        document = parse_json(text)
    except JsonError as error:
        return SpecReading(None, (SpecFault(error.reason, Places(text).at(error.offset)),))
    places = Places(text, document)
    reader = _Reader(path.parent, files=files)
    spec = reader.read(path, document)
    if spec is not None and not reader.faults:
        return SpecReading(spec, places=places.all())
    # A misspelt key is also a missing one; where it stands says more.
    reader.faults.sort(key=lambda fault: (fault.is_missing, fault.offset))
    faults = tuple(SpecFault(fault.reason, places.at(fault.offset)) for fault in reader.faults)
    return SpecReading(None, faults, places.all())


def named_files(path: Path, limits: Limits = DEFAULT_LIMITS) -> dict[str, Path]:
    """Files and folders that a specification names, whether or not it is right in everything else.

    Args:
        path: The file; one that is no JSON object names nothing.
        limits: Limits, as in `read_spec`.

    Returns:
        Paths by their keys. Not all of them need exist.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.spec_bytes + 1)
        document = parse_json(data.removeprefix(b"\xef\xbb\xbf").decode("utf-8"))
    except (OSError, ValueError):
        return {}
    members = document.value if isinstance(document.value, dict) else {}
    reader = _Reader(path.parent)
    found: dict[str, Path] = {}
    for key in _PATHS:
        with suppress(KeyError, Fault):
            found[key] = reader.resolve(key, members[key].value)
    return found


def _text(path: Path, limit: int) -> str | SpecFault:
    if path.is_dir():
        raise UsageError(f"{path}: {_about_folder(path)}")
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except FileNotFoundError:
        raise UsageError(f"{path}: {about_missing(path)}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: cannot be opened: {reason}") from None
    if len(data) > limit:
        return SpecFault(f"is larger than the limit of {limit} bytes for a specification")
    if not data.strip():
        return SpecFault("is empty; `czcheck init` writes a specification to start from")
    if data.startswith(b"PK\x03\x04"):
        if path.suffix.lower() == ".keras":
            return SpecFault("is a Keras file; name it as `ModelPath` in a specification")
        return SpecFault("is a ZIP archive; `czcheck init` writes a specification of an archive")
    if data.startswith(b"\x89HDF"):
        return SpecFault("is an HDF5 file; name it as `ModelPath` in a specification")
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"{\x00", b"\x00{")):
        return SpecFault("is encoded in UTF-16; save it as UTF-8")
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return SpecFault("is no UTF-8 text; save it as UTF-8", SpecPlace(line=line))


def _about_folder(folder: Path) -> str:
    if (folder / "saved_model.pb").is_file():
        return f"is a SavedModel; `czcheck init {folder}` writes a specification of it"
    return "is a folder; name the JSON file in it"


class _Reader:
    """Goes through all keys and collects faults, so that their number is known."""

    def __init__(self, folder: Path, *, files: bool = True) -> None:
        self.folder = folder
        self.files = files
        self.faults: list[Fault] = []

    def read(self, path: Path, document: JsonValue) -> BuildSpec | None:
        members = document.value
        if not isinstance(members, dict):
            self.faults.append(
                Fault(f"the file holds {quoted(document)}; a specification is an object", 0)
            )
            return None
        self.check_keys(members, document.offset)

        def get(key: str, read: Callable[[str, JsonValue], Any]) -> Any:
            member = members.get(key)
            if member is None or (key in OPTIONAL and member.value.value is None):
                return None
            try:
                return read(key, member.value)
            except Fault as fault:
                self.faults.append(fault)
                return None

        reads = {
            **check.CHECKS,
            "ModelPath": self.model_path,
            "LicenseFile": self.file,
            "TestImageFile": self.file,
            "Preprocessing": processing.preprocessing,
            "Postprocessing": processing.postprocessing,
        }
        values = {each.attribute: get(each.name, reads[each.name]) for each in KEYS}
        values["preprocessing"] = values["preprocessing"] or ()
        values["postprocessing"] = values["postprocessing"] or ()
        classes, colors = values["classes"], values["colors"]
        if classes and colors and len(classes) != len(colors):
            reason = (
                f"Colors has {len(colors)} colour(s) for {len(classes)} class(es); give one each"
            )
            self.faults.append(Fault(reason, members["Colors"].value.offset))
        if self.faults:
            return None
        if values["name"] is None:
            values["name"] = _default_name(values["model_path"] or path.with_suffix(""), path)
        values["model_path"] = values["model_path"] or self.folder
        return BuildSpec(path=path, **values)

    def check_keys(self, members: dict[str, JsonMember], start: int) -> None:
        known = (*REQUIRED, *OPTIONAL)
        for key, member in members.items():
            if key not in known:
                self.faults.append(Fault(_unknown_key(key, known), member.offset))
        required = REQUIRED if self.files else REQUIRED[:-1]
        missing = [key for key in required if key not in members]
        if missing:
            keys = ", ".join(missing)
            verb = "key {} is" if len(missing) == 1 else "keys {} are"
            reason = f"the required {verb.format(keys)} missing; every specification has them"
            self.faults.append(Fault(reason, start, is_missing=True))

    def model_path(self, key: str, value: JsonValue) -> Path:
        path = self.resolve(key, value)
        if self.files and not os.path.exists(path):  # noqa: PTH110 - returns False for names no system can have
            raise Fault(
                f"{key} names {quoted(value)}, which does not exist (looked for {path}); give the "
                "SavedModel's folder, absolute or relative to the JSON file",
                value.offset,
            )
        return path

    def file(self, key: str, value: JsonValue) -> Path:
        path = self.resolve(key, value)
        if self.files and not os.path.isfile(path):  # noqa: PTH113 - as above
            raise Fault(
                f"{key} names {quoted(value)}, which is no file (looked for {path}); give a path, "
                "absolute or relative to the JSON file, or leave the key out",
                value.offset,
            )
        return path

    def resolve(self, key: str, value: JsonValue) -> Path:
        text = string(key, value, "a path")
        path = self.folder / text
        if "\\" in text and not os.path.exists(path):  # noqa: PTH110 - as above
            path = self.folder / text.replace("\\", "/")
        return path


def _unknown_key(key: str, known: tuple[str, ...]) -> str:
    named = quoted(JsonValue(key, 0))
    if key == "ModelMetadata":
        return f"the key {named} belongs to the specification of a .czann file, not of a czmodel"
    near = nearest(key, known)
    hint = f"did you mean '{near}'?" if near else f"known are {', '.join(known)}"
    return f"the key {named} is unknown; {hint}"


def _default_name(model_path: Path, spec_path: Path) -> str:
    """The last part of the model's path, whatever separators it ends in; never empty."""
    part = model_path if model_path.name not in ("", "..") else model_path.resolve()
    name = part.stem if part.suffix.lower() in KERAS_FILES else part.name
    # What the file system allows, a name in XML need not.
    return check.UNPRINTABLE.sub("_", name).strip() or spec_path.stem

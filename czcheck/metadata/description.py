"""Metadata described by values instead of a document: parameters of a call, a specification."""

from __future__ import annotations

import dataclasses
import operator
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from czcheck.errors import InputError, UsageError
from czcheck.limits import DEFAULT_LIMITS
from czcheck.metadata import spec_values as check
from czcheck.metadata.described import metadata_of_spec, numbered
from czcheck.metadata.document import read_document
from czcheck.metadata.fields import FIELDS, KEYS, OPTIONAL
from czcheck.metadata.json_text import JsonValue
from czcheck.metadata.model_metadata import ModelMetadata, SegmentationClass, metadata_of
from czcheck.metadata.spec import BuildSpec, read_spec
from czcheck.metadata.spec_values import Fault

DEFAULT_NAME = "DNN Model"
_TIDIED = ("name", "model_id")  # white space around it, capitals in it
_DEEPEST = 2  # colours: a list of lists
# Keys of a specification that describe metadata, by the names of `from_params`.
PARAMETERS = {each.name: each.parameter for each in KEYS if each.parameter}


def new_id() -> str:
    """A GUID that nothing else has."""
    return str(uuid.uuid4())


def described(
    values: Mapping[str, Any], names: Mapping[str, str] | None = None, *, name: str = DEFAULT_NAME
) -> ModelMetadata:
    """Metadata from values, which are held to the same checks as those of a specification.

    Args:
        values: Values by key of the specification; `Name`, `Id` and `Colors` may be left out or
            None. Keys that do not describe metadata are passed over.
        names: What messages call a key, where that is not its own name.
        name: Name of the model where none is given.

    Returns:
        The metadata. Without an `Id` it gets one of its own, without `Colors` distinct ones.

    Raises:
        InputError: A value is missing or wrong. The message names it and says what to give.
    """
    called = names or {}
    found: dict[str, Any] = {}
    for key in PARAMETERS:
        value = values.get(key)
        shown = called.get(key, key)
        if value is None and key in OPTIONAL:
            found[key] = None
            continue
        if key not in values:
            near = check.meant(key, [str(each) for each in values if each not in PARAMETERS])
            hint = "" if near is None else f", and '{near}' is no key: is it meant?"
            raise InputError(f"{shown} is missing; every model has it{hint}")
        try:
            found[key] = check.CHECKS[key](shown, _json(value))
        except Fault as fault:
            raise InputError(fault.reason) from None
    classes, colors = found["Classes"], found["Colors"]
    if colors and len(colors) != len(classes):
        raise InputError(
            f"{called.get('Colors', 'Colors')} has {len(colors)} colour(s) for {len(classes)} "
            "class(es); give one each"
        )
    return ModelMetadata(
        model_id=found["Id"] or new_id(),
        name=found["Name"] or name,
        classes=numbered(classes, colors),
        pixel_types=found["PixelType"],
        color_handling=found["ColorHandling"],
        border_size=found["BorderSize"],
    )


def of_spec(spec: BuildSpec) -> ModelMetadata:
    """The metadata that a specification describes, with an id of its own unless it gives one.

    Args:
        spec: The specification.
    """
    return metadata_of_spec(spec, new_id())


def spec_of(
    metadata: ModelMetadata, model_path: Path, licence: Path | None, base: BuildSpec | None = None
) -> BuildSpec:
    """A specification of what metadata describes.

    Args:
        metadata: The metadata; every value is checked as if it came from JSON.
        model_path: The SavedModel's folder, or a Keras file.
        licence: Licence to put into the archive; None for none.
        base: A specification that says what metadata does not, such as the tile's size.

    Raises:
        UsageError: The classes are no classes.
        InputError: A value is wrong, or is not one that a build writes.
    """
    if not all(isinstance(item, SegmentationClass) for item in metadata.classes):
        raise UsageError("classes of the metadata are given by name: ModelMetadata.from_params")
    plain = described(
        {
            "ColorHandling": metadata.color_handling,
            "PixelType": metadata.pixel_types,
            "Classes": [item.name for item in metadata.classes],
            "BorderSize": metadata.border_size,
            "Name": metadata.name,
            "Colors": [item.color for item in metadata.classes],
            "Id": metadata.model_id,
        }
    )
    fields = [field.name for field in dataclasses.fields(metadata)]
    odd = [
        field
        for field in fields
        if field not in _TIDIED and getattr(plain, field) != getattr(metadata, field)
    ]
    if odd:
        raise InputError(
            f"the metadata's {', '.join(odd)} cannot be built into an archive, which says version "
            "3.0.0, numbers its classes from 1, and holds no element beyond the format's; make it "
            "with ModelMetadata.from_params"
        )
    values: dict[str, Any] = {
        **{field.attribute: getattr(plain, field.attribute) for field in FIELDS if field.key},
        "classes": tuple(item.name for item in plain.classes),
        "colors": tuple(item.color for item in plain.classes),
        "model_path": model_path,
        "license_file": licence,
    }
    if base is not None:
        return dataclasses.replace(base, **values)
    return BuildSpec(path=Path("the model specification"), **values)


def of_json(source: str | Path | Mapping[str, Any]) -> ModelMetadata:
    """The metadata in a JSON specification; its other keys need not be there or be right.

    Args:
        source: Path of the JSON file, or what is in it.

    Raises:
        UsageError: There is no such file.
        InputError: It is no JSON, or a value is missing or wrong.
    """
    if isinstance(source, Mapping):
        return described(source, name=_name_of(source.get("ModelPath")))

    path = _path("model_metadata", source, "a dictionary, which json.loads makes of a text")
    return of_spec(read_spec(path, files=False))


def of_xml(source: bytes | str | Path) -> ModelMetadata:
    """The metadata in a Model XML.

    Args:
        source: The document, or the path of its file.

    Raises:
        UsageError: There is no such file.
        InputError: The document cannot be read, or breaks the schema.
    """
    where = ""
    if not isinstance(source, bytes):
        path = _path("source", source, "the document as bytes, which text.encode() makes of a text")
        where = f"{path}: "
        try:
            with path.open("rb") as stream:
                source = stream.read(DEFAULT_LIMITS.xml_bytes + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"{where}cannot be opened: {reason}") from None
    try:
        return metadata_of(read_document(source))
    except InputError as error:
        raise InputError(f"{where}{error}") from None


def _name_of(model_path: Any) -> str:
    """The name of a model that is named after its file alone."""
    if not isinstance(model_path, (str, Path)):
        return DEFAULT_NAME
    last = str(model_path).replace("\\", "/").rstrip("/").rpartition("/")[2]
    return check.UNPRINTABLE.sub("_", last).strip(" .") or DEFAULT_NAME


class _Other:
    """A Python value that no check takes, as messages show it."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __str__(self) -> str:
        if self._value is None or isinstance(self._value, bool):
            return str(self._value)
        return f"of type {type(self._value).__name__}"


def _json(value: Any, depth: int = 0) -> JsonValue:
    """A Python value as the checks read it; arrays of numpy and tensors count as lists."""
    if isinstance(value, (list, tuple)) and depth < _DEEPEST:
        return JsonValue([_json(item, depth + 1) for item in value], 0)
    if isinstance(value, (str, float)):
        return JsonValue(value, 0)
    if isinstance(value, uuid.UUID):
        return JsonValue(str(value), 0)
    with suppress(TypeError):
        return JsonValue(_Other(value) if isinstance(value, bool) else operator.index(value), 0)
    plain = None if isinstance(value, type) else getattr(value, "tolist", None)
    if callable(plain) and not isinstance(found := plain(), type(value)):
        return _json(found, depth)
    return JsonValue(_Other(value), 0)


def _path(name: str, value: Any, text: str) -> Path:
    """A path that was given, and not what is in the file.

    Args:
        name: Name of the parameter.
        value: What was given.
        text: What the beginning of a document looks like, and how to pass one.
    """
    if not isinstance(value, (str, Path)):
        raise UsageError(f"{name} is of type {type(value).__name__}; give a path, or {text}")
    if isinstance(value, str) and value.lstrip("\ufeff \t\r\n")[:1] in {"<", "{"}:
        raise UsageError(f"{name} is the text of a document; give its path, or {text}")
    return Path(value)

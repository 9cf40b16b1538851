"""Metadata described by values instead of a document: parameters of a call, a specification."""

from __future__ import annotations

import operator
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from czcheck.errors import InputError, UsageError
from czcheck.metadata import spec_values as check
from czcheck.metadata.classes import SegmentationClass, numbered
from czcheck.metadata.fields import KEYS, OPTIONAL
from czcheck.metadata.json_text import JsonValue
from czcheck.metadata.spec import read_spec
from czcheck.metadata.spec_values import Fault
from czcheck.text import nearest

DEFAULT_NAME = "DNN Model"
_DEEPEST = 2  # colours: a list of lists
# Keys of a specification that describe metadata, by the names of `from_params`.
PARAMETERS = {each.name: each.parameter for each in KEYS if each.parameter}


class Described(NamedTuple):
    """What values describe: the fields of `ModelMetadata` that they give."""

    model_id: str
    name: str
    classes: tuple[SegmentationClass, ...]
    pixel_types: tuple[str, ...]
    color_handling: str
    border_size: int


def new_id() -> str:
    """A GUID that nothing else has."""
    return str(uuid.uuid4())


def described(
    values: Mapping[str, Any], names: Mapping[str, str] | None = None, *, name: str = DEFAULT_NAME
) -> Described:
    """Metadata from values, which pass the same checks as those of a specification.

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
            near = nearest(key, [str(each) for each in values if each not in PARAMETERS])
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
    return Described(
        model_id=found["Id"] or new_id(),
        name=found["Name"] or name,
        classes=numbered(classes, colors),
        pixel_types=found["PixelType"],
        color_handling=found["ColorHandling"],
        border_size=found["BorderSize"],
    )


def of_json(source: str | Path | Mapping[str, Any]) -> Described:
    """The metadata in a JSON specification; its other keys need not be there or be right.

    Args:
        source: Path of the JSON file, or what is in it.

    Raises:
        UsageError: There is no such file.
        InputError: It is no JSON, or a value is missing or wrong.
    """
    if isinstance(source, Mapping):
        return described(source, name=_name_of(source.get("ModelPath")))
    path = path_of("model_metadata", source, "a dictionary, which json.loads makes of a text")
    spec = read_spec(path, files=False)
    return Described(
        spec.model_id or new_id(),
        spec.name,
        numbered(spec.classes, spec.colors),
        spec.pixel_types,
        spec.color_handling,
        spec.border_size,
    )


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


def path_of(name: str, value: Any, text: str) -> Path:
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

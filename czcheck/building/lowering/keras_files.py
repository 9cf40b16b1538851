"""Export a Keras file as a SavedModel. Runs in the build's child process only.

A `.keras` or `.h5` file holds a description of layers by their classes' names, and can hold code
(`Lambda` layers). It is loaded in Keras's safe mode; classes that are not Keras's own come from the
one module that the user names. Files of Keras 1 and 2 are not loaded by Keras: see `keras2`.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import inspect
import json
import re
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from czcheck import layers  # which makes Keras know those of czcheck, too
from czcheck.building.keras2.export import export as export_old
from czcheck.building.keras2.reading import writer_of
from czcheck.errors import InputError
from czcheck.runtime.worker import first_line

CONFIG = "config.json"
MOST_CONFIG_BYTES = 1 << 26
ADVICE = (
    "name the module that defines it: --custom-objects MODULE, a dotted name or the path of a .py "
    'file (custom_objects="..." in Python)'
)
_UNKNOWN = (
    re.compile(r"Could not locate class '([^']{1,100})'"),
    re.compile(r"Unknown (?:layer|object|class|[a-z ]*function)[^']{0,20}'([^']{1,100})'"),
    re.compile(r"Could not deserialize class '([^']{1,100})'"),
)


def export(
    path: Path,
    into: Path,
    custom_objects: str | None,
    search: str,
    tile: tuple[int, int] | None = None,
) -> list[str]:
    """Load a Keras file and export it for inference.

    Args:
        path: The `.keras`, `.h5` or `.hdf5` file.
        into: Folder to write the SavedModel to.
        custom_objects: Module with the classes that are not Keras's own: its dotted name, or the
            path of a `.py` file; None if there are none.
        search: Folder in which the module is looked for, too.
        tile: (height, width) in pixels, for a model that Keras cannot export with an open size.

    Returns:
        What the file leaves open, one sentence each.

    Raises:
        InputError: The file cannot be loaded in safe mode, or needs classes that are not given.
    """
    config = _config_without_lambdas(path)
    writer = writer_of(path)
    if writer.is_old:
        objects = {} if custom_objects is None else _objects(custom_objects, search)
        return export_old(path, config, writer, into, objects)
    _export_new(path, into, custom_objects, search, tile)
    return []


def _export_new(
    path: Path,
    into: Path,
    custom_objects: str | None,
    search: str,
    tile: tuple[int, int] | None,
) -> None:
    """Export a file of Keras 3."""
    objects = {} if custom_objects is None else _objects(custom_objects, search)
    options: dict[str, Any] = {"compile": False, "custom_objects": objects, "safe_mode": True}
    try:
        model = tf.keras.models.load_model(str(path), **options)
    except Exception as error:
        raise InputError(_reason(error, given=custom_objects is not None)) from error
    if not getattr(model, "inputs", None):
        raise InputError(
            "the model in the Keras file has no fixed input; build it with keras.Input, or call it "
            "once before it is saved"
        )
    try:
        layers.export(model, str(into), tile)
    except InputError as error:
        raise InputError(f"the model in the Keras file {error}") from error


def _config_without_lambdas(path: Path) -> Any:
    """The description of the layers; Python code in it is refused before Keras sees the file."""
    try:
        config = json.loads(_config(path))
    except (ValueError, RecursionError):
        raise InputError("the Keras file's description of its layers cannot be read") from None
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if value.get("class_name") in ("Lambda", "__lambda__"):
                inside = value.get("config")
                name = inside.get("name") if isinstance(inside, dict) else None
                named = f" {name[:100]!r}" if isinstance(name, str) else ""
                raise InputError(
                    f"the Keras file holds a Lambda layer{named}: Python code, which is not loaded "
                    "from a file; use a layer of Keras or a class of your own in its place, or "
                    "export the model with model.export(folder) and name that folder in `ModelPath`"
                )
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return config


def _config(path: Path) -> bytes:
    """The description of the layers, JSON."""
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive, archive.open(CONFIG) as stream:
                text = stream.read(MOST_CONFIG_BYTES + 1)
        except (KeyError, zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
            raise InputError(
                f"the Keras file has no readable {CONFIG}; save the model again with "
                "model.save('name.keras')"
            ) from None
    else:
        import h5py  # noqa: PLC0415

        try:
            with h5py.File(path, "r") as file:
                found = file.attrs.get("model_config")
        except OSError:
            raise InputError(
                "the Keras file is neither a .keras archive nor an HDF5 file, or is damaged; save "
                "the model again with model.save('name.keras')"
            ) from None
        if found is None:
            raise InputError(
                "the HDF5 file holds weights but no model; save the whole model with "
                "model.save('name.keras')"
            )
        text = found if isinstance(found, bytes) else str(found).encode()
    if len(text) > MOST_CONFIG_BYTES:
        raise InputError(
            f"the Keras file's description of its layers is larger than {MOST_CONFIG_BYTES} bytes"
        )
    return text


def _objects(module: str, search: str) -> dict[str, Any]:
    """Classes and functions that a module defines, by name."""
    path = Path(search, module)
    if module.endswith(".py") and not path.is_file():
        raise InputError(f"the module of custom objects {module} does not exist")
    sys.path.insert(0, search)
    sys.dont_write_bytecode = True  # the folder of the module is the user's
    try:
        loaded = _of_file(path) if module.endswith(".py") else importlib.import_module(module)
    except Exception as error:
        raise InputError(
            f"the module of custom objects {module} cannot be imported: {type(error).__name__}: "
            f"{first_line(error)}"
        ) from error
    finally:
        sys.path.remove(search)
    return {
        name: value
        for name, value in vars(loaded).items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and not name.startswith("_")
    }


def _of_file(path: Path) -> Any:
    loader = importlib.machinery.SourceFileLoader(path.stem, str(path))
    loaded = types.ModuleType(path.stem)
    sys.modules[path.stem] = loaded
    loader.exec_module(loaded)
    return loaded


def _reason(error: Exception, *, given: bool) -> str:
    text = str(error)
    for pattern in _UNKNOWN:
        if found := pattern.search(text):
            also = "the module of custom objects has no such name; " if given else ""
            return (
                f"the Keras file needs the class {found[1]!r}, which is not one of Keras's own; "
                f"{also}{ADVICE}"
            )
    if "ambda" in text:
        return (
            "the Keras file holds a Lambda layer: Python code, which is not loaded from a file; "
            "export the model with model.export(folder) and name that folder in `ModelPath`"
        )
    reason = first_line(error).partition(" using config={")[0]
    return f"the Keras file cannot be loaded: {type(error).__name__}: {reason}"

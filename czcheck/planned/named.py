"""What a specification names: a model's files and a licence, looked at without opening them."""

from __future__ import annotations

from pathlib import Path

from czcheck.archive.members import unsafe
from czcheck.metadata.spec import KERAS_FILES


def is_keras_file(path: Path) -> bool:
    """Whether a path names a Keras file, not a SavedModel.

    Args:
        path: What `ModelPath` names.
    """
    return path.suffix.lower() in KERAS_FILES and not path.is_dir()


def model_fault(path: Path) -> str | None:
    """Why a path is neither a SavedModel's folder nor a Keras file; None if it is one.

    Args:
        path: What `ModelPath` names.
    """
    if not path.exists():
        return "`ModelPath` names a folder that does not exist"
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return None
        return (
            "`ModelPath` is no SavedModel: the folder has no saved_model.pb; "
            "write one with model.export(folder) or tf.saved_model.save(model, folder)"
        )
    if is_keras_file(path):
        return None
    if path.suffix.lower() == ".onnx":
        return (
            "building from ONNX files is not supported; `ModelPath` has to name the "
            "folder of a TensorFlow SavedModel"
        )
    return (
        "`ModelPath` is a file; it has to name the folder of a SavedModel, "
        "the one that holds saved_model.pb"
    )


def licence_fault(path: Path) -> str | None:
    """Why a licence cannot stand in the archive under its own name; None if it can.

    Args:
        path: What `LicenseFile` names.
    """
    if not path.is_file():
        return "`LicenseFile` names no file"
    name = path.name.lower()
    if name.endswith((".xml", ".model")) or name.startswith("modelid="):
        return (
            "a licence of that name would be taken for a part of the model; "
            "rename it, for instance to LICENSE.txt"
        )
    if why := unsafe(path.name):
        return f"the licence's name {why}; rename it, to LICENSE.txt for instance"
    return None

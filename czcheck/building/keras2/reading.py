"""Reads what Keras 1 and 2 wrote, under limits: the version, the list of layers, the arrays."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import h5py
import numpy as np

from czcheck.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


_NUMBERS = re.compile(r"(\d{1,4})\.(\d{1,4})")
_LOAD = "load it where that Keras is installed, save it with "


@dataclass(frozen=True, slots=True)
class Writer:
    """The Keras that wrote a file.

    Attributes:
        version: Its version as the file says it, `2.3.1` or `2.2.4-tf`; empty if it does not.
        backend: What it ran on, `tensorflow` for nearly all files; empty if the file does not say.
    """

    version: str
    backend: str = "tensorflow"

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor version; (0, 0) where the file has none that can be read."""
        found = _NUMBERS.match(self.version)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def is_old(self) -> bool:
        """Whether it is older than Keras 3."""
        return self.numbers < (3, 0)

    @property
    def standalone(self) -> bool:
        """Whether it is the package `keras` of its own, which 2.4 turned into `tf.keras`."""
        return not self.version.endswith("-tf") and self.numbers < (2, 4)

    @property
    def name(self) -> str:
        """What to call it in messages: `Keras 2.3.1`, `tf.keras 2.2.4-tf`."""
        if not self.version:
            return "a Keras that does not name its version"
        return f"{'Keras' if self.standalone else 'tf.keras'} {self.version[:30]}"

    @property
    def way_out(self) -> str:
        """How to get a SavedModel of the file."""
        if self.standalone:
            save = (
                "tf.compat.v1.saved_model.simple_save(keras.backend.get_session(), folder, "
                "{'input': model.input}, {'output': model.output})"
            )
        else:
            save = "tf.saved_model.save(model, folder)"
        return f"{_LOAD}{save}, and name that folder in `ModelPath`"


MOST_WEIGHT_BYTES = 4 << 30
MOST_ARRAYS = 200_000
MOST_METADATA_BYTES = 1 << 16
STORE = "model.weights.h5"

Named: TypeAlias = tuple[str, "NDArray[Any]"]
"""An array and the name that the file gives it."""


class Source(Protocol):
    """Where weights are to be had."""

    def of_layer(self, name: str) -> Sequence[Named]:
        """The arrays of one layer of the outermost model."""


def writer_of(path: Path) -> Writer:
    """The Keras that wrote a file, as far as the file says it.

    Args:
        path: A `.keras` archive or an HDF5 file.

    Raises:
        InputError: It cannot be read.
    """
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive, archive.open("metadata.json") as stream:
                found = json.loads(stream.read(MOST_METADATA_BYTES))
            return Writer(str(found["keras_version"]))
        except (KeyError, TypeError, ValueError, RecursionError):
            return Writer("")
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
            raise InputError("the Keras file is damaged; save the model again") from None

    with h5py.File(path, "r") as file:
        version, backend = (file.attrs.get(key, "") for key in ("keras_version", "backend"))
    return Writer(
        *(
            each.decode("ascii", "replace") if isinstance(each, bytes) else str(each)
            for each in (version, backend)
        )
    )


class Budget:
    """Counts what is read of a file."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._bytes = self._arrays = 0

    def read(self, group: Any, path: str) -> NDArray[Any]:
        """Read one array.

        Args:
            group: An opened HDF5 group.
            path: The array's place in it.

        Raises:
            InputError: It is none, lies in another file, or too much was read.
        """
        found = group
        for part in path.split("/"):
            link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
            if not isinstance(link, h5py.HardLink):
                raise _missing(path)
            found = found[part]
        if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
            raise _missing(path)
        if found.dtype.kind not in "fiub":
            raise InputError(f"the Keras file's weight {path[:200]!r} holds no numbers")
        self._bytes += int(found.size or 0) * found.dtype.itemsize
        self._arrays += 1
        if self._bytes > MOST_WEIGHT_BYTES or self._arrays > MOST_ARRAYS:
            raise InputError(
                f"the Keras file has more than {MOST_WEIGHT_BYTES >> 30} GiB of weights or more "
                f"than {MOST_ARRAYS} arrays"
            )
        try:
            return np.asarray(found[()])
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise InputError(f"the Keras file's weight {path[:200]!r} cannot be read") from error


def _missing(path: str) -> InputError:
    return InputError(
        f"the Keras file has no weight {path[:200]!r}, or has it in another file; save the whole "
        "model again"
    )


class Groups:
    """Weights in an HDF5 file: a group for each layer, in it the arrays and their order."""

    def __init__(self, file: Any) -> None:
        """Take an opened file.

        Args:
            file: The HDF5 file.
        """
        self._group = _group(file, "model_weights")
        self._budget = Budget()

    def of_layer(self, name: str) -> Sequence[Named]:
        """The arrays of one layer, or of all layers in it if it is a model.

        Args:
            name: The layer's name.

        Raises:
            InputError: The file does not have them.
        """
        group = _group(self._group, name)
        return [(each, self._budget.read(group, each)) for each in _texts(group, "weight_names")]


def _group(parent: Any, path: str) -> Any:
    found = parent
    for part in path.split("/"):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) and part else None
        if not isinstance(link, h5py.HardLink) or not isinstance(found[part], h5py.Group):
            raise InputError(
                f"the Keras file has no weights for {path[:200]!r}; save the whole model again"
            )
        found = found[part]
    return found


def _texts(group: Any, name: str) -> list[str]:
    """Texts in an attribute; long lists of them are cut into several attributes."""
    parts = [group.attrs[name]] if name in group.attrs else []
    while not parts or len(parts) <= MOST_ARRAYS:
        following = f"{name}{len(parts)}"
        if name in group.attrs or following not in group.attrs:
            break
        parts.append(group.attrs[following])
    return [
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each)
        for part in parts
        for each in part
    ]


class Store:
    """Weights in a `.keras` archive of 2.12 to 2.15: groups named by classes of layers."""

    def __init__(self, file: Any) -> None:
        """Take an opened file.

        Args:
            file: The HDF5 file that was in the archive.
        """
        self._file = file
        self._budget = Budget()

    def has(self, path: str) -> bool:
        """Whether there is such a group."""
        try:
            _group(self._file, path)
        except InputError:
            return False
        return True

    def count(self, path: str) -> int:
        """Number of arrays in a group."""
        return len(_group(self._file, f"{path}/vars" if path else "vars"))

    def read(self, path: str, number: int) -> NDArray[Any]:
        """One array of a layer.

        Args:
            path: The layer's group.
            number: Which of its arrays.
        """
        return self._budget.read(self._file, f"{path}/vars/{number}")


def snake_case(name: str) -> str:
    """A class's name as groups of a `.keras` archive have it: `Conv2D` is `conv2d`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


@contextmanager
def opened(path: Path, folder: Path) -> Iterator[Groups | Store]:
    """Open the weights of a file.

    Args:
        path: The Keras file.
        folder: Folder to unpack an archive's weights to.

    Yields:
        Where its weights are to be had.

    Raises:
        InputError: It holds none that can be read.
    """
    is_archive = zipfile.is_zipfile(path)
    if is_archive:
        path = _unpacked(path, folder)
    try:
        file = h5py.File(path, "r")
    except OSError:
        raise InputError("the Keras file's weights are damaged; save the model again") from None
    with file:
        yield Store(file) if is_archive else Groups(file)


def _unpacked(path: Path, folder: Path) -> Path:
    """The weights of a `.keras` archive as a file of their own."""
    target = folder / "weights.h5"
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(STORE)
            if member.file_size > MOST_WEIGHT_BYTES:
                raise InputError(
                    f"the Keras file has more than {MOST_WEIGHT_BYTES >> 30} GiB of weights"
                )
            with archive.open(member) as source, target.open("wb") as stream:
                shutil.copyfileobj(source, stream, 1 << 20)
    except (KeyError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
        raise InputError(
            f"the Keras file has no readable {STORE}; save the model again with "
            "model.save('name.keras')"
        ) from None
    return target

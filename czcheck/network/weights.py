"""Weights: what stands in the constants and variables that the serving signature reaches.

Constants stand in the graph, variables in the data files of the checkpoint. Those files are written
to a folder once, and only as much of them is in memory as is looked at.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from czcheck.errors import InputError
from czcheck.network import dtypes
from czcheck.network.checkpoint import data_name, dims_of, is_data
from czcheck.network.variables import HANDLES, name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.limits import Limits
    from czcheck.network.facts import IndexEntry, Network, Variable
    from czcheck.network.files import SavedModelFiles
    from czcheck.network.graph import Scope

CHUNK = 1 << 20
"""Values that are looked at in one piece."""

# A constant may be written as one value for all of its elements, whatever their number.
_MOST_REPEATED = 256 << 20
_DIGITS = re.compile(r"(\d+)")
# How numpy reads the bytes of a dtype; bfloat16 is the upper half of a float32.
_CODES = {
    "float32": "<f4",
    "float64": "<f8",
    "float16": "<f2",
    "bfloat16": "<u2",
    "int8": "i1",
    "uint8": "u1",
    "qint8": "i1",
    "quint8": "u1",
}
_FIELDS = {"float32": "float_val", "float64": "double_val", "float16": "half_val"}
_FIELDS |= {"bfloat16": "half_val"}
_BITS = {"float16": "<u2"}

Kind = Literal["variable", "constant"]


@dataclass(frozen=True, slots=True)
class Weight:
    """The values of one constant or variable.

    Attributes:
        name: Name of the variable; of a constant the name of its node, with that of the function
            that holds it.
        kind: `variable` or `constant`.
        dtype: Name of its dtype.
        shape: Its shape.
        digest: SHA-256 of dtype, shape and values, in hexadecimal; None where they cannot be read.
        fault: Why they cannot be read; None if they can.
    """

    name: str
    kind: Kind
    dtype: str
    shape: tuple[int, ...]
    digest: str | None = None
    fault: str | None = None

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def is_number(self) -> bool:
        """Whether it is a single number in the graph, which may be a weight or none."""
        return self.kind == "constant" and not self.shape


class _Place(NamedTuple):
    """Where values stand: a constant's message, or a part of a file."""

    tensor: Any = None
    path: Path | None = None
    offset: int = 0


class Weights:
    """The weights of one network, with their values at hand while the folder is there."""

    def __init__(
        self, network: Network, files: SavedModelFiles, folder: Path, limits: Limits
    ) -> None:
        """Read all values once, for their digests.

        Args:
            network: The network's facts.
            files: The SavedModel that they were read from.
            folder: Empty folder for the checkpoint's data.
            limits: Limits on what is written there.

        Raises:
            InputError: The data files are larger than the limits.
        """
        self._network = network
        self._folder = folder
        self._places: dict[Weight, _Place] = {}
        self._constants: dict[tuple[Scope, str], Weight] = {}
        self._variables: dict[str, Weight] = {}
        captured = [each for each in network.variables if each.captured]
        if captured:
            _write_data(files, folder, limits)
        entries = {} if network.index is None else {e.key: e for e in network.index.entries}
        found: list[Weight] = []
        for variable in captured:
            weight = self._variable(variable, entries)
            self._variables[variable.name] = weight
            found.append(weight)
        for scope, node in () if network.graph is None else network.graph.serving:
            if node.op == "Const" and "value" in node.attr:
                constant = self._constant(scope, node)
                if constant is not None:
                    self._constants[scope, node.name] = constant
                    found.append(constant)
        self.all = tuple(sorted(found, key=lambda weight: natural(weight.name)))

    def of(self, scope: Scope, node: Any) -> Weight | None:
        """The weight that a node of the graph is or names; None for any other node."""
        if node.op in HANDLES:
            return self._variables.get(name_of(node))
        return self._constants.get((scope, node.name))

    def chunks(self, weight: Weight) -> Iterator[NDArray[Any]]:
        """The values of a weight in row-major order, as float64, `CHUNK` at a time.

        Args:
            weight: One of `all` without a fault.
        """
        for piece in self._pieces(weight):
            if weight.dtype == "bfloat16":
                yield (piece.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
            else:
                yield piece.astype(np.float64)

    def _pieces(self, weight: Weight) -> Iterator[NDArray[Any]]:
        """The values as they are stored."""
        place, code = self._places[weight], _CODES[weight.dtype]
        if place.path is None:
            values = _values(place.tensor, weight.dtype, weight.count)
            for at in range(0, len(values), CHUNK):
                yield values[at : at + CHUNK]
            return
        with place.path.open("rb") as stream:
            stream.seek(place.offset)
            left = weight.count
            while left:
                piece = np.fromfile(stream, code, min(left, CHUNK))
                if not piece.size:
                    raise InputError(f"{place.path.name} is shorter than it was")
                left -= piece.size
                yield piece

    def _variable(self, variable: Variable, entries: dict[str, IndexEntry]) -> Weight:
        dtype = variable.dtype.removesuffix("_ref")
        entry = None if variable.key is None else entries.get(variable.key)
        shape = variable.shape if entry is None or entry.shape is None else entry.shape
        sizes = tuple(size or 0 for size in shape or ())
        path = None
        if entry is None:
            fault = "its place in the checkpoint is not known"
        elif entry.sliced:
            fault = "it is stored in slices"
        elif entry.dtype != dtype or dtype not in _CODES:
            fault = f"its values are of type {entry.dtype}"
        elif entry.offset < 0 or entry.size != math.prod(sizes) * (
            dtypes.item_bytes(dtypes.number(dtype)) or 0
        ):
            fault = "its size does not fit its shape"
        else:
            shards = 1 if self._network.index is None else self._network.index.shards
            path = self._folder / Path(data_name(entry.shard, shards)).name
            there = path.is_file() and entry.offset + entry.size <= path.stat().st_size
            fault = "" if there else "the checkpoint's data end before it"
        weight = Weight(variable.name, "variable", dtype, sizes, fault=fault or None)
        if weight.fault is not None or entry is None:
            return weight
        return self._digested(weight, _Place(path=path, offset=entry.offset))

    def _constant(self, scope: str | None, node: Any) -> Weight | None:
        """A constant; None where it is no weight but the size of something."""
        tensor = node.attr["value"].tensor
        dtype, shape = dtypes.name(tensor.dtype), dims_of(tensor.tensor_shape)
        if dtype not in _CODES or shape is None or None in shape:
            return None
        sizes = tuple(size or 0 for size in shape)
        name = node.name if scope is None else f"{scope}/{node.name}"
        item = dtypes.item_bytes(tensor.dtype) or 0
        size = math.prod(sizes) * item
        content = tensor.tensor_content
        fault = None
        if content and len(content) != size:
            fault = f"it holds {len(content)} bytes, and its shape needs {size}"
        elif not content and dtype not in _FIELDS:
            fault = f"its values of type {dtype} are written in another way"
        elif not content and size > _MOST_REPEATED:
            fault = "it repeats one value too often"
        weight = Weight(name, "constant", dtype, sizes, fault=fault)
        return weight if fault is not None else self._digested(weight, _Place(tensor))

    def _digested(self, weight: Weight, place: _Place) -> Weight:
        self._places[weight] = place
        digest = hashlib.sha256(f"{weight.dtype} {weight.shape} ".encode())
        for piece in self._pieces(weight):
            digest.update(piece.tobytes())
        del self._places[weight]
        known = Weight(weight.name, weight.kind, weight.dtype, weight.shape, digest.hexdigest())
        self._places[known] = place
        return known


def natural(name: str) -> tuple[Any, ...]:
    """A key that sorts names with their numbers as numbers: `conv_2` before `conv_10`."""
    # Of two numbers without leading zeros the longer one is larger.
    return tuple(
        (len(part.lstrip("0")), part.lstrip("0"), part) if number % 2 else (0, part, "")
        for number, part in enumerate(_DIGITS.split(name))
    )


def _values(tensor: Any, dtype: str, count: int) -> NDArray[Any]:
    """A constant's values as they would be stored."""
    code = _CODES[dtype]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, code)
    given = np.array(getattr(tensor, _FIELDS[dtype])[:count] or [0])
    given = given.astype(_BITS.get(dtype, code)).view(code)
    # The last value stands for all that follow.
    return np.concatenate([given, np.repeat(given[-1:], count - len(given))])[:count]


def _write_data(files: SavedModelFiles, folder: Path, limits: Limits) -> None:
    """Write the checkpoint's data files, under their own names: five digits `-of-` five digits."""
    left = limits.archive_bytes
    for name in files.names:
        base = Path(name).name
        if not is_data(name) or not re.fullmatch(r"variables\.data-\d{5}-of-\d{5}", base, re.ASCII):
            continue
        with (folder / base).open("xb") as stream:
            for piece in files.chunks(name):
                left -= len(piece)
                if left < 0:
                    raise InputError(f"{name} is larger than the limits")
                stream.write(piece)

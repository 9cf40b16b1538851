"""Runs a SavedModel through TensorFlow's C library, which opens in a sixth of the import's time.

This file stands alone, as `worker.py` does, which loads it: Python 3.7 and the standard library. It
calls functions that TensorFlow's headers document (`c_api.h`, `tf_tensor.h`), of the libraries that
the installed package brings, and imports neither the package nor numpy.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import struct
import sys
import time
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

Record = Dict[str, Any]

# A `ConfigProto`, in whose graph_options, in whose rewrite_options disable_meta_optimizer is true.
NO_REWRITES = b"\x52\x05\x52\x03\x98\x01\x01"

_LIBRARIES = ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")
_POINTER, _TEXT, _INT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t


class _End(ctypes.Structure):
    """`TF_Output`: one output of an operation."""

    _fields_ = (("operation", _POINTER), ("index", _INT))


_STATUS = _POINTER
# Name: type of the result, types of the arguments.
_FUNCTIONS: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {
    "TF_Version": (_TEXT, ()),
    "TF_NewStatus": (_POINTER, ()),
    "TF_DeleteStatus": (None, (_POINTER,)),
    "TF_GetCode": (_INT, (_POINTER,)),
    "TF_Message": (_TEXT, (_POINTER,)),
    "TF_NewSessionOptions": (_POINTER, ()),
    "TF_DeleteSessionOptions": (None, (_POINTER,)),
    "TF_SetConfig": (None, (_POINTER, _TEXT, _SIZE, _STATUS)),
    "TF_NewGraph": (_POINTER, ()),
    "TF_DeleteGraph": (None, (_POINTER,)),
    "TF_LoadSessionFromSavedModel": (
        _POINTER,
        (_POINTER, _POINTER, _TEXT, ctypes.POINTER(_TEXT), _INT, _POINTER, _POINTER, _STATUS),
    ),
    "TF_CloseSession": (None, (_POINTER, _STATUS)),
    "TF_DeleteSession": (None, (_POINTER, _STATUS)),
    "TF_GraphOperationByName": (_POINTER, (_POINTER, _TEXT)),
    "TF_OperationNumOutputs": (_INT, (_POINTER,)),
    "TF_OperationOutputType": (_INT, (_End,)),
    "TF_GraphGetTensorNumDims": (_INT, (_POINTER, _End, _STATUS)),
    "TF_GraphGetTensorShape": (
        None,
        (_POINTER, _End, ctypes.POINTER(ctypes.c_int64), _INT, _STATUS),
    ),
    "TF_AllocateTensor": (_POINTER, (_INT, ctypes.POINTER(ctypes.c_int64), _INT, _SIZE)),
    "TF_DeleteTensor": (None, (_POINTER,)),
    "TF_TensorType": (_INT, (_POINTER,)),
    "TF_NumDims": (_INT, (_POINTER,)),
    "TF_Dim": (ctypes.c_int64, (_POINTER, _INT)),
    "TF_TensorByteSize": (_SIZE, (_POINTER,)),
    "TF_TensorData": (_POINTER, (_POINTER,)),
    "TF_SessionRun": (
        None,
        (
            *(_POINTER, _POINTER),
            *(ctypes.POINTER(_End), ctypes.POINTER(_POINTER), _INT),
            *(ctypes.POINTER(_End), ctypes.POINTER(_POINTER), _INT),
            *(_POINTER, _INT, _POINTER, _STATUS),
        ),
    ),
}

# TensorFlow's number of a type: its name, and how numpy writes it; None for what is no number.
_STRING, _BFLOAT16 = 7, 14
_TYPES: Mapping[int, Tuple[str, Optional[str]]] = {
    1: ("float32", "<f4"),
    2: ("float64", "<f8"),
    3: ("int32", "<i4"),
    4: ("uint8", "|u1"),
    5: ("int16", "<i2"),
    6: ("int8", "|i1"),
    _STRING: ("object", None),
    8: ("complex64", "<c8"),
    9: ("int64", "<i8"),
    10: ("bool", "|b1"),
    _BFLOAT16: ("bfloat16", "<f4"),  # widened, since numpy has none
    17: ("uint16", "<u2"),
    18: ("complex128", "<c16"),
    19: ("float16", "<f2"),
    22: ("uint32", "<u4"),
    23: ("uint64", "<u8"),
}
_FED = {descr: number for number, (_, descr) in _TYPES.items() if number != _BFLOAT16}

# What TensorFlow's Python calls the errors with these codes.
_ERRORS: Mapping[int, Any] = {
    number: type(name, (Exception,), {})
    for number, name in enumerate(
        (
            "CancelledError",
            "UnknownError",
            "InvalidArgumentError",
            "DeadlineExceededError",
            "NotFoundError",
            "AlreadyExistsError",
            "PermissionDeniedError",
            "ResourceExhaustedError",
            "FailedPreconditionError",
            "AbortedError",
            "OutOfRangeError",
            "UnimplementedError",
            "InternalError",
            "UnavailableError",
            "DataLossError",
            "UnauthenticatedError",
        ),
        start=1,
    )
}

_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([^']+)', 'fortran_order': False, "
    rb"'shape': \(([\d, ]*)\), \} *\n",
    re.DOTALL,
)
_HEADER_UNIT = 64


class MissingLibraryError(Exception):
    """The library, or a function of it, is not there. Its text says so."""


class Library:
    """The library, and the network that is loaded.

    Attributes:
        version: TensorFlow's version.
    """

    def __init__(self) -> None:
        """Open the library of the installed package, without importing that.

        Raises:
            MissingLibraryError: It is not there, or lacks a function.
        """
        if not sys.platform.startswith("linux") or sys.byteorder != "little":
            raise MissingLibraryError("TensorFlow's C library is used on Linux only")
        spec = importlib.util.find_spec("tensorflow")
        folders = () if spec is None else spec.submodule_search_locations or ()
        for folder in folders:
            paths = [os.path.join(folder, name) for name in _LIBRARIES]
            if all(os.path.exists(path) for path in paths):
                break
        else:
            raise MissingLibraryError("the installed TensorFlow has no C library")
        try:
            self._tf = [_opened(path) for path in paths][-1]  # type: Any
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(self._tf, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise MissingLibraryError(f"TensorFlow's C library: {error}") from error
        self.version = str(self._tf.TF_Version().decode())
        self._graph = None  # type: Optional[int]
        self._session = None  # type: Optional[int]
        self._ends = (_End(), _End())
        self._fed = ""

    def load(self, path: str, fed: str, fetched: str, threads: Optional[int]) -> None:
        """Load a SavedModel with the session loader, in place of the one before.

        Args:
            path: Its folder.
            fed: Name of the tensor that takes the tile, `image:0`.
            fetched: Name of the tensor that is the output.
            threads: Threads in each of TensorFlow's two pools; None leaves it to TensorFlow.
        """
        self.unload()
        options = self._tf.TF_NewSessionOptions()
        try:
            settings = _settings(threads)
            self._call("TF_SetConfig", options, settings, len(settings))
            self._graph = self._tf.TF_NewGraph()
            tags = (_TEXT * 1)(b"serve")
            self._session = self._call(
                "TF_LoadSessionFromSavedModel",
                *(options, None, os.fsencode(path), tags, 1, self._graph, None),
            )
        finally:
            self._tf.TF_DeleteSessionOptions(options)
        self._ends = (self._end(fed), self._end(fetched))
        self._fed = fed
        number = self._tf.TF_OperationOutputType(self._ends[1])
        if number not in _TYPES:
            raise TypeError(f"the output's type has the number {number}, which is not read here")

    def unload(self) -> None:
        """Free the network."""
        if self._session is not None:
            self._call("TF_CloseSession", self._session)
            self._call("TF_DeleteSession", self._session)
            self._session = None
        if self._graph is not None:
            self._tf.TF_DeleteGraph(self._graph)
            self._graph = None

    def predict(self, tile: str, output: str) -> Record:
        """Run one tile.

        Args:
            tile: File of the array to feed, as `numpy.save` writes it.
            output: File to write the output to; strings are not written, and `bfloat16` as float32.

        Returns:
            `dtype` by numpy's name, `shape`, `seconds`, and `stored`: whether it was written.
        """
        if self._session is None:
            raise RuntimeError("no network is loaded")
        fed = self._read(tile)
        fetched = (_POINTER * 1)()
        begin = time.perf_counter()
        try:
            self._call(
                "TF_SessionRun",
                *(self._session, None),
                *(self._ends[0], (_POINTER * 1)(fed), 1),
                *(self._ends[1], fetched, 1),
                *(None, 0, None),
            )
        finally:
            self._tf.TF_DeleteTensor(fed)
        seconds = time.perf_counter() - begin
        try:
            return {"seconds": seconds, **self._write(fetched[0], output)}
        finally:
            self._tf.TF_DeleteTensor(fetched[0])

    def _call(self, name: str, *arguments: Any) -> Any:
        """Call a function that has a status as its last argument; raises what that says."""
        status = self._tf.TF_NewStatus()
        try:
            result = getattr(self._tf, name)(*arguments, status)
            code = self._tf.TF_GetCode(status)
            if code != 0:
                text = self._tf.TF_Message(status).decode("utf-8", "replace")
                raise _ERRORS.get(code, RuntimeError)(text)
            return result
        finally:
            self._tf.TF_DeleteStatus(status)

    def _end(self, tensor: str) -> _End:
        name, _, index = tensor.rpartition(":")
        operation = self._tf.TF_GraphOperationByName(self._graph, name.encode())
        if not operation or int(index) >= self._tf.TF_OperationNumOutputs(operation):
            raise KeyError(f"the graph has no tensor {tensor}")
        return _End(operation, int(index))

    def _read(self, path: str) -> Any:
        """A tensor with the values of a file that this process's parent wrote."""
        with open(path, "rb") as stream:
            start = stream.read(4 * _HEADER_UNIT)
            header = _HEADER.match(start)
            if header is None:
                raise ValueError(f"{path} is no array as numpy writes it by rows")
            shape = [int(size) for size in header.group(2).decode().split(",") if size.strip()]
            stream.seek(0, os.SEEK_END)
            size = stream.tell() - header.end()
            stream.seek(header.end())
            sizes = (ctypes.c_int64 * len(shape))(*shape)
            self._check_shape(shape)
            number = _FED[header.group(1).decode()]
            tensor = self._tf.TF_AllocateTensor(number, sizes, len(shape), size)
            if size != 0:
                stream.readinto(self._bytes(tensor))
        return tensor

    def _check_shape(self, shape: Sequence[int]) -> None:
        """Refuse what does not fit the network's input, which the library itself does not check."""
        graph, end = self._graph, self._ends[0]
        rank = self._call("TF_GraphGetTensorNumDims", graph, end)
        if rank < 0:
            return
        sizes = (ctypes.c_int64 * rank)()
        self._call("TF_GraphGetTensorShape", graph, end, sizes, rank)
        known = tuple(None if size < 0 else size for size in sizes)
        # `zip` is strict from Python 3.10 on only.
        pairs = zip(shape, known) if rank == len(shape) else ((0, 1),)  # noqa: B905
        if any(has not in (size, None) for size, has in pairs):
            raise ValueError(
                f"Cannot feed value of shape {tuple(shape)} for Tensor {self._fed}, "
                f"which has shape {known}"
            )

    def _bytes(self, tensor: Any) -> memoryview:
        """The memory of a tensor."""
        size = self._tf.TF_TensorByteSize(tensor)
        kind = ctypes.c_char * size
        return memoryview(kind.from_address(self._tf.TF_TensorData(tensor))).cast("B")

    def _write(self, tensor: Any, path: str) -> Record:
        """Write a tensor's values as `numpy.save` does; returns what `predict` does."""
        number = self._tf.TF_TensorType(tensor)
        name, descr = _TYPES[number]
        shape = [self._tf.TF_Dim(tensor, axis) for axis in range(self._tf.TF_NumDims(tensor))]
        if descr is not None:
            with open(path, "wb") as stream:
                stream.write(_header(descr, shape))
                if self._tf.TF_TensorByteSize(tensor) != 0:
                    values = self._bytes(tensor)
                    stream.write(_widened(values) if number == _BFLOAT16 else values)
        return {"dtype": name, "shape": shape, "stored": descr is not None}


def _opened(path: str) -> Any:
    """Open a library.

    ctypes alone would look up every symbol at once, which takes half of the time. Opened globally,
    the symbols would take the place of those of other libraries.
    """
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = _POINTER, (_TEXT, _INT)
    handle = dlopen(os.fsencode(path), os.RTLD_LAZY | os.RTLD_LOCAL)
    return ctypes.CDLL(path, handle=handle or None)  # which says what is wrong where there is none


def _settings(threads: Optional[int]) -> bytes:
    """A session's `ConfigProto`: no rewrites, see `worker.without_rewrites`; and the threads."""
    settings = NO_REWRITES
    if threads is not None:
        for intra_or_inter in (b"\x10", b"\x28"):
            settings += intra_or_inter + _varint(threads)
    return settings


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number >= 0x80:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def _header(descr: str, shape: Sequence[int]) -> bytes:
    """The header of a `.npy` file of version 1.0."""
    sizes = "".join(f"{size}, " for size in shape)
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}".encode()
    text += b" " * (-(len(text) + 11) % _HEADER_UNIT) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _widened(values: memoryview) -> bytearray:
    """Values of bfloat16 as float32: the same bits, with zeros below."""
    wide = bytearray(2 * len(values))
    wide[2::4] = values[0::2]
    wide[3::4] = values[1::2]
    return wide

"""TensorFlow's dtypes: their numbers in files, their names, their sizes."""

from __future__ import annotations

_NUMBERED = {
    1: ("float32", 4),
    2: ("float64", 8),
    3: ("int32", 4),
    4: ("uint8", 1),
    5: ("int16", 2),
    6: ("int8", 1),
    7: ("string", None),
    8: ("complex64", 8),
    9: ("int64", 8),
    10: ("bool", 1),
    11: ("qint8", 1),
    12: ("quint8", 1),
    13: ("qint32", 4),
    14: ("bfloat16", 2),
    15: ("qint16", 2),
    16: ("quint16", 2),
    17: ("uint16", 2),
    18: ("complex128", 16),
    19: ("float16", 2),
    20: ("resource", None),
    21: ("variant", None),
    22: ("uint32", 4),
    23: ("uint64", 8),
    24: ("float8_e5m2", 1),
    25: ("float8_e4m3fn", 1),
    26: ("float8_e4m3fnuz", 1),
    27: ("float8_e4m3b11fnuz", 1),
    28: ("float8_e5m2fnuz", 1),
    29: ("int4", None),
    30: ("uint4", None),
    31: ("int2", None),
    32: ("uint2", None),
    33: ("float4_e2m1fn", None),
}
_NUMBERS = {name: value for value, (name, _) in _NUMBERED.items()}
_REFERENCE = 100


def name(dtype: int) -> str:
    """The name of a dtype, such as `float32`; `float32_ref` for a reference to one.

    Args:
        dtype: Its number in a file; one that is not known yields `unknown (number)`.
    """
    if dtype in _NUMBERED:
        return _NUMBERED[dtype][0]
    if dtype - _REFERENCE in _NUMBERED:
        return f"{_NUMBERED[dtype - _REFERENCE][0]}_ref"
    return f"unknown ({dtype})"


def number(dtype: str) -> int:
    """The number of a dtype in a file.

    Raises:
        KeyError: There is no such dtype.
    """
    return _NUMBERS[dtype]


def is_known(dtype: str) -> bool:
    """Whether a text is the name of a dtype."""
    return dtype in _NUMBERS


def item_bytes(dtype: int) -> int | None:
    """Bytes per element as a checkpoint stores it; None where that is not fixed or not known."""
    return _NUMBERED.get(dtype, ("", None))[1]

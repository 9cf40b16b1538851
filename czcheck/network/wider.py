"""Wider dtypes in which an operation can be computed where a runtime has no kernel for its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

SMALL = ("int32", "int64")
WIDER = {
    "float16": ("float32",),
    "bfloat16": ("float32",),
    "complex64": ("complex128",),
    "int8": SMALL,
    "uint8": SMALL,
    "int16": SMALL,
    "uint16": SMALL,
    "int32": ("int64",),
    "uint32": ("int64",),
}
"""What holds every value of a dtype."""

PRODUCTS = frozenset({"BatchMatMulV2", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum"})
"""Operations that add up products: those of integers are exact in float64."""

BOUND = (
    "Bitcast", "Const", "Enter", "Exit", "Merge", "NextIteration", "Placeholder", "RefSwitch",
    "Switch", "TensorArray", "TensorList",
)  # fmt: skip
"""Beginnings of operations whose dtype is bound to that of others, or to their bits."""

MEANS = frozenset({"int8", "uint8", "int16", "uint16", "int32", "uint32"})
"""Integers that 2.0.0 adds up in their own dtype where it takes their mean, beyond their range."""


def candidates(op: str, types: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Wider dtypes to try: of one attribute, then of all.

    Args:
        op: The operation.
        types: Its dtypes by attribute.

    Yields:
        The attributes to change, each with its wider dtype; nothing where the dtypes are bound.
    """
    if op.startswith(BOUND):
        return
    wider = {name: WIDER[dtype] for name, dtype in types.items() if dtype in WIDER}
    if op == "Mean":
        wider = {"T": ("int64",) if types["T"] in MEANS else wider.get("T", ())}
    if op in PRODUCTS:
        exact = {name: (*each, "float64") for name, each in wider.items()}
        whole = {name for name, dtype in types.items() if "int" in dtype}
        wider = {name: exact[name] if name in whole else wider[name] for name in wider}
    for name, candidates in wider.items():
        for candidate in candidates:
            yield {name: candidate}
    for number in range(3):
        if len(wider) > 1:
            yield {name: each[min(number, len(each) - 1)] for name, each in wider.items()}

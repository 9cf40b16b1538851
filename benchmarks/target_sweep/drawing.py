"""Draws descriptions of networks: plain data, from which `composing.py` makes the networks."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Description = dict[str, Any]
"""`policy`, `channels`, `classes`, `export`, `steps`: dicts of `kind` and parameters."""

ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh",
    "leaky_relu", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
    "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparsemax", "squareplus",
    "tanh", "tanh_shrink",
)  # fmt: skip
RESIZES = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area")
ALONE = (
    "batch_norm", "unit_norm", "rms_norm", "instance_norm", "weight_standardised",
    "squeeze_excite", "attention", "tokens_norm", "prelu", "dense", "einsum_dense", "shuffle",
    "bias", "roll_flip", "matmul_diag", "argmax_mask", "top_k", "sort", "cumsum", "unpool",
    "euclidean", "truncated_division", "floor_modulo", "integer_mean", "integer_round", "half",
    "bfloat16", "patches", "space_to_depth", "local_response", "dilation2d", "fft", "gather",
    "one_hot", "segments", "strided_slice", "reverse", "where", "clip", "standardise", "map_fn",
    "quantise", "scale_and_translate", "crop_and_resize", "lstm", "convlstm", "depth_wise_mean",
    "complex_abs", "matrix_inverse", "cross_entropy", "norm_axis", "histogram",
)  # fmt: skip
POINTWISE = (
    "abs", "exp", "expm1", "log1p", "rsqrt", "sqrt", "square", "sin", "cos", "tan", "sinh", "cosh",
    "asinh", "atan", "erf", "erfc", "floor", "ceil", "round", "rint", "sign", "lgamma", "digamma",
    "reciprocal", "xlogy", "pow", "squared_difference", "maximum", "minimum", "atan2", "div_no_nan",
)  # fmt: skip
REDUCTIONS = ("max", "mean", "min", "prod", "std", "sum", "var", "logsumexp", "any", "all")
# Policies of half precision are drawn less often: their tolerances hide small differences.
POLICIES = ("float32",) * 8 + ("mixed_float16", "mixed_bfloat16")


# What rounding may change: one part of the eight thousand to a million that a type tells apart,
# through as many layers as these networks have.
TOLERANCES = {"float32": 1e-4, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}
COARSE = {"half": 2e-2, "bfloat16": 1e-1, "matrix_inverse": 1e-3}
"""What steps add to it; an inverse multiplies what rounding leaves."""


def tolerance(description: dict[str, Any]) -> float:
    """How far probabilities may be apart: by the least precise type in the network."""
    kinds = [COARSE.get(step["kind"], 0.0) for step in description["steps"]]
    return max(TOLERANCES[description["policy"]], *kinds)


def _step(kind: str, **parameters: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"kind": st.just(kind), **parameters})


_BOOLEAN = st.booleans()
_SMALL = st.integers(1, 3)
_PADDING = st.sampled_from(("same", "valid"))

STEPS = st.one_of(
    _step(
        "convolution",
        kernel=st.integers(1, 5),
        dilation=_SMALL,
        groups=st.sampled_from((1, 1, 2, 4)),
        padding=_PADDING,
        bias=_BOOLEAN,
    ),
    _step("strided", kernel=_SMALL, stride=st.sampled_from((2, 3)), padding=_PADDING),
    _step("depthwise", kernel=_SMALL, dilation=_SMALL, multiplier=st.integers(1, 2)),
    _step("separable", kernel=_SMALL, dilation=_SMALL, padding=_PADDING),
    _step(
        "transposed",
        kernel=st.integers(1, 4),
        stride=st.sampled_from((1, 2)),
        dilation=_SMALL,
        padding=_PADDING,
    ),
    _step("convolution3d", dilation=st.sampled_from((1, 2)), groups=st.sampled_from((1, 2))),
    _step("transposed3d", stride=st.sampled_from((1, 2))),
    _step("pool3d", maximum=_BOOLEAN),
    _step("convolution1d", dilation=_SMALL, causal=_BOOLEAN),
    _step(
        "pool",
        maximum=_BOOLEAN,
        size=st.integers(2, 3),
        stride=st.integers(1, 2),
        padding=_PADDING,
    ),
    _step("global_pool", maximum=_BOOLEAN),
    _step("resize", to=st.sampled_from(RESIZES), factor=st.integers(1, 3), layer=_BOOLEAN),
    _step(
        "old_resize",
        to=st.sampled_from(("nearest", "bilinear", "bicubic", "area")),
        align=_BOOLEAN,
        half=_BOOLEAN,
    ),
    _step("activation", name=st.sampled_from(ACTIVATIONS)),
    _step("layer_norm", epsilon=st.sampled_from((1e-6, 1e-5, 1e-3)), axes=st.integers(1, 3)),
    _step("group_norm", groups=st.sampled_from((1, 2, -1)), epsilon=st.sampled_from((1e-5, 1e-3))),
    _step("batch_norm_training", epsilon=st.sampled_from((1e-5, 1e-3)), fused=_BOOLEAN),
    _step("reduction", name=st.sampled_from(REDUCTIONS), axis=st.sampled_from((1, 2, 3, (1, 2)))),
    _step("pointwise", name=st.sampled_from(POINTWISE)),
    _step("pad", mode=st.sampled_from(("constant", "reflect", "symmetric")), by=_SMALL),
    _step("einsum", equation=st.sampled_from(("bhwc,cd->bhwd", "bhwc,bhwd->bcd", "bhwc->bwhc"))),
    _step("conditional", bright=_BOOLEAN),
    _step("loop", count=_SMALL, groups=st.sampled_from((1, 2)), dilation=st.sampled_from((1, 2))),
    _step("switch", branches=st.integers(2, 4)),
    _step(
        "integers",
        dtype=st.sampled_from(("uint8", "int8", "uint16", "int16", "int32", "int64")),
        operation=st.sampled_from(
            ("add", "multiply", "maximum", "compare", "floor_divide", "reduce", "argmax", "bits")
        ),
    ),
    *(_step(kind) for kind in ALONE),
)

NETWORKS = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(POLICIES),
        "channels": st.sampled_from((1, 3)),
        "classes": st.integers(2, 4),
        "export": st.sampled_from(("keras", "keras", "module", "frozen")),
        "steps": st.lists(STEPS, min_size=1, max_size=6),
    }
)


ROUND = 20
"""Networks drawn with one seed: behind that, hypothesis draws ever more of what it drew before."""


def draw(count: int, number: int) -> list[Description]:
    """Draw descriptions of networks, all different, the same for the same number.

    Args:
        count: How many.
        number: Seed of the drawing.
    """
    drawn: dict[str, Description] = {}

    def collect(description: Description) -> None:
        drawn.setdefault(repr(description), description)

    for turn in range(count):  # a turn gives at least one
        run = settings(
            max_examples=ROUND,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )(given(NETWORKS)(collect))
        seed(number * 10_000 + turn)(run)()
        if len(drawn) >= count:
            break
    return list(drawn.values())[:count]

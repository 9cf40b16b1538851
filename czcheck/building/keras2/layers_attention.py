"""Attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from czcheck.building.keras2.kinds import kind

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call, Layer

_RANK = 3


def _weights(layer: Layer) -> tuple[tuple[str, bool], ...]:
    bias = layer.arguments.flag("use_bias", default=True)
    return tuple(
        (f"{part}/{name}", True)
        for part in ("query", "key", "value", "attention_output")
        for name in (("kernel", "bias") if bias else ("kernel",))
    )


@kind("MultiHeadAttention", weights=_weights)
def heads(call: Call, query: Any) -> Any:
    """Attention of several heads over one axis."""
    tf, arguments = call.tf, call.layer.arguments
    value = call.arguments.pop("value", query)
    key = call.arguments.pop("key", None)
    key = value if key is None else key
    for name in ("attention_mask", "return_attention_scores", "use_causal_mask"):
        if call.arguments.get(name) in {None, False}:
            call.arguments.pop(name, None)
    arguments.only("output_shape", None)
    axes = arguments.get("attention_axes")
    if axes not in (None, 1, [1]) or any(each.shape.rank != _RANK for each in (query, key, value)):
        raise call.layer.refuse("attends over other axes than the second of three")
    for name in ("query_shape", "key_shape", "value_shape", "num_heads", "value_dim"):
        arguments.get(name)
    if call.training and arguments.number("dropout", 0) > 0:
        raise call.layer.refuse("is called with `training=True` and draws random numbers")
    size = arguments.whole("key_dim")

    def projected(part: str, x: Any, equation: str) -> Any:
        y = tf.einsum(equation, tf.cast(x, call.layer.compute), call.weight(f"{part}/kernel"))
        return y + call.weight(f"{part}/bias") if _has_bias(call, part) else y

    q = projected("query", query, "btd,dnh->btnh") * tf.cast(size**-0.5, call.layer.compute)
    k = projected("key", key, "btd,dnh->btnh")
    v = projected("value", value, "btd,dnh->btnh")
    scores = tf.nn.softmax(tf.einsum("bsnh,btnh->bnts", k, q), axis=-1)
    return projected("attention_output", tf.einsum("bnts,bsnh->btnh", scores, v), "btnh,nhd->btd")


def _has_bias(call: Call, part: str) -> bool:
    return f"{part}/bias" in call.layer.variables

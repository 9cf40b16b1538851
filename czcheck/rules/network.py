"""CZ3xx: the network, read without running it. First part: the file and its signature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.rules import operations, shapes  # noqa: F401 - the other parts of this family
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, InGraph, InMember, Severity
from czcheck.rules.shapes import at_tensor, input_of, output_of, serving_of

if TYPE_CHECKING:
    from czcheck.network.facts import Network, TensorSpec

SERVING_DEFAULT = "serving_default"
ERROR, WARNING = Severity.ERROR, Severity.WARNING


@rule("CZ301", severity=ERROR, level=Level.NETWORK)
def saved_model_is_readable(network: Network) -> Iterator[Found]:
    """The network cannot be read.

    Says: The network cannot be read: {fault}.
    Why: Neither ZEN nor any other program can load it, or reading it would take more memory or time
        than a legitimate network needs.
    Fix: Export the network again from TensorFlow, with the tag `serve`, and pack the complete
        folder.
    Format: 1.5, payload
    """
    if network.fault is not None:
        at = InMember(network.fault_file) if network.fault_file else None
        yield Found(at, fault=network.fault)


@rule("CZ302", severity=ERROR, level=Level.NETWORK, requires=["CZ301"])
def network_has_a_serving_signature(network: Network) -> Iterator[Found]:
    """The network has no usable signature.

    Says: It is not clear how to call the network: {reason}.
    Why: Input and output are found through the signature `serving_default`; their names are not
        fixed.
    Fix: Export the network with `model.export(folder)`, or pass
        `signatures={"serving_default": function}` to `tf.saved_model.save`.
    Format: 2, N3
    """
    if network.serving is None:
        callable_ones = [each.name for each in network.signatures if each.inputs]
        reason = (
            f"there is no {SERVING_DEFAULT}, and each of {', '.join(callable_ones)} has inputs"
            if callable_ones
            else "no signature has an input"
        )
        yield Found(InMember("saved_model.pb"), reason=reason)


@rule("CZ328", severity=WARNING, level=Level.NETWORK, requires=["CZ302"])
def signature_has_the_usual_name(network: Network) -> Iterator[Found]:
    """The network's signature is not called `serving_default`.

    Says: The network is called through the signature {signature}; there is no serving_default.
    Why: The format does not specify which signature ZEN uses. TensorFlow and every known reader
        look for `serving_default`; a reader that looks for no other name finds nothing.
    Fix: Pass `signatures={"serving_default": function}` to `tf.saved_model.save`; `czcheck build`
        and `czcheck repair` write the signature as `serving_default` whatever its name was.
    Format: 2, N3
    """
    name = serving_of(network).name
    if name != SERVING_DEFAULT:
        yield Found(InGraph(name), signature=name)


@rule("CZ303", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def network_has_one_input(network: Network) -> Iterator[Found]:
    """The network does not have exactly one input.

    Says: The signature {signature} has {count} inputs ({names}); the format requires one dense
        tensor.
    Why: ZEN passes one tile and nothing else.
    Fix: Export a model with a single input of shape `(batch, height, width, channels)`; several
        image channels belong in its last dimension.
    Format: 2, N3
    """
    serving = serving_of(network)
    if serving.input is None or serving.input.encoding != "dense":
        yield Found(
            InGraph(serving.name),
            signature=serving.name,
            count=len(serving.inputs),
            names=_names(serving.inputs),
        )


@rule("CZ304", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def network_has_one_output(network: Network) -> Iterator[Found]:
    """The network does not have exactly one output.

    Says: The signature {signature} has {count} outputs ({names}); the format requires one dense
        tensor.
    Why: ZEN reads the one output as the probabilities of the classes.
    Fix: Export a model whose only output is the class probabilities; remove auxiliary outputs (deep
        supervision), which only training needs.
    Format: 2, N3
    """
    serving = serving_of(network)
    if serving.output is None or serving.output.encoding != "dense":
        yield Found(
            InGraph(serving.name),
            signature=serving.name,
            count=len(serving.outputs),
            names=_names(serving.outputs) or "none",
        )


def _names(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(
        each.key if each.encoding == "dense" else f"{each.key}: {each.encoding}" for each in specs
    )


@rule("CZ309", severity=ERROR, level=Level.NETWORK, requires=["CZ304"])
def output_is_float32(network: Network) -> Iterator[Found]:
    """The output is not declared as float32.

    Says: The output {key} is {dtype}; it must be float32.
    Why: ZEN reads the output as float32 probabilities.
    Fix: End the model with a cast, or with a last layer of `dtype="float32"` if it computes in
        mixed precision; do not end it with an argmax.
    Format: 2, N11
    """
    spec = output_of(network)
    if spec.dtype != "float32":
        yield Found(at_tensor(spec), key=spec.key, dtype=spec.dtype)


@rule("CZ310", severity=WARNING, level=Level.NETWORK, requires=["CZ303"])
def input_is_float32(network: Network) -> Iterator[Found]:
    """The input is not float32.

    Says: The input {key} is {dtype}; every known network of this format takes float32.
    Why: Whatever the image's pixel type, the tile reaches the network as float32, and TensorFlow
        does not convert it.
    Fix: Declare the input layer as float32, and cast inside the model if it needs another dtype.
    Format: 2, N16
    """
    spec = input_of(network)
    if spec.dtype != "float32":
        yield Found(at_tensor(spec), key=spec.key, dtype=spec.dtype)

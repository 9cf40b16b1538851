"""CZ3xx, third part: operations, variables, files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import czcheck.network
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, InGraph, InMember, Severity
from czcheck.text import count

if TYPE_CHECKING:
    from czcheck.network.facts import Network, NodeUse
    from czcheck.network.kernels import KernelFault
    from czcheck.network.target import Gap, Target

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

_ADVICE = {
    "BatchMatMulV3": "multiply tensors of one dtype",
    "XlaCallModule": "export from TensorFlow's own backend and without jit_compile",
}
_RANDOM_ADVICE = "leave random layers out of the exported model"

_ENDINGS = {
    "sigmoid": "a sigmoid: each value lies in [0, 1], but over the classes they need not sum to 1",
    "linear": "a linear operation: its values are scores (logits), not probabilities",
    "log-softmax": "a log-softmax: its values are logarithms of probabilities, all below 0",
    "unknown": "several operations, or from one that cannot be traced",
}
_PROBABILITIES = ("softmax", "decomposed-softmax", "sigmoid-pair")


_Key = tuple[str, str | None, str | None]


def _key(gap: Gap) -> _Key:
    return gap.op, gap.attribute, gap.value


def _grouped(found: Iterable[Gap]) -> dict[_Key, list[Gap]]:
    """Gaps by operation, attribute and value, in the order of the file."""
    groups: dict[_Key, list[Gap]] = {}
    for gap in found:
        groups.setdefault(_key(gap), []).append(gap)
    return groups


def _gaps(network: Network, target: Target) -> tuple[Gap, ...]:
    return () if network.graph is None else czcheck.network.gaps(network.graph, target)


def _found_gap(group: list[Gap], target: Target, advice: str) -> Found:
    gap = group[0]
    what = f"the operation {gap.op}"
    if gap.value is not None:
        what = f"the value {gap.value} of the attribute {gap.attribute} of {gap.op}"
    elif gap.attribute is not None:
        what = f"the attribute {gap.attribute} of {gap.op}"
    return Found(
        InGraph(gap.node, gap.function),
        what=what,
        op=gap.op,
        attribute=gap.attribute,
        value=gap.value,
        target=target.title,
        count=len(group),
        nodes=count(len(group), "node"),
        node=gap.node,
        advice=advice,
    )


def _advice_on(gap: Gap, network: Network, target: Target) -> str:
    from czcheck.network import dtypes, kernels  # noqa: PLC0415 - findings alone need them

    assert network.graph is not None
    if dtypes.is_known(gap.value or ""):
        node = network.graph.nodes(gap.function)[gap.node]
        return kernels.WIDENED if kernels.is_widened(node, target) else kernels.CAST
    return "use a layer that does not need this value"


@rule("CZ315", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def target_can_compute_the_network(network: Network, target: Target) -> Iterator[Found]:
    """The network needs an operation, attribute or attribute value that the target lacks.

    Says: The network needs {what}, which {target} does not have ({nodes}, the first is {node}):
        {advice}.
    Why: The runtime refuses the whole file, not only this part of it.
    Fix: Replace the layer by one made of operations that the target has, and export again. If the
        model runs elsewhere, choose another target with `--target`.
    Format: 2, N2
    """
    needed = [gap for gap in _gaps(network, target) if not gap.mends]
    for (op, attribute, value), group in _grouped(needed).items():
        if value is not None:
            advice = _advice_on(group[0], network, target)
        elif attribute is not None:
            advice = f"leave {attribute} at its default"
        elif op.startswith(("Stateless", "Random")):
            advice = _RANDOM_ADVICE
        else:
            advice = _ADVICE.get(op, "build this layer from older operations")
        yield _found_gap(group, target, advice)


@rule("CZ316", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def target_can_load_the_file(network: Network, target: Target) -> Iterator[Found]:
    """The file contains something that the target lacks and the network does not need.

    Says: The file contains {what}, which {target} does not have ({nodes}, the first is {node});
        {advice}.
    Why: The runtime refuses the whole file because of it, whether it is used or not. Files from
        today's TensorFlow contain such operations in the functions that save and restore variables.
    Fix: Write the network again without them; its output stays the same. `czcheck repair` does this
        for an archive, `czcheck build` for a SavedModel.
    Format: 2, N2
    """
    found = _gaps(network, target)
    needed = {_key(gap) for gap in found if not gap.mends}
    for key, group in _grouped(found).items():
        if key in needed:
            continue
        if any(gap.reachable for gap in group):
            advice = "its value does not affect the output"
        else:
            advice = "the network itself does not use it"
        yield _found_gap(group, target, advice)


@rule("CZ317", severity=ERROR, level=Level.NETWORK, requires=["CZ301"])
def variables_are_complete(network: Network) -> Iterator[Found]:
    """The network's variables are incomplete or inconsistent.

    Says: The network's variables are not complete: {subject} {problem}.
    Why: The network cannot be loaded without its weights, and nothing outside the archive supplies
        them.
    Fix: Export the network again and pack the complete folder with all files of `variables`.
    Format: 2, N20
    """
    for problem in network.problems:
        at = InMember(problem.subject) if problem.is_file else InGraph(problem.subject)
        yield Found(at, subject=problem.subject, problem=problem.text)


@rule("CZ318", severity=WARNING, level=Level.NETWORK, requires=["CZ302"])
def network_draws_no_random_numbers(network: Network) -> Iterator[Found]:
    """The network draws random numbers.

    Says: The network draws random numbers with {op} ({nodes}, the first is {node}).
    Why: The same image gives different results from one run to the next.
    Fix: Export the model for inference, so that dropout, noise and augmentation layers are
        inactive; remove layers that are random on purpose.
    Format: 2, N19
    """
    return _by_operation(network.random)


@rule("CZ319", severity=WARNING, level=Level.NETWORK, requires=["CZ302"])
def network_is_in_inference_mode(network: Network) -> Iterator[Found]:
    """The network is in training mode.

    Says: {op} belongs to training: {effect} ({nodes}, the first is {node}).
    Why: The output for a pixel then depends on everything else in its tile, or on earlier tiles,
        and differs from what was validated.
    Fix: Export the model for inference: call it with `training=False`.
    Format: 2, N19
    """
    for found in _by_operation(network.training):
        normalises = str(found.fields["op"]).startswith("FusedBatchNorm")
        found.fields["effect"] = (
            "it uses the statistics of the tile instead of the learnt ones"
            if normalises
            else "it changes a variable whenever the network runs"
        )
        yield found


def _by_operation(uses: tuple[NodeUse, ...]) -> Iterator[Found]:
    """One finding for each operation, at the first of its nodes."""
    groups: dict[str, list[NodeUse]] = {}
    for use in uses:
        groups.setdefault(use.op, []).append(use)
    for op, group in groups.items():
        first = group[0]
        yield Found(
            InGraph(first.name, first.function),
            op=op,
            count=len(group),
            nodes=count(len(group), "node"),
            node=first.name,
        )


@rule("CZ320", severity=NOTE, level=Level.NETWORK, requires=["CZ304"])
def answer_ends_in_a_softmax(network: Network) -> Iterator[Found]:
    """The network does not end in a softmax.

    Says: The output comes from {ending}.
    Why: ZEN reads the output as probabilities that sum to 1 over the classes; Minimum Confidence
        and the conditional random field rely on it.
    Fix: End the model with a softmax over its last dimension. For one sigmoid channel p, use the
        two channels p and 1 - p. Running the network (`--level run`) shows whether its values are
        probabilities anyway.
    Format: 2, N11
    """
    if network.tail not in _PROBABILITIES:
        output = network.output
        yield Found(
            InGraph(output.tensor) if output is not None else None,
            ending=_ENDINGS.get(
                network.tail, f"{network.tail}, which does not make probabilities by itself"
            ),
            tail=network.tail,
        )


@rule("CZ322", severity=NOTE, level=Level.NETWORK, requires=["CZ301"])
def saved_model_holds_known_files(network: Network) -> Iterator[Found]:
    """The SavedModel contains files that it does not need.

    Says: The SavedModel contains {file}, which TensorFlow does not read.
    Why: It makes the model larger, and may contain data that should not leave your machine.
    Fix: Pack only what TensorFlow wrote: saved_model.pb, variables, assets, keras_metadata.pb,
        fingerprint.pb.
    Format: 1.5, inner SavedModel
    """
    for name in network.unknown_files:
        yield Found(InMember(name), file=name)


@rule("CZ325", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def target_runs_every_kernel(
    kernel_faults: tuple[KernelFault, ...], target: Target
) -> Iterator[Found]:
    """The target runtime loads an operation and refuses to run it.

    Says: {target} refuses to run {op} with {condition}: {effect} ({nodes}, the first is {node});
        {remedy}.
    Why: The file loads without an error, but the first tile fails. That an operation is registered
        does not mean that its CPU kernel supports this case.
    Fix: Build the archive with `czcheck build`, or rewrite it with `czcheck repair`: both replace
        operations that have an equivalent there. Otherwise change the layer as the message says,
        and export again.
    Format: 2, N2
    """
    return _found(kernel_faults, "refuses", target)


@rule("CZ326", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def target_computes_the_same(
    kernel_faults: tuple[KernelFault, ...], target: Target
) -> Iterator[Found]:
    """The target runtime computes a different result, without an error.

    Says: {target} computes {op} with {condition} differently, without an error: {effect} ({nodes},
        the first is {node}); {remedy}.
    Why: The probabilities in ZEN then differ from those that the network was validated with, and no
        message says so.
    Fix: Build the archive with `czcheck build`, or rewrite it with `czcheck repair`: both replace
        operations that have an equivalent there. Otherwise change the layer as the message says,
        and export again.
    Format: 2, N2
    """
    return _found(kernel_faults, "differs", target)


@rule("CZ327", severity=WARNING, level=Level.NETWORK, requires=["CZ302"])
def target_computes_the_same_always(
    kernel_faults: tuple[KernelFault, ...], target: Target
) -> Iterator[Found]:
    """The target's result depends on the image, or on how the runtime was built.

    Says: In {target}, the result of {op} with {condition} is uncertain: {effect} ({nodes}, the
        first is {node}); {remedy}.
    Why: For most images and builds nothing changes; for some, the probabilities may change without
        an error, or the first tile fails.
    Fix: Run the network in the target as well (`--runtime`) on your own images, or avoid the
        operation.
    Format: 2, N2
    """
    return _found(kernel_faults, "depends", target)


def _found(faults: tuple[KernelFault, ...], kind: str, target: Target) -> Iterator[Found]:
    """One finding for each operation and condition, at the first of its nodes."""
    groups: dict[tuple[str, str], list[KernelFault]] = {}
    for fault in faults:
        if fault.kind == kind:
            groups.setdefault((fault.op, fault.condition), []).append(fault)
    for group in groups.values():
        first = group[0]
        yield Found(
            InGraph(first.node, first.function),
            op=first.op,
            condition=first.condition,
            effect=first.effect,
            remedy=first.remedy,
            target=target.title,
            count=len(group),
            nodes=count(len(group), "node"),
            node=first.node,
        )

"""CZ3xx, further part: what the target's kernels refuse or compute differently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, InGraph, Severity
from czcheck.text import count

if TYPE_CHECKING:
    from czcheck.network.kernels import KernelFault
    from czcheck.network.target import Target

ERROR, WARNING = Severity.ERROR, Severity.WARNING


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

"""CZ3xx, further part: what the target's kernels make of the network."""

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

    Says: {op} with {condition} is refused by {target} when it is run: {effect} ({nodes},
        the first is {node}); {remedy}.
    Why: The file loads without an error, and the first tile ends with one. That an operation is
        registered does not say what its kernel on the processor can do.
    Fix: Build the archive with `czcheck build`, or write it anew with `czcheck repair`, which
        replace what has an equal there. For the rest, change the layer as the message says, and
        export again.
    Format: 2, N2
    """
    return _found(kernel_faults, "refuses", target)


@rule("CZ326", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def target_computes_the_same(
    kernel_faults: tuple[KernelFault, ...], target: Target
) -> Iterator[Found]:
    """The target runtime computes something else, without an error.

    Says: {op} with {condition} is computed otherwise by {target}, without an error: {effect}
        ({nodes}, the first is {node}); {remedy}.
    Why: The probabilities that ZEN gets are not those that the network was validated with, and
        nothing says so.
    Fix: Build the archive with `czcheck build`, or write it anew with `czcheck repair`, which
        replace what has an equal there. For the rest, change the layer as the message says, and
        export again.
    Format: 2, N2
    """
    return _found(kernel_faults, "differs", target)


@rule("CZ327", severity=WARNING, level=Level.NETWORK, requires=["CZ302"])
def target_computes_the_same_always(
    kernel_faults: tuple[KernelFault, ...], target: Target
) -> Iterator[Found]:
    """What the target runtime computes depends on the image, or on how the runtime was built.

    Says: In {target}, {op} with {condition} is not certain: {effect} ({nodes}, the first is
        {node}); {remedy}.
    Why: For most images and builds nothing changes; for some the probabilities may, without an
        error, or the first tile ends with one.
    Fix: Run the network in the target as well (`--runtime`) on images of your own, or do without
        the operation.
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

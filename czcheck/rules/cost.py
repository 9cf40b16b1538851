"""CZ4xx, cost: time and memory, measured and estimated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.limits import GIB
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity

if TYPE_CHECKING:
    from czcheck.network.cost import StaticCost
    from czcheck.runtime.limits import Budgets
    from czcheck.runtime.record import RunRecord


TARGET_BYTES = 8 * GIB
"""Memory in which the format demands that a tile can be evaluated."""


@rule("CZ422", severity=Severity.ERROR, level=Level.RUN, requires=["CZ402"])
def cost_is_within_budget(run: RunRecord, budgets: Budgets) -> Iterator[Found]:
    """The network costs more than its budget.

    Says: {what} is over the budget of {budget}: {measured}.
    Why: You set this budget; a slower or larger network keeps its users waiting, or does not fit
        their machine.
    Fix: Make the network or the tile smaller; or raise the budget, if the machine that measured is
        slower than the one that matters.
    Format: 2, N8
    """
    cost = run.cost
    if cost is None:
        return
    tile = cost.first_tile_seconds if cost.tile_seconds is None else cost.tile_seconds
    for what, budget, measured in (
        ("The time to load the network", budgets.load_seconds, cost.load_seconds),
        ("The time for a tile", budgets.tile_seconds, tile),
    ):
        if budget is not None and measured > budget:
            yield Found(what=what, budget=f"{budget:g} s", measured=f"{measured:.3g} s")
    if (
        budgets.memory_bytes is not None
        and cost.peak_bytes is not None
        and cost.peak_bytes > budgets.memory_bytes
    ):
        yield Found(
            what="The peak memory",
            budget=f"{budgets.memory_bytes / GIB:g} GiB",
            measured=f"{cost.peak_bytes / GIB:.2f} GiB",
        )


@rule("CZ423", severity=Severity.ERROR, level=Level.RUN, requires=["CZ402"])
def tile_fits_into_8_gb(run: RunRecord) -> Iterator[Found]:
    """A tile needs more than 8 GB of memory.

    Says: The process that ran single tiles has used {measured} of memory; the format allows 8 GB.
    Why: The network cannot run on the smallest machine that the format provides for.
    Fix: Choose a smaller tile (`SpatialDims`), or a network with fewer channels at full resolution.
    Format: 2, N8
    Example: The process that ran single tiles has used 9.3 GiB of memory; the format allows 8 GB.
    """
    cost = run.cost
    if cost is not None and cost.peak_bytes is not None and cost.peak_bytes > TARGET_BYTES:
        yield Found(measured=f"{cost.peak_bytes / GIB:.1f} GiB")


# What the format promises the network, and what leaves room for the convolutions' own needs.
ALLOWED = 8 * GIB
COMFORTABLE = 6 * GIB


@rule("CZ323", severity=Severity.WARNING, level=Level.NETWORK, requires=["CZ307"])
def memory_leaves_room(static_cost: StaticCost | None) -> Iterator[Found]:
    """A tile needs nearly all the memory that the format allows.

    Says: One tile needs about {memory} GiB: {weights} GiB of weights and {activations} GiB of
        tensors at one time; the format allows 8 GiB.
    Why: The estimate does not include the working memory of convolutions, so the model may fail on
        a graphics card with the 8 GB that the format assumes.
    Fix: Make the tile smaller with `SpatialDims`, or the network narrower at full resolution.
    Format: 2, N8
    """
    if static_cost is not None and COMFORTABLE < static_cost.memory_bytes <= ALLOWED:
        yield _found(static_cost)


@rule("CZ324", severity=Severity.ERROR, level=Level.NETWORK, requires=["CZ307"])
def memory_suffices(static_cost: StaticCost | None) -> Iterator[Found]:
    """A tile needs more memory than the format allows.

    Says: One tile needs about {memory} GiB: {weights} GiB of weights and {activations} GiB of
        tensors at one time; the format allows 8 GiB.
    Why: The model fails on a graphics card with the 8 GB that the format assumes.
    Fix: Make the tile smaller with `SpatialDims`, or the network narrower at full resolution.
    Format: 2, N8
    """
    if static_cost is not None and static_cost.memory_bytes > ALLOWED:
        yield _found(static_cost)


def _found(cost: StaticCost) -> Found:
    return Found(
        memory=f"{cost.memory_bytes / GIB:.1f}",
        weights=f"{cost.weight_bytes / GIB:.1f}",
        activations=f"{cost.activation_bytes / GIB:.1f}",
    )

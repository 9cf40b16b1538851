"""CZ3xx, further part: memory that a tile takes, read from the graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.limits import GIB
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity

if TYPE_CHECKING:
    from czcheck.network.cost import StaticCost

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

"""What changed in the network: tile, signature, operations, and what a tile costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from czcheck.changes.metadata import FieldChange
from czcheck.network.target import gaps, load_target
from czcheck.text import shape_text

if TYPE_CHECKING:
    from czcheck.network.facts import Dims, Network, Signature
    from czcheck.network.structure import Structure

TARGET = "tf-2.0.0"


@dataclass(frozen=True, slots=True)
class OperationChange:
    """How often an operation occurs in what the serving signature reaches.

    Attributes:
        op: The operation.
        before: Nodes in the first release.
        after: Nodes in the second release.
    """

    op: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class NetworkChange:
    """The networks of both releases, compared with each other.

    Attributes:
        before: The network of the first release.
        after: The network of the second release.
        signature: What changed in the signature, `Input` and `Output` by key, dtype and shape.
        operations: Operations whose number changed, by name.
        computes_same: Whether operations, attributes and wiring are the same, names, calls and the
            way in which weights are stored ignored; None where that is not known.
        is_same: Whether the weights are, too: then the outputs cannot differ.
        lacking: For each release the operations and attributes that keep TensorFlow 2.0.0 from
            loading it.
    """

    before: Network
    after: Network
    signature: tuple[FieldChange, ...]
    operations: tuple[OperationChange, ...]
    computes_same: bool | None
    is_same: bool | None
    lacking: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def tiles(self) -> tuple[Dims | None, Dims | None]:
        """Height, width and channels of each release's tile; None where there is none."""
        return tile_of(self.before), tile_of(self.after)


def tile_of(network: Network) -> Dims | None:
    """Height, width and channels of a network's tile, None for an open size.

    Returns:
        The sizes; None where there is no single input, or one of open rank.
    """
    fed = network.input
    return None if fed is None or fed.shape is None else fed.shape[1:]


def compare_networks(
    before: Network, after: Network, structures: tuple[Structure | None, Structure | None]
) -> NetworkChange:
    """Compare two networks.

    Args:
        before: The network of the first release, one that can be read.
        after: The network of the second release.
        structures: Digests of what they compute.
    """
    old, new = structures
    computes_same = is_same = None
    if old is not None and new is not None:
        same_tile = tile_of(before) == tile_of(after)
        computes_same = same_tile and old.operations == new.operations
        if old.whole is not None and new.whole is not None:
            is_same = same_tile and old.whole == new.whole
    return NetworkChange(
        before,
        after,
        signature=tuple(_signature_changes(before.serving, after.serving)),
        operations=tuple(_operation_changes(before, after)),
        computes_same=computes_same,
        is_same=is_same,
        lacking=(_lacking(before), _lacking(after)),
    )


def _signature_changes(before: Signature | None, after: Signature | None) -> Iterator[FieldChange]:
    old, new = _described(before), _described(after)
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield FieldChange(name, old.get(name), new.get(name))


def _described(signature: Signature | None) -> dict[str, Any]:
    """A signature as names with values."""
    if signature is None:
        return {}
    described: dict[str, Any] = {"Signature": signature.name}
    for side, specs in (("Input", signature.inputs), ("Output", signature.outputs)):
        for number, spec in enumerate(specs):
            place = side if len(specs) == 1 else f"{side} {number + 1}"
            described[f"{place} key"] = spec.key
            described[f"{place} dtype"] = spec.dtype
            described[f"{place} shape"] = shape_text(spec.shape)
    return described


def _operation_changes(before: Network, after: Network) -> Iterator[OperationChange]:
    counts = [
        Counter({use.op: use.count for use in network.operations if use.where == "serving"})
        for network in (before, after)
    ]
    for op in sorted(counts[0] | counts[1]):
        if counts[0][op] != counts[1][op]:
            yield OperationChange(op, counts[0][op], counts[1][op])


def _lacking(network: Network) -> tuple[str, ...]:
    """What TensorFlow 2.0.0 does not know of a network, by name."""
    if network.graph is None:
        return ()
    found = gaps(network.graph, load_target(TARGET))
    names = (each.op if each.attribute is None else f"{each.op}.{each.attribute}" for each in found)
    return tuple(dict.fromkeys(names))

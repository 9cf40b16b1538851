"""Filters of convolutions rewritten: constants by value, computed ones by operations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from czcheck.building.lowering.graph import Ref
from czcheck.building.lowering.rewriting import DT_INT32, Place


def spread(place: Place, name: str, filters: Ref, dilations: Sequence[int]) -> Ref:
    """Put zeros between the weights of a filter, which makes it a dilated one.

    Args:
        place: The graph.
        name: What to call the new filter.
        filters: The filter: the spatial dimensions, then channels.
        dilations: Distance from weight to weight in each spatial dimension.

    Returns:
        A filter of (size - 1) * dilation + 1 in each spatial dimension.
    """
    values = place.value(filters)
    if values is not None:
        sizes = [(size - 1) * by + 1 for size, by in zip(values.shape, dilations, strict=False)]
        wide = np.zeros((*sizes, *values.shape[len(dilations) :]), values.dtype)
        wide[tuple(slice(None, None, by) for by in dilations)] = values
        return place.constant(name, wide, filters)
    shape = place.shape(filters)
    assert shape is not None
    as_type, int32 = place.type(place.dtype(filters)), place.type(DT_INT32)
    for axis, by in enumerate(dilations):
        size = shape[axis]
        assert size is not None
        if by == 1:
            continue
        # One row of zeros behind the last, read wherever there is no weight.
        rows = [index // by if index % by == 0 else size for index in range((size - 1) * by + 1)]
        widths = [[0, int(number == axis)] for number in range(len(shape))]
        label = f"{name}/axis_{axis}"
        paddings = place.ints(f"{label}/paddings", widths, filters)
        types = {"T": as_type, "Tpaddings": int32}
        padded = place.add(f"{label}/padded", "Pad", [filters, paddings], **types)
        indices = place.ints(f"{label}/rows", rows, padded)
        along = place.ints(f"{label}/number", axis, padded)
        types = {"Tparams": as_type, "Tindices": int32, "Taxis": int32}
        filters = place.add(label, "GatherV2", [padded, indices, along], **types)
    return filters


def split(place: Place, name: str, filters: Ref, axis: int, count: int) -> list[Ref]:
    """Cut a filter into equal parts along one axis.

    Args:
        place: The graph.
        name: What the new nodes' names begin with.
        filters: The filter.
        axis: The axis.
        count: The number of parts.
    """
    values = place.value(filters)
    if values is None:
        return parts(place, f"{name}/filters", filters, axis, count)
    return [
        place.constant(f"{name}/filter_{index}", np.ascontiguousarray(part), filters)
        for index, part in enumerate(np.split(values, count, axis=axis))
    ]


def parts(place: Place, name: str, whole: Ref, axis: int, count: int) -> list[Ref]:
    """The parts of a tensor that is cut along one axis by an operation."""
    number = place.ints(f"{name}/axis", axis, whole)
    attrs = {"num_split": place.attr(i=count), "T": place.type(place.dtype(whole))}
    made = place.add(name, "Split", [number, whole], **attrs)
    return [(made[0], index) for index in range(count)]

"""What changed in the weights: which is which in the other release, and how far they are apart."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

import numpy as np

from czcheck.network.weights import Weight, Weights

# Suffixes by which Keras and TensorFlow make names unique: they change from session to session.
_COUNTER = re.compile(r"_\d+(?=/|$)")

PairedBy = Literal["name", "values", "order"]
State = Literal["same", "changed", "reshaped", "added", "removed", "unread"]


@dataclass(frozen=True, slots=True)
class WeightChange:
    """One weight in both releases.

    Attributes:
        before: The weight in the first release; None where it was added.
        after: The weight in the second release; None where it was removed.
        state: What happened to it: `same`, `changed`, `reshaped` (another shape or dtype), `added`,
            `removed`, or `unread` where its values cannot be read.
        paired_by: How the two were found: by `name`, by equal `values`, or by shape and `order`.
        norm: Euclidean norm of the difference; infinite where a value is no finite number.
        relative: That, in parts of the first release's norm; None where that is 0.
        largest: Largest change of a value.
    """

    before: Weight | None
    after: Weight | None
    state: State
    paired_by: PairedBy | None = None
    norm: float | None = None
    relative: float | None = None
    largest: float | None = None

    @property
    def name(self) -> str:
        """Its name; both names where they differ."""
        names = [each.name for each in (self.before, self.after) if each is not None]
        return " -> ".join(dict.fromkeys(names))

    @property
    def stored_otherwise(self) -> bool:
        """Whether a variable became a constant, or the other way round."""
        both = self.before, self.after
        return both[0] is not None and both[1] is not None and both[0].kind != both[1].kind


@dataclass(frozen=True, slots=True)
class WeightsChange:
    """All weights of two releases, compared with each other.

    Attributes:
        changes: All weights of both, those that changed and those that did not.
        relative: Norm of all differences, in parts of the norm of all weights of the first
            release, over the pairs of equal shape; None where that is 0 or there are no pairs.
    """

    changes: tuple[WeightChange, ...]
    relative: float | None = None

    def count(self, state: State) -> int:
        """Number of weights to which something happened."""
        return sum(each.state == state for each in self.changes)

    @property
    def equal(self) -> bool | None:
        """Whether all values are the same; None where some cannot be read."""
        states = {each.state for each in self.changes}
        if states & {"changed", "reshaped", "added", "removed"}:
            return False
        return None if "unread" in states else True


def compare_weights(before: Weights, after: Weights) -> WeightsChange:
    """Find each weight in the other release, and how far its values moved.

    Single numbers in the graph, such as the factor of a scaling, are listed only where they are
    not the same. Pairs are of equal values, those of equal names first; then of equal name and
    shape; then, since names change from session to session, of names without their counters; then
    of equal shape, in the order of the names; last of equal name and another shape. A value that
    one release holds twice, and the other once, is the same.
    """
    pairing = _Pairing(before.all, after.all)
    changes: list[WeightChange] = []
    difference = whole = 0.0
    for old, new, by in pairing.pairs():
        change, squares, total = _compared(before, old, after, new, by)
        if not (old.is_number and new.is_number and change.state == "same"):
            changes.append(change)
        difference += squares
        whole += total
    changes.extend(pairing.single())
    relative = math.sqrt(difference / whole) if whole else None
    return WeightsChange(tuple(changes), relative)


class _Pairing:
    """The weights of both that have not found each other yet."""

    def __init__(self, before: Iterable[Weight], after: Iterable[Weight]) -> None:
        self._before, self._after = list(before), list(after)
        self._digests = [{each.digest for each in side} for side in (self._before, self._after)]

    def pairs(self) -> Iterator[tuple[Weight, Weight, PairedBy]]:
        """All pairs, the surest first."""
        yield from self._by(lambda each: each.digest and (each.name, each.digest), "name")
        yield from self._by(lambda each: each.digest, "values")
        names = [{each.name for each in side} for side in (self._before, self._after)]
        # Where names only overlap, their counters have moved: equal ones mean nothing then.
        if names[0] <= names[1] or names[0] >= names[1]:
            yield from self._by(lambda each: (each.name, each.dtype, each.shape), "name")
        yield from self._by(lambda each: (bare(each.name), each.dtype, each.shape), "name")
        yield from self._by(lambda each: (each.dtype, each.shape), "order")
        yield from self._by(lambda each: bare(each.name), "name")

    def single(self) -> Iterator[WeightChange]:
        """Weights without a counterpart: removed, added, or duplicated."""
        for weight in self._before:
            if weight.digest is None or weight.digest not in self._digests[1]:
                yield WeightChange(weight, None, "removed")
        for weight in self._after:
            if weight.digest is None or weight.digest not in self._digests[0]:
                yield WeightChange(None, weight, "added")

    def _by(
        self, key: Callable[[Weight], Hashable], by: PairedBy
    ) -> Iterator[tuple[Weight, Weight, PairedBy]]:
        """Pairs with an equal key, in order; those without a key wait."""
        waiting: dict[Hashable, list[Weight]] = defaultdict(list)
        for new in self._after:
            waiting[key(new)].append(new)
        old_left, found = [], []
        for old in self._before:
            value = key(old)
            if value is not None and waiting.get(value):
                found.append((old, waiting[value].pop(0), by))
            else:
                old_left.append(old)
        self._before = old_left
        taken = {id(new) for _, new, _ in found}
        self._after = [new for new in self._after if id(new) not in taken]
        yield from found


def bare(name: str) -> str:
    """A name without the counters that make it unique: `conv2d_3/kernel_1`."""
    return _COUNTER.sub("", name)


def _compared(
    before: Weights, old: Weight, after: Weights, new: Weight, by: PairedBy
) -> tuple[WeightChange, float, float]:
    """A pair; the square of its difference's norm, and that of the old values."""
    if (old.dtype, old.shape) != (new.dtype, new.shape):
        return WeightChange(old, new, "reshaped", by), 0, 0
    if old.digest is None or new.digest is None:
        return WeightChange(old, new, "unread", by), 0, 0
    same = old.digest == new.digest
    difference, whole, largest = _distance(before, old, after, None if same else new)
    if same:
        return WeightChange(old, new, "same", by, 0.0, 0.0, 0.0), 0, whole
    change = WeightChange(
        old,
        new,
        "changed",
        by,
        norm=math.sqrt(difference),
        relative=math.sqrt(difference / whole) if whole else None,
        largest=largest,
    )
    return change, difference, whole


def _distance(
    before: Weights, old: Weight, after: Weights, new: Weight | None
) -> tuple[float, float, float]:
    """Squared norms of the difference and of the old values, and the largest difference.

    Values that are NaN in both, or the same infinity, are no difference.
    """
    difference = whole = largest = 0.0
    others = () if new is None else after.chunks(new)
    for one, other in zip_longest(before.chunks(old), others):
        finite = one[np.isfinite(one)]
        with np.errstate(over="ignore", invalid="ignore"):
            whole += float(np.dot(finite, finite))
            if other is None:
                continue
            gap = np.abs(other - one)
            gap[(one == other) | (np.isnan(one) & np.isnan(other))] = 0
            gap[np.isnan(gap)] = np.inf
            difference += float(np.dot(gap, gap))
            largest = max(largest, float(gap.max(initial=0)))
    return difference, whole, largest

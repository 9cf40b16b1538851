"""What is true of a tensor that may come from one of several places."""

from __future__ import annotations

from dataclasses import replace

from czcheck.network.static import pointwise
from czcheck.network.static.spread import Traced
from czcheck.network.static.step import Step


def alike(first: Traced, second: Traced) -> bool:
    """Whether the same is known of both."""
    return (first.shape, first.known, first.spread) == (second.shape, second.known, second.spread)


def merged(step: Step, first: Traced, second: Traced) -> Traced:
    """What is true of both of two tensors that may stand in one place."""
    known = first.known if first.known == second.known else None
    shape = first.shape if first.shape == second.shape else None
    if first.spread is None and second.spread is None:
        return Traced(shape, first.item, known, buffer=second.buffer)
    if first.spread == second.spread and shape is not None:
        return replace(second, known=known)
    if shape is None:
        return Step(step.node, step.use, [first, second], step.charge).unknown()
    both = Step(step.node, step.use, [first, second], step.charge)
    return replace(pointwise.mixed(both, shape, first.item), buffer=second.buffer)


def either(step: Step, answers: list[Traced]) -> Traced:
    """What comes out of one of several branches."""
    found = answers[0]
    for each in answers[1:]:
        found = merged(step, found, each)
    chooser = step.get(0).spread
    if chooser is None:
        return found
    if found.spread is None or found.spread.unknown is not None or chooser.unknown is not None:
        return Step(step.node, step.use, [step.get(0), found], step.charge).unknown(found.shape)
    joined = found.spread.joined(replace(chooser, pure=True))
    return replace(found, spread=joined)

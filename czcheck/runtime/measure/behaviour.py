"""How a network behaves: asked again, in a batch, with other intensities, colours and places.

All is measured on one tile, the one of the natural ones whose answer varies most, in one run each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.runtime.measure import orientation as ways
from czcheck.runtime.measure.agreement import Agreement, agreement_of
from czcheck.runtime.measure.orientation import Orientation
from czcheck.runtime.measure.variations import AGAIN, BATCH, COLOURS, MOVED, SCALED, variation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.runtime.outputs import Output
    from czcheck.runtime.session import Session
    from czcheck.test_tiles.patterns import Tile

_COLOURS = 3


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What changes a network's answer to one tile, and what does not.

    Attributes:
        tile: Name of the tile.
        labels: For each class the number of pixels of its answer where it is the most probable one.
        again: The same tile a second time, in the same process.
        fresh: The same in a fresh process; None unless that was asked for.
        batch: The tile with another one in a batch; None where the network takes one tile at a
            time, or two would need too much memory.
        batch_failure: Why a batch could not be run, though the network takes one; None otherwise.
        scaled: Intensities scaled to 0..1; None where they are so already.
        colours: Red and blue exchanged; None where there are no colours.
        orientation: How the answer follows moved content; None where that cannot be told.
    """

    tile: str
    labels: tuple[int, ...]
    again: Agreement | None = None
    fresh: Agreement | None = None
    batch: Agreement | None = None
    batch_failure: str | None = None
    scaled: Agreement | None = None
    colours: Agreement | None = None
    orientation: Orientation | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the report holds it: what was measured."""
        measured: dict[str, Any] = {"tile": self.tile}
        for name in ("again", "fresh", "batch", "scaled", "colours"):
            agreement: Agreement | None = getattr(self, name)
            if agreement is not None:
                measured[name] = agreement.to_json()
        if self.orientation is not None:
            measured["orientation"] = self.orientation.way
        return measured


class Probe:
    """Keeps the natural tile whose answer varies most: it shows best what changes an answer."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.tile: Tile | None = None
        self.answer: NDArray[Any] | None = None
        self.labels: tuple[int, ...] = ()
        self._variety = -1.0

    def look_at(self, tile: Tile, answer: Output, labels: tuple[int, ...]) -> None:
        """Keep a tile if it is better than the ones before.

        Args:
            tile: The tile.
            answer: The sound answer to it.
            labels: Pixels that each class has won.
        """
        variety = 1 - max(labels) / sum(labels)
        if answer.array is not None and tile.natural and variety > self._variety:
            self.tile, self.answer, self.labels = tile, answer.array[0], labels
            self._variety = variety


@dataclass(frozen=True, slots=True)
class Terms:
    """What a network is measured by.

    Attributes:
        top: Largest raw intensity; 1 where tiles range from 0 to 1 already.
        colours: Whether the first channels are blue, green and red.
        partner: A tile to share a batch with; None where no batch is to be run.
    """

    top: float
    colours: bool
    partner: NDArray[Any] | None


def measure_behaviour(session: Session, probe: Probe, terms: Terms) -> Behaviour | None:
    """Ask a network what should not change its answer, and what may.

    Args:
        session: The loaded network; its failures are kept there.
        probe: The tile to vary, with its answer.
        terms: What applies to this network.

    Returns:
        What was measured; None where no natural tile has a sound answer.
    """
    tile, answer = probe.tile, probe.answer
    if tile is None or answer is None:
        return None
    name, pixels = tile.name, tile.pixels

    def held_against(answered: Output | None) -> Agreement | None:
        if answered is None or answered.array is None:
            return None
        return agreement_of(answer, first_of(answered.array))

    again = held_against(session.predict(variation(name, AGAIN), pixels))
    scaled = colours = orientation = None
    if terms.top > 1:
        scaled = held_against(session.predict(variation(name, SCALED), pixels / terms.top))
    if terms.colours and pixels.shape[-1] >= _COLOURS:
        exchanged = held_against(
            session.predict(variation(name, COLOURS), exchange_red_and_blue(pixels))
        )
        colours = exchanged
    move = ways.move_of(*pixels.shape[:2])
    if move is not None:
        moved = session.predict(variation(name, MOVED), ways.moved(pixels, move))
        if moved is not None and moved.array is not None:
            orientation = ways.orientation_of(answer, first_of(moved.array), move)
    batch, reason = _in_a_batch(session, name, pixels, terms.partner)
    return Behaviour(
        tile=name,
        labels=probe.labels,
        again=again,
        batch=held_against(batch),
        batch_failure=reason,
        scaled=scaled,
        colours=colours,
        orientation=orientation,
    )


def exchange_red_and_blue(pixels: NDArray[Any]) -> NDArray[Any]:
    """A tile with its first and third channel exchanged.

    Args:
        pixels: `(height, width, channels)`, three channels at least.
    """
    exchanged: NDArray[Any] = pixels.copy()
    exchanged[..., 0], exchanged[..., 2] = pixels[..., 2], pixels[..., 0]
    return exchanged


def first_of(batch: NDArray[Any]) -> NDArray[Any]:
    """The first answer of a batch, or the whole of what is no batch."""
    first: NDArray[Any] = batch[0] if batch.ndim == 4 and len(batch) else batch
    return first


def _in_a_batch(
    session: Session, name: str, pixels: NDArray[Any], partner: NDArray[Any] | None
) -> tuple[Output | None, str | None]:
    """Run the tile with another one; a network that refuses has not failed: ZEN sends one tile."""
    if partner is None:
        return None, None
    before = len(session.failures)
    answer = session.predict(variation(name, BATCH), np.stack([pixels, partner]))
    if answer is None and session.died is None:
        failure = session.failures[before]
        del session.failures[before:]
        return None, None if failure.kind == "memory" else failure.reason
    return answer, None

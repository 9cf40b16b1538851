"""Ways in which a tile is changed or asked again, and the names that this gives it."""

from __future__ import annotations

AGAIN = "a second time"
FRESH = "in a fresh process"
BATCH = "in a batch of two"
SCALED = "scaled to 0..1"
COLOURS = "red and blue exchanged"
MOVED = "its content moved"


def variation(tile: str, how: str) -> str:
    """The name of a tile that was changed, or asked in another way.

    Args:
        tile: Name of the tile.
        how: One of the words above.
    """
    return f"{tile}, {how}"

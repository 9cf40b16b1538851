"""Colours for classes that were given none."""

from __future__ import annotations

from collections.abc import Iterator

Colour = tuple[int, int, int]

_FIRST: tuple[Colour, ...] = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
# Saturation and brightness: full colours first, then dark ones, then pale ones.
_SHADES = ((1.0, 1.0), (1.0, 0.55), (0.45, 1.0))
_MOST = 1000


def distinct_colours(count: int) -> tuple[Colour, ...]:
    """Colours for a number of classes, no two of them alike.

    The first three are red, green and blue, as the reference library has them; its fourth repeats
    the first, here none does. Early colours lie far apart, later ones come closer. Black and greys,
    in which images themselves are shown, do not occur.

    Args:
        count: Number of classes, 0 to 1000.

    Returns:
        Red, green and blue of each class, 0 to 255.

    Raises:
        ValueError: The count is out of range.
    """
    if not 0 <= count <= _MOST:
        raise ValueError(f"colours for {count} classes were asked for; 0 to {_MOST} can be had")
    found: dict[Colour, None] = {}
    for colour in _sequence():
        if len(found) == count:
            break
        found[colour] = None
    return tuple(found)


def _sequence() -> Iterator[Colour]:
    """Endless colours, with repetitions: ever finer steps of hue, in every shade."""
    yield from _FIRST
    steps = 6
    while True:
        for saturation, brightness in _SHADES:
            for step in range(steps):
                yield _rgb(step / steps, saturation, brightness)
        steps *= 2


def _rgb(hue: float, saturation: float, brightness: float) -> Colour:
    """Red, green and blue, 0 to 255, of a colour given by hue, saturation, brightness, 0 to 1."""
    sector = hue * 6
    parts = []
    for offset in (5, 3, 1):
        place = (offset + sector) % 6
        falloff = max(0.0, min(place, 4 - place, 1.0))
        parts.append(round(255 * brightness * (1 - saturation * falloff)))
    return parts[0], parts[1], parts[2]

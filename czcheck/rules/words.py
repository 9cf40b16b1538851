"""Words that messages of several rules share."""

from __future__ import annotations

from collections.abc import Iterable

from czcheck.text import first_of, listed

_MANY = 4


def tiles_in_words(tiles: Iterable[str]) -> str:
    """Names of tiles in words; of many, the first ones.

    Args:
        tiles: Names, at least one; those that occur again are left out.
    """
    names = [f"`{name}`" for name in dict.fromkeys(tiles)]
    what = "the tile" if len(names) == 1 else "the tiles"
    return f"{what} {listed(names) if len(names) <= _MANY else first_of(names, _MANY)}"

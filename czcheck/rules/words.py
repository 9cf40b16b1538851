"""Words that messages of several rules share."""

from __future__ import annotations

from collections.abc import Iterable

_MANY = 4


def tiles_in_words(tiles: Iterable[str]) -> str:
    """Names of tiles in words; of many, the first ones.

    Args:
        tiles: Names, at least one; those that occur again are left out.
    """
    names = [f"`{name}`" for name in dict.fromkeys(tiles)]
    if len(names) == 1:
        return f"the tile {names[0]}"
    if len(names) > _MANY:
        return f"the tiles {', '.join(names[:_MANY])} and {len(names) - _MANY} more"
    return f"the tiles {', '.join(names[:-1])} and {names[-1]}"

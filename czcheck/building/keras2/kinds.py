"""The table of Keras's layers: what weights each has, and what it computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from czcheck.building.keras2.layer import Call, Kind, Layer, Weights

_KINDS: dict[str, Kind] = {}


def _none(layer: Layer) -> tuple[tuple[str, bool], ...]:
    del layer
    return ()


def kind(
    *names: str,
    weights: Weights = _none,
    children: tuple[str, ...] = (),
    several: bool | None = False,
    casts: bool = True,
) -> Callable[[Callable[[Call, Any], Any]], Callable[[Call, Any], Any]]:
    """Enter a function as what layers of a class compute.

    Args:
        *names: Names of the class in files.
        weights: Its own weights.
        children: Arguments that hold layers.
        several: Whether it takes a list of inputs, also of one; None if it takes what it is given.
        casts: Whether inputs are turned into the data type that it computes in.
    """

    def enter(call: Callable[[Call, Any], Any]) -> Callable[[Call, Any], Any]:
        for name in names:
            _KINDS[name] = Kind(call, weights, children, several, casts)
        return call

    return enter


def entered(name: str) -> Kind | None:
    """What a class does; None if no module that has been imported entered it.

    Args:
        name: Its name in a file.
    """
    return _KINDS.get(name)


def trained(*names: str) -> Weights:
    """Weights that are always there, all trained.

    Args:
        *names: Their names.
    """

    def weights(layer: Layer) -> tuple[tuple[str, bool], ...]:
        del layer
        return tuple((name, True) for name in names)

    return weights


def with_bias(*names: str) -> Weights:
    """Weights that are always there, and a bias where `use_bias` says so; all trained.

    Args:
        *names: Names of the others.
    """

    def weights(layer: Layer) -> tuple[tuple[str, bool], ...]:
        bias = ("bias",) if layer.arguments.flag("use_bias", default=True) else ()
        return tuple((name, True) for name in (*names, *bias))

    return weights

"""The network that a build makes of a source, as far as that can be known without building."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from czcheck.network.facts import Dims, Network, Signature
from czcheck.planned.ends import PAIR

if TYPE_CHECKING:
    from czcheck.metadata.spec import BuildSpec

SERVING_DEFAULT = "serving_default"
_RANK = 4


def as_built(network: Network, spec: BuildSpec) -> Network:
    """The network with the specification's tile and operations, under the signature of a build.

    Operations of the graph are those of the source: what lowering makes of them is not known.

    Args:
        network: The source.
        spec: The specification.

    Returns:
        The network; unchanged where it has not one input and one output of four dimensions.
    """
    ends = _ends(network)
    if ends is None:
        return network
    serving, fed, made = ends
    tile = _tile(fed, spec)
    channels, tail, pair = made[3], network.tail, network.pair
    names = [operation.name for operation in spec.postprocessing]
    if names:
        # Where the network has other channels, the operations are at fault, and nothing is paired.
        paired = PAIR in names and channels in (1, None)
        tail, pair = ("sigmoid-pair", 0 if paired else None)
        if names[-1] != PAIR:
            tail, pair = "softmax", None
        channels = 2 if paired else channels
    same = made[1:3] == fed[1:3] and None not in made[1:3]
    size = made[1:3] if tile == fed[1:3] else tile if same else _size(network, spec)
    built = Signature(
        name=SERVING_DEFAULT,
        method=serving.method,
        inputs=(serving.inputs[0]._replace(shape=(None, *tile, fed[3])),),
        outputs=(serving.outputs[0]._replace(shape=(None, *size, channels)),),
    )
    return dataclasses.replace(
        network,
        signatures=(built,),
        serving=built,
        tail=tail,
        bounds=None if names else network.bounds,
        pair=pair,
        unknown_files=(),
    )


def as_loaded(network: Network, spec: BuildSpec) -> Network:
    """The source as it is loaded and run on tiles of the specification's size.

    Args:
        network: The source.
        spec: The specification.
    """
    ends = _ends(network)
    if ends is None:
        return network
    serving, fed, _ = ends
    shape = (None, *_tile(fed, spec), fed[3])
    changed = serving._replace(inputs=(serving.inputs[0]._replace(shape=shape),))
    return dataclasses.replace(network, serving=changed)


def not_run(network: Network, spec: BuildSpec) -> str | None:
    """Why a source cannot show what its archive will do; None if it can.

    Args:
        network: The source.
        spec: The specification.
    """
    if spec.preprocessing or spec.postprocessing:
        return "the specification puts operations around the network"
    ends = _ends(network)
    if ends is None:
        return None
    _, fed, _ = ends
    if fed[0] not in (None, 1):
        return f"the network takes {fed[0]} tiles at a time"
    changed = [(own, new) for own, new in zip(fed[1:3], _tile(fed, spec), strict=True) if own]
    if any(own != new for own, new in changed):
        return "the specification changes the network's tile"
    return None


def _ends(network: Network) -> tuple[Signature, Dims, Dims] | None:
    """The signature with the shapes of its one input and its one output."""
    serving, ends = network.serving, network.ends
    if serving is None or ends is None:
        return None
    fed, made = ends
    output = (None,) * _RANK if made.shape is None else made.shape
    if fed.shape is None or len(fed.shape) != _RANK or len(output) != _RANK:
        return None
    return serving, fed.shape, output


def _size(network: Network, spec: BuildSpec) -> Dims:
    """Height and width of the output for the specification's tile, by the graph alone."""
    from czcheck.network.reach import trace_of  # noqa: PLC0415 - costs as much as all the rest

    walked = trace_of(as_loaded(network, spec))
    shape = None if walked is None or isinstance(walked, str) else walked.output.shape
    return (None, None) if shape is None or len(shape) != _RANK else shape[1:3]


def _tile(fed: Dims, spec: BuildSpec) -> Dims:
    return fed[1:3] if spec.spatial_dims is None else spec.spatial_dims

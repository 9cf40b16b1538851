"""What can be said about a source before TensorFlow starts."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError, UsageError
from czcheck.limits import LARGEST_SIDE
from czcheck.network.scan import scan
from czcheck.planned.ends import about_channels, about_dtype, about_labels, about_taken, ending_of
from czcheck.planned.named import licence_fault, model_fault

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.processing import Operation
    from czcheck.network.facts import Dims, Network, TensorSpec
    from czcheck.network.files import SavedModelFiles
    from czcheck.planned.ends import Ending

RANK = 4


def size_of_tile(name: str, value: Any) -> tuple[int, int] | None:
    """The size of a tile that was passed as an argument.

    Args:
        name: Name of the parameter.
        value: (height, width) in pixels, or None.

    Raises:
        UsageError: It is no size.
    """
    if value is None:
        return None
    try:
        sizes = [operator.index(side) for side in value]
    except TypeError:
        sizes = []
    if len(sizes) != 2 or not all(1 <= side <= LARGEST_SIDE for side in sizes):
        raise UsageError(
            f"{name} is {value!r}; give (height, width) in pixels, such as (1024, 1024), each 1 to "
            f"{LARGEST_SIDE}"
        )
    return sizes[0], sizes[1]


def check_source(folder: Path) -> None:
    """See that a path is a SavedModel's folder or a Keras file.

    Args:
        folder: What `ModelPath` names.

    Raises:
        InputError: It is neither.
    """
    if reason := model_fault(folder):
        raise InputError(f"{folder}: {reason}")


def check_licence(path: Path) -> None:
    """See that a licence file can stand in the archive under its own name.

    Args:
        path: What `LicenseFile` names.

    Raises:
        InputError: It is no file, or its name would be taken for a part of the model.
    """
    if reason := licence_fault(path):
        raise InputError(f"{path}: {reason}")


def check_harmless(
    network: Network, files: SavedModelFiles, allow_op: Collection[str], folder: Path
) -> None:
    """See that a source holds nothing that must not be run, before TensorFlow loads it.

    Args:
        network: The source, as read without TensorFlow.
        files: Its files.
        allow_op: Operations that the user admits.
        folder: Where the source is, to name in errors.

    Raises:
        InputError: It does.
    """
    safety = scan(network, files)
    objection = safety.objection(allow_op)
    if objection is None:
        return
    advice = ""
    if safety.not_admitted(allow_op):
        advice = "; --allow-op admits an operation by name, for those who know what it is for"
    raise InputError(f"{folder}: the network is not loaded: {objection}{advice}")


def check_network(
    network: Network,
    metadata: ModelMetadata,
    tile: tuple[int, int] | None,
    folder: Path,
    multiple: int = 1,
    after: Sequence[Operation] = (),
) -> None:
    """Hold a network's signature against the metadata.

    Args:
        network: The source, as read without TensorFlow.
        metadata: What the archive will say.
        tile: (height, width) that was asked for; None to keep the network's own.
        folder: Where the source is, to name in errors.
        multiple: Number that height and width have to be multiples of, as far as known.
        after: Operations to put behind the network.

    Raises:
        InputError: The two do not go together.
    """
    if network.fault is not None:
        raise InputError(f"{folder}: {network.fault}")
    serving = network.serving
    if serving is None:
        names = ", ".join(f"`{each.name}`" for each in network.signatures if each.inputs)
        which = f", and which of {names} is the network nobody can tell" if names else ""
        raise InputError(
            f"{folder}: the SavedModel has no signature `serving_default`{which}; export it with "
            "model.export(folder), or with tf.saved_model.save and "
            'signatures={"serving_default": function}'
        )
    fed = _only(serving.inputs, "input", folder)
    answered = _only(serving.outputs, "output", folder)
    ending = ending_of(network)
    assert ending is not None  # there is one output
    if labels := about_labels(ending):
        raise InputError(f"{folder}: {labels}")
    for spec, what in ((fed, "input"), (answered, "output")):
        if reason := about_dtype(spec, what):
            raise InputError(f"{folder}: {reason}")
        if spec.shape is not None and len(spec.shape) != RANK:
            raise InputError(
                f"{folder}: the network's {what} {spec.key} has the shape {shown(spec.shape)}; "
                "it has to be (batch, height, width, channels)"
            )
    if fed.shape is None:
        raise InputError(
            f"{folder}: the network's input {fed.key} has an open number of dimensions"
        )
    check_channels(fed.shape[3], metadata, folder)
    check_ending(ending, metadata, folder, after)
    own = (fed.shape[1], fed.shape[2])
    size = tile or own
    if size[0] is None or size[1] is None:
        raise InputError(f"{folder}: {no_tile(multiple)}")
    check_border(size[0], size[1], metadata, folder)


def _only(specs: tuple[TensorSpec, ...], what: str, folder: Path) -> TensorSpec:
    if len(specs) != 1:
        names = ", ".join(spec.key for spec in specs) or "none"
        raise InputError(
            f"{folder}: the network has {len(specs)} {what}s ({names}); "
            f"a model has exactly one {what}: export a model with one"
        )
    return specs[0]


def no_tile(multiple: int) -> str:
    """What to say about a network without a tile size.

    Args:
        multiple: Number that height and width have to be multiples of, as far as known.
    """
    hint = f", each a multiple of {multiple} for this network" if multiple > 1 else ""
    return (
        "the network takes tiles of any size, and ZEN needs a fixed one: set `SpatialDims` "
        f"[height, width] in the spec or give --tile HxW{hint}"
    )


def check_channels(channels: int | None, metadata: ModelMetadata, folder: Path) -> None:
    """See that the input's channels fit the pixel type. Section 2, N17 of the format.

    Args:
        channels: Size of the input's last dimension; None if it is open.
        metadata: What the archive will say.
        folder: Where the source is, to name in errors.

    Raises:
        InputError: They do not fit.
    """
    if reason := about_taken(channels, metadata):
        raise InputError(f"{folder}: {reason}")


def check_ending(
    ending: Ending, metadata: ModelMetadata, folder: Path, after: Sequence[Operation] = ()
) -> None:
    """See that the output has the channels that the classes ask for. Section 2, N10 of the format.

    Args:
        ending: The network's output.
        metadata: What the archive will say.
        folder: Where the source is, to name in errors.
        after: Operations that stand behind the output.

    Raises:
        InputError: It has not.
    """
    reason = about_channels(ending, after, [item.name for item in metadata.classes])
    if reason is not None:
        raise InputError(f"{folder}: {reason}")


def check_border(height: int, width: int, metadata: ModelMetadata, folder: Path) -> None:
    """See that something of a tile is left between its borders. Section 2, N15 of the format.

    Args:
        height: Height of a tile in pixels.
        width: Width in pixels.
        metadata: What the archive will say.
        folder: Where the source is, to name in errors.

    Raises:
        InputError: Nothing is left.
    """
    if 2 * metadata.border_size >= min(height, width):
        raise InputError(
            f"{folder}: a border of {metadata.border_size} pixels on each side leaves nothing of a "
            f"tile of {height} x {width}; make `BorderSize` smaller or the tile larger"
        )


def shown(shape: Dims) -> str:
    """A shape in words, `(open, 64, 64, 3)`."""
    return "(" + ", ".join("open" if size is None else str(size) for size in shape) + ")"

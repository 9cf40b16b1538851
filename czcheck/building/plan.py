"""What is to be built, and the network it is built from: checked before TensorFlow starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.building.process import Added
from czcheck.errors import InputError
from czcheck.metadata.processing import check_class_count, check_operations
from czcheck.network.files import SavedModelFolder
from czcheck.network.reach import static_reach, trace_of
from czcheck.network.saved_model import read_network
from czcheck.network.scan import scan
from czcheck.planned.ends import (
    PAIR,
    about_channels,
    about_dtype,
    about_labels,
    about_open_tile,
    about_taken,
    about_values,
    binary_of,
    ending_of,
    exchange,
    remark,
)
from czcheck.planned.keras_outline import read_outline
from czcheck.specification import is_keras_file, licence_fault, model_fault

if TYPE_CHECKING:
    from czcheck.building.options import BuildOptions
    from czcheck.building.process import Lowering
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.processing import Operation
    from czcheck.metadata.spec import BuildSpec
    from czcheck.network.facts import Dims, Network, TensorSpec
    from czcheck.network.files import SavedModelFiles
    from czcheck.planned.ends import Binary, Ending

RANK = 4


@dataclass(frozen=True, slots=True)
class Examined:
    """A SavedModel that may be loaded.

    Attributes:
        folder: The SavedModel's folder.
        network: Its facts.
        multiple: Number that a tile's height and width have to be multiples of, as far as known.
        ending: The network's output.
    """

    folder: Path
    network: Network
    multiple: int
    ending: Ending


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be built.

    Attributes:
        spec: The specification.
        metadata: The metadata of the archive; its id may still be missing.
        source: The SavedModel's folder or the Keras file.
        licence: Licence file to put into the archive; None if there is none.
        tile: (height, width) requested; None to keep the network's own.
        added: Operations to put around the network.
        options: The options of the build.
    """

    spec: BuildSpec
    metadata: ModelMetadata
    source: Path
    licence: Path | None
    tile: tuple[int, int] | None
    added: Added
    options: BuildOptions

    @classmethod
    def of(cls, spec: BuildSpec, metadata: ModelMetadata, options: BuildOptions) -> Plan:
        """Plan a build.

        Args:
            spec: The specification.
            metadata: The metadata that it describes.
            options: The options of the build, which override it.

        Raises:
            InputError: The specification cannot be built.
        """
        source = Path(spec.model_path)
        if reason := model_fault(source):
            raise InputError(f"{source}: {reason}")
        licence = None if spec.license_file is None else Path(spec.license_file)
        if licence is not None and (reason := licence_fault(licence)):
            raise InputError(f"{licence}: {reason}")
        tile = options.tile or spec.spatial_dims
        added = _added(spec, metadata, options)
        return cls(spec, metadata, source, licence, tile, added, options)

    @property
    def is_keras_file(self) -> bool:
        """Whether the source is a Keras file, not a SavedModel."""
        return is_keras_file(self.source)

    def examine(self, folder: Path) -> Examined:
        """Check that a SavedModel is harmless and fits, before TensorFlow loads it.

        Args:
            folder: The source itself, or what was exported of it.

        Raises:
            InputError: It is not, or does not.
        """
        files = SavedModelFolder(folder)
        network = read_network(files, self.options.limits)
        multiple = static_reach(trace_of(network)).stride
        check_network(network, self.metadata, self.tile, self.source, multiple, self.added.after)
        check_harmless(network, files, self.options.allow_op, self.source)
        ending = ending_of(network)
        assert ending is not None  # there is one output
        return Examined(folder, network, multiple, ending)

    def examine_keras_file(self) -> None:
        """Check that a Keras file fits, as far as that follows from the list of its layers.

        Raises:
            InputError: It does not fit.
        """
        outline = read_outline(self.source)
        if outline is None:
            return
        check_channels(outline.channels, self.metadata, self.source)
        check_ending(outline.ending, self.metadata, self.source, self.added.after)
        self.warnings(outline.ending)

    def check(self, lowering: Lowering, ending: Ending) -> Ending:
        """Compare what only TensorFlow could find out with the metadata.

        Args:
            lowering: The lowered network.
            ending: The network's own output, as read without TensorFlow.

        Returns:
            The network's own output, its channels known.

        Raises:
            InputError: They do not fit.
        """
        check_channels(lowering.channels, self.metadata, self.source)
        behind = dataclasses.replace(ending, channels=lowering.classes)
        check_ending(behind, self.metadata, self.source)
        check_border(*lowering.tile, self.metadata, self.source)
        paired = any(operation.name == PAIR for operation in self.added.after)
        return dataclasses.replace(ending, channels=1 if paired else lowering.classes)

    def warnings(self, ending: Ending) -> tuple[str, ...]:
        """What is odd about the output, though a build can make an archive of it.

        Args:
            ending: The network's own output.

        Raises:
            InputError: The output would hold no probabilities, so that verifying the archive would
                fail.
        """
        objection = about_values(ending, self.added.after)
        if objection is not None and self.options.verify:
            raise InputError(f"{self.source}: {objection}")
        binary = self.binary(ending)
        exchanged = exchange(binary) if binary is not None and binary.looks_exchanged else None
        found = (objection, remark(ending, self.added.after), exchanged)
        return tuple(each for each in found if each is not None)

    def binary(self, ending: Ending) -> Binary | None:
        """Which class gets p and which 1 - p, where one channel is made two.

        Args:
            ending: The network's own output.
        """
        names = [item.name for item in self.metadata.classes]
        return binary_of(ending, self.added.after, names)

    def identified(self, derived: str) -> ModelMetadata:
        """The metadata with the model's id.

        Args:
            derived: The id for a specification that gives none.
        """
        return dataclasses.replace(self.metadata, model_id=self.spec.model_id or derived)


def _added(spec: BuildSpec, metadata: ModelMetadata, options: BuildOptions) -> Added:
    before = spec.preprocessing
    if options.preprocessing is not None:
        before = options.preprocessing
    after = spec.postprocessing
    if options.postprocessing is not None:
        after = options.postprocessing
    pixel_type = metadata.pixel_types[0]
    try:
        check_operations(before, after, metadata.channel_count, pixel_type)
        check_class_count(after, len(metadata.classes))
    except InputError as error:
        raise InputError(f"{spec.path}: {error}") from None
    return Added(before, after, metadata.pixel_type.maximum)


def check_harmless(
    network: Network, files: SavedModelFiles, allow_op: Collection[str], folder: Path
) -> None:
    """Check that a source holds nothing that must not be run, before TensorFlow loads it.

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
    """Compare a network's signature with the metadata.

    Args:
        network: The source, as read without TensorFlow.
        metadata: The metadata of the archive.
        tile: (height, width) requested; None to keep the network's own.
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
    fetched = _only(serving.outputs, "output", folder)
    ending = ending_of(network)
    assert ending is not None  # there is one output
    if labels := about_labels(ending):
        raise InputError(f"{folder}: {labels}")
    for spec, what in ((fed, "input"), (fetched, "output")):
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
        raise InputError(f"{folder}: {about_open_tile(multiple)}")
    check_border(size[0], size[1], metadata, folder)


def _only(specs: tuple[TensorSpec, ...], what: str, folder: Path) -> TensorSpec:
    if len(specs) != 1:
        names = ", ".join(spec.key for spec in specs) or "none"
        raise InputError(
            f"{folder}: the network has {len(specs)} {what}s ({names}); "
            f"a model has exactly one {what}: export a model with one"
        )
    return specs[0]


def check_channels(channels: int | None, metadata: ModelMetadata, folder: Path) -> None:
    """Check that the input's channels fit the pixel type. Section 2, N17 of the format.

    Args:
        channels: Size of the input's last dimension; None if it is open.
        metadata: The metadata of the archive.
        folder: Where the source is, to name in errors.

    Raises:
        InputError: They do not fit.
    """
    if reason := about_taken(channels, metadata):
        raise InputError(f"{folder}: {reason}")


def check_ending(
    ending: Ending, metadata: ModelMetadata, folder: Path, after: Sequence[Operation] = ()
) -> None:
    """Check that the output has a channel for each class. Section 2, N10 of the format.

    Args:
        ending: The network's output.
        metadata: The metadata of the archive.
        folder: Where the source is, to name in errors.
        after: Operations that stand behind the output.

    Raises:
        InputError: It has not.
    """
    reason = about_channels(ending, after, [item.name for item in metadata.classes])
    if reason is not None:
        raise InputError(f"{folder}: {reason}")


def check_border(height: int, width: int, metadata: ModelMetadata, folder: Path) -> None:
    """Check that something of a tile is left between its borders. Section 2, N15 of the format.

    Args:
        height: Height of a tile in pixels.
        width: Width in pixels.
        metadata: The metadata of the archive.
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

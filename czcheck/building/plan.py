"""What is to be built, and the network it is built from: checked as far as it can be in advance."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from czcheck.building import checks
from czcheck.building.expected import Added
from czcheck.errors import InputError, UsageError
from czcheck.metadata.processing import (
    POSTPROCESSING,
    PREPROCESSING,
    Operation,
    check_class_count,
    check_operations,
    instead,
    parse_operation,
)
from czcheck.network.files import SavedModelFolder
from czcheck.network.reach import static_reach, trace_of
from czcheck.network.saved_model import read_network
from czcheck.planned.ends import (
    PAIR,
    about_values,
    binary_of,
    ending_of,
    exchange,
    remark,
)
from czcheck.planned.keras_outline import read_outline
from czcheck.planned.named import is_keras_file

if TYPE_CHECKING:
    from czcheck.limits import Limits
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.spec import BuildSpec
    from czcheck.planned.ends import Binary, Ending


Given: TypeAlias = Operation | str | Sequence[Operation | str] | None
"""Operations in a call: one or several, as such or as the command line writes them."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a call of `build` changes about its specification.

    Attributes:
        tile: (height, width) in place of the spec's `SpatialDims`; None to keep it.
        preprocessing: Operations in place of the spec's; None to keep them.
        postprocessing: Operations in place of the spec's; None to keep them.
        allow_op: Operations to admit though they are not on the allowlist.
    """

    tile: tuple[int, int] | None = None
    preprocessing: tuple[Operation, ...] | None = None
    postprocessing: tuple[Operation, ...] | None = None
    allow_op: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        tile: tuple[int, int] | None,
        preprocessing: Given,
        postprocessing: Given,
        allow_op: Sequence[str],
    ) -> Overrides:
        """Check the arguments of a call.

        Args:
            tile: (height, width), or None.
            preprocessing: Operations, as such or as the command line writes them; or None.
            postprocessing: The same.
            allow_op: Names of operations.

        Raises:
            UsageError: One of them is none.
        """
        return cls(
            tile=checks.size_of_tile("tile", tile),
            preprocessing=_operations("preprocessing", preprocessing, PREPROCESSING),
            postprocessing=_operations("postprocessing", postprocessing, POSTPROCESSING),
            allow_op=(allow_op,) if isinstance(allow_op, str) else tuple(allow_op),
        )


@dataclass(frozen=True, slots=True)
class Examined:
    """A SavedModel that may be loaded.

    Attributes:
        folder: The SavedModel's folder.
        loader: Which of TensorFlow's loaders opens it.
        signature: Name of the signature to keep.
        multiple: Number that a tile's height and width have to be multiples of, as far as known.
        precision: What the network computes in, see `Network.precision`.
        ending: The network's output.
    """

    folder: Path
    loader: str
    signature: str
    multiple: int
    precision: str
    ending: Ending


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be built.

    Attributes:
        spec: The specification.
        metadata: What the archive will say; its id may still be missing.
        source: The SavedModel's folder or the Keras file.
        licence: Licence file to put into the archive; None if there is none.
        tile: (height, width) that was asked for; None to keep the network's own.
        added: Operations to put around the network.
        allow_op: Operations to admit though they are not on the allowlist.
    """

    spec: BuildSpec
    metadata: ModelMetadata
    source: Path
    licence: Path | None
    tile: tuple[int, int] | None
    added: Added
    allow_op: tuple[str, ...]

    @classmethod
    def of(cls, spec: BuildSpec, metadata: ModelMetadata, overrides: Overrides) -> Plan:
        """Plan a build.

        Args:
            spec: The specification.
            metadata: The metadata that it describes.
            overrides: What the call changes about it.

        Raises:
            InputError: The specification cannot be built.
        """
        source = Path(spec.model_path)
        checks.check_source(source)
        licence = None if spec.license_file is None else Path(spec.license_file)
        if licence is not None:
            checks.check_licence(licence)
        tile = overrides.tile or spec.spatial_dims
        added = _added(spec, metadata, overrides)
        return cls(spec, metadata, source, licence, tile, added, overrides.allow_op)

    @property
    def is_keras_file(self) -> bool:
        """Whether the source is a Keras file, not a SavedModel."""
        return is_keras_file(self.source)

    def examine(self, folder: Path, limits: Limits) -> Examined:
        """See that a SavedModel is harmless and fits, before TensorFlow loads it.

        Args:
            folder: The source itself, or what was exported of it.
            limits: Limits on what is read.

        Raises:
            InputError: It is not, or does not.
        """
        files = SavedModelFolder(folder)
        network = read_network(files, limits)
        multiple = static_reach(trace_of(network)).stride
        checks.check_network(
            network, self.metadata, self.tile, self.source, multiple, self.added.after
        )
        checks.check_harmless(network, files, self.allow_op, self.source)
        signature = "" if network.serving is None else network.serving.name
        ending = ending_of(network)
        assert ending is not None  # there is one output
        return Examined(folder, network.loader, signature, multiple, network.precision, ending)

    def examine_keras_file(self, *, verify: bool) -> None:
        """See that a Keras file fits as far as the description of its layers tells.

        Args:
            verify: Whether the archive is to be verified.

        Raises:
            InputError: It does not fit.
        """
        outline = read_outline(self.source)
        if outline is None:
            return
        checks.check_channels(outline.channels, self.metadata, self.source)
        checks.check_ending(outline.ending, self.metadata, self.source, self.added.after)
        self.warnings(outline.ending, verify=verify)

    def check(self, channels: int, classes: int, tile: tuple[int, int], ending: Ending) -> Ending:
        """Compare what only TensorFlow could tell with the metadata.

        Args:
            channels: Channels of a tile.
            classes: Channels of the output, behind all operations.
            tile: (height, width) in pixels.
            ending: The network's own output, as read without TensorFlow.

        Returns:
            The network's own output, its channels known.

        Raises:
            InputError: They do not fit.
        """
        checks.check_channels(channels, self.metadata, self.source)
        behind = dataclasses.replace(ending, channels=classes)
        checks.check_ending(behind, self.metadata, self.source)
        checks.check_border(*tile, self.metadata, self.source)
        paired = any(operation.name == PAIR for operation in self.added.after)
        return dataclasses.replace(ending, channels=1 if paired else classes)

    def warnings(self, ending: Ending, *, verify: bool) -> tuple[str, ...]:
        """What is odd about the output, though a build can make an archive of it.

        Args:
            ending: The network's own output.
            verify: Whether the archive is to be verified, so that it has to pass.

        Raises:
            InputError: What comes out would be no probabilities, so that the archive would fail.
        """
        objection = about_values(ending, self.added.after)
        if objection is not None and verify:
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


def _added(spec: BuildSpec, metadata: ModelMetadata, overrides: Overrides) -> Added:

    before = spec.preprocessing
    if overrides.preprocessing is not None:
        before = overrides.preprocessing
    after = spec.postprocessing
    if overrides.postprocessing is not None:
        after = overrides.postprocessing
    pixel_type = metadata.pixel_types[0]
    try:
        check_operations(before, after, metadata.channel_count, pixel_type)
        check_class_count(after, len(metadata.classes))
    except InputError as error:
        raise InputError(f"{spec.path}: {error}") from None
    return Added(before, after, metadata.pixel_type.maximum)


def _operations(
    name: str, given: Given, known: dict[str, tuple[str, ...]]
) -> tuple[Operation, ...] | None:
    """The operations in an argument; one alone counts as a list of one."""
    if given is None:
        return None
    listed = (given,) if isinstance(given, (str, Operation)) else given
    if not isinstance(listed, (list, tuple)):
        raise UsageError(f"{name} is of type {type(given).__name__}; give a list of operations")
    return tuple(_operation(name, each, known) for each in listed)


def _operation(name: str, given: Any, known: dict[str, tuple[str, ...]]) -> Operation:
    if isinstance(given, Operation):
        if given.name not in known:
            raise UsageError(f"{name} holds {given.name!r}; {instead(given.name, known)}")
        return given
    if not isinstance(given, str):
        kind = type(given).__name__
        raise UsageError(f"{name} holds something of type {kind}; give operations, as text")
    return parse_operation(given, known)

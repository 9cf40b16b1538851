"""What is to be built, and the network it is built from: checked as far as it can be in advance."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.building import checks
from czcheck.building.expected import Added
from czcheck.errors import InputError, UsageError
from czcheck.metadata.processing import (
    POSTPROCESSING,
    PREPROCESSING,
    Operation,
    check_operations,
    classes_before,
    parse_operation,
)

if TYPE_CHECKING:
    from czcheck.limits import Limits
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.spec import ModelSpec


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
    preprocessing: Sequence[Operation | str] | None = None
    postprocessing: Sequence[Operation | str] | None = None
    allow_op: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """A SavedModel that may be loaded.

    Attributes:
        folder: The SavedModel's folder.
        loader: Which of TensorFlow's loaders opens it.
        signature: Name of the signature to keep.
    """

    folder: Path
    loader: str
    signature: str


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

    spec: ModelSpec
    metadata: ModelMetadata
    source: Path
    licence: Path | None
    tile: tuple[int, int] | None
    added: Added
    allow_op: tuple[str, ...]

    @classmethod
    def of(cls, spec: ModelSpec, metadata: ModelMetadata, overrides: Overrides) -> Plan:
        """Plan a build.

        Args:
            spec: The specification.
            metadata: The metadata that it describes.
            overrides: What the call changes about it.

        Raises:
            UsageError: The call names an operation that there is not.
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
        return self.source.suffix.lower() in checks.KERAS_FILES

    def examine(self, folder: Path, limits: Limits) -> Examined:
        """See that a SavedModel is harmless and fits, before TensorFlow loads it.

        Args:
            folder: The source itself, or what was exported of it.
            limits: Limits on what is read.

        Raises:
            InputError: It is not, or does not.
        """
        from czcheck.building.stride import multiple_of  # noqa: PLC0415
        from czcheck.network.files import SavedModelFolder  # noqa: PLC0415
        from czcheck.network.saved_model import read_network  # noqa: PLC0415

        files = SavedModelFolder(folder)
        network = read_network(files, limits)
        multiple = multiple_of(network)
        checks.check_network(
            network, self.metadata, self.tile, self.source, multiple, self.added.after
        )
        checks.check_harmless(network, files, self.allow_op, self.source)
        signature = "" if network.serving is None else network.serving.name
        return Examined(folder, network.loader, signature)

    def check(self, channels: int, classes: int, tile: tuple[int, int]) -> None:
        """Hold what only TensorFlow could tell against the metadata.

        Args:
            channels: Channels of a tile.
            classes: Channels of the answer, behind all operations.
            tile: (height, width) in pixels.

        Raises:
            InputError: They do not fit.
        """
        checks.check_channels(channels, self.metadata, self.source)
        checks.check_classes(classes, self.metadata, self.source)
        checks.check_border(*tile, self.metadata, self.source)

    def identified(self, derived: str) -> ModelMetadata:
        """The metadata with the model's id.

        Args:
            derived: The id for a specification that gives none.
        """
        return dataclasses.replace(self.metadata, model_id=self.spec.model_id or derived)


def _added(spec: ModelSpec, metadata: ModelMetadata, overrides: Overrides) -> Added:
    from czcheck.metadata.model_metadata import PIXEL_TYPES  # noqa: PLC0415

    before = spec.preprocessing
    if overrides.preprocessing is not None:
        before = tuple(_operation(each, PREPROCESSING) for each in overrides.preprocessing)
    after = spec.postprocessing
    if overrides.postprocessing is not None:
        after = tuple(_operation(each, POSTPROCESSING) for each in overrides.postprocessing)
    pixel_type = metadata.pixel_types[0]
    try:
        check_operations(before, after, metadata.channel_count, pixel_type)
        classes_before(after, len(metadata.classes))
    except InputError as error:
        raise InputError(f"{spec.path}: {error}") from None
    return Added(before, after, PIXEL_TYPES[pixel_type].maximum)


def _operation(given: Operation | str, known: dict[str, tuple[str, ...]]) -> Operation:
    if isinstance(given, str):
        return parse_operation(given, known)
    if given.name not in known:
        raise UsageError(f"{given.name} is no operation here; known are {', '.join(known)}")
    return given

"""A specification with what it names, as the model that a build would make of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import czcheck.metadata
from czcheck import network, planned
from czcheck.archive.members import unsafe
from czcheck.errors import InputError, UnavailableError
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.metadata.fields import FIELDS
from czcheck.metadata.model_metadata import VERSION
from czcheck.metadata.parts import XmlDocument
from czcheck.metadata.processing import check_class_count, check_operations
from czcheck.metadata.spec import KERAS_FILES, SpecFault, examine_spec
from czcheck.model import Model
from czcheck.planned.ends import (
    about_channels,
    about_dtype,
    about_labels,
    about_taken,
    about_values,
    ending_of,
)

if TYPE_CHECKING:
    from czcheck.archive.container import Container, Payload
    from czcheck.archive.reader import Archive
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.spec import BuildSpec, SpecPlace, SpecReading
    from czcheck.network.facts import Network
    from czcheck.network.files import SavedModelFiles
    from czcheck.network.safety import Safety
    from czcheck.planned.ends import Ending

_ENDING = ".json"
_HEAD = 256
_OBJECT = re.compile(rb"(\xef\xbb\xbf)?[ \t\r\n]*\{")
_ITEM = re.compile(r"/Model/TrainingClasses/Item(?:\[(\d+)\])?")
# Where a specification gives what stands at a place of the metadata XML.
_KEYS = {field.path: field.key for field in FIELDS if field.key}
IS_SPECIFICATION = "a specification is no archive"
IS_ARCHIVE = "the file is an archive, no specification"


@dataclass(frozen=True, slots=True)
class Specification:
    """A specification as a fact.

    Attributes:
        name: The JSON file's name.
        faults: What is wrong with it.
    """

    name: str
    faults: tuple[SpecFault, ...]


class SpecModel(Model):
    """A specification and the model that it names, with the facts of an opened archive.

    The network is the one that `czcheck build` makes, as far as that is known without building:
    with the tile and the operations of the specification, under the signature `serving_default`.
    """

    @property
    def damage(self) -> str:
        """None: there is no archive that could be damaged."""
        return ""

    @cached_property
    def archive(self) -> Archive:
        """There is none.

        Raises:
            UnavailableError: Always.
        """
        raise UnavailableError(IS_SPECIFICATION)

    @cached_property
    def container(self) -> Container:
        """There is none.

        Raises:
            UnavailableError: Always.
        """
        raise UnavailableError(IS_SPECIFICATION)

    @cached_property
    def payload(self) -> Payload:
        """There is none.

        Raises:
            UnavailableError: Always.
        """
        raise UnavailableError(IS_SPECIFICATION)

    @cached_property
    def reading(self) -> SpecReading:
        """The specification, or what is wrong with it."""
        return examine_spec(self.path, self.limits)

    @cached_property
    def specification(self) -> Specification:
        """All that is wrong with the specification and with what it names."""
        faults = self.reading.faults
        if self.reading.spec is not None:
            faults += tuple(self._faults(self.reading.spec))
        return Specification(self.path.name, faults)

    def _faults(self, spec: BuildSpec) -> Iterator[SpecFault]:
        """Why a specification that can be read cannot be built, but for what rules find."""
        if reason := model_fault(spec.model_path):
            yield SpecFault(reason.replace("`", ""), self.reading.place("ModelPath"))
        licence = spec.license_file
        if licence is not None and (reason := licence_fault(licence)):
            yield SpecFault(reason.replace("`", ""), self.reading.place("LicenseFile"))
        metadata, before, after = self.metadata, spec.preprocessing, spec.postprocessing
        channels, pixel_type = metadata.channel_count, metadata.pixel_types[0]
        try:
            check_operations(before, (), channels, pixel_type)
        except InputError as error:
            yield SpecFault(str(error), self.reading.place("Preprocessing"))
        try:
            check_operations((), after, channels, pixel_type)
            check_class_count(after, len(spec.classes))
        except InputError as error:
            yield SpecFault(str(error), self.reading.place("Postprocessing"))
        else:
            reason = self._about_ends(spec)
            at = self.reading.place("Postprocessing" if after else "ModelPath")
            if reason is not None:
                yield SpecFault(reason, at)

    def _about_ends(self, spec: BuildSpec) -> str | None:
        """Why the network's ends do not fit, but for what rules on networks find."""
        after = spec.postprocessing
        if is_keras_file(spec.model_path):
            outline = planned.read_outline(spec.model_path)
            if outline is None:
                return None
            if reason := about_taken(outline.channels, self.metadata):
                return reason.replace("`", "")
            ending: Ending | None = outline.ending
        else:
            try:
                serving, ending = self.source.serving, ending_of(self.source)
            except UnavailableError:
                return None
            for each in () if serving is None else serving.inputs:
                if reason := about_dtype(each, "input"):
                    return reason
        if ending is None:
            return None
        channels = about_channels(ending, after, spec.classes)
        # For a SavedModel without postprocessing, the rules on networks report the rest.
        by_rules = not after and not is_keras_file(spec.model_path)
        if channels is not None:
            return None if by_rules else channels
        labels = None if by_rules and ending.dtype != "float32" else about_labels(ending)
        return labels or about_values(ending, after)

    @cached_property
    def document(self) -> XmlDocument:
        """A document in which nothing has a line."""
        return XmlDocument(root_name="Model", version=VERSION)

    @cached_property
    def metadata(self) -> ModelMetadata:
        """What the specification says about the model.

        Raises:
            UnavailableError: Something is wrong with the specification.
        """
        return czcheck.metadata.metadata_of_spec(self._spec)

    @cached_property
    def files(self) -> SavedModelFiles:
        """The files of the SavedModel.

        Raises:
            UnavailableError: The specification names none.
        """
        folder = self._spec.model_path
        if not folder.is_dir() or model_fault(folder) is not None:
            raise UnavailableError("the specification names no SavedModel")
        return network.SavedModelFolder(folder)

    @cached_property
    def source(self) -> Network:
        """The network as it lies in the folder.

        Raises:
            UnavailableError: The specification names no SavedModel.
        """
        return network.read_network(self.files, self.limits)

    @cached_property
    def network(self) -> Network:
        """The network that a build makes, as far as that is known.

        Raises:
            UnavailableError: The specification names no SavedModel.
        """
        from czcheck.planned.as_built import as_built  # noqa: PLC0415

        return as_built(self.source, self._spec)

    @property
    def loaded(self) -> Network:
        """The network as it is loaded from the folder, for tiles of the specification's size.

        Raises:
            UnavailableError: The specification names no SavedModel.
        """
        return planned.as_loaded(self.source, self._spec)

    def left_to_build(self, *, run: bool) -> str | None:
        """What cannot be checked of the network before it is built, and why; None for nothing.

        Args:
            run: Whether the network is to be run.
        """
        spec = self.reading.spec
        if spec is None:
            return None
        if is_keras_file(spec.model_path):
            return "the network of a Keras file, which has to be exported first"
        with suppress(UnavailableError):
            reason = planned.not_run(self.source, spec) if run else None
            return reason and f"running the network, since {reason}"
        return None

    @cached_property
    def safety(self) -> Safety:
        """What in the SavedModel could do harm.

        Raises:
            UnavailableError: The specification names no SavedModel.
        """
        from czcheck.network.scan import scan  # noqa: PLC0415

        return scan(self.source, self.files)

    @property
    def _spec(self) -> BuildSpec:
        """The specification.

        Raises:
            UnavailableError: Something is wrong with it.
        """
        if self.reading.spec is None:
            raise UnavailableError("something is wrong with the specification")
        return self.reading.spec

    def place(self, path: str) -> SpecPlace:
        """Where the specification gives what stands at a place of the metadata XML.

        Args:
            path: XPath of the element.
        """
        if item := _ITEM.match(path):
            return self.reading.place(f"Classes[{int(item[1] or 1) - 1}]")
        key = next((key for start, key in _KEYS.items() if path.startswith(start)), "")
        return self.reading.place(key)


def open_checked(path: Path, limits: Limits = DEFAULT_LIMITS) -> Model:
    """Open what is to be verified: an archive, or a specification.

    Args:
        path: The file. What it holds decides; where that is neither, its ending.
        limits: Limits on everything that is read.

    Raises:
        UsageError: There is no such file, or it cannot be opened.
    """
    head = b""  # what cannot be read is said better where it is opened for that
    with suppress(OSError):
        if path.is_file():  # a pipe would be waited for
            with path.open("rb") as stream:
                head = stream.read(_HEAD)
    named = path.suffix.lower() == _ENDING and not head.startswith(b"PK")
    return (SpecModel if named or _OBJECT.match(head) else Model)(path, limits)


def test_images(model: Model) -> tuple[Path, ...]:
    """Images that the model itself names, to run with the built-in test tiles."""
    spec = model.reading.spec if isinstance(model, SpecModel) else None
    image = None if spec is None else spec.test_image_file
    return () if image is None else (Path(image),)


def specification_of(model: Model) -> Specification:
    """The specification as a fact.

    Raises:
        UnavailableError: It is no specification.
    """
    if not isinstance(model, SpecModel):
        raise UnavailableError(IS_ARCHIVE)
    return model.specification


def is_keras_file(path: Path) -> bool:
    """Whether a path names a Keras file, not a SavedModel.

    Args:
        path: What `ModelPath` names.
    """
    return path.suffix.lower() in KERAS_FILES and not path.is_dir()


def model_fault(path: Path) -> str | None:
    """Why a path is neither a SavedModel's folder nor a Keras file; None if it is one.

    Args:
        path: What `ModelPath` names.
    """
    if not path.exists():
        return "`ModelPath` names a folder that does not exist"
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return None
        return (
            "`ModelPath` is no SavedModel: the folder has no saved_model.pb; "
            "write one with model.export(folder) or tf.saved_model.save(model, folder)"
        )
    if is_keras_file(path):
        return None
    if path.suffix.lower() == ".onnx":
        return (
            "building from ONNX files is not supported; `ModelPath` has to name the "
            "folder of a TensorFlow SavedModel"
        )
    return (
        "`ModelPath` is a file; it has to name the folder of a SavedModel, "
        "the one that holds saved_model.pb"
    )


def licence_fault(path: Path) -> str | None:
    """Why a licence cannot stand in the archive under its own name; None if it can.

    Args:
        path: What `LicenseFile` names.
    """
    if not path.is_file():
        return "`LicenseFile` names no file"
    name = path.name.lower()
    if name.endswith((".xml", ".model")) or name.startswith("modelid="):
        return (
            "a licence of that name would be taken for a part of the model; "
            "rename it, for instance to LICENSE.txt"
        )
    if why := unsafe(path.name):
        return f"the licence's name {why}; rename it, to LICENSE.txt for instance"
    return None

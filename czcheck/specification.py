"""A specification with its SavedModel, looked at as the model that ZEN would import from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.errors import UnavailableError
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.model import CzModel

if TYPE_CHECKING:
    from czcheck.archive.container import Container, Payload
    from czcheck.archive.reader import Archive
    from czcheck.metadata.document import XmlDocument
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.spec_reading import SpecFault, SpecPlace, SpecReading
    from czcheck.network.files import SavedModelFiles

_ENDING = ".json"
_HEAD = 256
_OBJECT = re.compile(rb"(\xef\xbb\xbf)?[ \t\r\n]*\{")
_ITEM = re.compile(r"/Model/TrainingClasses/Item(?:\[(\d+)\])?")
# Where a specification gives what stands at a place of the metadata XML.
_KEYS = {
    "/Model/Id": "Id",
    "/Model/ModelName": "Name",
    "/Model/ColorHandling": "ColorHandling",
    "/Model/Channels/Item": "PixelType",
    "/Model/TrainingClasses": "Classes",
    "/Model/BorderSize": "BorderSize",
}
_IS_SPECIFICATION = "a specification is no archive"
_IS_ARCHIVE = "the file is an archive, no specification"
_XML_RULES = ("CZ201", "CZ202", "CZ203", "CZ204", "CZ205")
# What building takes nothing of but the graph that is run.
_LEFT_OUT = ("CZ336", "CZ338", "CZ339")
_WRITTEN_ANEW = "`czcheck build` writes the file anew"


@dataclass(frozen=True, slots=True)
class Specification:
    """A specification as a fact.

    Attributes:
        name: The JSON file's name.
        faults: What is wrong with it.
    """

    name: str
    faults: tuple[SpecFault, ...]


class SpecModel(CzModel):
    """A specification and the SavedModel that it names, with the facts of an opened archive.

    The network is the one in the folder, as ZEN's import reads it: `SpatialDims`, `Preprocessing`
    and `Postprocessing` are a matter of `czcheck build`.
    """

    def __repr__(self) -> str:
        return f"SpecModel({str(self.path)!r})"

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
        raise UnavailableError(_IS_SPECIFICATION)

    @cached_property
    def container(self) -> Container:
        """There is none.

        Raises:
            UnavailableError: Always.
        """
        raise UnavailableError(_IS_SPECIFICATION)

    @cached_property
    def payload(self) -> Payload:
        """There is none.

        Raises:
            UnavailableError: Always.
        """
        raise UnavailableError(_IS_SPECIFICATION)

    @cached_property
    def reading(self) -> SpecReading:
        """The specification, or what is wrong with it."""
        from czcheck.metadata.spec import examine_spec  # noqa: PLC0415

        return examine_spec(self.path, self.limits)

    @cached_property
    def specification(self) -> Specification:
        """All that is wrong with the specification and with the place that it names."""
        from czcheck.metadata.spec_reading import SpecFault  # noqa: PLC0415

        faults = self.reading.faults
        if reason := self._no_saved_model():
            faults += (SpecFault(reason, self.reading.place("ModelPath")),)
        return Specification(self.path.name, faults)

    def _no_saved_model(self) -> str | None:
        """Why `ModelPath` names nothing that ZEN imports; None if it does, or was not read."""
        from czcheck.metadata.spec import KERAS_FILES  # noqa: PLC0415

        if self.reading.spec is None:
            return None
        folder = Path(self.reading.spec.model_path)
        if folder.is_dir():
            if (folder / "saved_model.pb").is_file():
                return None
            return "ModelPath is no SavedModel: the folder has no saved_model.pb"
        if folder.suffix.lower() in KERAS_FILES:
            return (
                "ModelPath is a Keras file, and ZEN imports SavedModels; export the model with "
                "model.export(folder) and give that folder"
            )
        return "ModelPath is a file; give the SavedModel's folder, which holds saved_model.pb"

    @cached_property
    def document(self) -> XmlDocument:
        """A document in which nothing has a line."""
        from czcheck.metadata.model_metadata import VERSION  # noqa: PLC0415
        from czcheck.metadata.parts import XmlDocument  # noqa: PLC0415

        return XmlDocument(root_name="Model", version=VERSION)

    @cached_property
    def metadata(self) -> ModelMetadata:
        """What the specification says about the model.

        Raises:
            UnavailableError: Something is wrong with the specification.
        """
        from czcheck.metadata.described import metadata_of_spec  # noqa: PLC0415

        if self.reading.spec is None:
            raise UnavailableError("something is wrong with the specification")
        return metadata_of_spec(self.reading.spec)

    @cached_property
    def files(self) -> SavedModelFiles:
        """The files of the SavedModel.

        Raises:
            UnavailableError: The specification names none.
        """
        from czcheck.network.files import SavedModelFolder  # noqa: PLC0415

        if self.reading.spec is None or self._no_saved_model() is not None:
            raise UnavailableError("the specification names no SavedModel")
        return SavedModelFolder(Path(self.reading.spec.model_path))

    def place(self, path: str) -> SpecPlace:
        """Where the specification gives what stands at a place of the metadata XML.

        Args:
            path: XPath of the element.
        """
        if item := _ITEM.match(path):
            return self.reading.place(f"Classes[{int(item[1] or 1) - 1}]")
        key = next((key for start, key in _KEYS.items() if path.startswith(start)), "")
        return self.reading.place(key)


def open_checked(path: Path, limits: Limits = DEFAULT_LIMITS) -> CzModel:
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
    return (SpecModel if named or _OBJECT.match(head) else CzModel)(path, limits)


def test_images(model: CzModel) -> tuple[Path, ...]:
    """Images that the model itself names, to run beside the built-in test tiles.

    Args:
        model: What is verified.
    """
    spec = model.reading.spec if isinstance(model, SpecModel) else None
    image = None if spec is None else spec.test_image_file
    return () if image is None else (Path(image),)


def specification_of(model: CzModel) -> Specification:
    """The specification as a fact.

    Args:
        model: What is verified.

    Raises:
        UnavailableError: It is no specification.
    """
    if not isinstance(model, SpecModel):
        raise UnavailableError(_IS_ARCHIVE)
    return model.specification


def inapplicable(model: CzModel, codes: Mapping[str, object]) -> dict[str, str]:
    """Rules that say nothing about this kind of file, with the reason.

    Args:
        model: What is verified.
        codes: The catalogue.
    """
    if not isinstance(model, SpecModel):
        return {"CZ220": _IS_ARCHIVE}
    container = [code for code in codes if code.startswith("CZ1")]
    return {
        **dict.fromkeys([*container, *_XML_RULES], _IS_SPECIFICATION),
        **dict.fromkeys(_LEFT_OUT, _WRITTEN_ANEW),
    }

"""CZ2xx: what the metadata and the specification say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING

from czcheck.metadata.classes import SegmentationClass
from czcheck.metadata.model_metadata import VERSION, ModelMetadata
from czcheck.metadata.parts import item_paths
from czcheck.metadata.pixel_types import MONOCHROME, PIXEL_TYPES
from czcheck.planned.ends import binary_of, ending_of
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, InMember, JsonPlace, Severity, XmlPath
from czcheck.text import listed

if TYPE_CHECKING:
    from czcheck.archive.container import Container
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.parts import XmlDocument
    from czcheck.network.facts import Network
    from czcheck.specification import Specification


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
# Under these the document is a Model 3.0.0 that fits the schema.
SOUND = ("CZ203",)

_LONGEST_VALUE = 80
_NO_POSTPROCESSING = ("", "None")
_RESERVED = "Root"
_OTHER_VERSIONS = {
    None: "The element Model has no Version",
    "": "the Version is empty",
    "1": "Version 1 is a random-forest model of ZEN blue up to 3.2, not a network",
    "3.1.0": "Version 3.1.0 belongs to ONNX networks for ZEN blue 3.4 and later: not supported yet",
}
_PATH = re.compile(r"\\|^[A-Za-z]:(?!\s)|^\.{0,2}/|^~/|/$|\S/\S+/\S")


def _at(document: XmlDocument, path: str) -> XmlPath:
    return XmlPath(path, document.line_of(path))


def _classes(
    document: XmlDocument, metadata: ModelMetadata
) -> list[tuple[XmlPath, SegmentationClass]]:
    """The classes, each with its place."""
    paths = item_paths("/Model/TrainingClasses", len(metadata.classes))
    return [(_at(document, path), item) for path, item in zip(paths, metadata.classes, strict=True)]


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."


def _quoted(names: Iterable[str]) -> str:
    """Names in quotes, the last one joined by "and"."""
    return listed([f"'{_clipped(name)}'" for name in names])


@rule("CZ201", severity=ERROR, level=Level.METADATA)
def xml_is_readable(document: XmlDocument, container: Container) -> Iterator[Found]:
    """The metadata XML cannot be read.

    Says: The metadata XML {problem}.
    Why: Classes, pixel type and border are unknown, and ZEN cannot import the model.
    Fix: Save the document as well-formed XML in UTF-8, without a DOCTYPE, as `czcheck build` does.
    Format: 1.2, XML encoding
    """
    if document.fault is not None:
        member = container.metadata_member
        yield Found(InMember(member) if member else None, problem=document.fault)


@rule("CZ202", severity=ERROR, level=Level.METADATA, requires=("CZ116", "CZ117", "CZ201"))
def version_is_supported(document: XmlDocument) -> Iterator[Found]:
    """The metadata has a Version that is not supported.

    Says: {problem}; only 3.0.0 is supported.
    Why: ZEN uses the Version to decide whether and how it reads a model. Each version has its own
        rules, so nothing further was checked.
    Fix: For a SavedModel, write Version="3.0.0", or build the archive with `czcheck build`. A
        random forest can be used in ZEN only.
    Format: 1.4, Model/@Version; 4, version compatibility
    """
    # Another root element is a matter of the schema.
    if document.root_name == "Model" and document.version != VERSION:
        version = document.version
        problem = _OTHER_VERSIONS.get(version) or f"Version '{_clipped(version or '')}' is unknown"
        yield Found(XmlPath("/Model"), problem=problem, version=version)


@rule("CZ203", severity=ERROR, level=Level.METADATA, requires=("CZ201", "CZ202"))
def document_fits_the_schema(document: XmlDocument) -> Iterator[Found]:
    """The metadata XML breaks the schema.

    Says: In the metadata, {reason}.
    Why: ZEN reads these elements by name and type; a missing or malformed one makes the import fail
        or the model misbehave.
    Fix: Correct the named element; `schemas/model-3.0.0.xsd` defines each one.
    Format: 1.3, elements; 1.4, value sets
    """
    for fault in document.schema_faults:
        yield Found(XmlPath(fault.path, fault.line), reason=fault.reason)


@rule("CZ204", severity=NOTE, level=Level.METADATA, requires=("CZ201", "CZ202"))
def parts_are_known(document: XmlDocument) -> Iterator[Found]:
    """The metadata has an element or attribute that the format does not define.

    Says: The {kind} {name} is not defined in Model 3.0.0 and was not checked: {text}.
    Why: A program newer than the format may have written it; its effect in ZEN is not known.
    Fix: Nothing, if a ZEISS program wrote it. Otherwise compare its spelling, including letter
        case, with the names in the schema.
    Format: 1.3, elements
    """
    for part in document.unknown:
        yield Found(
            XmlPath(part.path, part.line),
            kind=part.kind,
            name=_clipped(part.name),
            text=_clipped(part.text) or "empty",
        )


@rule("CZ205", severity=ERROR, level=Level.METADATA, requires=("CZ111", "CZ203"))
def id_is_the_one_in_the_member_names(
    document: XmlDocument, metadata: ModelMetadata, container: Container
) -> Iterator[Found]:
    """The Id in the metadata differs from the id in the member names.

    Says: The metadata has the Id {model_id}, but the members are named after {member_id}.
    Why: ZEN stores a model under its id; a reader that uses the Id to find the payload finds
        nothing.
    Fix: Write the id of the member names into the element Id, or rename the members.
    Format: 1.1, container; 1.3, Id
    """
    member_id = container.metadata_id
    if member_id is not None and metadata.model_id.lower() != member_id.strip().lower():
        at = _at(document, "/Model/Id")
        yield Found(at, model_id=metadata.model_id, member_id=member_id)


@rule("CZ206", severity=ERROR, level=Level.METADATA, requires=SOUND)
def label_values_count_from_one(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """The label values are not 1, 2, 3, ... in document order.

    Says: Class '{name}' is number {position} and has the label value {label_value}; {position} is
        expected.
    Why: The network's first output channel gets label 1, the second 2 and so on, and 0 means
        unclassified. With other values the label image shows one class as another.
    Fix: Number the items 1 to n in the order of the network's output channels.
    Format: 1.4, LabelValue
    """
    for position, (at, item) in enumerate(_classes(document, metadata), start=1):
        if item.label_value != position:
            name = _clipped(item.name)
            yield Found(at, name=name, position=position, label_value=item.label_value)


def _shared(
    pairs: list[tuple[XmlPath, SegmentationClass]], values: Iterable[Hashable]
) -> Iterator[tuple[XmlPath, list[SegmentationClass]]]:
    """Groups of classes with one value, each at the place of its second class."""
    groups: dict[Hashable, list[tuple[XmlPath, SegmentationClass]]] = defaultdict(list)
    for pair, value in zip(pairs, values, strict=True):
        groups[value].append(pair)
    for group in groups.values():
        if len(group) > 1:
            yield group[1][0], [item for _, item in group]


@rule("CZ207", severity=WARNING, level=Level.METADATA, requires=SOUND)
def colours_are_distinct(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """Two classes share a colour.

    Says: The classes {names} have the same colour, red {red}, green {green}, blue {blue}.
    Why: In ZEN they look the same in every overlay. The reference library gives class 4 the colour
        of class 1, so all models with four or more classes that it made are affected.
    Fix: Give each class a colour of its own (spec key `Colors`, or leave it out).
    Format: 1.4, colours
    """
    pairs = _classes(document, metadata)
    for at, group in _shared(pairs, [item.color for _, item in pairs]):
        red, green, blue = group[0].color
        names = _quoted(item.name for item in group)
        yield Found(at, names=names, red=red, green=green, blue=blue)


@rule("CZ208", severity=WARNING, level=Level.METADATA, requires=SOUND)
def class_names_are_distinct(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """Two classes share a name.

    Says: The label values {labels} all belong to classes named '{name}'.
    Why: Users tell classes apart by name, and measurements are listed under it.
    Fix: Give each class a name of its own (spec key `Classes`).
    Format: 2, N21
    """
    pairs = _classes(document, metadata)
    for at, group in _shared(pairs, [item.name for _, item in pairs]):
        labels = ", ".join(str(item.label_value) for item in group)
        yield Found(at, labels=labels, name=_clipped(group[0].name))


@rule("CZ209", severity=WARNING, level=Level.METADATA, requires=SOUND)
def no_class_is_named_root(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """A class is named `Root`.

    Says: The class with the label value {label_value} is named Root, which ZEN reserves.
    Why: ZEN can create an image analysis setting from a model's classes, and there `Root` is the
        name of the top-level class.
    Fix: Give the class another name, such as `Roots` or `Plant root`.
    Format: 2, N21
    """
    for at, item in _classes(document, metadata):
        if item.name == _RESERVED:
            yield Found(at, label_value=item.label_value)


@rule("CZ210", severity=WARNING, level=Level.METADATA, requires=SOUND)
def there_are_two_classes(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """The model has a single class.

    Says: The model has one class only, '{name}'.
    Why: The probabilities of all classes add up to 1, so a single class has probability 1
        everywhere and the model segments nothing.
    Fix: Add a class for the background, and an output channel of the network for it.
    Format: 2, N21; N10
    """
    if len(metadata.classes) == 1:
        name = _clipped(metadata.classes[0].name)
        yield Found(_at(document, "/Model/TrainingClasses"), name=name)


@rule("CZ211", severity=ERROR, level=Level.METADATA, requires=SOUND)
def pixel_type_is_real(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """The pixel type is complex.

    Says: The pixel type is {pixel_type}; networks cannot take complex pixels.
    Why: Early descriptions of the format list the complex types, later ones withdrew them; no
        network accepts such images.
    Fix: Train on real values and use Gray8, Gray16, Gray32Float, Bgr24, Bgr48, Bgr96Float or
        Bgra32.
    Format: 1.4, PixelType
    """
    paths = item_paths("/Model/Channels", len(metadata.pixel_types))
    for path, name in zip(paths, metadata.pixel_types, strict=True):
        if not PIXEL_TYPES[name].usable:
            yield Found(_at(document, path), pixel_type=name)


@rule("CZ212", severity=WARNING, level=Level.METADATA, requires=SOUND)
def colour_is_not_thrown_away(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """A colour pixel type is combined with ConvertToMonochrome.

    Says: The pixel type {pixel_type} has colours, but ColorHandling is ConvertToMonochrome.
    Why: The two contradict each other: ZEN would turn colour images into one grey channel before
        the network sees them.
    Fix: For a network with one input channel use a Gray type; for one that reads colours use
        SplitRgb.
    Format: 2, N17
    """
    if metadata.color_handling != MONOCHROME:
        return
    for name in metadata.pixel_types:
        if PIXEL_TYPES[name].usable and PIXEL_TYPES[name].is_colour:
            yield Found(_at(document, "/Model/ColorHandling"), pixel_type=name)


@rule("CZ213", severity=WARNING, level=Level.METADATA, requires=SOUND)
def postprocessing_is_known(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """The postprocessing is unknown.

    Says: Postprocessing is '{value}'; the only known values are empty and None.
    Why: ZEN has a conditional random field, but its value in the file is not published; how ZEN
        handles an unknown value is not known either.
    Fix: Leave Postprocessing empty and choose the postprocessing in ZEN, unless ZEN wrote the
        value.
    Format: 1.4, Postprocessing
    """
    if metadata.postprocessing not in _NO_POSTPROCESSING:
        at = _at(document, "/Model/Postprocessing")
        yield Found(at, value=_clipped(metadata.postprocessing))


@rule("CZ214", severity=WARNING, level=Level.METADATA, requires=SOUND)
def name_is_not_a_path(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """The model's name looks like a file path.

    Says: The model is named '{name}', which looks like a file path.
    Why: Users and macros choose the model by this name. The reference library derives it from
        `ModelPath`; outside Windows, it uses a complete Windows path as the name.
    Fix: Give the model a short name (spec key `Name`).
    Format: 1.7, model name
    """
    if _PATH.search(metadata.name):
        yield Found(_at(document, "/Model/ModelName"), name=_clipped(metadata.name))


@rule("CZ216", severity=WARNING, level=Level.METADATA, requires=SOUND)
def model_has_a_name(document: XmlDocument, metadata: ModelMetadata) -> Iterator[Found]:
    """The model has no name.

    Says: The model's name is empty.
    Why: Users and macros choose a model by its name; how ZEN handles an empty one is not known. The
        reference library writes an empty name if `ModelPath` ends in a slash.
    Fix: Give the model a name, with `czcheck repair MODEL --name NAME -o NEW` or the spec key
        `Name`.
    Format: 1.7, model name
    """
    if not metadata.name:
        yield Found(_at(document, "/Model/ModelName"))


@rule("CZ215", severity=Severity.WARNING, level=Level.NETWORK, requires=["CZ203"])
def probability_belongs_to_the_foreground(
    network: Network, metadata: ModelMetadata
) -> Iterator[Found]:
    """The probability of a one-channel network is assigned to a class named like a background.

    Says: The network's one channel p became the two channels p and 1 - p. p is assigned to '{p}',
        which is named like a background, and 1 - p to '{rest}'.
    Why: Most one-channel networks are trained to give the probability of the foreground. If this
        one is, the two classes are exchanged in every image, and no other check can detect it: the
        probabilities are valid.
    Fix: If the channel is the probability of the foreground, name that class first (spec key
        `Classes`) and build the archive again. If it is the background's, nothing is wrong.
    Format: 2, N10
    """
    names = [item.name for item in metadata.classes]
    binary = binary_of(ending_of(network), (), names)
    if binary is not None and binary.looks_exchanged:
        place = 1 + names.index(binary.p)
        yield Found(XmlPath(f"/Model/TrainingClasses/Item[{place}]"), p=binary.p, rest=binary.rest)


@rule("CZ220", severity=Severity.ERROR, level=Level.ARCHIVE)
def specification_is_sound(specification: Specification) -> Iterator[Found]:
    """The specification cannot be read, or has a wrong value.

    Says: The specification is wrong at {place} ({reason}).
    Why: ZEN's import reads the specification by these keys; with a wrong or missing one the import
        fails, or the model misbehaves.
    Fix: Correct the named place. `schemas/spec.schema.json` describes each key, and `czcheck init`
        writes a specification to start from.
    Format: 1.7, JSON specification
    """
    for fault in specification.faults:
        at = fault.at
        yield Found(
            JsonPlace(at.path, at.line, at.column),
            place=at.of(specification.name),
            reason=fault.reason,
            key=at.path,
            line=at.line,
            column=at.column,
        )

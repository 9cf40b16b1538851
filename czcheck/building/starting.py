"""A specification to start from: what a network itself tells is filled in."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.archive.foreign import about_missing
from czcheck.errors import InputError, UnavailableError, UsageError
from czcheck.files import replacing
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.metadata.classes import distinct_colours
from czcheck.metadata.pixel_types import MONOCHROME, SPLIT_RGB
from czcheck.metadata.processing import Operation
from czcheck.metadata.spec import examine_spec
from czcheck.network.files import SavedModelFolder
from czcheck.network.reach import static_reach, trace_of
from czcheck.network.saved_model import read_network
from czcheck.planned.ends import (
    PAIR,
    about_labels,
    about_suggested,
    about_values,
    ending_of,
    foreground_first,
    suggested,
)
from czcheck.runtime.unpack import unpack
from czcheck.sources import Sources
from czcheck.specification import is_keras_file
from czcheck.targets import Target, check_targets

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.model import Model
    from czcheck.network.facts import Dims, Network
    from czcheck.network.reach import StaticReach
    from czcheck.planned.ends import Ending

EXAMPLE: dict[str, Any] = {
    "Name": "Nuclei",
    "ModelPath": "nuclei_saved_model",
    "Classes": ["Background", "Nucleus"],
    "PixelType": "Gray16",
    "ColorHandling": MONOCHROME,
    "BorderSize": 8,
    "SpatialDims": [1024, 1024],
}
# The pixel type that is most common for a number of channels.
GUESSES = {1: ("Gray16", MONOCHROME), 3: ("Bgr24", SPLIT_RGB), 4: ("Bgra32", SPLIT_RGB)}
TILE = 512
RANK = 4


@dataclass(frozen=True, slots=True)
class Start:
    """A specification that was written to start from.

    Attributes:
        path: The JSON file.
        keys: What stands in it.
        guessed: What does not follow from the model and the user has to check, one sentence each.
        unpacked: Folder that the archive's SavedModel was unpacked into; None if there was none.
    """

    path: Path
    keys: Mapping[str, Any]
    guessed: tuple[str, ...] = ()
    unpacked: Path | None = None


@dataclass(slots=True)
class _Draft:
    keys: dict[str, Any] = field(default_factory=dict)
    guessed: list[str] = field(default_factory=list)


def write_start(
    model: str | Path | None,
    output: str | Path,
    *,
    force: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Start:
    """Write a specification to start from. Nothing is run.

    Of an archive, the metadata are taken over but for the id, and the SavedModel is unpacked into
    the folder `<output>_saved_model` beside the JSON file.

    Args:
        model: The SavedModel's folder, or an archive; an example is written if left out.
        output: The JSON file to write.
        force: Whether to write over a file that is there.
        limits: Limits on everything that is read.

    Returns:
        What was written, and what in it is a guess.

    Raises:
        UsageError: There is no such model, the JSON file is there already, or it would replace
            what is read.
        InputError: The model cannot be read, or no specification fits it. Nothing is written.
    """
    target = Path(output)
    if model is not None and not Path(model).exists():
        raise UsageError(f"{model}: {about_missing(Path(model))}")
    if model is not None:
        sources = Sources()
        sources.model(model)
        check_targets([Target(f"--output {target}", target)], sources)
    if target.exists() and not force:
        raise UsageError(f"{target}: is there already; --force writes over it")
    if model is None:
        _write(target, EXAMPLE, target, files=False)
        return Start(target, EXAMPLE)
    source = Path(model)
    if source.is_dir():
        draft = _of_folder(source, target, limits)
        _write(target, draft.keys, source)
        return Start(target, draft.keys, tuple(draft.guessed))
    if is_keras_file(source):
        raise InputError(
            f"{source}: is a Keras file; `czcheck init` without it writes an example, in which you "
            "name it as `ModelPath`; or give the folder that model.export(folder) writes"
        )
    return _of_archive(source, target, limits)


def _of_folder(source: Path, target: Path, limits: Limits) -> _Draft:
    if not (source / "saved_model.pb").is_file():
        raise InputError(f"{source}: is no SavedModel: the folder has no saved_model.pb")
    draft = _Draft({"Name": source.resolve().name.strip() or "Model"})
    draft.keys["ModelPath"] = _relative(source, target)
    _fill(draft, read_network(SavedModelFolder(source), limits), source)
    return draft


def _of_archive(source: Path, target: Path, limits: Limits) -> Start:
    from czcheck.model import Model  # noqa: PLC0415

    folder = target.with_name(f"{target.stem}_saved_model")
    with Model(source, limits) as model:
        if os.path.lexists(folder):
            raise UsageError(
                f"{folder}: is there already, and the archive's SavedModel belongs there; remove "
                "it, or write another JSON file"
            )
        try:
            files, network = model.files, model.network
        except UnavailableError as error:
            raise InputError(
                f"{source}: {model.damage or error}; `czcheck verify` says more"
            ) from None
        draft = _Draft({"Name": source.stem, "ModelPath": folder.name})
        _fill(draft, network, source, _metadata(model))
        if model.container.others:
            draft.guessed.append(
                f"Not taken over from the archive: {', '.join(model.container.others[:5])}."
            )
        if not target.parent.is_dir():
            raise InputError(f"{target}: cannot be written: there is no folder {target.parent}")
        partial = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}")
        try:
            unpack(files, partial, limits).rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        try:
            _write(target, draft.keys, source)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return Start(target, draft.keys, tuple(draft.guessed), folder)


def _metadata(model: Model) -> ModelMetadata | None:
    try:
        return model.metadata
    except UnavailableError:
        return None


def _fill(
    draft: _Draft, network: Network, source: Path, metadata: ModelMetadata | None = None
) -> None:
    """Fill in what network and metadata tell, and note what is a guess."""
    fed, ending = _ends(network, source)
    if metadata is None:
        _guess_classes(draft, ending)
        _guess_pixels(draft, fed, source)
    else:
        if metadata.name:
            draft.keys["Name"] = metadata.name
        else:
            draft.guessed.append("Name: the archive gives none.")
        _take_classes(draft, metadata, ending)
        draft.keys["PixelType"] = metadata.pixel_types[0]
        draft.keys["ColorHandling"] = metadata.color_handling
    reach = static_reach(trace_of(network))
    height, width = _tile(draft, reach.stride, fed)
    if metadata is None:
        _guess_border(draft, reach, min(height, width))
    else:
        draft.keys["BorderSize"] = metadata.border_size
    draft.keys["SpatialDims"] = [height, width]
    _postprocess(draft, ending)


def _ends(network: Network, source: Path) -> tuple[Dims, Ending]:
    """Shape of the one input, (batch, height, width, channels), and the one output."""
    if network.fault is not None:
        raise InputError(f"{source}: {network.fault}")
    ends, ending = network.ends, ending_of(network)
    if ends is None or ending is None:
        raise InputError(
            f"{source}: the network has no signature with exactly one input and one output"
        )
    if labels := about_labels(ending):
        raise InputError(f"{source}: {labels}")
    for spec in ends:
        if spec.shape is not None and len(spec.shape) != RANK:
            raise InputError(
                f"{source}: {spec.key} has {len(spec.shape)} dimensions; networks of this format "
                "have (batch, height, width, channels)"
            )
    shape = ends[0].shape
    return (None,) * RANK if shape is None else shape, ending


def _guess_classes(draft: _Draft, ending: Ending) -> None:
    if PAIR in suggested(ending):
        draft.keys["Classes"] = foreground_first(())
        return
    count = ending.channels
    if count is None:
        count = 2
        draft.guessed.append("The network does not tell the number of classes; 2 is a guess.")
    draft.keys["Classes"] = [f"Class{number}" for number in range(1, count + 1)]
    draft.guessed.append("Classes: name them, in the order of the output channels.")


def _take_classes(draft: _Draft, metadata: ModelMetadata, ending: Ending) -> None:
    """Take over an archive's classes; two of them where one channel is made two."""
    names = [each.name for each in metadata.classes]
    colours = {each.name: each.color for each in metadata.classes}
    if PAIR in suggested(ending) and len(names) in {1, 2}:
        names = foreground_first(names)
    unused = (each for each in distinct_colours(3) if each not in colours.values())
    draft.keys["Classes"] = names
    draft.keys["Colors"] = [
        "#{:02x}{:02x}{:02x}".format(*(colours.get(name) or next(unused))) for name in names
    ]


def _postprocess(draft: _Draft, ending: Ending) -> None:
    """Make probabilities of an output that holds none, and say what to check."""
    names = suggested(ending)
    if PAIR in names and len(draft.keys["Classes"]) != 2:  # p and 1 - p
        return  # the archive names other classes than its network has channels for
    if names:
        draft.keys["Postprocessing"] = list(names)
    if look_at := about_suggested(ending, draft.keys["Classes"]):
        draft.guessed.append(look_at)
    if reason := about_values(ending, [Operation(name) for name in names]):
        draft.guessed.append(f"The network cannot be built: {reason}.")


def _guess_pixels(draft: _Draft, fed: Dims, source: Path) -> None:
    channels = 1 if fed[3] is None else fed[3]
    if channels not in GUESSES:
        raise InputError(
            f"{source}: the network takes {channels} channels; Model 3.0.0 has pixel types of 1, 3 "
            "and 4"
        )
    pixel_type, handling = GUESSES[channels]
    draft.keys["PixelType"] = pixel_type
    draft.keys["ColorHandling"] = handling
    what = "an open number of channels" if fed[3] is None else f"{channels} channel(s)"
    draft.guessed.append(
        f"PixelType: {pixel_type} is a guess for {what}; give the type of the training images."
    )


def _tile(draft: _Draft, multiple: int, fed: Dims) -> tuple[int, int]:
    if fed[1] and fed[2]:
        return fed[1], fed[2]
    side = -(-TILE // multiple) * multiple
    draft.guessed.append(
        f"SpatialDims: the network takes tiles of any size; {side} x {side} is a guess"
        + (f", and each has to be a multiple of {multiple}." if multiple > 1 else ".")
    )
    return fed[1] or side, fed[2] or side


def _guess_border(draft: _Draft, found: StaticReach, side: int) -> None:
    reach = found.largest
    if reach is None:
        draft.keys["BorderSize"] = 0
        draft.guessed.append("BorderSize: how far the network looks is not known; 0 is a guess.")
    elif 2 * reach >= side:
        draft.keys["BorderSize"] = 0
        draft.guessed.append(
            f"BorderSize: the network looks up to {reach} pixels far, which leaves nothing of a "
            "tile; 0 is a guess."
        )
    else:
        draft.keys["BorderSize"] = reach
        draft.guessed.append(
            f"BorderSize: {reach} is how far the network can look"
            + ("" if found.kind == "local" else ", statistics of the whole tile left aside")
            + "; less may be enough."
        )


def _relative(source: Path, target: Path) -> str:
    """A path as the JSON file says it: relative to itself where that is possible."""
    try:
        path = os.path.relpath(source.resolve(), target.parent.resolve())
    except ValueError:  # another drive
        path = str(source.resolve())
    return path.replace("\\", "/") if os.name == "nt" else path


def _write(target: Path, keys: Mapping[str, Any], source: Path, *, files: bool = True) -> None:
    """Write the specification, and see that it can be read, before it gets its name."""
    lines = [
        f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in keys.items()
    ]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    with replacing(target) as temporary:
        # What is no text in a path cannot be read again and is refused below.
        temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
        reading = examine_spec(temporary, files=files)
        if reading.spec is None:
            raise InputError(
                f"{source}: no specification can be written for it: {reading.faults[0].reason}"
            )

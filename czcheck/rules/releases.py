"""CZ6xx: what changed between two releases of a model. `czcheck diff` checks these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from czcheck.changes.outputs import worst_of
from czcheck.rules.comparison import (
    allowed_in_words,
    change_in_words,
    labels_in_words,
    place_of,
)
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity, TilePixel, XmlPath
from czcheck.text import first_of, sizes, tiles_in_words

if TYPE_CHECKING:
    from czcheck.changes.metadata import ClassChange, FieldChange, MetadataChange
    from czcheck.changes.network import NetworkChange
    from czcheck.changes.outputs import OutputsChange
    from czcheck.changes.weights import WeightsChange

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_MANY = 5
_NO_ID = "00000000-0000-0000-0000-000000000000"


@rule("CZ601", severity=_ERROR, level=Level.NETWORK)
def new_weights_have_a_new_id(
    metadata_change: MetadataChange, weights_change: WeightsChange
) -> Iterator[Found]:
    """The weights changed, but the id is the same.

    Says: {changed} not the same as before{distance}, and both releases have the id {id}.
    Why: ZEN stores one model for each id: importing the new release replaces the old one wherever
        it is used, and a result does not show which of the two made it.
    Fix: Give the new release an id of its own: leave `Id` out of the specification, and `czcheck
        build` makes one from the content.
    Format: 1.1; 1.3
    """
    same_id = metadata_change.before.model_id.lower() == metadata_change.after.model_id.lower()
    if weights_change.equal is False and same_id and metadata_change.after.model_id != _NO_ID:
        number = sum(each.state not in ("same", "unread") for each in weights_change.changes)
        relative = weights_change.relative
        yield Found(
            XmlPath("/Model/Id"),
            id=metadata_change.after.model_id,
            changed="1 weight is" if number == 1 else f"{number} weights are",
            distance="" if not relative else f" (relative change {relative:.2g})",
        )


@rule("CZ602", severity=_WARNING, level=Level.METADATA)
def other_classes_have_another_name(metadata_change: MetadataChange) -> Iterator[Found]:
    """Classes were added or removed, but the name is the same.

    Says: Both releases are called `{name}`, but {difference}.
    Why: Users choose a model by its name, and analyses that were set up for the old classes get
        other ones without a message.
    Fix: Give the new release another name (`Name`), such as one with its version.
    Format: 1.3
    """
    parts = []
    for word in ("added", "removed"):
        names = _names(each for each in metadata_change.classes if word in each.words)
        if names:
            parts.append(f"{names} {word}")
    if parts and metadata_change.before.name == metadata_change.after.name:
        yield Found(
            XmlPath("/Model/ModelName"),
            name=metadata_change.after.name,
            difference=" and ".join(parts),
        )


@rule("CZ603", severity=_ERROR, level=Level.METADATA)
def classes_keep_their_label_values(metadata_change: MetadataChange) -> Iterator[Found]:
    """A class has another label value than before.

    Says: {classes}.
    Why: Label images and measurements store the value and not the name: in those of the new
        release, the same value stands for another class.
    Fix: Keep the order of the classes, and add new ones at the end; where the order has to change,
        give the model another name and ignore this rule.
    Format: 1.3; 2, N10
    """
    moved = [each for each in metadata_change.classes if each.moved]
    if moved:
        yield Found(
            XmlPath("/Model/TrainingClasses"),
            classes=_listed(moved, lambda each: each.label_value),
        )


@rule("CZ604", severity=_NOTE, level=Level.METADATA)
def classes_keep_their_names(metadata_change: MetadataChange) -> Iterator[Found]:
    """A class has another name than before.

    Says: {classes}.
    Why: Whatever refers to a class by its name has to be changed with the model.
    Fix: Nothing, if this is intended.
    Format: 1.3
    """
    renamed = [each for each in metadata_change.classes if each.renamed]
    if renamed:
        parts = [
            f"`{each.before.name}` is now called `{each.after.name}`"
            for each in renamed
            if each.before is not None and each.after is not None
        ]
        yield Found(XmlPath("/Model/TrainingClasses"), classes=first_of(parts, _MANY))


@rule("CZ605", severity=_NOTE, level=Level.METADATA)
def classes_keep_their_colours(metadata_change: MetadataChange) -> Iterator[Found]:
    """A class has another colour than before.

    Says: {classes}.
    Why: Overlays of the two releases look different though the classes are the same.
    Fix: Nothing, if this is intended; otherwise set the colours in the specification (`Colors`).
    Format: 1.4
    """
    recoloured = [each for each in metadata_change.classes if each.recoloured]
    if recoloured:
        yield Found(
            XmlPath("/Model/TrainingClasses"),
            classes=_listed(recoloured, lambda each: "#{:02x}{:02x}{:02x}".format(*each.color)),
        )


@rule("CZ606", severity=_WARNING, level=Level.METADATA)
def border_is_no_smaller(metadata_change: MetadataChange) -> Iterator[Found]:
    """The border is smaller than before.

    Says: BorderSize was {before} and is {after}.
    Why: If the border is smaller than the network's reach, seams between tiles are visible.
    Fix: Check which border `czcheck verify` recommends for the new release.
    Format: 2, N15
    """
    before, after = metadata_change.before.border_size, metadata_change.after.border_size
    if after < before:
        yield Found(XmlPath("/Model/BorderSize"), before=before, after=after)


@rule("CZ607", severity=_NOTE, level=Level.METADATA)
def border_has_not_grown(metadata_change: MetadataChange) -> Iterator[Found]:
    """The border is larger than before.

    Says: BorderSize was {before} and is {after}.
    Why: Less of each tile is used, so that every image takes longer.
    Fix: Nothing, if the network reaches farther than before: `czcheck verify` measures it.
    Format: 2, N15
    """
    before, after = metadata_change.before.border_size, metadata_change.after.border_size
    if after > before:
        yield Found(XmlPath("/Model/BorderSize"), before=before, after=after)


@rule("CZ608", severity=_WARNING, level=Level.NETWORK)
def tile_is_the_same(network_change: NetworkChange) -> Iterator[Found]:
    """The tile has another shape than before.

    Says: A tile was {before} (height x width x channels) and is {after}.
    Why: Time, memory and the positions of seams change, and so does everything that the network
        computes from the whole tile.
    Fix: Build the new release with the old tile (`SpatialDims`), or inform users of the change.
    Format: 2, N8; 2, N9
    """
    before, after = network_change.tiles
    if before != after:
        yield Found(before=_sizes(before), after=_sizes(after))


@rule("CZ609", severity=_WARNING, level=Level.METADATA)
def images_are_the_same(metadata_change: MetadataChange) -> Iterator[Found]:
    """The model takes other images than before.

    Says: {difference}.
    Why: Settings for the old release do not fit the new one; ZEN offers it for other images, or
        passes them in another way.
    Fix: Nothing, if this is intended; give the new release another name then.
    Format: 1.3; 2, N17
    """
    changed = metadata_change.input_fields
    if changed:
        yield Found(
            XmlPath("/Model/Channels"), difference="; ".join(_was_and_is(each) for each in changed)
        )


@rule("CZ610", severity=_WARNING, level=Level.METADATA)
def format_is_the_same(versions_change: tuple[str, str]) -> Iterator[Found]:
    """The file has another version of the format than before.

    Says: The Version was {before} and is {after}.
    Why: Users of older versions of ZEN may no longer be able to import the model.
    Fix: Write the version that the oldest ZEN in use reads, or inform users of the change.
    Format: 4
    """
    before, after = versions_change
    if before != after:
        yield Found(XmlPath("/Model"), before=before, after=after)


@rule("CZ611", severity=_ERROR, level=Level.NETWORK)
def still_loads_in_the_target(network_change: NetworkChange) -> Iterator[Found]:
    """The network no longer loads in TensorFlow 2.0.0.

    Says: TensorFlow 2.0.0 loads the old release, but does not know {lacking} of the new one.
    Why: The format demands operations of TensorFlow 2.0.0; a runtime of that age refuses the file.
    Fix: Run `czcheck verify` on the new release; `czcheck repair` removes what the saver left
        behind.
    Format: 2, N2
    """
    before, after = network_change.lacking
    if after and not before:
        yield Found(lacking=first_of([f"`{name}`" for name in after], _MANY))


@rule("CZ620", severity=_ERROR, level=Level.NETWORK)
def answers_are_the_same(outputs_change: OutputsChange) -> Iterator[Found]:
    """The releases give different outputs.

    Says: The outputs are not the same: {difference}.
    Why: The new release segments images differently from the old one, intended or not.
    Fix: If the change is intended, look at it (`--picture`) and at your own images (`--tiles`),
        then ignore this rule; if not, look for what changed in training, weights, preprocessing or
        export.
    Format: 2, N11
    """
    if outputs_change.other is not None:
        yield Found(difference=outputs_change.other)
        return
    bad = [tile for tile in outputs_change.tiles if tile.differs]
    if not bad and not outputs_change.missing:
        return
    parts, at = [], None
    if bad:
        worst = worst_of(bad)
        at = place_of(worst)
        where = f"on {tiles_in_words(tile.tile for tile in bad)}, " if len(bad) > 1 else ""
        words = [labels_in_words(worst)] if worst.comparison.labels else []
        words.append(f"{change_in_words(worst)} ({allowed_in_words(worst)})")
        parts.append(where + " and ".join(words))
    for failure in outputs_change.missing[:_MANY]:
        at = at or TilePixel(failure.tile)
        parts.append(
            f"the {failure.which} release fails on the tile `{failure.tile}`: {failure.reason}"
        )
    yield Found(at, difference="; ".join(parts))


def _names(classes: Iterable[ClassChange]) -> str:
    """Names of classes in words, with `was` or `were` behind them."""
    names = [f"`{each.name}`" for each in classes]
    if not names:
        return ""
    return first_of(names, _MANY) + (" was" if len(names) == 1 else " were")


def _listed(changes: list[ClassChange], value: Callable[..., object]) -> str:
    """What a value of classes was and is."""
    parts = [
        f"`{each.name}` was {value(each.before)} and is {value(each.after)}" for each in changes
    ]
    return first_of(parts, _MANY)


def _was_and_is(change: FieldChange) -> str:
    shown = ["not given" if each is None else each for each in (change.before, change.after)]
    return f"{change.field} was {shown[0]} and is {shown[1]}"


def _sizes(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "of no fixed size"
    return sizes(shape)

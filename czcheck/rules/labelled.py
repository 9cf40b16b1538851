"""CZ5xx: images and their masks: how well the model segments labelled images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity
from czcheck.text import percent

if TYPE_CHECKING:
    from czcheck.figures.record import Evaluation, Goals

# By how much the pixel accuracy has to grow if classes were listed in another order.
PERMUTED_GAIN = 0.2
# Expected calibration error from which a minimum confidence means little.
BAD_CALIBRATION = 0.1
# Share of padding above which the figures say little about whole images.
MOSTLY = 0.5
_CONFIDENT = 0.9
_OF_CLASSES = {"iou": "Intersection over union", "dice": "Dice"}
_OF_ALL = {"accuracy": "The pixel accuracy", "f1": "F1 of the objects"}


def _measured(value: float | None) -> str:
    return "not known, since there is none" if value is None else f"{value:.4f}"


@rule("CZ501", severity=Severity.ERROR, level=Level.RUN)
def classes_reach_their_goals(evaluation: Evaluation, goals: Goals) -> Iterator[Found]:
    """A class misses its goal.

    Says: {measure} of {name} is {measured} on {images} labelled images; {goal} is required.
    Why: You set this goal; a model that misses it segments worse than its predecessor, or than its
        users rely on.
    Fix: Look at the worst images (`czcheck evaluate --pictures DIR`), then train on more images of
        their kind; or lower the goal, if the masks are no better than that.
    Format: 2, N10; 2, N11
    Example: Dice of Nucleus is 0.8713 on 40 labelled images; 0.9 is required.
    """
    for each in goals.results(evaluation):
        if each.measure in _OF_CLASSES and not each.reached:
            yield Found(
                measure=_OF_CLASSES[each.measure],
                name=each.of,
                measured=_measured(each.value),
                goal=each.demanded,
                images=len(evaluation.images),
            )


@rule("CZ502", severity=Severity.ERROR, level=Level.RUN)
def answers_reach_their_goals(evaluation: Evaluation, goals: Goals) -> Iterator[Found]:
    """Pixels or objects miss their goal.

    Says: {measure} is {measured} on {images} labelled images; {goal} is required.
    Why: You set this goal; a model that misses it segments worse than its predecessor, or than its
        users rely on.
    Fix: Look at the worst images (`czcheck evaluate --pictures DIR`). If objects merge, add a class
        for the edge between them; against many small ones, set a minimum confidence.
    Format: 2, N10; 5, minimum confidence
    Example: F1 of the objects is 0.7412 on 40 labelled images; 0.8 is required.
    """
    for each in goals.results(evaluation):
        if each.measure in _OF_ALL and not each.reached:
            yield Found(
                measure=_OF_ALL[each.measure],
                measured=_measured(each.value),
                goal=each.demanded,
                images=len(evaluation.images),
            )


@rule("CZ503", severity=Severity.ERROR, level=Level.RUN)
def classes_are_in_the_order_of_the_answers(evaluation: Evaluation) -> Iterator[Found]:
    """The classes seem to be listed in another order than the network's outputs.

    Says: {right} of the pixels are right as the classes are listed, and {better} would be if
        they were listed as {order}.
    Why: ZEN names the output channels by the order of the classes in the metadata, so each of these
        classes has the name of another one.
    Fix: List the classes in the order of the network's outputs. If the reference library turned a
        sigmoid into two classes, the foreground is first.
    Format: 2, N10
    Example: 7.2 % of the pixels are right as the classes are listed, and 92.8 % would be if
        they were listed as Nucleus, Background.
    """
    counts = evaluation.counts
    order = counts.best_order()
    right, better = counts.accuracy() or 0, counts.accuracy_in_order(order) or 0
    if better - right >= PERMUTED_GAIN:
        names = ", ".join(evaluation.classes[number] for number in order)
        yield Found(right=percent(right), better=percent(better), order=names)


@rule("CZ504", severity=Severity.WARNING, level=Level.RUN)
def every_labelled_class_is_found(evaluation: Evaluation) -> Iterator[Found]:
    """A class is never found.

    Says: {pixels:,} pixels are labelled {name}, and the network finds this class nowhere.
    Why: Whoever measures objects of this class with the model measures none.
    Fix: Check that the class was in the training images, that its weight in the loss is not
        negligible, and that the classes are in the order of the network's outputs.
    Format: 2, N10
    Example: 20,480 pixels are labelled Edge, and the network finds this class nowhere.
    """
    figures = evaluation.counts.class_figures()
    for name, each in zip(evaluation.classes, figures, strict=True):
        if each.pixels and not each.predicted:
            yield Found(name=name, pixels=each.pixels)


@rule("CZ505", severity=Severity.NOTE, level=Level.RUN)
def every_class_is_labelled(evaluation: Evaluation) -> Iterator[Found]:
    """A class is in none of the masks.

    Says: No pixel of the masks is labelled {name}: nothing is known of how well it is found.
    Why: What was not checked must not look fine; the figures of this class rest on false positives
        only.
    Fix: Add labelled images that show it.
    Format: 2, N10
    Example: No pixel of the masks is labelled Edge: nothing is known of how well it is found.
    """
    for name, each in zip(evaluation.classes, evaluation.counts.class_figures(), strict=True):
        if not each.pixels:
            yield Found(name=name)


@rule("CZ506", severity=Severity.NOTE, level=Level.RUN)
def confidence_is_accuracy(evaluation: Evaluation) -> Iterator[Found]:
    """The confidence does not reflect how often the prediction is right.

    Says: Confidence and accuracy differ by {error:.3f} on average; of the pixels with a confidence
        of {low:.0%} and more, {accuracy:.1%} are right.
    Why: ZEN's Minimum Confidence drops pixels by this number. If it is unreliable, a threshold
        drops right pixels or keeps wrong ones.
    Fix: Calibrate the network (temperature scaling, label smoothing), or tell its users which
        threshold works: `czcheck evaluate` shows the effect of each.
    Format: 5, minimum confidence
    Example: Confidence and accuracy differ by 0.214 on average; of the pixels with a confidence of
        90% and more, 77.9% are right.
    """
    counts = evaluation.counts
    error = counts.calibration_error()
    accuracy = counts.accuracy(round(100 * _CONFIDENT))
    if error is not None and error > BAD_CALIBRATION:
        yield Found(error=error, low=_CONFIDENT, accuracy=accuracy or 0.0)


@rule("CZ507", severity=Severity.WARNING, level=Level.RUN)
def images_fill_the_tiles(evaluation: Evaluation) -> Iterator[Found]:
    """Most of what the network sees is padding.

    Says: {padded} of {images} labelled images fill less than half of the network's tile of {tile}
        pixels: {padding} of what the network sees of them is padding ({how}), not image.
    Why: The figures describe small pieces with artificial surroundings. In images at least as large
        as a tile the network sees real surroundings, and everything that depends on whole-tile
        statistics comes out differently. How ZEN handles images smaller than a tile is not known.
    Fix: Label images that are at least as large as the tile: the whole images that the training
        images were cut from; or build the model with a tile of the images' size
        (`czcheck build --tile HxW`), if its users segment images that small.
    Format: 2, N6; 5, tiling
    Example: 200 of 200 labelled images fill less than half of the network's tile of 1024x1024
        pixels: 98.4 % of what the network sees of them is padding (reflection), not image.
    """
    padded = evaluation.padded(MOSTLY)
    if padded:
        tiles = sum(each.tiles for each in padded)
        share = sum(each.tiles * each.padding for each in padded) / tiles
        height, width = evaluation.tile
        yield Found(
            padded=len(padded),
            images=len(evaluation.images),
            tile=f"{width}x{height}",
            padding=percent(share),
            how="reflection" if evaluation.pad == "reflect" else "zeros",
        )

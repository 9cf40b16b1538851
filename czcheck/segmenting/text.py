"""A segmentation as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.report.phrases import backend_text
from czcheck.text import Line, count, first_of, printable

if TYPE_CHECKING:
    from czcheck.segmenting.results import ImageResult, PlaneResult, Segmentation
    from czcheck.segmenting.seams import Seams

MAX_SEAMS = 6
MAX_NAMES = 3


def segmentation_lines(result: Segmentation, *, quiet: bool = False) -> Iterator[Line]:
    """Lines for people to read.

    Args:
        result: The segmentation.
        quiet: Show only what went wrong.
    """
    failed = [image for image in result.images if image.failed is not None]
    if not quiet:
        for image in result.images:
            if image.failed is None:
                yield from _image_lines(result, image)
        if result.table is not None:
            yield Line(f"{result.table}: {result.objects} objects")
        if result.left_out:
            names = [printable(Path(each).name) for each in result.left_out]
            yield Line(f"left out, as czcheck wrote them: {first_of(names, MAX_NAMES)}")
    for image in failed:
        yield Line(f"failed: {image.failed}", "error")
    if quiet and not failed:
        return
    done = len(result.images) - len(failed)
    tiles = sum(len(each.layout) for image in result.images for each in image.planes)
    height, width = result.tile
    text = (
        f"{count(done, 'image')} segmented"
        + (f", {len(failed)} failed" if failed else "")
        + f": {count(tiles, 'tile')} of {width}x{height}, border {result.border}"
        + (f", aligned to {result.stride}" if result.job.align else "")
        + f", {result.seconds:.1f} s"
    )
    yield Line(text, "failed" if failed else "passed")
    if result.environment is not None and not quiet:
        environment = result.environment
        how = printable(backend_text(environment.backend, environment.reason))
        yield Line(
            f"TensorFlow {environment.tensorflow} ({how}); {environment.isolation}", "counts"
        )


def _image_lines(result: Segmentation, image: ImageResult) -> Iterator[Line]:
    yield Line(f"{image.path} ({image.format})", "heading")
    for missing in image.missing:
        yield Line(f"  missing: {missing}; segmented as 0", "warning")
    for warning in image.warnings:
        yield Line(f"  warning: {warning}", "warning")
    for plane in image.planes:
        yield from _plane_lines(result, plane)
    for place in image.written:
        yield Line(f"  written: {place}")


def _plane_lines(result: Segmentation, part: PlaneResult) -> Iterator[Line]:
    plane = part.plane
    name = plane.name.lstrip("_").replace("_", " ") + ": " if plane.name else ""
    if plane.name and plane.scene_name:
        name = f"{plane.scene_name} ({name[:-2]}): "
    shares = [f"{each.name} {part.share(each.label_value):.1%}" for each in result.classes]
    if result.job.min_confidence:
        shares.append(f"below {result.job.min_confidence:g} % confidence {part.share(0):.1%}")
    yield Line(
        f"  {name}{plane.width}x{plane.height}, {count(len(part.layout), 'tile')}, "
        f"{part.seconds:.1f} s: {', '.join(shares)}"
    )
    if part.seams is not None:
        yield from _seam_lines(part.seams)


def _seam_lines(seams: Seams) -> Iterator[Line]:
    if not seams.seams:
        yield Line("    seams: none, there is one tile")
        return
    if not seams.pixels:
        yield Line("    seams: no label changes when the tiles are laid elsewhere")
        return
    yield Line(
        f"    seams: {seams.near:.2%} of the labels within {seams.NEAR} px of them change when the "
        f"tiles are laid elsewhere, {seams.elsewhere:.2%} of the others",
        "warning" if seams.seen else "",
    )
    seen = seams.seen
    if seen:
        places = [f"{each.axis} {each.at} ({each.changed:.2%})" for each in seen]
        most = first_of(places, MAX_SEAMS)
        yield Line(f"    most at {most}; a larger BorderSize or --align helps")

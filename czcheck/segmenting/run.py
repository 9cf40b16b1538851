"""Goes over images with one network: opens each, segments its planes, has results written."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError, UsageError
from czcheck.files import placing, settle, uninterrupted, writing
from czcheck.images.formats import open_image
from czcheck.images.matching import for_model
from czcheck.images.writer import check_format
from czcheck.progress import CountProgress
from czcheck.segmenting.labels import Labeller
from czcheck.segmenting.layout import Layout, laid_between
from czcheck.segmenting.outputs import Outputs, Shares
from czcheck.segmenting.places import Chosen, Places
from czcheck.segmenting.planes import Sink, segment_plane
from czcheck.segmenting.predicting import layout_of
from czcheck.segmenting.results import ImageResult, PlaneResult, Segmentation
from czcheck.segmenting.runner import ModelRunner, NetworkFailedError
from czcheck.segmenting.seams import LabelFile, SeamMeter, Seams
from czcheck.segmenting.spread import Spread, check_stores
from czcheck.segmenting.tables import Measured, write_table

if TYPE_CHECKING:
    from czcheck.images.image import Image, Plane
    from czcheck.images.matching import Intensities
    from czcheck.images.selection import Selection

_COLOURS = ("blue", "green", "red", "alpha")


@dataclass(slots=True)
class _Opened:
    """An image that is to be segmented.

    Attributes:
        path: The image.
        layouts: The tiles of each plane; None where it cannot be segmented.
        planes: The planes.
        failed: Why not.
    """

    path: Path
    layouts: list[Layout] = field(default_factory=list)
    planes: tuple[Plane, ...] = ()
    failed: str | None = None


class SegmentationRun:
    """Images that are segmented by one network, one after the other. Used once."""

    def __init__(  # noqa: PLR0913 - options
        self,
        runner: ModelRunner,
        selection: Mapping[str, Selection],
        intensities: Intensities,
        *,
        measured: frozenset[int] | None,
        seams: bool,
        resume: bool,
        progress: CountProgress | None,
        unfinished: Callable[[str], None] | None,
        spread: Spread | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            runner: The network.
            selection: Scenes, channels, times and sections, by `scene`, `channel`, `time` and `z`.
            intensities: What to do with pixels of another depth than the model's.
            measured: LabelValues of the classes whose objects are measured; None for no table.
            seams: Whether to segment twice.
            resume: Whether to go on with OME-Zarr results that were interrupted.
            progress: Called after each tile.
            unfinished: Called with each store that is left to be gone on with.
            spread: A cluster that segments; None for this machine.
        """
        self._spread = spread
        self._runner = runner
        self._job = runner.job
        self._selection: Mapping[str, Any] = selection
        self._intensities = intensities
        self._label_values = measured
        self._seams = seams
        self._resume = resume
        self._unfinished = unfinished
        self._progress = progress
        self._done = self._total = 0
        self._measured: list[Measured] = []

    def over(self, chosen: Chosen) -> Segmentation:
        """Segment images.

        Args:
            chosen: The images, and where their results go.

        Returns:
            What was done.

        Raises:
            UsageError: An image's planes cannot be written there.
            InputError: The network failed, or the only image does not fit it.
            IncompleteError: A disk is full, or the network's process could not be started.
        """
        begin = clock.monotonic()
        paths, places, table = chosen.images, chosen.places, chosen.table
        if self._spread is not None:
            check_stores(places)
        opened = [
            self._look_at(path, place, alone=len(paths) == 1)
            for path, place in zip(paths, places, strict=True)
        ]
        chosen.guard_pictures([each.planes for each in opened])
        passes = 2 if self._seams else 1
        self._total = passes * sum(len(each) for image in opened for each in image.layouts)
        environment = None
        if self._spread is None and any(image.failed is None for image in opened):
            self._runner.load()
            environment = self._runner.environment
        count = None
        with ExitStack() as deferred:
            # The table is of all images, and appears with the files of the last one.
            last = None if table is None else _last_good(opened)
            results = [
                self._image(
                    image,
                    place,
                    alone=len(paths) == 1,
                    deferred=deferred if image is last else None,
                )
                for image, place in zip(opened, places, strict=True)
            ]
            if self._spread is not None:
                self._spread.finish()
                environment = self._spread.environment
            self._runner.finish()
            classes = self._runner.model.metadata.classes
            if table is not None:
                count = self._tabulate(table, deferred)
            with uninterrupted():
                deferred.close()
        return Segmentation(
            job=self._job,
            model_name=self._runner.model.metadata.name,
            classes=classes,
            tile=self._runner.tile,
            border=self._runner.border,
            stride=self._runner.stride,
            environment=environment,
            images=tuple(results),
            left_out=tuple(map(str, chosen.left_out)),
            objects=count,
            table=None if table is None else str(table),
            seconds=clock.monotonic() - begin,
            peak_bytes=(self._spread or self._runner).peak_bytes,
        )

    @contextmanager
    def _open(self, path: Path) -> Iterator[Image]:
        """Open an image as the network takes it."""
        metadata = self._runner.model.metadata
        with open_image(path, **self._selection) as image:
            yield for_model(
                image,
                metadata,
                network_channels=self._runner.channels,
                intensities=self._intensities,
            )

    def _look_at(self, path: Path, places: Places, *, alone: bool) -> _Opened:
        """Find an image's tiles, before anything is run."""
        try:
            with self._open(path) as image:
                layouts = [layout_of(self._runner, plane) for plane in image.planes]
                try:
                    for kind, place in places.images:
                        check_format(place, kind, len(layouts))
                except UsageError as error:
                    if alone:
                        raise
                    return _Opened(path, failed=str(error))
                return _Opened(path, layouts, image.planes)
        except InputError as error:
            if alone:
                raise
            return _Opened(path, failed=str(error))

    def _tabulate(self, table: Path, deferred: ExitStack) -> int:
        """Write the table of objects, to be put in place with the deferred files."""
        temporary = deferred.enter_context(placing(table))
        parquet = table.suffix.lower() == ".parquet"
        with writing(table):
            count = write_table(
                temporary, self._measured, self._runner.model.metadata.classes, parquet=parquet
            )
        settle(table, temporary)
        return count

    def _image(
        self, opened: _Opened, places: Places, *, alone: bool, deferred: ExitStack | None
    ) -> ImageResult:
        """Segment one image; if that fails, the failure is recorded and the others go on."""
        path = str(opened.path)
        if opened.failed is not None:
            return ImageResult(path, failed=opened.failed)
        before = len(self._measured)
        before = self._done
        try:
            with self._open(opened.path) as image:
                return self._segment(image, opened, places, deferred)
        except NetworkFailedError:
            raise
        except InputError as error:
            if alone:
                raise
            self._runner.drain()
            del self._measured[before:]
            self._done = before + (2 if self._seams else 1) * sum(map(len, opened.layouts))
            return ImageResult(path, failed=str(error))

    def _segment(
        self, image: Image, opened: _Opened, places: Places, deferred: ExitStack | None
    ) -> ImageResult:
        results = []
        with Outputs(
            image,
            places,
            self._runner,
            resume=self._resume,
            unfinished=self._unfinished,
            deferred=deferred,
        ) as outputs:
            planes = list(zip(image.planes, opened.layouts, strict=True))
            spread = {}
            if self._spread is not None:
                spread = self._spread.over(opened.path, planes, outputs, self._advance)
            for plane, layout in planes:
                begin = clock.monotonic()
                result = self._plane(image, plane, layout, outputs, spread.get(plane))
                results.append(replace(result, seconds=clock.monotonic() - begin))
        return ImageResult(
            path=str(opened.path),
            format=image.format,
            pixel_size=image.pixel_size,
            planes=tuple(results),
            written=tuple(outputs.written),
            warnings=(*image.warnings, *dict.fromkeys(self._warnings(opened.layouts))),
            missing=image.missing,
        )

    def _plane(
        self,
        image: Image,
        plane: Plane,
        layout: Layout,
        outputs: Outputs,
        spread: dict[int, int] | None = None,
    ) -> PlaneResult:
        """Segment a plane; one that a cluster has segmented is only counted."""
        shares = Shares()
        sinks: list[Sink] = [shares]
        overlay = outputs.overlay(plane)
        if overlay is not None:
            sinks.append(overlay)
        meter = None
        if self._label_values is not None:
            from czcheck.segmenting.objects import ObjectMeter  # noqa: PLC0415 - needs scikit-image

            meter = ObjectMeter(plane, self._label_values, self._runner.channels)
            sinks.append(meter)
        with ExitStack() as stack:
            label_file = None
            if self._seams:
                dtype = Labeller(self._runner.label_values).dtype
                label_file = stack.enter_context(closing(LabelFile(layout.shape, dtype)))
                sinks.append(label_file)
            runs = outputs.runs(plane, layout)
            if spread is not None:
                runs = iter([(True, list(range(len(layout))))])
                if sinks == [shares] and sum(spread.values()) == plane.height * plane.width:
                    # All is counted, and no other sink needs what was written.
                    shares.pixels, runs = dict(spread), iter(())
            for done, numbers in runs:
                if not done:
                    self._run(image, plane, layout, [*outputs.sinks(), *sinks], numbers)
                    continue
                for number in numbers:
                    block = outputs.stored(plane, layout[number])
                    for sink in sinks:
                        sink.take(block)
                    self._advance(1 if spread is None else 0)
            seams = None if label_file is None else self._compare(image, plane, layout, label_file)
        result = PlaneResult(plane, layout, shares.pixels, 0, seams)
        if overlay is not None:
            outputs.write_overlay(
                overlay, plane, {each: result.share(each) for each in result.pixels}
            )
        if meter is not None:
            names = _channel_names(image)
            objects = meter.objects()
            self._measured.append(Measured(image.path, names, image.pixel_size, objects))
        return result

    def _compare(self, image: Image, plane: Plane, layout: Layout, first: LabelFile) -> Seams:
        """Segment a plane once more with tiles laid elsewhere."""
        meter = SeamMeter(layout, first)
        other = laid_between(layout, self._runner.grid)
        self._total += len(other) - len(layout)
        self._run(image, plane, other, [meter])
        return meter.seams()

    def _run(
        self,
        image: Image,
        plane: Plane,
        layout: Layout,
        sinks: Sequence[Sink],
        numbers: Sequence[int] | None = None,
    ) -> None:
        segment_plane(
            self._runner,
            image,
            plane,
            layout,
            sinks,
            min_confidence=self._job.min_confidence,
            pad=self._job.pad,
            numbers=numbers,
            progress=self._advance,
        )

    def _advance(self, tiles: int = 1) -> None:
        self._done += tiles
        if self._progress is not None:
            self._progress(self._done, self._total)

    def _warnings(self, layouts: Sequence[Layout]) -> Iterator[str]:
        how = "reflection" if self._job.pad == "reflect" else "zeros"
        for layout in layouts:
            real = 1 - layout.padding
            (height, width), (rows, columns) = layout.shape, layout.tile
            if height < rows or width < columns:
                yield (
                    f"{width}x{height} pixels are less than a tile of {columns}x{rows}: padded by "
                    f"{how}; the image is {real:.0%} of the network's input. ZEN's padding is "
                    "not known"
                )


def _last_good(opened: Sequence[_Opened]) -> _Opened | None:
    """The last image that can be segmented, as far as is known before."""
    return next((each for each in reversed(opened) if each.failed is None), None)


def _channel_names(image: Image) -> tuple[str, ...]:
    """A name for each number of a pixel."""
    if len(image.channels) == image.scalars:
        return image.channels
    if len(image.channels) == 1 and image.scalars <= len(_COLOURS):
        return _COLOURS[: image.scalars]
    return tuple(str(number) for number in range(image.scalars))

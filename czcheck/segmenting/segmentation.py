"""Segments images into files: labels, probabilities, confidence, a preview, measured objects."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.clusters import need_distributed
from czcheck.errors import InputError, UsageError
from czcheck.files import placing, settle, uninterrupted, writing
from czcheck.images.selection import Selections
from czcheck.images.writer import check_format
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.model import Model
from czcheck.progress import CountProgress
from czcheck.segmenting.job import Job, job_of, need
from czcheck.segmenting.layout import Layout, laid_between
from czcheck.segmenting.outputs import Outputs, Shares
from czcheck.segmenting.places import FORMATS, STORES, Chosen, Requested, check_stores, choose
from czcheck.segmenting.planes import Labeller, Sink, segment_plane
from czcheck.segmenting.results import ImageResult, PlaneResult, Segmentation
from czcheck.segmenting.runner import ModelRunner, NetworkFailedError
from czcheck.segmenting.seams import LabelFile, SeamMeter, Seams
from czcheck.segmenting.tables import Measured, check_table, write_table

if TYPE_CHECKING:
    from czcheck.images.image import Image, Plane
    from czcheck.images.matching import Intensities
    from czcheck.images.selection import Selection
    from czcheck.segmenting.cluster import Spread

_COLOURS = ("blue", "green", "red", "alpha")


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """The options of one call of `segment`: made once at the door, and handed on unchanged.

    Attributes:
        job: How images are read and segmented; it is what other machines get.
        images: Images and folders of images.
        requested: The requested results.
        table: Table with a row for each connected object; None for none.
        classes: Names of the classes whose objects are measured; empty for all.
        folder_format: Format of the files in folders.
        seams: Whether to segment twice.
        resume: Whether to continue OME-Zarr results that were interrupted.
        dask: Address of the scheduler of a Dask cluster; None for this machine.
    """

    job: Job
    images: tuple[Path, ...]
    requested: Requested
    table: Path | None
    classes: tuple[str, ...]
    folder_format: str
    seams: bool
    resume: bool
    dask: str | None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, or needs a package that is missing.

        Raises:
            UsageError: It does.
        """
        if self.table is not None:
            check_table(self.table)
        elif self.classes:
            raise UsageError(
                "classes are chosen for the objects that are measured; give --objects FILE"
            )
        if self.dask is not None:
            need_distributed()
            if self.seams:
                raise UsageError("seams are checked on this machine; leave --dask or --seams out")


def segment(  # noqa: PLR0913 - options of the command, all by name
    model: str | Path,
    images: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    *,
    probabilities: str | Path | None = None,
    confidence_map: str | Path | None = None,
    overlay: str | Path | None = None,
    objects: str | Path | None = None,
    classes: Sequence[str] = (),
    seams: bool = False,
    resume: bool = False,
    scene: Selection = None,
    channel: Selection = None,
    time: Selection = None,
    z: Selection = None,
    allow_missing: bool = False,
    intensities: Intensities = "exact",
    folder_format: str = FORMATS[0],
    limits: Limits = DEFAULT_LIMITS,
    progress: CountProgress | None = None,
    unfinished: Callable[[str], None] | None = None,
    dask: str | None = None,
    **options: Any,
) -> Segmentation:
    """Segment images of any size, tile by tile as ZEN does, into files.

    Every file appears whole or not at all. Where one of several images cannot be segmented, the
    others are, and the result names those that could not.

    Args:
        model: The archive.
        images: Images and folders of images.
        output: The label image: 0 where the confidence is too low, else the LabelValue of the most
            probable class. The name's ending chooses the format. For several images, a folder.
        probabilities: Image of the probability of each class, float32, 0 to 1.
        confidence_map: Image of the largest probability, likewise.
        overlay: Preview (.png): the image under the classes' colours.
        objects: Table (.csv, .parquet) with a row for each connected object.
        classes: Names of the classes whose objects are measured; all if left out.
        seams: Whether to segment twice, and report where labels depend on positions of tiles.
        resume: Whether to continue OME-Zarr results that were interrupted.
        scene: Scenes, by number or by name; all if left out.
        channel: Channels, likewise.
        time: Points in time, likewise.
        z: Sections, likewise.
        allow_missing: Whether to segment images that lack pixels, such as an OME-TIFF without one
            of its files. Missing pixels are 0, and the result names them.
        intensities: What to do with pixels of another depth than the model's, see `for_model`.
        folder_format: Format of the files in folders: `ome.tif`, `ome.zarr`, `czi` or, for
            labels alone, `png`.
        limits: Limits on everything that is read from the archive.
        progress: Called after each tile with the number done and the number of all.
        unfinished: Called with each store that an interruption leaves to be resumed.
        dask: Address of the scheduler of a Dask cluster, whose workers segment. Images and results
            have to be where all of them can reach them, results have to be OME-Zarr.
        **options: Fields of `Job`: `tile`, `border`, `align`, `stride`, `pad`, `min_confidence`
            (percent, 0 to 100), `allow_op`, `require_sandbox`; its `limits` as `runner_limits`.

    Returns:
        What was done.

    Raises:
        UsageError: No such file, an option that does not fit, a result that would replace what is
            read, or a missing package.
        InputError: The model cannot be run, or must not be, or failed; or the only image does not
            fit it.
        IncompleteError: The network's process could not be started, or a disk is full.
    """
    need("cztile", *(["skimage"] if objects is not None else []))
    if "runner_limits" in options:
        options["limits"] = options.pop("runner_limits")
    selections = Selections(scene, channel, time, z, allow_missing=allow_missing)
    requested = (output, probabilities, confidence_map, overlay)
    selected = SegmentOptions(
        job=job_of(model, options, selections, intensities),
        images=(Path(images),) if isinstance(images, str | Path) else tuple(map(Path, images)),
        requested=Requested(*(None if each is None else str(each) for each in requested)),
        table=None if objects is None else Path(objects),
        classes=tuple(classes),
        folder_format=STORES if dask is not None and folder_format == FORMATS[0] else folder_format,
        seams=seams,
        resume=resume,
        dask=dask,
    )
    with ExitStack() as stack:
        opened = stack.enter_context(Model(Path(model), limits))
        chosen = choose(
            opened.path,
            selected.images,
            selected.requested,
            selected.table,
            selected.folder_format,
        )
        runner = stack.enter_context(ModelRunner(opened, selected.job, start=dask is None))
        spread = None
        if dask is not None:
            from czcheck.segmenting.cluster import Cluster, Spread  # noqa: PLC0415 - not for all

            spread = Spread(stack.enter_context(Cluster(dask, opened.path, selected.job)))
        return _Run(runner, selected, chosen, progress, unfinished, spread).whole()


@dataclass(frozen=True, slots=True)
class _Checked:
    """An image as it was found before anything is run.

    Attributes:
        path: The image.
        places: The files of its results.
        layouts: The tiles of each plane; none where it cannot be segmented.
        planes: The planes, likewise.
        failed: Why it cannot be.
    """

    path: Path
    places: Requested
    layouts: tuple[Layout, ...] = ()
    planes: tuple[Plane, ...] = ()
    failed: str | None = None


class _Run:
    """Images that are segmented by one network, one after the other. Used once."""

    def __init__(
        self,
        runner: ModelRunner,
        options: SegmentOptions,
        chosen: Chosen,
        progress: CountProgress | None,
        unfinished: Callable[[str], None] | None,
        spread: Spread | None,
    ) -> None:
        self._runner, self._options, self._chosen = runner, options, chosen
        self._classes = runner.model.metadata.classes
        self._label_values = self._values_of(options.classes)
        self._progress, self._unfinished, self._spread = progress, unfinished, spread
        self._alone = len(chosen.images) == 1
        self._passes = 2 if options.seams else 1
        self._done = self._total = 0
        self._measured: list[Measured] = []

    def _values_of(self, names: Sequence[str]) -> frozenset[int]:
        """LabelValues of classes by name; of all without a name."""
        known = {each.name: each.label_value for each in self._classes}
        for name in names:
            if name not in known:
                classes = ", ".join(repr(each) for each in known)
                path = self._runner.model.path
                raise UsageError(f"{path}: has no class {name!r}; its classes are {classes}")
        return frozenset(known[name] for name in names or known)

    def whole(self) -> Segmentation:
        """Segment all images: first check all of them, then load the network."""
        begin = clock.monotonic()
        runner, chosen, table = self._runner, self._chosen, self._chosen.table
        if self._spread is not None:
            check_stores(chosen.places)
        images = [
            self._check(path, places)
            for path, places in zip(chosen.images, chosen.places, strict=True)
        ]
        chosen.guard_previews([each.planes for each in images])
        self._total = self._passes * sum(len(each) for image in images for each in image.layouts)
        good = [each for each in images if each.failed is None]
        if self._spread is None and good:
            runner.load()
        count = None
        with ExitStack() as deferred:
            # The table is of all images, and appears with the files of the last one.
            last = None if table is None or not good else good[-1]
            results = [self._image(each, deferred if each is last else None) for each in images]
            if self._spread is not None:
                self._spread.finish()
            runner.finish()
            if table is not None:
                count = self._tabulate(table, deferred)
            with uninterrupted():
                deferred.close()
        ran = self._spread or runner
        return Segmentation(
            job=self._options.job,
            model_name=runner.model.metadata.name,
            classes=self._classes,
            tile=runner.tile,
            border=runner.border,
            stride=runner.stride,
            environment=ran.environment if good else None,
            images=tuple(results),
            left_out=tuple(map(str, chosen.left_out)),
            objects=count,
            table=None if table is None else str(table),
            seconds=clock.monotonic() - begin,
            peak_bytes=ran.peak_bytes,
        )

    def _check(self, path: Path, places: Requested) -> _Checked:
        """Find an image's tiles, before anything is run."""
        try:
            with self._runner.open(path) as image:
                layouts = tuple(self._runner.layout(plane) for plane in image.planes)
                try:
                    for kind, place in places.images:
                        check_format(place, kind, len(layouts))
                except UsageError as error:
                    if self._alone:
                        raise
                    return _Checked(path, places, failed=str(error))
                return _Checked(path, places, layouts, image.planes)
        except InputError as error:
            if self._alone:
                raise
            return _Checked(path, places, failed=str(error))

    def _tabulate(self, table: Path, deferred: ExitStack) -> int:
        """Write the table of objects, to be put in place with the deferred files."""
        temporary = deferred.enter_context(placing(table))
        parquet = table.suffix.lower() == ".parquet"
        with writing(table):
            count = write_table(temporary, self._measured, self._classes, parquet=parquet)
        settle(table, temporary)
        return count

    def _image(self, checked: _Checked, deferred: ExitStack | None) -> ImageResult:
        """Segment one image; if that fails, the failure is recorded and the others go on."""
        path = str(checked.path)
        if checked.failed is not None:
            return ImageResult(path, failed=checked.failed)
        measured, done = len(self._measured), self._done
        try:
            with self._runner.open(checked.path) as image:
                return self._planes(image, checked, deferred)
        except NetworkFailedError:
            raise
        except InputError as error:
            if self._alone:
                raise
            self._runner.drain()
            del self._measured[measured:]
            self._done = done + self._passes * sum(map(len, checked.layouts))
            return ImageResult(path, failed=str(error))

    def _planes(self, image: Image, checked: _Checked, deferred: ExitStack | None) -> ImageResult:
        results = []
        with Outputs(
            image,
            checked.places,
            self._runner,
            resume=self._options.resume,
            unfinished=self._unfinished,
            deferred=deferred,
        ) as outputs:
            planes = list(zip(image.planes, checked.layouts, strict=True))
            spread = {}
            if self._spread is not None:
                spread = self._spread.over(checked.path, planes, outputs, self._advance)
            for plane, layout in planes:
                begin = clock.monotonic()
                result = self._plane(image, plane, layout, outputs, spread.get(plane))
                results.append(replace(result, seconds=clock.monotonic() - begin))
        return ImageResult(
            path=str(checked.path),
            format=image.format,
            pixel_size=image.pixel_size,
            planes=tuple(results),
            written=tuple(outputs.written),
            warnings=(*image.warnings, *dict.fromkeys(self._warnings(checked.layouts))),
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
        if self._chosen.table is not None:
            from czcheck.segmenting.objects import ObjectMeter  # noqa: PLC0415 - needs scikit-image

            meter = ObjectMeter(plane, self._label_values, self._runner.channels)
            sinks.append(meter)
        with ExitStack() as stack:
            label_file = None
            if self._options.seams:
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
                    segment_plane(
                        self._runner,
                        image,
                        plane,
                        layout,
                        [*outputs.sinks(), *sinks],
                        numbers=numbers,
                        progress=self._advance,
                    )
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
        segment_plane(self._runner, image, plane, other, [meter], progress=self._advance)
        return meter.seams()

    def _advance(self, tiles: int = 1) -> None:
        self._done += tiles
        if self._progress is not None:
            self._progress(self._done, self._total)

    def _warnings(self, layouts: Sequence[Layout]) -> Iterator[str]:
        how = "reflection" if self._options.job.pad == "reflect" else "zeros"
        for layout in layouts:
            real = 1 - layout.padding
            (height, width), (rows, columns) = layout.shape, layout.tile
            if height < rows or width < columns:
                yield (
                    f"{width}x{height} pixels are less than a tile of {columns}x{rows}: padded by "
                    f"{how}; the image is {real:.0%} of the network's input. ZEN's padding is "
                    "not known"
                )


def _channel_names(image: Image) -> tuple[str, ...]:
    """A name for each number of a pixel."""
    if len(image.channels) == image.scalars:
        return image.channels
    if len(image.channels) == 1 and image.scalars <= len(_COLOURS):
        return _COLOURS[: image.scalars]
    return tuple(str(number) for number in range(image.scalars))

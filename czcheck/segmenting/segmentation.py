"""Segments images into files: labels, probabilities, confidence, a preview, measured objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.clusters import need_distributed
from czcheck.errors import UsageError
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.model import Model
from czcheck.progress import CountProgress
from czcheck.segmenting.job import job_of
from czcheck.segmenting.packages import need
from czcheck.segmenting.places import FORMATS, Requested, choose
from czcheck.segmenting.results import Segmentation
from czcheck.segmenting.run import SegmentationRun
from czcheck.segmenting.runner import ModelRunner
from czcheck.segmenting.spread import STORES, Spread
from czcheck.segmenting.tables import check_table

if TYPE_CHECKING:
    from czcheck.images.matching import Intensities
    from czcheck.images.selection import Selection


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
        resume: Whether to go on with OME-Zarr results that were interrupted.
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
        unfinished: Called with each store that an interruption leaves to be gone on with.
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
    if "runner_limits" in options:
        options["limits"] = options.pop("runner_limits")
    need("cztile", *(["skimage"] if objects is not None else []))
    job = job_of(model, options)
    requested = Requested(*(None if each is None else str(each) for each in (
        output, probabilities, confidence_map, overlay)))  # fmt: skip
    table = None if objects is None else Path(objects)
    if table is not None:
        check_table(table)
    elif classes:
        raise UsageError(
            "classes are chosen for the objects that are measured; give --objects FILE"
        )
    selection: dict[str, Any] = {"scene": scene, "channel": channel, "time": time, "z": z}
    selection["allow_missing"] = allow_missing
    if dask is not None:
        need_distributed()
    if dask is not None and seams:
        raise UsageError("seams are checked on this machine; leave --dask or --seams out")
    if dask is not None and folder_format == FORMATS[0]:
        folder_format = STORES
    given = [images] if isinstance(images, str | Path) else list(images)
    with ExitStack() as stack:
        opened = stack.enter_context(Model(Path(model), limits))
        chosen = choose(Path(model), map(Path, given), requested, table, folder_format)
        runner = stack.enter_context(ModelRunner(opened, job, start=dask is None))
        spread = None
        if dask is not None:
            from czcheck.segmenting.cluster import Cluster  # noqa: PLC0415 - slow, not for all

            cluster = stack.enter_context(Cluster(dask, Path(model), job))
            spread = Spread(cluster, selection, intensities)
        run = SegmentationRun(
            runner,
            selection,
            intensities,
            measured=_label_values(opened, classes) if table is not None else None,
            seams=seams,
            resume=resume,
            progress=progress,
            unfinished=unfinished,
            spread=spread,
        )
        return run.over(chosen)


def _label_values(model: Model, names: Sequence[str]) -> frozenset[int]:
    """LabelValues of classes by name."""
    known = {each.name: each.label_value for each in model.metadata.classes}
    for name in names:
        if name not in known:
            classes = ", ".join(repr(each) for each in known)
            raise UsageError(f"{model.path}: has no class {name!r}; its classes are {classes}")
    return frozenset(known[name] for name in names or known)

"""From a specification and a SavedModel to a conformant archive."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.building.equivalence import check_equivalence
from czcheck.building.framework import Framework
from czcheck.building.options import BuildOptions
from czcheck.building.packing import pack, verified
from czcheck.building.plan import Plan
from czcheck.building.process import BuildProcess
from czcheck.building.results import BuildResult, fields_of
from czcheck.errors import UsageError
from czcheck.files import check_writable, replacing
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.metadata.described import NO_ID, metadata_of_spec
from czcheck.metadata.model_metadata import to_xml
from czcheck.metadata.spec import BuildSpec, read_spec
from czcheck.progress import StepProgress
from czcheck.sources import Sources
from czcheck.targets import Target, check_targets

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.processing import Operation
    from czcheck.metadata.spec import BuildSpec
    from czcheck.runtime.limits import RunnerLimits


EXTENSION = ".czmodel"
_DEFAULT = BuildOptions()
UNSAFE_IN_FILE_NAMES = '<>:"/\\|?*'


def build(  # noqa: PLR0913 - each is a choice of its own
    spec: str | Path | BuildSpec,
    output: str | Path | None = None,
    *,
    tile: tuple[int, int] | None = None,
    preprocessing: Sequence[Operation | str] | None = None,
    postprocessing: Sequence[Operation | str] | None = None,
    custom_objects: str | None = None,
    runtime: str | None = None,
    verify: bool = True,
    allow_op: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    runner_limits: RunnerLimits | None = None,
    progress: StepProgress | None = None,
) -> BuildResult:
    """Build an archive from a SavedModel or a Keras file.

    The network is lowered to one frozen graph that TensorFlow 2.0.0 runs. Unpacked again from the
    finished archive, it has to give its source's outputs; only then the archive is put in place.
    The same input gives the same bytes. Unless the spec gives an `Id`, the model's id is made of
    the SHA-256 of the lowered graph and of the metadata without its id, so that equal models share
    one.

    Args:
        spec: Path of the JSON specification, or the specification itself.
        output: The archive to write; `<Name>.czmodel` in the working directory if left out.
        tile: (height, width) of the network's tile in pixels; overrides the spec's `SpatialDims`.
        preprocessing: Operations to put in front of the network in place of the spec's, each as
            the command line writes it (`Normalization:mean=0.5,std=0.2`); None to keep the spec's.
        postprocessing: The same behind the network.
        custom_objects: Module with the classes of a Keras file that are not Keras's own: a dotted
            name, or the path of a `.py` file. It is imported in the build's child process.
        runtime: Another interpreter, which has the framework that wrote the source. It runs the
            source as well, shut in, and the archive has to compute the same.
        verify: Whether to verify the archive, level `run`, before it is put in place.
        allow_op: Operations to admit though they are not on the allowlist. They are run.
        limits: Limits on everything that is read.
        runner_limits: Limits on time and memory of the networks' process.
        progress: Called before each step.

    Returns:
        What was built.

    Raises:
        UsageError: There is no such specification or no folder for the archive, the archive would
            replace what it is built from, the tile is no size, or an operation is not known.
        InputError: The specification or the network cannot be built, or the archive fails. No file
            is left behind, and an older one stays as it was.
        IncompleteError: TensorFlow could not be started or did not survive, or the archive could
            not be checked whole.
    """
    options = BuildOptions.of(
        tile=tile,
        preprocessing=preprocessing,
        postprocessing=postprocessing,
        custom_objects=custom_objects,
        runtime=runtime,
        verify=verify,
        allow_op=allow_op,
        limits=limits,
        runner_limits=runner_limits,
    )
    return build_with(options, spec, output, progress)


def build_with(
    options: BuildOptions,
    spec: str | Path | BuildSpec,
    output: str | Path | None = None,
    progress: StepProgress | None = None,
) -> BuildResult:
    """Build an archive, see `build`.

    Args:
        options: The options, checked.
        spec: Path of the JSON specification, or the specification itself.
        output: The archive to write, or None.
        progress: Called before each step.
    """
    step = progress or (lambda _: None)
    step("reading the specification")
    described = _spec_of(spec, options.limits)
    target = target_of(output, described)
    check_target(target, described, options)
    plan = Plan.of(described, metadata_of_spec(described), options)
    source, notes = None, tuple[str, ...]()
    if plan.is_keras_file:
        plan.examine_keras_file()
    else:
        source = plan.examine(plan.source)
        plan.warnings(source.ending)

    check_writable(target)
    with replacing(target) as temporary:
        with ExitStack() as stack:
            process = stack.enter_context(BuildProcess(plan.source, options.runner_limits))
            framework = check = None
            if options.runtime is not None:
                framework = Framework(options.runtime, plan.source, options.runner_limits)
                stack.enter_context(framework)
            if source is None:
                step("exporting the Keras model")
                exported, notes = process.export(plan.source, options.custom_objects, plan.tile)
                source = plan.examine(exported)
                plan.warnings(source.ending)
            step("lowering the network")
            lowering = process.lower(
                source.folder, source.network, plan.tile, plan.added, multiple=source.multiple
            )
            ending = plan.check(lowering, source.ending)
            odd = plan.warnings(ending)
            metadata = plan.identified(derived_id(lowering.sha256, plan.metadata))
            pack(temporary, lowering, metadata, plan.licence)
            step("comparing the outputs with the source's")
            if framework is not None:
                check = framework.load(lowering, options.limits)
            equivalence = check_equivalence(
                process,
                lowering,
                temporary,
                metadata.pixel_types[0],
                options.limits,
                None if check is None else check.add,
            )
            original = None if check is None else check.result()
        report = None
        if options.verify:
            step("verifying the archive")
            image = plan.spec.test_image_file
            tiles = () if image is None else (image,)
            report = verified(temporary, target, plan.source, options, tiles)
    doubt = () if equivalence.doubt is None else (equivalence.doubt,)
    return BuildResult(
        path=target,
        model_id=metadata.model_id,
        metadata=metadata,
        equivalence=equivalence,
        **fields_of(lowering),
        preprocessing=plan.added.before,
        postprocessing=plan.added.after,
        binary=plan.binary(ending),
        warnings=(*odd, *notes, *doubt),
        framework=original,
        report=report,
    )


def _spec_of(spec: str | Path | BuildSpec, limits: Limits) -> BuildSpec:
    from czcheck.metadata.spec import BuildSpec  # noqa: PLC0415

    if isinstance(spec, BuildSpec):
        return spec
    if not isinstance(spec, (str, Path)):
        raise UsageError(
            f"spec is of type {type(spec).__name__}; give the path of a JSON specification, or "
            "call convert_from_model_spec for a czcheck.BuildSpec"
        )
    return read_spec(Path(spec), limits)


def check_target(
    target: Path,
    spec: BuildSpec,
    options: BuildOptions = _DEFAULT,
) -> None:
    """Check that an archive replaces nothing that it is built from.

    Args:
        target: The archive to write.
        spec: What it is built from.
        options: The options of the build.

    Raises:
        UsageError: It would.
    """
    sources = Sources()
    if spec.path.is_file():  # one that was made in Python has none
        sources.file(spec.path, "the specification")
    for key, path in (
        ("ModelPath", spec.model_path),
        ("LicenseFile", spec.license_file),
        ("TestImageFile", spec.test_image_file),
    ):
        if path is not None:
            sources.named(Path(path), f"`{key}` of the specification")
    sources.module(options.custom_objects, "the module of --custom-objects")
    sources.program(options.runtime, "the interpreter of --runtime")
    check_targets([Target(f"--output {target}", target)], sources)


def target_of(output: str | Path | None, spec: BuildSpec) -> Path:
    """The archive that a build writes.

    Args:
        output: What the caller names; None for a file in the working folder that is named as the
            model.
        spec: What it is built from.
    """
    if output is not None:
        return Path(output)
    name = spec.name
    plain = "".join("_" if char in UNSAFE_IN_FILE_NAMES or char < " " else char for char in name)
    plain = plain.strip(" .") or "model"
    return Path(plain + EXTENSION)


def derived_id(graph_sha256: str, metadata: ModelMetadata) -> str:
    """An id that depends on the model alone.

    Args:
        graph_sha256: SHA-256 of the lowered `saved_model.pb`, in hexadecimal.
        metadata: The metadata; its id does not count.

    Returns:
        A UUID, marked as one made from a name (version 5) though its digest is SHA-256.
    """
    digest = hashlib.sha256(bytes.fromhex(graph_sha256))
    digest.update(to_xml(dataclasses.replace(metadata, model_id=NO_ID)))
    return str(uuid.UUID(bytes=digest.digest()[:16], version=5))

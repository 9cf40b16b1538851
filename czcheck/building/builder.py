"""From a specification and a SavedModel to a conformant archive."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.building.original import Original
from czcheck.building.plan import Overrides, Plan
from czcheck.building.process import BuildProcess
from czcheck.building.results import BuildResult, told_of
from czcheck.building.verifying import verified
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

    The network is lowered to one frozen graph that TensorFlow 2.0.0 runs, proved to answer like
    its source as unpacked from the finished archive, and only then put in place. The same input
    gives the same bytes. Unless the spec gives an `Id`, the model's id is made of the SHA-256 of
    the lowered graph and of the metadata without its id, so that equal models share one.

    Args:
        spec: Path of the JSON specification, or the specification itself.
        output: The archive to write; `<Name>.czmodel` in the working directory if left out.
        tile: (height, width) of the network's tile; it goes before the spec's `SpatialDims`.
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
    told = progress or (lambda _: None)
    overrides = Overrides.of(tile, preprocessing, postprocessing, allow_op)
    told("reading the specification")
    described = _spec_of(spec, limits)
    target = target_of(output, described)
    check_target(target, described, custom_objects, runtime)
    plan = Plan.of(described, metadata_of_spec(described), overrides)
    source = None
    if plan.is_keras_file:
        plan.examine_keras_file(verify=verify)
    else:
        source = plan.examine(plan.source, limits)
        plan.warnings(source.ending, verify=verify)

    check_writable(target)
    with replacing(target) as temporary:
        with ExitStack() as stack:
            process = stack.enter_context(BuildProcess(plan.source, "", "", runner_limits))
            original = None
            if runtime is not None:
                original = stack.enter_context(Original(runtime, plan.source, runner_limits))
            if source is None:
                told("exporting the Keras model")
                source = plan.examine(process.export(custom_objects, plan.tile), limits)
                plan.warnings(source.ending, verify=verify)
            process.loader, process.signature = source.loader, source.signature
            process.precision = source.precision
            told("lowering the network")
            lowering = process.lower(plan.tile, plan.added, multiple=source.multiple)
            ending = plan.check(lowering.channels, lowering.classes, lowering.tile, source.ending)
            odd = plan.warnings(ending, verify=verify)
            metadata = plan.identified(derived_id(lowering.sha256, plan.metadata))
            process.pack(temporary, metadata, plan.licence)
            told("comparing the answers with the source's")
            if original is not None:
                original.load(source, lowering, plan.added, limits)
            proof = process.prove(temporary, metadata.pixel_types[0], limits, original)
            notes = process.notes
            proved_there = None if original is None else original.result()
        report = None
        if verify:
            told("verifying the archive")
            image = plan.spec.test_image_file
            report = verified(
                temporary,
                target,
                plan.source,
                tiles=() if image is None else (image,),
                allow_op=plan.allow_op,
                limits=limits,
                runner_limits=runner_limits,
            )
    return BuildResult(
        path=target,
        model_id=metadata.model_id,
        metadata=metadata,
        proof=proof,
        **told_of(lowering),
        preprocessing=plan.added.before,
        postprocessing=plan.added.after,
        binary=plan.binary(ending),
        warnings=(*odd, *notes, *(() if proof.doubt is None else (proof.doubt,))),
        original=proved_there,
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
    custom_objects: str | None = None,
    runtime: str | None = None,
) -> None:
    """See that an archive replaces nothing that it is built from.

    Args:
        target: The archive to write.
        spec: What it is built from.
        custom_objects: Module with the classes of a Keras file, as for `build`.
        runtime: Interpreter that has the framework of the source, as for `build`.

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
    sources.module(custom_objects, "the module of --custom-objects")
    sources.program(runtime, "the interpreter of --runtime")
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

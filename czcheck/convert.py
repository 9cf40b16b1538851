"""Archives from trained models, by the reference library's names.

`docs/reference-library.md` says what is different from it, and why.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.building.builder import build_with, check_target
from czcheck.building.options import BuildOptions, size_of_tile
from czcheck.errors import CzcheckError, InputError, UsageError
from czcheck.metadata.described import of_spec, spec_of
from czcheck.metadata.model_metadata import ModelMetadata
from czcheck.metadata.processing import Operation
from czcheck.metadata.spec import BuildSpec, read_spec

if TYPE_CHECKING:
    from czcheck.building.results import BuildResult

_KERAS_3 = 3
_EXTENSION = ".czmodel"
# What errors call the options of the command line, and what they are called here.
_IN_PYTHON = {
    "give --tile HxW": "give spatial_dims=(height, width)",
    "--allow-op admits": "allow_op admits",
    "--output ": "output_path and output_name make ",
    'add "Postprocessing": [': "give postprocessing=[",
    'write "Postprocessing": [': "give postprocessing=[",
    "] to the spec": "]",
    "] in the spec": "]",
}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A trained model with all that an archive says about it.

    Attributes:
        model: A Keras model; or the path of a SavedModel's folder or of a `.keras` or `.h5` file.
        model_metadata: What the archive will say about it.
        license_file: Licence to put into the archive; None for none.
        json_spec: The specification that it was read from; None if it was not.
    """

    model: Any
    model_metadata: ModelMetadata
    license_file: str | Path | None = None
    json_spec: BuildSpec | None = None

    @classmethod
    def from_json(cls, model_spec_path: str | Path) -> ModelSpec:
        """Read a JSON specification. Section 1.7 of the format.

        Args:
            model_spec_path: The JSON file; paths in it are relative to it.

        Returns:
            The specification; its metadata has an id of its own unless the JSON gives one.

        Raises:
            UsageError: There is no such file.
            InputError: A value is wrong, or a file is missing: one line that says where.
        """
        spec = read_spec(_path("model_spec_path", model_spec_path))
        return cls(spec.model_path, of_spec(spec), spec.license_file, spec)


def convert_from_model_spec(
    model_spec: ModelSpec,
    output_path: str | Path,
    output_name: str = "DNNModel",
    spatial_dims: Sequence[int] | None = None,
    preprocessing: Any = None,
    postprocessing: Any = None,
    *,
    verify: bool = True,
    allow_op: Sequence[str] = (),
) -> BuildResult:
    """Build an archive from a model in memory or on disk.

    As with `czcheck.build`, the network is lowered to TensorFlow 2.0.0, its outputs are compared
    with those of before, and the archive is verified before the file appears. A model in memory is
    exported to a private folder first; it stays as it was.

    Args:
        model_spec: The model and what to say about it.
        output_path: Folder for the archive; it is made if it is not there.
        output_name: Name of the archive in it, with or without `.czmodel`.
        spatial_dims: (height, width) of the network's tile in pixels; None to keep its own.
        preprocessing: Layers to put in front: one, or several in the order in which a tile goes
            through them. Any Keras layers for a functional or sequential model of Keras 3 in
            memory; those of `czcheck.layers` for every other. Or operations as the command line
            writes them, such as `Scale:max`.
        postprocessing: The same behind it.
        verify: Whether to verify the archive, level `run`, before it is put in place.
        allow_op: Operations to admit though they are not on the allowlist. They are run.

    Returns:
        What was built.

    Raises:
        UsageError: An argument is of the wrong kind.
        InputError: The model cannot be built as described. Nothing is written, and an older archive
            stays as it was.
        IncompleteError: TensorFlow could not be started or did not survive, or the archive could
            not be checked whole.
    """
    if not isinstance(model_spec, ModelSpec):
        raise UsageError(
            f"model_spec is of type {type(model_spec).__name__}; give a czcheck.ModelSpec, or call "
            "convert_from_json_spec with the path of a JSON file"
        )
    target = _target(output_path, output_name)
    tile = size_of_tile("spatial_dims", spatial_dims)
    model = model_spec.model
    if isinstance(model, (str, Path)):
        options = _options(tile, preprocessing, postprocessing, verify, allow_op)
        spec = _specification(model_spec, Path(model))
        words = {} if model_spec.json_spec else {"`ModelPath`": "`model`"}
        with _worded(words):
            return _build(spec, target, options)
    spec = _specification(model_spec, Path())
    with tempfile.TemporaryDirectory(prefix="czcheck_") as private:
        folder = Path(private) / "saved_model"
        spec = dataclasses.replace(spec, model_path=folder)
        _check(target, spec)  # before the model is exported
        if _can_go_around(model, preprocessing):
            model = _extended(model, "add_preprocessing_layers", preprocessing)
            preprocessing = None
        if _can_go_around(model, postprocessing):
            model = _extended(model, "add_postprocessing_layers", postprocessing)
            postprocessing = None
        options = _options(tile, preprocessing, postprocessing, verify, allow_op)
        name = getattr(model, "name", "") or type(model).__name__
        with _worded(_IN_PYTHON):
            _export(model, name, folder, tile or spec.spatial_dims)
        with _worded({str(folder): f"model {name!r}"}):
            return _build(spec, target, options)


def convert_from_json_spec(
    model_spec_path: str | Path,
    output_path: str | Path,
    output_name: str = "DNNModel",
    spatial_dims: Sequence[int] | None = None,
    preprocessing: Any = None,
    postprocessing: Any = None,
    *,
    verify: bool = True,
    allow_op: Sequence[str] = (),
) -> BuildResult:
    """Build an archive from the model on disk that a JSON specification describes.

    Args:
        model_spec_path: The JSON file; paths in it are relative to it.
        output_path: Folder for the archive; it is made if it is not there.
        output_name: Name of the archive in it, with or without `.czmodel`.
        spatial_dims: (height, width) of the network's tile in pixels; overrides the
            specification's `SpatialDims`.
        preprocessing: Layers of `czcheck.layers` to put in front, or operations as the command
            line writes them, such as `Scale:max`, in place of the specification's; None to keep
            these.
        postprocessing: The same behind the network.
        verify: Whether to verify the archive, level `run`, before it is put in place.
        allow_op: Operations to admit though they are not on the allowlist. They are run.

    Returns:
        What was built; the id follows from the content unless the specification gives one.

    Raises:
        UsageError: There is no such specification, or an argument is of the wrong kind.
        InputError: It cannot be built. Nothing is written, and an older archive stays as it was.
        IncompleteError: TensorFlow could not be started or did not survive, or the archive could
            not be checked whole.
    """
    target = _target(output_path, output_name)
    tile = size_of_tile("spatial_dims", spatial_dims)
    spec = read_spec(_path("model_spec_path", model_spec_path))
    return _build(spec, target, _options(tile, preprocessing, postprocessing, verify, allow_op))


def _options(
    tile: tuple[int, int] | None,
    preprocessing: Any,
    postprocessing: Any,
    verify: bool,
    allow_op: Sequence[str],
) -> BuildOptions:
    before, after = _operations(preprocessing), _operations(postprocessing)
    with _worded(_IN_PYTHON):
        return BuildOptions.of(
            tile=tile,
            preprocessing=before,
            postprocessing=after,
            verify=verify,
            allow_op=allow_op,
        )


def _build(spec: BuildSpec, target: Path, options: BuildOptions) -> BuildResult:
    _check(target, spec)  # before the folder is made
    with _folder(target.parent), _worded(_IN_PYTHON):
        return build_with(options, spec, target)


def _check(target: Path, spec: BuildSpec) -> None:
    with _worded(_IN_PYTHON):
        check_target(target, spec)


@contextmanager
def _worded(words: Mapping[str, str]) -> Iterator[None]:
    """Put other words into the message of an error."""
    try:
        yield
    except CzcheckError as error:
        text = str(error)
        for there, here in words.items():
            text = text.replace(there, here)
        if text == str(error):
            raise
        raise type(error)(text) from error


def _operations(layers: Any) -> tuple[Operation | str, ...] | None:
    """Layers as the operations that `czcheck.build` puts around a graph; None for None."""
    if layers is None:
        return None
    found = layers if isinstance(layers, (list, tuple)) else (layers,)
    return tuple(_operation(layer) for layer in found)


def _operation(layer: Any) -> Operation | str:
    if isinstance(layer, (str, Operation)):
        return layer
    kind = type(layer)
    if kind.__module__ == "czcheck.layers":
        mean, std = getattr(layer, "mean", ()), getattr(layer, "std", ())
        return Operation(kind.__name__, mean=mean, std=std)
    if kind.__name__ == "Softmax" and getattr(layer, "axis", None) == -1:
        return Operation("Softmax")
    function = getattr(getattr(layer, "activation", None), "__name__", "")
    if kind.__name__ == "Activation" and function in ("sigmoid", "softmax"):
        return Operation(function.capitalize())
    shown = layer.__name__ if isinstance(layer, type) else kind.__name__
    raise UsageError(
        f"{shown} cannot be put around this model; give layers of czcheck.layers, or a functional "
        "Keras 3 model in memory, which takes any layer"
    )


def _can_go_around(model: Any, given: Any) -> bool:
    """Whether there are layers, and nothing but layers, for a model of Keras 3 that takes them.

    What is not, goes into the graph as operations.
    """
    found = given if isinstance(given, (list, tuple)) else (given,)
    if given is None or any(isinstance(each, (str, Operation)) for each in found):
        return False
    return "keras" in _roots(model) and bool(getattr(model, "inputs", None))


def _extended(model: Any, how: str, layers: Any) -> Any:
    """A model with layers around it, in memory."""
    from czcheck import layers as keras_layers  # noqa: PLC0415 - imports Keras

    return getattr(keras_layers, how)(model, layers)


def _export(model: Any, name: str, folder: Path, tile: tuple[int, int] | None) -> None:
    """Write a model in memory as SavedModel, in the way that suits it."""
    roots = _roots(model)
    keras = sys.modules.get("keras")
    version = str(getattr(keras, "__version__", "0")).partition(".")[0]
    is_keras_3 = "keras" in roots and version.isdigit() and int(version) >= _KERAS_3
    if is_keras_3 and keras is not None:
        backend = keras.config.backend()
        if backend != "tensorflow":
            raise UsageError(
                f"Keras runs on {backend} here; set KERAS_BACKEND=tensorflow before Keras is "
                "imported, and load the model again"
            )
    elif not roots & {"keras", "tf_keras", "tensorflow"}:
        raise UsageError(
            f"model is of type {type(model).__name__}; give a Keras model, or the path of a "
            "SavedModel's folder"
        )
    if is_keras_3:
        from czcheck import layers as keras_layers  # noqa: PLC0415 - imports Keras

        try:
            keras_layers.export(model, str(folder), tile)
        except InputError as error:
            raise InputError(f"model {name!r}: {error}") from error
        return
    try:
        import tensorflow as tf  # noqa: PLC0415 - the caller has it already

        tf.saved_model.save(model, str(folder))
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"model {name!r}: cannot be exported: {first}") from error


def _roots(model: Any) -> set[str]:
    """Top-level packages that a model's classes come from."""
    return {each.__module__.partition(".")[0] for each in type(model).__mro__}


def _specification(model_spec: ModelSpec, model_path: Path) -> BuildSpec:
    """The specification that `czcheck.build` takes, every value checked."""
    metadata = model_spec.model_metadata
    if not isinstance(metadata, ModelMetadata):
        raise UsageError(
            f"model_metadata is of type {type(metadata).__name__}; give a czcheck.ModelMetadata, "
            "made with from_params, from_json or from_xml"
        )
    licence = model_spec.license_file
    return spec_of(
        metadata,
        model_path,
        None if licence is None else _path("license_file", licence),
        model_spec.json_spec,
    )


def _target(output_path: str | Path, output_name: str) -> Path:
    if not isinstance(output_name, str):
        raise UsageError(f"output_name is {output_name!r}; give the archive's name as a text")
    name = output_name
    if name.lower().endswith(_EXTENSION):
        name = name[: -len(_EXTENSION)]
    if name.strip() in {"", ".", ".."} or any(char in name for char in "/\\\0"):
        raise UsageError(
            f"output_name is {output_name!r}; give the archive's name alone, such as 'nuclei', and "
            "its folder as output_path"
        )
    return _path("output_path", output_path) / (name + _EXTENSION)


def _path(name: str, value: str | Path) -> Path:
    if not isinstance(value, (str, Path)):
        raise UsageError(f"{name} is of type {type(value).__name__}; give a path")
    return Path(value)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """A folder that is there while something is built; taken away again if that fails."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{folder}: the folder cannot be made: {reason}") from None
        yield
    except BaseException:
        for each in missing:
            with suppress(OSError):
                each.rmdir()
        raise

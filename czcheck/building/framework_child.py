"""The process in which the Keras that wrote a file loads it: `runtime/worker.py` with more to do.

    load_keras  path of the file, standalone: whether the package `keras` of its own wrote it,
                major: its major version -> keras: name and version of what loaded it
    predict     as the worker has it

Needs numpy, TensorFlow and Keras alone, and runs on Python 3.7. Only files reach it whose layers
are all known and free of code.
"""

import contextlib
import importlib
import importlib.util
import os
import sys
from typing import Any, Dict, Tuple

Request = Dict[str, Any]
_READS_TEXTS = (2, 5)  # the first Keras that reads files by h5py 3
_PACKAGES = ("keras", "tf_keras", "tensorflow.keras")


def _worker() -> Any:
    """The worker's own file; isolated mode leaves its folder out of the search path."""
    here = os.path.dirname(os.path.abspath(__file__))
    place = os.path.join(os.path.dirname(here), "runtime", "worker.py")
    spec = importlib.util.spec_from_file_location("czcheck_worker", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["czcheck_worker"] = module
    spec.loader.exec_module(module)
    return module


worker = _worker()
_import_tensorflow = worker.import_the_rest


def import_the_rest(tf: Any) -> None:
    """Import Keras as well, before the process is shut in.

    Args:
        tf: The tensorflow module.
    """
    _import_tensorflow(tf)
    for name in ("h5py", *_PACKAGES[:2]):
        with contextlib.suppress(Exception):  # one that does not work here counts as missing
            importlib.import_module(name)


def hello(runner: Any, request: Request) -> Dict[str, Any]:
    """Let the process read the interpreter's own modules, which Keras imports when it needs them.

    Args:
        runner: The worker.
        request: See the worker's.
    """
    if request.get("sandbox") is not None:
        folders = [each for each in sys.path if os.path.isdir(each)]
        request["sandbox"]["read"] = [*request["sandbox"]["read"], *folders]
    return runner.hello(request)  # type: ignore[no-any-return]


def _version(tf: Any, name: str) -> str:
    """Version of one of the Kerases of this interpreter; empty if it does not have it."""
    if name == "tensorflow.keras":
        # TensorFlow 2.15's has none of its own; it is the package that it came with.
        own = getattr(tf.keras, "__version__", "")
        return str(own or _version(tf, "keras") or tf.__version__)
    return str(getattr(sys.modules.get(name), "__version__", ""))


def _numbers(version: str) -> Tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split(".")[:2])


def _fitting(tf: Any, standalone: bool, major: int) -> str:
    """The first Keras that is of the file's kind.

    Raises:
        LookupError: This interpreter has none.
    """
    for name in _PACKAGES:
        version = _version(tf, name)
        if not version:
            continue
        numbers = _numbers(version)
        if numbers[0] == major and (name == "keras" and numbers < (2, 4)) == standalone:
            return name
    here = ["%s %s" % (name, _version(tf, name)) for name in _PACKAGES if _version(tf, name)]
    kind = "the package keras of its own" if standalone else "tf.keras"
    raise LookupError(
        "the file is of %s, version %d, and this interpreter has %s"
        % (kind, major, ", ".join(here))
    )


def _encoded(value: Any) -> Any:
    return value.encode("utf-8") if isinstance(value, str) else value


def _give_bytes(h5py: Any) -> None:
    """Let texts in files be bytes, as before h5py 3, which TensorFlow up to 2.4 installs as well.

    Keras of that time decodes them, and so cannot read its own files.
    """
    attributes = h5py.AttributeManager
    read = attributes.__getitem__

    def get(self: Any, name: Any) -> Any:
        value = read(self, name)
        if hasattr(value, "dtype") and value.dtype.kind == "O":
            return [_encoded(each) for each in value]
        return _encoded(value)

    attributes.__getitem__ = get


def load_keras(runner: Any, request: Request) -> Dict[str, Any]:
    """Load a Keras file.

    Args:
        runner: The worker, with TensorFlow imported.
        request: See the module's text.

    Returns:
        `keras`: name and version of what loaded it.

    Raises:
        LookupError: This interpreter has no Keras of the file's kind.
    """
    runner.unload()
    name = _fitting(runner.tf, request["standalone"], request["major"])
    if "h5py" in sys.modules and _numbers(_version(runner.tf, name)) < _READS_TEXTS:
        _give_bytes(sys.modules["h5py"])
    package = runner.tf.keras if name == "tensorflow.keras" else sys.modules[name]
    model = package.models.load_model(request["path"], compile=False)

    def answer(tile: Any) -> Any:
        return model.predict_on_batch(tile)

    runner.run_instead(answer)
    shown = {"keras": "Keras", "tf_keras": "tf-keras", "tensorflow.keras": "tf.keras"}[name]
    return {"keras": "%s %s" % (shown, _version(runner.tf, name))}


if __name__ == "__main__":
    worker.import_the_rest = import_the_rest
    worker.end(worker.main({"hello": hello, "load_keras": load_keras}))

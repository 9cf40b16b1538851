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
from typing import Any, Dict, List

Request = Dict[str, Any]
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


def _version(package: Any) -> str:
    return str(getattr(package, "__version__", "") or getattr(package.keras, "__version__", ""))


def _candidates(tf: Any, standalone: bool, major: int) -> List[Any]:
    """Kerases of this interpreter that are of the file's kind, as (name, version, package)."""
    found = []
    for name in _PACKAGES:
        if name == "tensorflow.keras":
            package, version = tf.keras, str(tf.keras.__version__)
        else:
            package = sys.modules.get(name)
            if package is None:
                continue
            version = str(getattr(package, "__version__", ""))
        numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:2])
        is_standalone = name == "keras" and numbers < (2, 4)
        if numbers[0] == major and is_standalone == standalone:
            found.append((name, version, package))
    return found


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
    kind = "the package keras" if request["standalone"] else "tf.keras"
    candidates = _candidates(runner.tf, request["standalone"], request["major"])
    if not candidates:
        own = ", ".join(
            "%s %s" % (name, sys.modules[name].__version__)
            for name in _PACKAGES[:2]
            if name in sys.modules and hasattr(sys.modules[name], "__version__")
        )
        raise LookupError(
            "it has no Keras %d of the kind %s (it has tf.keras %s%s)"
            % (request["major"], kind, runner.tf.keras.__version__, own and ", " + own)
        )
    name, version, package = candidates[0]
    model = package.models.load_model(request["path"], compile=False)

    def answer(tile: Any) -> Any:
        return model.predict_on_batch(tile)

    runner.answer_with(answer)
    shown = {"keras": "Keras", "tf_keras": "tf-keras", "tensorflow.keras": "tf.keras"}[name]
    return {"keras": "%s %s" % (shown, version)}


if __name__ == "__main__":
    worker.import_the_rest = import_the_rest
    worker.end(worker.main({"hello": hello, "load_keras": load_keras}))

"""Runs one network for czcheck: loads a SavedModel and runs tiles.

This file stands alone. It needs numpy and TensorFlow and nothing else, and runs on Python 3.7 with
TensorFlow 2.0.0 as well as on today's, so that any interpreter can be asked.

Protocol. Commands come as JSON objects, one on a line, on standard input; each is answered by one
JSON line on a private copy of standard output. `hello` comes first and brings a nonce, which every
answer repeats; it arrives before any network is loaded. Descriptor 1 itself is pointed at standard
error, and descriptor 0 at nothing, so that what a network prints or reads cannot reach the channel.
After `quit` the process ends normally. Answers: `{"nonce", "command", "ok": true, ...}`, or
`{"ok": false, "kind", "error"}` for an exception.

    hello    nonce, limits {memory_bytes, file_bytes, cpu_seconds, threads}, folder, parent,
             sandbox {read, write} or None -> versions, limits in force, what shuts it in
    load     path, loader, signature, input {key, tensor}, output {key, tensor} -> loader, seconds,
             peak_bytes
    predict  tile, output: paths of .npy files -> dtype, shape, seconds, stored, peak_bytes
    quit
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import queue
import re
import shutil
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional

Request = Dict[str, Any]
Record = Dict[str, Any]
Command = Callable[[Request], Record]

# What TensorFlow opens while it loads and runs. Not all of /proc/self: it holds the environment.
NEEDED = ("/dev/urandom", "/dev/null", "/proc/self/cmdline")
ERROR_CHARACTERS = 400
# Errors that a child's own commands raise say what to do; that has to be whole.
OWN_ERROR, OWN_CHARACTERS = "InputError", 4000
SERVE = "serve"
# Ways to reach TensorFlow: `tensorflow_c.py`, or the import.
C_LIBRARY, PYTHON = "c", "python"
# Runs as it comes: whoever names this version wants to see what ZEN's own runtime does.
AS_IT_COMES = "2.0."
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_status: List[int] = []
# Lines that introduce TensorFlow's errors and say nothing themselves.
_EMPTY_WORDS = re.compile(
    r"^(Graph execution error:|Detected at node|\d+ root error\(s\) found|Traceback|File \"|<.*>:$|"
    r"in user code:|The above exception|During handling)"
)
# Behind such a line, and a stack trace before it, stands what really happened.
_FAILED_NODE = "Node: '"
# "(0) INVALID_ARGUMENT: ", and from "in binary" on the machine's name and advice on custom
# operations.
_AROUND = re.compile(r"^\(\d+\) [A-Za-z_ ]+: +| in binary running on .*|\.+$")


def first_line(error: BaseException) -> str:
    """The first line of an exception's text that says something, cut to 400 characters.

    Our own errors, which are one line that ends with a way out, are cut to 4000.
    """
    most = OWN_CHARACTERS if type(error).__name__ == OWN_ERROR else ERROR_CHARACTERS
    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    nodes = [number for number, line in enumerate(lines) if line.startswith(_FAILED_NODE)]
    for line in lines[nodes[0] + 1 if nodes else 0 :]:
        if line and not _EMPTY_WORDS.match(line):
            return _AROUND.sub("", line)[:most]
    return type(error).__name__


def failure(error: BaseException) -> Record:
    """An exception as a record."""
    return {"ok": False, "kind": type(error).__name__, "error": first_line(error)}


def neighbour(name: str) -> Any:
    """Load a file beside this one. Isolated mode leaves this folder out of the search path.

    Args:
        name: The module's name.

    Returns:
        The module.
    """
    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("czcheck_" + name, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def peak_bytes() -> int:
    """The most memory that this process has had in use at one time; 0 where that is not told.

    The first call has to come before the process is shut in.
    """
    try:
        if not _status:
            _status.append(os.open("/proc/self/status", os.O_RDONLY))
        # Of this program alone; what `getrusage` returns includes the one that started it.
        lines = os.pread(_status[0], 1 << 16, 0).decode("ascii", "replace").splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError, AttributeError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def import_the_rest(tf: Any) -> None:
    """Import what TensorFlow and numpy import only when it is used: it cannot be read later.

    Args:
        tf: The tensorflow module.
    """
    import linecache
    import traceback

    import numpy.lib.format
    import numpy.random

    del linecache, traceback, numpy
    v1 = tf.compat.v1
    for name in (v1.saved_model.loader.load, v1.Session, v1.ConfigProto, tf.saved_model.load):
        del name  # looking it up has imported it


def without_rewrites(tf: Any, config: Any) -> Any:
    """Have a network computed as its graph says.

    TensorFlow's graph optimiser puts other operations in the place of some, and these do not always
    compute the same: that of 2.21 makes one operation of a layer normalisation over tokens, and
    takes another epsilon. The target has an optimiser of its own, and none of today's rewrites.

    Args:
        tf: The tensorflow module.
        config: A session's `ConfigProto`.

    Returns:
        The config, changed unless TensorFlow is of the target's version.
    """
    if not tf.__version__.startswith(AS_IT_COMES):
        config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


def stop_rewrites(tf: Any) -> None:
    """Stop the graph optimiser in this process; see `without_rewrites`.

    A call of a function in a graph carries settings of its own for the optimiser, which count for
    its inside, whatever a session or the program says. So they are replaced when the graph is read.

    Args:
        tf: The tensorflow module.
    """
    if tf.__version__.startswith(AS_IT_COMES):
        return
    from tensorflow.python.saved_model import loader_impl

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    settings = without_rewrites(tf, tf.compat.v1.ConfigProto()).SerializeToString()
    parse = loader_impl.parse_saved_model

    def parse_without_rewrites(export_dir: str) -> Any:
        message = parse(export_dir)
        for meta_graph in message.meta_graphs:
            graph = meta_graph.graph_def
            for nodes in [graph.node] + [each.node_def for each in graph.library.function]:
                for node in nodes:
                    if node.op in CALLS:
                        node.attr["config_proto"].s = settings
        return message

    loader_impl.parse_saved_model = parse_without_rewrites


class Runner:
    """The commands, and the network that is loaded.

    Attributes:
        tf: The tensorflow module, after `hello`.
        commands: Name of a command to the function that carries it out. More may be added.
    """

    def __init__(self) -> None:
        """Load nothing."""
        self.tf = None  # type: Any
        self.threads = None  # type: Optional[int]
        self.commands = {
            "hello": self.hello,
            "load": self.load,
            "predict": self.predict,
        }  # type: Dict[str, Command]
        self._library = None  # type: Any
        self._run = None  # type: Optional[Callable[[str, str], Record]]
        self._session = None  # type: Any

    def hello(self, request: Request) -> Record:
        """Limit the process, import TensorFlow, and shut the process in.

        Args:
            request: `limits`, see `sandbox.set_limits`; their `threads` is a count for each of
                TensorFlow's two pools. Without it TensorFlow decides, as it does in the target.
                `parent`, number of the process that this one must not outlive, or None.
                `sandbox`, paths to `read` and to `write`, or None for no sandbox.

        Returns:
            Versions, limits in force, the seconds that the import took, and `sandbox`: what
            `sandbox.shut_in` returns, or None.
        """
        sandbox = neighbour("sandbox")
        sandbox.die_with_parent(request.get("parent"))
        limits = request.get("limits") or {}
        kept = sandbox.set_limits(limits)
        self.threads = limits.get("threads")
        begin = time.perf_counter()
        record = self._open_library() if request.get("backend") == C_LIBRARY else {}
        if self._library is None:
            record.update(self._import_tensorflow())
        record["python"] = ".".join(str(part) for part in sys.version_info[:3])
        record["seconds"] = time.perf_counter() - begin
        record["sandbox"] = None
        record.update(kept)
        peak_bytes()
        paths = request.get("sandbox")
        if paths is not None:
            if self._library is None:
                import_the_rest(self.tf)
            read = list(paths["read"]) + list(NEEDED)
            record["sandbox"] = sandbox.shut_in(read, paths["write"])
        return record

    def _open_library(self) -> Record:
        """Open TensorFlow's C library; the record says why, where there is none."""
        library = neighbour("tensorflow_c")
        try:
            self._library = library.Library()
        except library.MissingLibraryError as error:
            return {"reason": str(error)}
        return {"backend": C_LIBRARY, "tensorflow": self._library.version, "numpy": ""}

    def _import_tensorflow(self) -> Record:
        import numpy as np
        import tensorflow as tf

        self.tf = tf
        stop_rewrites(tf)
        if self.threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(self.threads)
            tf.config.threading.set_inter_op_parallelism_threads(self.threads)
        return {
            "backend": PYTHON,
            "tensorflow": str(tf.__version__),
            "numpy": str(np.__version__),
        }

    def load(self, request: Request) -> Record:
        """Load a SavedModel in place of the one before.

        Neither of TensorFlow's loaders opens every file, so the other one is tried as well.

        Args:
            request: `path` of the SavedModel's folder, `loader` to try first (`session` or
                `object`), `signature`, `input` and `output` with `key` and `tensor`.

        Returns:
            `loader` that worked, `seconds`, `first_error` of the other one or None, and
            `peak_bytes` of memory up to here.
        """
        self.unload()
        loaders = {"session": self._load_session, "object": self._load_object}
        if self._library is not None:
            loaders = {"session": self._load_into_library}
        first = request["loader"]
        errors = []
        for name in [first] + [other for other in loaders if other != first]:
            begin = time.perf_counter()
            try:
                self._run = loaders[name](request)
            except Exception as error:
                self.unload()
                record = failure(error)
                errors.append({"loader": name, "kind": record["kind"], "error": record["error"]})
                continue
            seconds = time.perf_counter() - begin
            first_error = errors[0]["error"] if errors else None
            return {
                "loader": name,
                "seconds": seconds,
                "first_error": first_error,
                "peak_bytes": peak_bytes(),
            }
        # What the loader chosen for this file says is the reason; the other one's is beside it.
        return {
            "ok": False,
            "kind": errors[0]["kind"],
            "error": errors[0]["error"],
            "loaders": errors,
        }

    def unload(self) -> None:
        """Let go of the network."""
        self._run = None
        if self._library is not None:
            self._library.unload()
        if self._session is not None:
            self._session.close()
            self._session = None
            gc.collect()

    def run_instead(self, run: Callable[[Any], Any]) -> None:
        """Take a function in place of a network that was loaded.

        Args:
            run: Takes a batch of tiles as an array, returns an array.
        """
        self._run = between_files(run)

    def _load_session(self, request: Request) -> Callable[[str, str], Record]:
        """Load as TensorFlow 1 did: graph and variables into a session."""
        v1 = self.tf.compat.v1
        graph = self.tf.Graph()
        config = without_rewrites(self.tf, v1.ConfigProto())
        if self.threads is not None:
            config.intra_op_parallelism_threads = self.threads
            config.inter_op_parallelism_threads = self.threads
        self._session = v1.Session(graph=graph, config=config)
        with graph.as_default():
            v1.saved_model.loader.load(self._session, [SERVE], request["path"])
        # Looked up here, so that a wrong name fails now and not at the first tile.
        fetched = graph.get_tensor_by_name(request["output"]["tensor"])
        fed = graph.get_tensor_by_name(request["input"]["tensor"])
        return between_files(self._session.make_callable(fetched, feed_list=[fed]))

    def _load_into_library(self, request: Request) -> Callable[[str, str], Record]:
        """Load with the session loader of TensorFlow's C library."""
        ends = (request["input"]["tensor"], request["output"]["tensor"])
        self._library.load(request["path"], *ends, self.threads)
        return self._library.predict  # type: ignore[no-any-return]

    def _load_object(self, request: Request) -> Callable[[str, str], Record]:
        """Load as TensorFlow 2 does: an object with concrete functions."""
        tf = self.tf
        model = tf.saved_model.load(request["path"])
        function = model.signatures[request["signature"]]
        input_key, output_key = request["input"]["key"], request["output"]["key"]

        def run(tile: Any, owner: Any = model) -> Any:
            del owner  # the functions have only weak references to the model's variables
            return function(**{input_key: tf.constant(tile)})[output_key].numpy()

        return between_files(run)

    def predict(self, request: Request) -> Record:
        """Run one tile.

        Args:
            request: `tile`, path of the array to feed; `output`, path to write the output to.

        Returns:
            `dtype` and `shape` of the output, `seconds`, `peak_bytes` of memory up to here, and
            `stored`: whether it was written, which strings are not. Types of which numpy knows
            nothing are written as float32.
        """
        if self._run is None:
            raise RuntimeError("no network is loaded")
        record = self._run(request["tile"], request["output"])
        record["peak_bytes"] = peak_bytes()
        return record


def between_files(run: Callable[[Any], Any]) -> Callable[[str, str], Record]:
    """Have a function of arrays read its tile from a file, and write its output into one.

    Args:
        run: Takes a batch of tiles as an array, returns an array.

    Returns:
        A function of the two files' paths; it returns what `Runner.predict` does, but for the
        memory.
    """
    import numpy as np

    def run_files(path: str, target: str) -> Record:
        tile = np.load(path, allow_pickle=False)
        begin = time.perf_counter()
        output = np.asarray(run(tile))
        seconds = time.perf_counter() - begin
        dtype = output.dtype.name
        stored = output.dtype.kind not in "OSU"
        if stored:
            if output.dtype.isbuiltin != 1:
                output = output.astype(np.float32)
            np.save(target, output, allow_pickle=False)
        shape = [int(size) for size in output.shape]
        return {"dtype": dtype, "shape": shape, "seconds": seconds, "stored": stored}

    return run_files


def take_channel() -> Any:
    """Keep standard input and output for the protocol alone.

    Returns:
        Streams of bytes: commands to read, answers to write.
    """
    commands, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(commands, "rb"), os.fdopen(answers, "wb")


def watch(commands: Any, requests: Any, folder: Optional[str] = None) -> None:
    """Hand over commands as they come; end the process when whoever sends them is gone.

    Runs in a thread, since a network may keep the main thread for ever.

    Args:
        commands: Stream of JSON lines.
        requests: Queue of decoded commands.
        folder: Folder to remove in that case, as far as this process may.
    """
    try:
        for line in iter(commands.readline, b""):
            request = json.loads(line.decode("utf-8"))
            folder = request.get("folder", folder)
            requests.put(request)
            if request.get("command") == "quit":
                return
    except (OSError, ValueError, AttributeError):
        pass  # as good as gone
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main(more: Optional[Mapping[str, Callable[[Runner, Request], Record]]] = None) -> int:
    """Carry out commands until `quit`.

    Args:
        more: Further commands, as functions of the runner and the request.

    Returns:
        Exit code: 0 after `quit`, 1 when commands broke off before the first one, 2 when that
        brought no nonce.
    """
    commands, answers = take_channel()
    runner = Runner()
    # Read here: there can be no second thread before the process is shut in.
    line = commands.readline()
    if not line:
        return 1
    request = json.loads(line.decode("utf-8"))  # type: Request
    name, nonce = request.get("command"), request.get("nonce")
    if name == "quit":
        return 0
    if name != "hello" or not nonce:
        return 2
    requests = queue.Queue()  # type: queue.Queue[Request]
    started = False
    while True:
        name = str(request.get("command"))
        if name == "quit":
            return 0
        record = {"nonce": nonce, "command": name, "ok": True}  # type: Record
        try:
            if more is not None and name in more:
                record.update(more[name](runner, request))
            else:
                record.update(runner.commands[name](request))
        except Exception as error:
            record.update(failure(error))
        answers.write(json.dumps(record).encode("utf-8") + b"\n")
        answers.flush()
        if not started:
            started = True
            arguments = (commands, requests, request.get("folder"))
            threading.Thread(target=watch, args=arguments, daemon=True).start()
        request = requests.get()


def end(code: int) -> None:
    """End the process normally, without taking TensorFlow apart first, which takes 0.7 s of CPU.

    Args:
        code: The exit code.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    end(main())

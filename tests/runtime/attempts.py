"""Shuts itself in and tries what it must not do. Python 3.7; tells what came of it, as JSON.

attempts.py SANDBOX FOLDER
    SANDBOX  path of `sandbox.py`
    FOLDER   holds `inside/`, which it may read, `inside/answer`, which it may write, and `secret`
"""

import ctypes
import importlib.util
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
from typing import Any, Callable, Dict, List

PATH, FOLDER = sys.argv[1:]
spec = importlib.util.spec_from_file_location("sandbox", PATH)
assert spec is not None
assert spec.loader is not None
sandbox = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sandbox)


def at(*names: str) -> str:
    return os.path.join(FOLDER, *names)


def read(path: str) -> int:
    with open(path, "rb") as stream:
        return len(stream.read(100))


def write(path: str) -> int:
    with open(path, "w") as stream:
        return stream.write("here")


def in_thread() -> None:
    told: List[Any] = []

    def attempt() -> None:
        try:
            told.append(read(at("secret")))
        except OSError as error:
            told.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    if isinstance(told[0], OSError):
        raise told[0]


def clone_3() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(435, None, 0) < 0:
        raise OSError(ctypes.get_errno(), "clone3")


PARENT = os.getppid()
ATTEMPTS: Dict[str, Callable[[], Any]] = {
    "read outside": lambda: read(at("secret")),
    "read outside, in a thread": in_thread,
    "read a file of the system": lambda: read("/etc/hostname"),
    "read its environment": lambda: read("/proc/self/environ"),
    "read its parent's environment": lambda: read("/proc/%d/environ" % PARENT),
    "read its memory": lambda: read("/proc/self/mem"),
    "list outside": lambda: os.listdir(FOLDER),
    "write outside": lambda: write(at("written")),
    "make a file inside": lambda: write(at("inside", "written")),
    "change a file inside": lambda: write(at("inside", "model")),
    "make a folder inside": lambda: os.mkdir(at("inside", "folder")),
    "make a link inside": lambda: os.symlink("/etc/hostname", at("inside", "link")),
    "make a hard link inside": lambda: os.link(at("inside", "model"), at("inside", "link")),
    "make a pipe inside": lambda: os.mkfifo(at("inside", "pipe")),
    "remove a file inside": lambda: os.unlink(at("inside", "model")),
    "rename a file inside": lambda: os.rename(at("inside", "model"), at("inside", "other")),
    "remove everything": lambda: shutil.rmtree(FOLDER),
    "change modes": lambda: os.chmod(at("secret"), 0o777),
    "change owners": lambda: os.chown(at("secret"), os.getuid(), os.getgid()),
    "change times": lambda: os.utime(at("secret"), (0, 0)),
    "truncate": lambda: os.truncate(at("secret"), 0),
    "open a socket": lambda: socket.socket(),
    "open a datagram socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "open a local socket": lambda: socket.socket(socket.AF_UNIX),
    "open a pair of sockets": lambda: socket.socketpair(),
    "run a program": lambda: os.execv("/bin/true", ["true"]),
    "start a program": lambda: subprocess.check_call(["/bin/true"]),
    "fork": lambda: os.fork(),
    "fork in the new way": clone_3,
    "signal its parent": lambda: os.kill(PARENT, 0),
    "signal everybody": lambda: os.kill(-1, 0),
    "leave its group": lambda: os.setsid(),
    "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    "limit its parent": lambda: resource.prlimit(PARENT, resource.RLIMIT_NOFILE),
    "become another user": lambda: os.setuid(os.getuid()),
}
ALLOWED: Dict[str, Callable[[], Any]] = {
    "read inside": lambda: read(at("inside", "model")),
    "list inside": lambda: os.listdir(at("inside")),
    "write the answer": lambda: write(at("inside", "answer")),
    "read random bytes": lambda: read("/dev/urandom"),
    "start a thread": lambda: threading.Thread(target=str).start(),
    "signal itself": lambda: os.kill(os.getpid(), 0),
    "ask for a limit": lambda: resource.getrlimit(resource.RLIMIT_NOFILE),
}


def outcome(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        return type(error).__name__
    return "done"


record = sandbox.shut_in([at("inside"), "/dev/urandom"], [at("inside", "answer")])
print(
    json.dumps(
        {
            "record": record,
            "user": os.getuid(),
            "attempts": {name: outcome(attempt) for name, attempt in ATTEMPTS.items()},
            "allowed": {name: outcome(attempt) for name, attempt in ALLOWED.items()},
        }
    )
)

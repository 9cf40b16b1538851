"""What a process that is shut in must not do, to be tried. Python 3.7 upwards.

As a program, shuts itself in and tries; tells what came of it, as JSON.

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


def read(path: str) -> int:
    with open(path, "rb") as stream:
        return len(stream.read(100))


def write(path: str) -> int:
    with open(path, "w") as stream:
        return stream.write("here")


def in_thread(path: str) -> None:
    told: List[Any] = []

    def attempt() -> None:
        try:
            told.append(read(path))
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


def attempts(outside: str, inside: str, held: str, parent: int) -> Dict[str, Callable[[], Any]]:
    """What a process that is shut in must not manage to do.

    Args:
        outside: A folder that it has nothing to do with; holds `secret`.
        inside: The folder that it may read.
        held: A file in there.
        parent: Number of the process that has started it.
    """

    def at(name: str) -> str:
        return os.path.join(outside, name)

    def here(name: str) -> str:
        return os.path.join(inside, name)

    return {
        "read outside": lambda: read(at("secret")),
        "read outside, in a thread": lambda: in_thread(at("secret")),
        "read a file of the system": lambda: read("/etc/hostname"),
        "read its environment": lambda: read("/proc/self/environ"),
        "read its parent's environment": lambda: read("/proc/%d/environ" % parent),
        "read its memory": lambda: read("/proc/self/mem"),
        "list outside": lambda: os.listdir(outside),
        "write outside": lambda: write(at("written")),
        "make a file inside": lambda: write(here("written")),
        "change a file inside": lambda: write(held),
        "make a folder inside": lambda: os.mkdir(here("folder")),
        "make a link inside": lambda: os.symlink("/etc/hostname", here("link")),
        "make a hard link inside": lambda: os.link(held, here("link")),
        "make a pipe inside": lambda: os.mkfifo(here("pipe")),
        "remove a file inside": lambda: os.unlink(held),
        "rename a file inside": lambda: os.rename(held, here("other")),
        "remove everything": lambda: shutil.rmtree(outside),
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
        "signal its parent": lambda: os.kill(parent, 0),
        "signal everybody": lambda: os.kill(-1, 0),
        "leave its group": lambda: os.setsid(),
        "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
        "limit its parent": lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE),
        "become another user": lambda: os.setuid(os.getuid()),
    }


def allowed(inside: str, held: str, answer: str) -> Dict[str, Callable[[], Any]]:
    """What it may do.

    Args:
        inside: The folder that it may read.
        held: A file in there.
        answer: A file in there that it may write.
    """
    return {
        "read inside": lambda: read(held),
        "list inside": lambda: os.listdir(inside),
        "write the answer": lambda: write(answer),
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


def outcomes(tried: Dict[str, Callable[[], Any]]) -> Dict[str, str]:
    """What came of each: `done`, or the kind of the error."""
    return {name: outcome(attempt) for name, attempt in tried.items()}


def main() -> None:
    """Shut this process in, and try."""
    path, folder = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("sandbox", path)
    assert spec is not None
    assert spec.loader is not None
    sandbox = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sandbox)
    inside = os.path.join(folder, "inside")
    held, answer = os.path.join(inside, "model"), os.path.join(inside, "answer")
    record = sandbox.shut_in([inside, "/dev/urandom"], [answer])
    told = {
        "record": record,
        "user": os.getuid(),
        "attempts": outcomes(attempts(folder, inside, held, os.getppid())),
        "allowed": outcomes(allowed(inside, held, answer)),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()

"""Shuts a process in on Linux: file system, network, system calls, resources.

This file stands alone, as `worker.py` does, which loads it: Python 3.7 and the standard library.

Two layers, each of which the kernel keeps for good and for every thread started later:

* Landlock: files can be opened only below the paths that were named; no TCP, no signals and no
  abstract sockets to processes outside.
* A seccomp filter: no sockets of any kind, no new programs or processes, no reaching into other
  processes, no change of owners, modes or times of files (Landlock does not guard these), and none
  of the kernel's wide interfaces. Forbidden calls fail with EPERM, so that TensorFlow reports an
  error; calls newer than this file fail as on an older kernel.

Capabilities are dropped, so that root is shut in like everybody else. Shared libraries stay
loadable and threads startable; programs are not.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import struct
import sys
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

Record = Dict[str, Any]

OPEN_FILES = 256

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SYS_LANDLOCK = 444  # and the next two; the same on every architecture

# Rights of Landlock on the file system, and how many of them each of its versions knows.
_FS_EXECUTE, _FS_WRITE, _FS_READ, _FS_READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FS_TRUNCATE = 1 << 14
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # later: 16
# The versions that brought TCP, signals and abstract sockets, and binding threads that run already.
_WITH_NET, _WITH_SCOPES, _WITH_THREADS = 4, 6, 8
_ALL_THREADS = 1 << 3

# Name, then number on x86-64 and on aarch64. What needs a closer look is in `_program`.
_FORBIDDEN = """
socket 41 198  socketpair 53 199  connect 42 203  bind 49 200  listen 50 201  accept 43 202
accept4 288 242  sendto 44 206  sendmsg 46 211  sendmmsg 307 269  recvmsg 47 212  recvmmsg 299 243
execve 59 221  execveat 322 281  fork 57 -  vfork 58 -  setsid 112 157  setpgid 109 154
ptrace 101 117  process_vm_readv 310 270  process_vm_writev 311 271  process_madvise 440 440
process_mrelease 448 448  kcmp 312 272  pidfd_open 434 434  pidfd_getfd 438 438  tkill 200 130
pidfd_send_signal 424 424  rt_sigqueueinfo 129 138  rt_tgsigqueueinfo 297 240  setrlimit 160 164
setpriority 141 140  sched_setscheduler 144 119  sched_setparam 142 118  sched_setattr 314 274
ioprio_set 251 30  migrate_pages 256 238  move_pages 279 239
mount 165 40  umount2 166 39  pivot_root 155 41  chroot 161 51  open_tree 428 428
move_mount 429 429  fsopen 430 430  fsconfig 431 431  fsmount 432 432  fspick 433 433
mount_setattr 442 442  name_to_handle_at 303 264  open_by_handle_at 304 265
unshare 272 97  setns 308 268
chmod 90 -  fchmod 91 52  fchmodat 268 53  chown 92 -  fchown 93 55  lchown 94 -  fchownat 260 54
setxattr 188 5  lsetxattr 189 6  fsetxattr 190 7  removexattr 197 14  lremovexattr 198 15
fremovexattr 199 16  utime 132 -  utimes 235 -  futimesat 261 -  utimensat 280 88
truncate 76 45  mknod 133 -  mknodat 259 33
bpf 321 280  perf_event_open 298 241  userfaultfd 323 282  io_uring_setup 425 425
io_uring_enter 426 426  io_uring_register 427 427  keyctl 250 219  add_key 248 217
request_key 249 218
shmget 29 194  shmat 30 196  shmctl 31 195  shmdt 67 197  semget 64 190  semop 65 193
semctl 66 191  semtimedop 220 192  msgget 68 186  msgsnd 69 189  msgrcv 70 188  msgctl 71 187
mq_open 240 180  mq_unlink 241 181
init_module 175 105  finit_module 313 273  delete_module 176 106  kexec_load 246 104
kexec_file_load 320 294  reboot 169 142  swapon 167 224  swapoff 168 225  acct 163 89
quotactl 179 60  quotactl_fd 443 443  syslog 103 116  sethostname 170 161  setdomainname 171 162
settimeofday 164 170  clock_settime 227 112  clock_adjtime 305 266  adjtimex 159 171
personality 135 92  iopl 172 -  ioperm 173 -  vhangup 153 58  uselib 134 -  modify_ldt 154 -
nfsservctl 180 42  lookup_dcookie 212 18  fanotify_init 300 262  fanotify_mark 301 263
setuid 105 146  setgid 106 144  setreuid 113 145  setregid 114 143  setresuid 117 147
setresgid 119 149  setfsuid 122 151  setfsgid 123 152  setgroups 116 159  capset 126 91
memfd_secret 447 447
"""
_LAST_KNOWN = 450
# Machine: column in the table, AUDIT_ARCH, and the calls that the filter looks into.
_MACHINES = {
    "x86_64": (1, 0xC000003E, {"seccomp": 317, "clone": 56, "kill": 62, "tgkill": 234}),
    "aarch64": (2, 0xC00000B7, {"seccomp": 277, "clone": 220, "kill": 129, "tgkill": 131}),
}
_PRLIMIT = {"x86_64": 302, "aarch64": 261}
_CLONE3 = 435
_CLONE_THREAD = 0x10000
_X32 = 0x40000000

# Classic BPF: load a word, compare, return.
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
# Where `struct seccomp_data` keeps them; the arguments' low words, on little-endian machines.
_NUMBER, _ARCH, _FIRST, _THIRD, _THIRD_HIGH = 0, 4, 16, 32, 36


class UnavailableLayerError(Exception):
    """A layer that cannot be had here. Its text says why."""


def set_limits(limits: Mapping[str, Any]) -> Record:
    """Limit this process, where the platform can.

    Args:
        limits: `memory_bytes` of address space, `file_bytes` of any file written, `cpu_seconds`;
            None is none.

    Returns:
        `memory_limited` and `file_limited`: whether each is in force.
    """
    kept = {"memory_limited": False, "file_limited": False}
    try:
        import resource
    except ImportError:
        return kept
    memory = limits.get("memory_bytes")
    wanted = [
        ("RLIMIT_CORE", 0, None),
        ("RLIMIT_NOFILE", OPEN_FILES, None),
        ("RLIMIT_CPU", limits.get("cpu_seconds"), None),
        ("RLIMIT_DATA", memory, None),
        ("RLIMIT_AS", memory, "memory_limited"),
        ("RLIMIT_FSIZE", limits.get("file_bytes"), "file_limited"),
    ]
    for name, value, flag in wanted:
        if value is None or not hasattr(resource, name):
            continue
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(number, (bound, bound))
        except (OSError, ValueError):
            continue
        # macOS takes the limit on address space and does not keep it.
        if flag is not None and not (name == "RLIMIT_AS" and sys.platform == "darwin"):
            kept[flag] = True
    return kept


def die_with_parent(parent: Optional[int]) -> None:
    """Have the kernel end this process when the thread that started it ends. Linux only.

    Args:
        parent: Number of the process that has to be the parent; None if it is not known.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)  # it was gone before


def shut_in(read: Sequence[str], write: Sequence[str]) -> Record:
    """Shut this process in. It has to have one thread only: others would stay outside.

    Args:
        read: Files, and folders with all below, that stay readable.
        write: Existing files that stay writable.

    Returns:
        `landlock`, its version or 0; `seccomp`, whether it is in force; `lacking`, what keeps
        these from being a sandbox, in words, or None.
    """
    record = {"landlock": 0, "seccomp": False, "lacking": None}  # type: Record
    if not sys.platform.startswith("linux"):
        record["lacking"] = "there is none for this platform"
        return record
    # Kernels end the process that holds most memory; let it not be another one.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    with contextlib.suppress(OSError):
        ctypes.CDLL("libgcc_s.so.1")  # libc loads it when the first thread ends, too late
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    lacking = []  # type: List[str]
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        lacking.append("privileges cannot be given up")
    _drop_capabilities(libc)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        record["landlock"] = _landlock(libc, read, write)
    except UnavailableLayerError as error:
        lacking.append(str(error))
    try:
        _seccomp(libc)
        record["seccomp"] = True
    except UnavailableLayerError as error:
        lacking.append(str(error))
    record["lacking"] = "; ".join(lacking) or None
    return record


def _drop_capabilities(libc: Any) -> None:
    """Be root no more than in name."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc.capset(header, nothing)


def _landlock(libc: Any, read: Sequence[str], write: Sequence[str]) -> int:
    """Close the file system but for the paths named, and TCP, signals and abstract sockets.

    Returns:
        Landlock's version.
    """
    version = int(libc.syscall(_SYS_LANDLOCK, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))
    if version < 1:
        reasons = {
            errno.ENOSYS: "this kernel has no Landlock",
            errno.EOPNOTSUPP: "Landlock is switched off in this kernel",
        }
        raise UnavailableLayerError(
            reasons.get(ctypes.get_errno(), "Landlock is not permitted here")
        )
    if version < _WITH_THREADS and _threads() != 1:
        raise UnavailableLayerError("threads were running before Landlock could bind them")
    rights = (1 << _FS_RIGHTS.get(version, 16)) - 1
    # Older versions know only the beginning of this: files, TCP, scopes.
    words = 1 + (version >= _WITH_NET) + (version >= _WITH_SCOPES)
    handled = struct.pack("=QQQ", rights, 3, 3)[: 8 * words]
    rules = libc.syscall(_SYS_LANDLOCK, handled, ctypes.c_size_t(len(handled)), ctypes.c_uint32(0))
    if rules < 0:
        raise UnavailableLayerError(f"Landlock failed: {os.strerror(ctypes.get_errno())}")
    try:
        for path in read:
            of_folder = _FS_READ_DIR if os.path.isdir(path) else 0
            _permit(libc, rules, path, _FS_READ | of_folder)
        for path in write:
            _permit(libc, rules, path, rights & (_FS_READ | _FS_WRITE | _FS_TRUNCATE))
        flags = _ALL_THREADS if version >= _WITH_THREADS else 0
        if libc.syscall(_SYS_LANDLOCK + 2, ctypes.c_int(rules), ctypes.c_uint32(flags)) != 0:
            raise UnavailableLayerError(f"Landlock failed: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(rules)
    return version


def _permit(libc: Any, rules: int, path: str, rights: int) -> None:
    """Add a path to Landlock's rules; one that is not there needs none."""
    try:
        place = os.open(path, getattr(os, "O_PATH", 0o10000000) | os.O_CLOEXEC)
    except OSError:
        return
    rule = struct.pack("=Qi", rights, place)
    failed = libc.syscall(
        _SYS_LANDLOCK + 1, ctypes.c_int(rules), ctypes.c_int(1), rule, ctypes.c_uint32(0)
    )
    number = ctypes.get_errno()
    # Files of /proc have no place of their own but the one that is open: it has to stay so.
    if not path.startswith("/proc/"):
        os.close(place)
    if failed:
        raise UnavailableLayerError(f"Landlock failed on {path}: {os.strerror(number)}")


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def _seccomp(libc: Any) -> None:
    """Install the filter for all threads."""
    machine = os.uname().machine
    if machine not in _MACHINES or sys.byteorder != "little" or sys.maxsize < 1 << 32:
        raise UnavailableLayerError(f"there is no seccomp filter for {machine}")
    code = b"".join(struct.pack("=HBBI", *line) for line in program(machine, os.getpid()))
    kept = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: count, padding, pointer.
    described = struct.pack("@HP", len(code) // 8, ctypes.addressof(kept))
    number = _MACHINES[machine][2]["seccomp"]
    mode, all_threads = ctypes.c_uint(1), ctypes.c_uint(1)
    if libc.syscall(number, mode, all_threads, described) == 0:
        return
    raise UnavailableLayerError("this kernel has no seccomp filters, or does not permit one")


def program(machine: str, pid: int) -> List[Tuple[int, int, int, int]]:
    """The filter, as instructions of classic BPF.

    Args:
        machine: `x86_64` or `aarch64`.
        pid: This process, the only one that it may send signals to, as `abort` does.

    Returns:
        Operation, jump if true, jump if false, operand.
    """
    column, arch, calls = _MACHINES[machine]
    words = _FORBIDDEN.split()
    listed = [words[place + column] for place in range(0, len(words), 3)]
    forbidden = [int(number) for number in listed if number != "-"]

    # Each line names its target; what is not named is the next line.
    lines = []  # type: List[Tuple[int, str, str, int]]
    lines.append((_LOAD, "", "", _ARCH))
    lines.append((_EQUAL, "", "deny", arch))
    lines.append((_LOAD, "", "", _NUMBER))
    lines.append((_GREATER, "deny", "", _X32 - 1))
    lines.append((_GREATER, "unknown", "", _LAST_KNOWN))
    lines.append((_EQUAL, "unknown", "", _CLONE3))  # its flags are out of sight; libc then clones
    lines.append((_EQUAL, "clone", "", calls["clone"]))
    lines.append((_EQUAL, "signal", "", calls["kill"]))
    lines.append((_EQUAL, "signal", "", calls["tgkill"]))
    lines.append((_EQUAL, "limits", "", _PRLIMIT[machine]))
    lines.extend((_EQUAL, "deny", "", number) for number in sorted(set(forbidden)))
    lines.append((_RETURN, "", "", _ALLOW))
    targets = {}  # type: Dict[str, int]

    def block(name: str, body: List[Tuple[int, str, str, int]]) -> None:
        targets[name] = len(lines)
        lines.extend(body)

    block("clone", [(_LOAD, "", "", _FIRST), (_ANY_BIT, "allow", "deny", _CLONE_THREAD)])
    block("signal", [(_LOAD, "", "", _FIRST), (_EQUAL, "allow", "deny", pid)])
    block(  # limits of this process may be asked for, none may be set
        "limits",
        [
            (_LOAD, "", "", _FIRST),
            (_EQUAL, "", "deny", 0),
            (_LOAD, "", "", _THIRD),
            (_EQUAL, "", "deny", 0),
            (_LOAD, "", "", _THIRD_HIGH),
            (_EQUAL, "allow", "deny", 0),
        ],
    )
    block("allow", [(_RETURN, "", "", _ALLOW)])
    block("deny", [(_RETURN, "", "", _FAIL | errno.EPERM)])
    block("unknown", [(_RETURN, "", "", _FAIL | errno.ENOSYS)])
    return [
        (
            operation,
            targets[yes] - place - 1 if yes else 0,
            targets[no] - place - 1 if no else 0,
            operand,
        )
        for place, (operation, yes, no, operand) in enumerate(lines)
    ]

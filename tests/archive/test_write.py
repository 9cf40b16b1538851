"""Writing archives: the same bytes for the same members, whole or not at all."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from czcheck.archive import write_archive
from czcheck.errors import InputError
from czcheck.files import replacing

MEMBERS = [("modelid=x", b""), ("x.xml", b"<Model/>" * 50), ("Lizenz ä.txt", b"free")]


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_members_look_like_those_that_zen_writes() -> None:
    stream = io.BytesIO()
    write_archive(stream, MEMBERS)
    with zipfile.ZipFile(stream) as archive:
        infos = archive.infolist()
        assert [info.filename for info in infos] == [name for name, _ in MEMBERS]
        assert [archive.read(info) for info in infos] == [data for _, data in MEMBERS]
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.create_system for info in infos} == {0}
    assert {info.external_attr for info in infos} == {0}
    assert all(info.flag_bits == 0x800 for info in infos)
    assert infos[0].compress_type == zipfile.ZIP_STORED
    assert infos[1].compress_type == zipfile.ZIP_DEFLATED


def test_files_and_bytes_give_the_same_archive(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(MEMBERS[1][1])
    from_bytes, from_file = io.BytesIO(), io.BytesIO()
    write_archive(from_bytes, [("x.xml", MEMBERS[1][1])])
    write_archive(from_file, [("x.xml", tmp_path / "data")])
    assert from_bytes.getvalue() == from_file.getvalue()


def test_members_can_be_stored() -> None:
    stream = io.BytesIO()
    write_archive(stream, MEMBERS, deflate=False)
    with zipfile.ZipFile(stream) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def packed_size(content: bytes) -> int:
    stream = io.BytesIO()
    write_archive(stream, [("x.model", content)])
    with zipfile.ZipFile(stream) as archive:
        assert archive.read("x.model") == content
        return archive.getinfo("x.model").compress_size


def test_weights_are_packed_without_a_search_for_repeats() -> None:
    weights = np.random.default_rng(0).normal(size=1_000_000).astype("<f4").tobytes()
    searched = len(zlib.compress(weights, 6))
    assert packed_size(weights) < searched
    coder = zlib.compressobj(6, zlib.DEFLATED, -15, 8, zlib.Z_HUFFMAN_ONLY)
    assert packed_size(weights) == len(coder.compress(weights) + coder.flush())


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_repeats_in_large_members_are_found(share: float) -> None:
    noise = np.random.default_rng(0).bytes(4_000_000)
    repeated = noise[:1000] * int(4000 * share)
    content = repeated + noise[: 4_000_000 - len(repeated)]
    assert packed_size(content) < (1.02 - share) * len(content)


def test_large_files_and_bytes_give_the_same_archive(tmp_path: Path) -> None:
    content = np.random.default_rng(0).normal(size=600_000).astype("<f4").tobytes()
    (tmp_path / "data").write_bytes(content)
    from_bytes, from_file = io.BytesIO(), io.BytesIO()
    write_archive(from_bytes, [("x.model", content)])
    write_archive(from_file, [("x.model", tmp_path / "data")])
    assert from_bytes.getvalue() == from_file.getvalue()


def test_an_archive_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    target = tmp_path / "a.czmodel"
    target.write_bytes(b"old")
    write_archive(target, MEMBERS)
    assert zipfile.is_zipfile(target)
    assert leftovers(tmp_path) == []


def test_a_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing.* does not exist"):
        write_archive(tmp_path / "missing" / "a.czmodel", MEMBERS)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.czmodel").mkdir()
    with pytest.raises(InputError, match="a folder of that name is in the way"):
        write_archive(tmp_path / "a.czmodel", MEMBERS)
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no named pipes")
def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="is a device or a pipe; name a file"), replacing(pipe):
        pytest.fail("nothing is to be written")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc, where nobody can write")
def test_a_target_that_cannot_be_written_is_named() -> None:
    with pytest.raises(InputError, match=r"^/proc/self/a\.czmodel: cannot be written"):
        write_archive("/proc/self/a.czmodel", MEMBERS)


def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.czmodel"
    target.write_bytes(b"old")
    with pytest.raises(InputError, match=r"a\.czmodel: cannot be written"):
        write_archive(target, [*MEMBERS, ("lost", tmp_path / "no such file")])
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_the_rest_of_a_killed_run_is_cleared_away(tmp_path: Path) -> None:
    target = tmp_path / "a.czmodel"
    finished = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                              capture_output=True, text=True, check=True)  # fmt: skip
    dead = tmp_path / f".a.czmodel.{finished.stdout.strip()}-00000000.partial"
    alive = tmp_path / f".a.czmodel.{os.getppid()}-00000000.partial"
    other = tmp_path / f".b.czmodel.{finished.stdout.strip()}-00000000.partial"
    for path in (dead, alive, other):
        path.write_bytes(b"half")
    write_archive(target, MEMBERS)
    assert sorted(leftovers(tmp_path)) == sorted([alive.name, other.name])


SLOW = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from czcheck.files import replacing
    with replacing(Path(sys.argv[1])) as temporary:
        temporary.write_bytes(b"half")
        print("written", flush=True)
        time.sleep(60)
    """
)


def start_slow(target: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without a signal")
def test_a_terminated_run_cleans_up(tmp_path: Path) -> None:
    target = tmp_path / "a.czmodel"
    target.write_bytes(b"old")
    with start_slow(target) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_killed_run_never_touches_the_target(tmp_path: Path) -> None:
    target = tmp_path / "a.czmodel"
    target.write_bytes(b"old")
    with start_slow(target) as process:
        process.kill()
        process.wait(20)
    assert target.read_bytes() == b"old"
    for _ in range(50):  # the system may take a moment to forget the process
        write_archive(target, MEMBERS)
        if not leftovers(tmp_path):
            break
        time.sleep(0.1)
    assert leftovers(tmp_path) == []
    assert zipfile.is_zipfile(target)


FULL = textwrap.dedent(
    """
    import os, resource, sys
    from pathlib import Path
    from czcheck.archive.write import write_archive
    from czcheck.errors import InputError
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        write_archive(sys.argv[1], [("noise", os.urandom(100_000))])
    except InputError as error:
        print(error)
    """
)


@pytest.mark.skipif(os.name == "nt", reason="needs limits on file sizes")
def test_no_room_for_the_archive_is_one_clear_line(tmp_path: Path) -> None:
    target = tmp_path / "a.czmodel"
    target.write_bytes(b"old")
    command = [sys.executable, "-c", FULL, str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"{target}: cannot be written: the file would be larger than the limit on file sizes "
        "allows\n"
    )
    assert done.stderr == ""
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_the_temporary_file_can_be_read_before_it_takes_the_place(tmp_path: Path) -> None:
    target = tmp_path / "a.czmodel"
    with replacing(target) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.parent == target.parent
        assert not target.exists()
    assert target.read_bytes() == b"new"

"""The store gives back what was put in, or nothing: whatever happens to its files."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from czcheck.cache import FOLDER, MAX_ENTRY, Store
from czcheck.cache import store as module
from czcheck.errors import UsageError

KEY = "ab" * 32
ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")

# Writes entries of one key, over and over, each whole and telling of itself; prints once it does.
WRITER = """
import sys
from pathlib import Path
from czcheck.cache.store import Store
store, number, seconds = Store(Path(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3])
import time
end, turn = time.monotonic() + seconds, 0
while time.monotonic() < end:
    turn += 1
    body = {"who": number, "turn": turn, "fill": [number * 1000 + turn] * 20_000}
    assert store.put("ab" * 32, body)
    found = store.get("ab" * 32)
    assert found is not None and set(found["fill"]) == {found["who"] * 1000 + found["turn"]}
    if turn == 1:
        print("writing", flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def path_of(folder: Path, key: str = KEY) -> Path:
    return folder / FOLDER / f"{key}.json"


def test_what_is_put_in_comes_out(store: Store, tmp_path: Path) -> None:
    entry = {"a": [1, 2.5, None, "\ud800"], "nan": float("inf")}
    assert store.get(KEY) is None
    assert store.put(KEY, entry)
    assert Store(tmp_path).get(KEY) == entry
    assert store.put(KEY, {"b": 1})
    assert store.get(KEY) == {"b": 1}
    assert store.get("cd" * 32) is None


def test_what_json_does_not_know_is_not_kept(store: Store) -> None:
    assert not store.put(KEY, {"a": object()})
    assert not store.put(KEY, {"a": "x" * (MAX_ENTRY + 1)})
    assert store.get(KEY) is None


@posix
def test_only_the_user_can_read_it(store: Store, tmp_path: Path) -> None:
    store.put(KEY, {"a": 1})
    assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700
    assert stat.S_IMODE(path_of(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"passed", b"failed"),
        lambda data: data.partition(b"\n")[2],
        lambda data: b"0" * 64 + data[64:],
        lambda _: b"\xff\x00" * 100,
        lambda _: b"[" * 100_000,
        lambda data: data + b" " * MAX_ENTRY,
    ],
)
def test_a_damaged_entry_is_none_and_is_written_anew(
    store: Store, tmp_path: Path, damage: object
) -> None:
    store.put(KEY, {"verdict": "passed"})
    path = path_of(tmp_path)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert store.get(KEY) is None
    assert store.put(KEY, {"verdict": "passed"})
    assert store.get(KEY) == {"verdict": "passed"}


def test_an_entry_under_another_name_is_none(store: Store, tmp_path: Path) -> None:
    store.put(KEY, {"verdict": "passed"})
    other = "cd" * 32
    path_of(tmp_path).rename(path_of(tmp_path, other))
    assert store.get(other) is None


@posix
def test_links_pipes_and_files_that_others_can_write_are_none(store: Store, tmp_path: Path) -> None:
    store.put(KEY, {"verdict": "passed"})
    path, kept = path_of(tmp_path), tmp_path / "kept"
    path.rename(kept)
    path.symlink_to(kept)
    assert store.get(KEY) is None
    path.unlink()
    os.mkfifo(path)
    assert store.get(KEY) is None, "and nobody waits for a writer"
    path.unlink()
    kept.rename(path)
    assert store.get(KEY) == {"verdict": "passed"}
    path.chmod(0o666)
    assert store.get(KEY) is None


@posix
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(mode=0o777)
    (tmp_path / FOLDER).chmod(0o777)
    with pytest.raises(UsageError, match="other users can write there"):
        Store(tmp_path)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / FOLDER).symlink_to(tmp_path)
    with pytest.raises(UsageError):
        Store(tmp_path / "link")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be stored there"):
        Store(tmp_path / "file")


def test_it_stays_small_and_what_was_used_last_stays(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 5)
    keys = [f"{number:064x}" for number in range(8)]
    for number, key in enumerate(keys):
        store.put(key, {"n": number})
        os.utime(path_of(tmp_path, key), (number, number))
    assert store.get(keys[3]) == {"n": 3}  # used again
    store.put(keys[0], {"n": 0})
    left = {path.stem for path in (tmp_path / FOLDER).iterdir()}
    assert left == {keys[0], keys[3], keys[7], keys[6], keys[5]}
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    store.put(keys[1], {"n": 1})
    assert {path.stem for path in (tmp_path / FOLDER).iterdir()} == {keys[1]}


def test_what_killed_runs_left_behind_is_swept(store: Store, tmp_path: Path) -> None:
    old, young = tmp_path / FOLDER / "x.new", tmp_path / FOLDER / "y.new"
    foreign = tmp_path / FOLDER / "notes.txt"
    for path in (old, young, foreign):
        path.write_text("x")
        os.utime(path, (1, 1))
    os.utime(young, (time.time(), time.time()))
    store.put(KEY, {})
    assert not old.exists()
    assert young.exists()
    assert foreign.exists(), "nothing of ours"


def test_parallel_processes_and_kills_leave_whole_entries(tmp_path: Path) -> None:
    def start(number: int, seconds: float) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number), str(seconds)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    writers = [start(number, 1.5) for number in range(3)]
    killed = [start(number, 60) for number in range(3, 6)]
    try:
        for each in killed:
            assert each.stdout is not None
            assert each.stdout.readline() == "writing\n"
            time.sleep(0.1)
            os.kill(each.pid, signal.SIGKILL)
        for each in writers:
            _, err = each.communicate(timeout=60)
            assert each.returncode == 0, err
    finally:
        for each in [*writers, *killed]:
            each.kill()
            each.communicate()
    found = Store(tmp_path).get(KEY)
    assert found is not None
    assert set(found["fill"]) == {found["who"] * 1000 + found["turn"]}
    names = [path.name for path in (tmp_path / FOLDER).iterdir()]
    assert names.count(f"{KEY}.json") == 1
    assert len(names) <= 1 + len(killed), "each kill leaves at most the file it was writing"
    json.dumps(found)

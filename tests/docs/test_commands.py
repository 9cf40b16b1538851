"""Every command that the README and the documentation show is run, and prints what they say."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from czcheck.test_tiles import synthetic_nuclei
from docpages.commands import Command, TextFile, matches, outside_blocks, pages, steps

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "fixtures" / "models" / "nuclei.czmodel"
# Repaired by `czcheck repair`: backslashes in names, as old versions of ZEN write them.
OLD = ROOT / "fixtures" / "bad" / "CZ113_backslashes.czmodel"
SECONDS = 280


class Done(NamedTuple):
    code: int
    printed: str


# What TensorFlow logs while it is imported differs from machine to machine.
LOG = re.compile(r"^(?:[IWEF]\d{4} |WARNING: All log messages before).*\n", re.MULTILINE)
CONFIGURATIONS = ("czcheck.toml", "pyproject.toml", "pytest.ini")


class Shell:
    """Runs commands in folders, and runs none twice that would do the same again.

    Many pages show the same command, and most commands import TensorFlow. Two are taken for the
    same if their texts are, and with them the files of the start folder, the configuration, and all
    files that they name.
    """

    def __init__(self, keep_in: Path, start: Path) -> None:
        self._keep_in = keep_in
        self._start = _digests(start)
        self._known: dict[str, Done] = {}
        binaries = Path(sys.executable).parent
        self._env = {
            **os.environ,
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "100",
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }

    def run(self, command: str, folder: Path) -> Done:
        before = _digests(folder)
        read = {name: digest for name, digest in before.items() if self._reads(command, name)}
        key = hashlib.sha256(f"{command}\n{sorted(read.items())}".encode()).hexdigest()
        written = self._keep_in / key
        if key in self._known:
            if written.exists():
                shutil.copytree(written, folder, dirs_exist_ok=True)
            return self._known[key]
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        for name, digest in _digests(folder).items():
            if before.get(name) != digest:
                (written / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, written / name)
        self._known[key] = Done(done.returncode, LOG.sub("", done.stdout))
        return self._known[key]

    def _reads(self, command: str, name: str) -> bool:
        first = name.partition("/")[0]
        return name in self._start or name in CONFIGURATIONS or first in command


def _digests(folder: Path) -> dict[str, str]:
    """The files of a folder, by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="session")
def shell(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("written"), start)


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every page begins: what `docpages/commands.py` promises to be there."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "release").mkdir()
    for name in ("nuclei.czmodel", "release/nuclei.czmodel", "release/nuclei-2.czmodel"):
        shutil.copyfile(DEMO, folder / name)
    shutil.copyfile(OLD, folder / "old.czmodel")
    shutil.copytree(
        ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("*.ipynb")
    )
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for seed in (7, 8):
        image, mask = synthetic_nuclei(256, 256, seed)
        Image.fromarray((image * 65535).astype(np.uint16)).save(folder / f"images/field-{seed}.png")
        Image.fromarray(mask.astype(np.uint16)).save(folder / f"masks/field-{seed}.png")
    command = [sys.executable, "-m", "czcheck", "init", "nuclei.czmodel", "-o", "spec.json"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "spec.json").unlink()
    (folder / "spec_saved_model").rename(folder / "nuclei_saved_model")
    return folder


@pytest.mark.tensorflow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", pages(ROOT), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_do_what_the_page_says(
    page: Path, start: Path, shell: Shell, tmp_path: Path
) -> None:
    folder = shutil.copytree(start, tmp_path / "work")
    for step in steps(page.read_text("utf-8")):
        if isinstance(step, TextFile):
            path = folder / step.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, encoding="utf-8", newline="\n")
        elif not step.not_run and not step.other_test:
            done = shell.run(step.text, folder)
            place = f"{page.name}, line {step.line}: {step.text}\n{done.printed}"
            assert done.code == step.exit_code, place
            assert matches(step.output, done.printed), (
                f"{place}\n--- the page shows:\n{step.output}"
            )


def _commands() -> Iterator[Command]:
    for page in pages(ROOT):
        for step in steps(page.read_text("utf-8")):
            if isinstance(step, Command):
                yield step


def test_what_is_not_run_is_counted(
    record_property: Callable[[str, object], None],
) -> None:
    commands = list(_commands())
    left_out = [each for each in commands if each.not_run]
    record_property("commands", len(commands))
    record_property("not run", [f"{each.text} ({each.not_run})" for each in left_out])
    # Installing, other people's servers: a page that shows more of this than else is no good.
    assert len(left_out) < len(commands) / 4


def test_no_page_shows_commands_in_another_way() -> None:
    for page in pages(ROOT):
        text = outside_blocks(page.read_text("utf-8"))
        assert not re.search(r"^ {4,}(\$ )?(czcheck|pip|make|python) ", text, re.MULTILINE), page


def test_tests_that_run_commands_of_pages_know_them() -> None:
    for each in _commands():
        if each.other_test:
            (script,) = re.findall(r"\w+\.py", each.text)
            assert script in (ROOT / each.other_test).read_text("utf-8")


BLOCK = (
    '```console title="exit code 1"\n$ czcheck verify \\\n    bad.czmodel\nFAILED\n$ true\n```\n'
)


def test_blocks_are_read_as_they_are_shown() -> None:
    first, second = steps(f"text\n\n{BLOCK}")
    assert first == Command(4, "czcheck verify \\\n    bad.czmodel", "FAILED\n")
    assert second == Command(7, "true", exit_code=1)
    (file,) = steps('```json title="a/b.json"\n{}\n```\n')
    assert file == TextFile("a/b.json", "{}\n")
    (other,) = steps(
        '```console title="not run by our tests: it installs"\n$ apt-get install x\n```\n'
    )
    assert other == Command(2, "apt-get install x", not_run="it installs")


@pytest.mark.parametrize(
    "block",
    [
        "```bash\nczcheck verify x\n```\n",
        "```console\nczcheck verify x\n```\n",
        '```console title="exit 1"\n$ true\n```\n',
    ],
)
def test_blocks_that_nothing_would_run_are_refused(block: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        list(steps(block))


def test_what_is_printed_is_held_against_what_is_shown() -> None:
    printed = "one  two\nthree 0.123 s\nfour\n"
    assert matches("two\n...\nfour\n", printed)
    assert matches("three ... s\n", printed)
    assert matches("", printed)
    assert not matches("four\n...\ntwo\n", printed)
    assert not matches("five\n", printed)

"""The hooks, run by pre-commit itself in a repository of models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import good_payload

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="finds czcheck on a path of Unix"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("home")
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PRE_COMMIT_HOME": str(folder / "cache"),
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }


def committed(folder: Path, environment: dict[str, str]) -> None:
    for args in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *args], cwd=folder, env=environment, check=True)


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """A repository with the hooks as they are, but for the environment that pre-commit would build.

    Building one downloads all of TensorFlow; here czcheck is the one that runs the tests.
    """
    folder = tmp_path_factory.mktemp("hooks")
    text = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
    assert text.count("language: python") == text.count("- id:")
    (folder / ".pre-commit-hooks.yaml").write_text(
        text.replace("language: python", "language: system")
    )
    committed(folder, environment)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    for name in ("models", "specs"):
        (folder / name).mkdir()
    bad = metadata_xml(("Nucleus", "Background"))
    (folder / "models" / "good.czmodel").write_bytes(czmodel(metadata_xml(), good_payload()))
    (folder / "models" / "bad.czmodel").write_bytes(czmodel(bad, good_payload()))
    (folder / "specs" / "nuclei.czmodel.json").write_text(json.dumps({"Classes": ["One"]}))
    (folder / "settings.json").write_text("{}")
    committed(folder, environment)
    return folder


def try_hook(
    models: Path, hooks: Path, environment: dict[str, str], hook: str, *args: str
) -> tuple[int, str]:
    done = subprocess.run(
        [BIN / "pre-commit", "try-repo", hooks, hook, "--verbose", *args],
        cwd=models,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_manifest_is_valid() -> None:
    for what, path in (
        ("validate-manifest", ROOT / ".pre-commit-hooks.yaml"),
        ("validate-config", ROOT / "examples" / "ci" / ".pre-commit-config.yaml"),
    ):
        subprocess.run([BIN / "pre-commit", what, path], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("hook", "files", "code", "words"),
    [
        ("czcheck", ["models/good.czmodel"], 0, ["PASSED at level network", "1 passed"]),
        ("czcheck", ["models/good.czmodel", "models/bad.czmodel"], 1, ["1 failed", "warning CZ2"]),
        ("czcheck", ["settings.json"], 0, ["no files to check"]),
        ("czcheck-spec", ["specs/nuclei.czmodel.json", "settings.json"], 1, ["CZ220", "1 file"]),
    ],
)
def test_hooks_stop_what_should_not_be_committed(
    models: Path,
    hooks: Path,
    environment: dict[str, str],
    hook: str,
    files: list[str],
    code: int,
    words: list[str],
) -> None:
    ended, output = try_hook(models, hooks, environment, hook, "--files", *files)
    assert ended == code, output
    for word in words:
        assert word in output

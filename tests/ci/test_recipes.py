"""The sample repository and the action: linted, and run on a good and a bad model."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "ci"
ACTION = ROOT / "action.yml"
WORKFLOW = SAMPLE / ".github" / "workflows" / "models.yml"
BIN = Path(sys.executable).parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="the recipes' commands are bash's"),
]


def tool(name: str, *args: str | Path, text: str | None = None) -> None:
    """Run a linter, which has to be content."""
    done = subprocess.run(
        [BIN / name, *args], capture_output=True, text=True, input=text, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def shell_of_gitlab() -> str:
    return "\n".join(loaded(SAMPLE / ".gitlab-ci.yml")["verify-models"]["script"])


def shell_of_jenkins() -> str:
    return "\n".join(re.findall(r"sh '''(.*?)'''", (SAMPLE / "Jenkinsfile").read_text(), re.DOTALL))


def shell_of_action() -> str:
    (step,) = [each for each in loaded(ACTION)["runs"]["steps"] if each.get("id") == "verify"]
    return str(step["run"])


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("vendor.github-actions", ACTION),
        ("vendor.github-workflows", WORKFLOW),
        ("vendor.gitlab-ci", SAMPLE / ".gitlab-ci.yml"),
    ],
)
def test_files_for_servers_are_valid(schema: str, path: Path) -> None:
    tool("check-jsonschema", "--builtin-schema", schema, path)


def test_the_action_and_the_workflow_are_safe() -> None:
    tool("zizmor", "--offline", "--config", ROOT / ".github" / "zizmor.yml", ACTION, WORKFLOW)


@pytest.mark.parametrize("shell", [shell_of_action, shell_of_gitlab, shell_of_jenkins])
def test_shell_in_recipes_is_sound(shell: Any) -> None:
    tool("shellcheck", "--shell", "bash", "-", text=shell())


def test_the_jenkinsfile_is_groovy() -> None:
    import tree_sitter_groovy
    from tree_sitter import Language, Parser

    parser = Parser(Language(tree_sitter_groovy.language()))
    assert not parser.parse((SAMPLE / "Jenkinsfile").read_bytes()).root_node.has_error
    assert parser.parse(b"pipeline { stages { ").root_node.has_error


def test_every_recipe_uses_the_release_profile() -> None:
    for shell in (shell_of_gitlab(), shell_of_jenkins()):
        assert "--profile release" in shell
    assert loaded(ACTION)["inputs"]["profile"]["default"] == "release"
    for hook in loaded(ROOT / ".pre-commit-hooks.yaml"):
        assert "--profile=release" in hook["args"]


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("github", ".github/workflows/models.yml"),
        ("gitlab", ".gitlab-ci.yml"),
        ("jenkins", "Jenkinsfile"),
        ("pre-commit", ".pre-commit-config.yaml"),
    ],
)
def test_pages_show_the_recipes_as_they_are(page: str, name: str) -> None:
    shown = (ROOT / "docs" / "how-to" / f"{page}.md").read_text("utf-8")
    assert f' title="{name}"\n{(SAMPLE / name).read_text("utf-8")}```\n' in shown


def test_the_page_names_the_inputs_of_the_action() -> None:
    shown = (ROOT / "docs" / "how-to" / "github.md").read_text("utf-8")
    table = dict(re.findall(r"^\| `([\w-]+)` \| (?:`([^`]*)`)? *\|", shown, re.MULTILINE))
    inputs = loaded(ACTION)["inputs"]
    assert table == {name: str(each.get("default", "")) for name, each in inputs.items()}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A copy of the sample repository with its two models, beside each other."""
    copy = tmp_path / "sample"
    shutil.copytree(SAMPLE, copy, ignore=shutil.ignore_patterns("models"))
    subprocess.run([sys.executable, SAMPLE / "make_models.py", tmp_path / "made"], check=True)
    (copy / "models").mkdir()
    return copy


def run_shell(sample: Path, models: Sequence[str], shell: str, *, static: bool, **env: str) -> int:
    """Run a recipe's commands on some of the models; installations do nothing."""
    for old in (sample / "models").iterdir():
        old.unlink()
    for model in models:
        shutil.copy(sample.parent / "made" / f"{model}.czmodel", sample / "models")
    commands = sample.parent / "bin"
    commands.mkdir(exist_ok=True)
    quicker = "--level network" if static else "--no-thorough"
    stubs = {
        "czcheck": f'exec "{BIN / "czcheck"}" "$@" {quicker}\n',
        "python": "exit 0\n",
    }
    for name, body in stubs.items():
        (commands / name).write_text(f"#!/bin/sh\n{body}")
        (commands / name).chmod(0o755)
    (sample / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(commands / "python", sample / ".venv" / "bin")
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", shell],
        cwd=sample,
        env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", **env},
        check=False,
    ).returncode


@pytest.mark.tensorflow
def test_the_gate_passes_one_model_and_stops_another(sample: Path) -> None:
    assert run_shell(sample, ["good", "bad"], shell_of_gitlab(), static=False) == 1
    report = json.loads((sample / "czcheck.json").read_text())
    bad, good = report["files"]
    assert (good["verdict"], bad["verdict"]) == ("passed", "failed")
    for file, codes in ((good, []), (bad, ["CZ207"])):
        assert file["looked_at"]["run"]["tiles"] > 0
        assert [each["code"] for each in file["findings"] if each["severity"] != "note"] == codes
    suites = etree.parse(sample / "czcheck.xml").getroot()
    assert [suite.get("failures") for suite in suites] == ["1", "0"]


@pytest.mark.parametrize(("model", "code"), [("good", 0), ("bad", 1)])
@pytest.mark.parametrize("shell", [shell_of_gitlab, shell_of_jenkins])
def test_the_servers_get_their_reports(
    sample: Path, shell: Callable[[], str], model: str, code: int
) -> None:
    assert run_shell(sample, [model], shell(), static=True) == code
    for file in (".gitlab-ci.yml", "Jenkinsfile"):
        names = set(re.findall(r"czcheck\.\w+", (sample / file).read_text()))
        assert names == {"czcheck.xml", "czcheck.html", "czcheck.json"}
    assert json.loads((sample / "czcheck.json").read_text())["exit_code"] == code
    assert etree.parse(sample / "czcheck.xml").getroot().get("failures") == str(code)
    assert (sample / "czcheck.html").read_text().startswith("<!")


@pytest.mark.parametrize(("model", "code"), [("good", 0), ("bad", 1)])
def test_the_action(sample: Path, tmp_path: Path, model: str, code: int) -> None:
    reports, output, summary = tmp_path / "the reports", tmp_path / "output", tmp_path / "summary"
    ended = run_shell(
        sample,
        [model],
        shell_of_action(),
        static=True,
        CZCHECK_PATHS="models/*.czmodel\n",
        CZCHECK_PROFILE="release",
        CZCHECK_ARGS="--ignore CZ416 --max-memory 2",
        CZCHECK_REPORTS=str(reports),
        GITHUB_OUTPUT=str(output),
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert ended == code
    names = {"czcheck.html", "czcheck.json", "czcheck.sarif", "czcheck.xml"}
    assert {each.name for each in reports.iterdir()} == names
    assert json.loads((reports / "czcheck.json").read_text())["exit_code"] == code
    assert output.read_text() == f"reports={reports}\nexit-code={code}\nsarif=true\n"
    assert ("CZ207" in summary.read_text()) is (model == "bad")


def test_the_action_says_what_is_wrong_with_its_paths(sample: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    ended = run_shell(
        sample,
        ["good"],
        shell_of_action(),
        static=True,
        CZCHECK_PATHS="dist/*.czmodel",
        CZCHECK_PROFILE="release",
        CZCHECK_ARGS="",
        CZCHECK_REPORTS=str(tmp_path / "reports"),
        GITHUB_OUTPUT=str(output),
    )
    assert ended == 2
    assert "exit-code=2" in output.read_text()
    assert "sarif" not in output.read_text()

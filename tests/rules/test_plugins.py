"""Rules of other packages: they are in force like our own; a broken package is told (CZ901)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from czcheck.api import open_model
from czcheck.options import Options
from czcheck.rules import FACTS, Facts, Level, own_rules, plugins
from czcheck.rules.catalogue import catalogue
from czcheck.verifying import facts_of

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "fixtures" / "models" / "nuclei.czmodel"
EXAMPLE = ROOT / "examples" / "own_rules"
PIP_INSTALL = (
    *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
    *("--no-deps", "--no-index", "--no-build-isolation"),
)

GOOD = '''
from czcheck.rules import Found, Level, Severity, rule

@rule("ACME101", severity=Severity.WARNING, level=Level.ARCHIVE)
def acme(archive):
    """A title.

    Says: {count} members.
    Why: because.
    Fix: do it.
    """
    yield Found(count=len(archive.members))
'''


class Done(NamedTuple):
    code: int
    out: str
    err: str


def czcheck(packages: Path, *args: str | Path) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "czcheck", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(packages)},
    )
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def package(folder: Path, source: str, name: str = "acme-rules", value: str = "acme_rules") -> Path:
    """A package as pip leaves it behind: a module, and what it says of itself."""
    module = value.partition(":")[0]
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{name.replace('-', '_')}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[czcheck.rules]\nacme = {value}\n")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example package, installed by pip into a folder of its own."""
    folder = tmp_path_factory.mktemp("house")
    source = shutil.copytree(EXAMPLE, folder / "source")  # building leaves things behind
    target = folder / "packages"
    subprocess.run(
        [sys.executable, *PIP_INSTALL, "--target", target, source],
        check=True,
    )
    return target


@pytest.mark.tensorflow
def test_the_example_fires_on_a_model(installed: Path) -> None:
    done = czcheck(installed, "verify", "--format", "json", "--select", "HOUSE", DEMO)
    plain = json.loads(done.out)
    schema = json.loads((ROOT / "schemas" / "report.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(plain)
    (file,) = plain["files"]
    assert {finding["code"]: finding["severity"] for finding in file["findings"]} == {
        "HOUSE101": "error",
        "HOUSE201": "warning",
    }
    ended = {rule["code"]: rule["status"] for rule in file["rules"]}
    assert ended["HOUSE401"] == "passed"
    assert ended["CZ101"] == "skipped"
    assert plain["tool"]["rules_from"] == ["house-rules 1.0"]
    assert done.code == plain["exit_code"] == 1


def test_its_rules_are_listed_and_explained_with_where_they_come_from(installed: Path) -> None:
    listed = czcheck(installed, "rules").out
    own, others = listed.split("from house-rules 1.0")
    assert "CZ901" in own
    assert "HOUSE401  error" in others
    page = czcheck(installed, "rules", "house201")
    assert "house-rules 1.0" in page.out
    assert page.code == 0


def test_text_tells_its_findings_like_our_own(installed: Path) -> None:
    done = czcheck(installed, "verify", "--level", "metadata", "--ignore", "HOUSE101", DEMO)
    assert "warning HOUSE201 The model's name has no version at its end" in done.out
    assert "[/Model/ModelName]" in done.out
    assert "why: czcheck rules HOUSE201" in done.out
    assert done.code == 0


def test_a_function_may_return_the_checks(tmp_path: Path) -> None:
    source = f"{GOOD}\nhidden = [acme]\ndel acme\ndef checks():\n    return hidden\n"
    done = czcheck(package(tmp_path, source, value="acme_rules:checks"), "rules", "ACME")
    assert "ACME101 A title" in done.out
    assert done.code == 0


BROKEN = {
    "import fails": ("import no_such_module", "No module named 'no_such_module'"),
    "leaves": ("raise SystemExit(0)", "SystemExit"),
    "no rule": ("", "no function in it is decorated"),
    "our prefix": (GOOD.replace("ACME101", "CZ999"), "CZ are czcheck's own"),
    "our code": (GOOD.replace("ACME101", "CZ207"), "CZ are czcheck's own"),
    "no code": (GOOD.replace("ACME101", "acme-1"), "'acme-1' is no code"),
    "docstring": (GOOD.replace("Why: because.", ""), "rule ACME101 lacks Why"),
    "same code twice": (GOOD + GOOD.replace("def acme", "def other"), "ACME101 is used twice"),
    "fact": (GOOD.replace("archive)", "archve)"), "no fact 'archve', did you mean 'archive'?"),
    "level": (GOOD.replace("(archive)", "(run)"), "too early for the fact 'run'"),
    "requires": (GOOD.replace("ARCHIVE)", "ARCHIVE, requires=['CZ199'])"), "it requires CZ199"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_package_is_named_and_keeps_a_verdict_from_being_passed(
    kind: str, tmp_path: Path
) -> None:
    source, words = BROKEN[kind]
    packages = package(tmp_path, source)
    done = czcheck(packages, "verify", "--level", "archive", DEMO)
    told = " ".join(done.out.split())
    assert "the package acme-rules 1.2 cannot be used (acme = acme_rules): " in told
    assert words in told
    assert "INCOMPLETE" in done.out
    assert done.code == 3


def test_a_broken_package_can_be_done_without(tmp_path: Path) -> None:
    packages = package(tmp_path, "import no_such_module")
    ignored = czcheck(packages, "verify", "--level", "archive", "--ignore", "CZ901", DEMO)
    assert ignored.code == 0
    selected = czcheck(packages, "verify", "--level", "archive", "--select", "ACME", DEMO)
    assert selected.code == 2
    assert "no rule begins with 'ACME'" in selected.err
    assert "the package acme-rules 1.2 cannot be used" in selected.err
    listed = czcheck(packages, "rules")
    assert "CZ207" in listed.out
    assert "acme-rules 1.2 cannot be used" in listed.err
    assert listed.code == 3


def test_two_packages_cannot_have_one_code(tmp_path: Path) -> None:
    package(tmp_path, GOOD)
    package(tmp_path, GOOD, name="other-rules", value="other_rules")
    done = czcheck(tmp_path, "verify", "--level", "archive", DEMO)
    assert "ACME101: the code is taken by acme-rules 1.2" in " ".join(done.out.split())
    assert "warning ACME101 A title" in done.out
    assert done.code == 3


def test_a_rule_of_others_that_crashes_is_theirs(tmp_path: Path) -> None:
    source = GOOD.replace("yield Found(", "raise ValueError('bug')\n    yield Found(")
    done = czcheck(package(tmp_path, source), "verify", "--level", "archive", DEMO)
    assert "please report this to the makers of acme-rules 1.2" in " ".join(done.out.split())
    assert done.code == 3


def test_where_packages_may_be_hidden_the_slow_way_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", [PathFinder])  # other tests' imports may add their own
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert not plugins._may_be_there()
    package(tmp_path, GOOD)
    assert plugins._may_be_there()
    zipped = tmp_path / "packages.zip"
    zipped.write_bytes(b"")
    monkeypatch.setattr(sys, "path", [str(zipped)])
    assert plugins._may_be_there()


def test_every_fact_is_listed_with_its_type() -> None:
    with open_model(DEMO) as model:
        facts: Facts = facts_of(model, Options())
    assert set(facts._sources) == FACTS.keys()
    for each in own_rules().values():
        for name in each.needs:
            assert FACTS[name].level.depth <= each.level.depth, (each.code, name)
    assert catalogue()["CZ101"].level is Level.ARCHIVE


def test_types_of_facts_are_there() -> None:
    import importlib

    for name, fact in FACTS.items():
        kind = fact.kind.removeprefix("tuple[").split(",")[0].split(" |")[0].split("[")[0]
        module, _, attribute = kind.rpartition(".")
        home: Any = importlib.import_module(module)
        assert hasattr(home, attribute), (name, kind)

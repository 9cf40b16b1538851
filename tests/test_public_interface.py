"""The public interface: names that are there, cheap to import, and never shadowed."""

from __future__ import annotations

import builtins
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import czcheck

ROOT = Path(__file__).parents[1]


def test_every_public_name_can_be_had() -> None:
    for name, (home, _) in czcheck._HOMES.items():
        # Layers need Keras, which no process of the tests may import: tests/convert has them.
        assert home == "czcheck.layers" or getattr(czcheck, name) is not None
    assert {*czcheck._HOMES, "__version__"} - set(vars(builtins)) == set(czcheck.__all__)
    assert {*czcheck._HOMES, *czcheck.__all__} == set(dir(czcheck))


def test_importing_everything_takes_no_builtin_away() -> None:
    code = """
import builtins, czcheck
czcheck.open  # may have been used before
homes = czcheck._HOMES
czcheck.__all__ = [name for name in czcheck.__all__ if "layers" not in homes.get(name, [""])[0]]
from czcheck import *
print(*[name for name in globals() if name in vars(builtins) and not name.startswith("__")])
assert verify is czcheck.verify
with open(czcheck.__file__) as file:
    assert file.readline()
assert czcheck.open is not open
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def documented() -> set[str]:
    """Objects that the page on the Python interface describes, by the full names of their homes."""
    found, module = set(), ""
    for line in (ROOT / "docs" / "reference" / "api.md").read_text("utf-8").splitlines():
        if line.startswith("::: "):
            module = line.removeprefix("::: ").strip()
            found.add(module)
        elif line.startswith("        - "):  # a member of what was named last, and not all of it
            found.discard(module)
            found.add(f"{module}.{line.strip('- ')}")
    return found


def test_the_page_names_exactly_what_is_public() -> None:
    """Beside it, what one meets in a `Report`, and what rules of one's own are made of."""
    public = {".".join(home) for home in czcheck._HOMES.values()}
    found = documented()
    assert public - found == set()
    assert found - public == {
        "czcheck.report.report.FileReport",
        "czcheck.rules.finding.Finding",
        "czcheck.rules.declaring.rule",
        "czcheck.rules.declaring.Level",
        "czcheck.rules.finding.Severity",
        "czcheck.rules.finding.Found",
    }
    assert "`czcheck.__version__`" in (ROOT / "docs" / "reference" / "api.md").read_text("utf-8")


def test_no_module_takes_the_place_of_a_public_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(czcheck.__path__)}
    assert modules.isdisjoint(czcheck.__all__)


def test_functions_stay_functions_whatever_is_imported() -> None:
    for name in (
        "verifying.verification",
        "building.builder",
        "building.repairing",
        "api",
        "model",
        "report.report",
    ):
        importlib.import_module(f"czcheck.{name}")
    assert callable(czcheck.verify)
    assert callable(czcheck.build)
    assert callable(czcheck.repair)
    assert callable(czcheck.open)


def test_importing_the_package_imports_next_to_nothing() -> None:
    code = "import sys, czcheck; print(*[m for m in sys.modules if m.startswith('czcheck.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="verfy"):
        czcheck.verfy  # noqa: B018

"""The public interface: names that are there, cheap to import, and never shadowed."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import czcheck


def test_every_public_name_can_be_had() -> None:
    for name, (home, _) in czcheck._HOMES.items():
        # Layers need Keras, which no process of the tests may import: tests/convert has them.
        assert home == "czcheck.layers" or getattr(czcheck, name) is not None
    assert {*czcheck._HOMES, "__version__"} == set(czcheck.__all__)
    assert set(czcheck.__all__) <= set(dir(czcheck))


def test_no_module_takes_the_place_of_a_public_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(czcheck.__path__)}
    assert modules.isdisjoint(czcheck.__all__)


def test_functions_stay_functions_whatever_is_imported() -> None:
    for name in (
        "verifying.verification",
        "building.builder",
        "building.repairing",
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

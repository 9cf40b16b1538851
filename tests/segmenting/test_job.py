"""A job travels as plain values."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable

import numpy as np
import pytest

import czcheck
from czcheck.errors import UsageError
from czcheck.images import Selections
from czcheck.runtime import RunnerLimits
from czcheck.segmenting import Job, job_of
from fixtures.make import BAD

JOB = Job(
    "model.czmodel",
    tile=(64, 128),
    border=3,
    align=True,
    min_confidence=51.5,
    allow_op=("Foo",),
    limits=RunnerLimits(seconds_tile=7),
    selections=Selections(scene=[0, "a"], allow_missing=True),
)


def test_a_job_survives_pickle() -> None:
    assert pickle.loads(pickle.dumps(JOB)) == JOB


def test_options_by_name_make_a_job() -> None:
    options = {"tile": 64, "allow_op": ["Foo"], "pad": "zeros"}
    assert job_of("m", options) == Job("m", tile=(64, 64), allow_op=("Foo",), pad="zeros")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pad": "wrap"}, "choose reflect or zeros"),
        ({"tile": 0}, "at least 1x1"),
        ({"border": -1}, "negative"),
        ({"stride": 0}, "at least 1"),
        ({"min_confidence": -1}, "0 to 100"),
        ({"min_confidence": 0.6}, "0.6 is less than one percent; write 60 for 60 %"),
        ({"min_confidence": 1e-9}, "less than one percent"),
        ({"model": "x"}, "no option 'model'"),
    ],
)
def test_values_that_mean_nothing_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        job_of("m", options)


def test_every_function_that_takes_a_percentage_refuses_a_fraction() -> None:
    """All of them are tried: what counts in percent says so in its description."""
    model = BAD.parent / "models" / "nuclei.czmodel"
    with czcheck.open(model) as opened:
        calls: dict[str, Callable[[], object]] = {
            "segment": lambda: czcheck.segment(model, "a.png", "b.png", min_confidence=0.6),
            "evaluate": lambda: czcheck.evaluate(model, "a.png", "b.png", min_confidence=0.6),
            "CzModel.segment": lambda: opened.segment(np.zeros((8, 8)), min_confidence=0.6),
            "CzModel.predict": lambda: opened.predict(np.zeros((8, 8)), min_confidence=0.6),
        }
        for call in calls.values():
            with pytest.raises(UsageError, match="write 60 for 60 %"):
                call()
    public = {
        name: getattr(czcheck, name)
        for name, (home, _) in czcheck._HOMES.items()
        if home != "czcheck.layers"  # imports Keras
    }
    public |= {f"CzModel.{name}": each for name, each in vars(czcheck.CzModel).items()}
    counting = {
        name for name, each in public.items() if re.search("(?i)percent", each.__doc__ or "")
    }
    assert counting <= calls.keys(), counting
    assert {"segment", "evaluate", "CzModel.segment"} <= counting

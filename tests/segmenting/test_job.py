"""A job travels as plain values."""

from __future__ import annotations

import json
import pickle

import pytest

from czcheck.errors import UsageError
from czcheck.runtime.limits import RunnerLimits
from czcheck.segmenting.job import Job, job_of

JOB = Job(
    "model.czmodel",
    tile=(64, 128),
    border=3,
    align=True,
    min_confidence=51.5,
    allow_op=("Foo",),
    limits=RunnerLimits(seconds_tile=7),
)


def test_a_job_survives_json_and_pickle() -> None:
    assert Job.from_json(json.loads(json.dumps(JOB.to_json()))) == JOB
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
        ({"model": "x"}, "no option 'model'"),
    ],
)
def test_values_that_mean_nothing_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        job_of("m", options)

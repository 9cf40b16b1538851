"""Runs some cases of the sweep and prints what came out: `python sample_kernels.py OLD_PYTHON`.

They are drawn so that every kind of outcome and many operations are among them.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from pathlib import Path

from czcheck.network import load_allowlist, load_target
from fixtures.kernels import layers, reductions, windows
from fixtures.kernels.case import Case, Writer
from fixtures.kernels.judging import found_in
from fixtures.kernels.running import run_cases
from fixtures.kernels.values import Numbers
from fixtures.make_target import own

WANTED = {"refuses": 8, "differs": 6, "unloadable": 4, "depends": 4, "": 12}
EVERY = 7

operations = {
    each.name: each
    for each in own().op
    if each.name in load_allowlist().allowed and load_target("tf-2.0.0").knows(each.name)
}
writer = Writer(operations)
chosen: list[Case] = []
left = dict(WANTED)
seen: set[tuple[str, str]] = set()
for family in (reductions, layers, windows):
    for case in itertools.islice(family.cases(operations, Numbers(1)), 0, None, EVERY):
        found = found_in(case, writer.graph(case))
        kind = found.partition(":")[0]
        if left.get(kind) and (case.op, found) not in seen:
            seen.add((case.op, found))
            left[kind] -= 1
            chosen.append(case)
with tempfile.TemporaryDirectory() as folder:
    rows = run_cases("sample", chosen, operations, sys.argv[1], Path(folder))
json.dump([row._asdict() for row in rows], sys.stdout)

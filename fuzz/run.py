"""Fuzzes every target for a while, from the corpus that earlier runs have left, and keeps it.

    python -m fuzz.run [--seconds 60] [--keep] [TARGET...]

With `--keep`, the corpus is cut down to what reaches a branch that nothing else reaches, and kept
as `fuzz/corpus/TARGET.zip`. What breaks something is left in `fuzz/found`, with exit code 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from fixtures.archives import zip_bytes
from fuzz.places import TARGETS
from fuzz.seeds import MOST_BYTES, seeds

HERE = Path(__file__).parent
CORPUS, FOUND = HERE / "corpus", HERE / "found"
# Megabytes of the process, of which libFuzzer and atheris need some themselves.
MOST_MEMORY = 1024
SECONDS_EACH = 10


def unpack(target: str, folder: Path) -> None:
    """Lay out seeds and kept corpus as files named by their digest."""
    inputs = list(seeds(target))
    kept = CORPUS / f"{target}.zip"
    if kept.exists():
        with zipfile.ZipFile(kept) as archive:
            inputs += [archive.read(name) for name in archive.namelist()]
    for data in inputs:
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def pack(target: str, folder: Path) -> int:
    """Keep a corpus; the same files give the same bytes."""
    files = {hashlib.sha256(data).hexdigest()[:16]: data for data in _contents(folder)}
    CORPUS.mkdir(exist_ok=True)
    packed = zip_bytes(sorted(files.items()), method=zipfile.ZIP_DEFLATED)
    (CORPUS / f"{target}.zip").write_bytes(packed)
    return len(files)


def _contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


def fuzz(target: str, seconds: int, *, keep: bool) -> bool:
    """Fuzz one target; returns whether all went well."""
    FOUND.mkdir(exist_ok=True)
    limits = [
        f"-max_len={MOST_BYTES}",
        "-len_control=0",
        f"-rss_limit_mb={MOST_MEMORY}",
        f"-timeout={SECONDS_EACH}",
        f"-artifact_prefix={FOUND}/{target}-",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        corpus, small = Path(scratch, "corpus"), Path(scratch, "small")
        corpus.mkdir()
        small.mkdir()
        unpack(target, corpus)
        program = _program(target, Path(scratch))
        print(f"{target}: {len(list(corpus.iterdir()))} inputs to begin with", flush=True)
        went_well = program(str(corpus), f"-max_total_time={seconds}", *limits)
        if went_well and keep:
            went_well = program("-merge=1", str(small), str(corpus), *limits)
            print(f"{target}: {pack(target, small)} inputs kept", flush=True)
    return went_well


def _program(target: str, scratch: Path) -> Callable[..., bool]:
    """The target as a program of one name, which is all that libFuzzer knows to start anew."""
    script = scratch / target
    call = shlex.join([sys.executable, "-m", "fuzz.target", target])
    script.write_text(f'#!/bin/sh\nexec {call} "$@"\n', encoding="utf-8")
    script.chmod(0o700)
    environment = {**os.environ, "FUZZ_AGAIN": str(script)}

    def run(*args: str) -> bool:
        done = subprocess.run([str(script), *args], cwd=HERE.parent, env=environment, check=False)
        return done.returncode == 0

    return run


def main() -> None:
    """Fuzz the targets that are named, or all."""
    parser = argparse.ArgumentParser(description="Fuzz the readers.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", action="store_true", help="keep the corpus")
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    names = options.targets or list(TARGETS)
    results = [fuzz(name, options.seconds, keep=options.keep) for name in names]
    raise SystemExit(0 if all(results) else 1)


if __name__ == "__main__":
    main()

"""Completion, in the shells themselves."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
# What the words before the cursor are, and what some of the answers have to be.
CASES = [
    ("czcheck ver", {"verify"}),
    ("czcheck verify --fail-", {"--fail-on"}),
    ("czcheck verify --fail-on ", {"error", "warning", "note"}),
    ("czcheck verify --format s", {"sarif"}),
    ("czcheck verify --level n", {"network"}),
    ("czcheck rules CZ20", {"CZ205", "CZ207"}),
    ("czcheck verify --ignore CZ10", {"CZ101"}),
]


def run(shell: str, *args: str) -> str:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed (Debian: apt-get install {shell})")
    done = subprocess.run(
        [shell, *args],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_completed(told: str) -> None:
    """Hold what a shell told, a block for each case, against the answers that have to be there."""
    blocks = told.split("==\n")[1:]
    for (line, expected), block in zip(CASES, blocks, strict=True):
        answers = {re.split(r"[:\t]", answer)[0] for answer in block.splitlines()}
        assert expected <= answers, f"{line}: {block}"


def words(line: str) -> str:
    return " ".join(shlex.quote(word) for word in line.split(" "))


def test_bash() -> None:
    cases = "\n".join(
        f"""
        echo '=='
        COMP_WORDS=({words(line)}) COMP_CWORD={line.count(" ")}
        _czcheck_completion czcheck
        printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        for line, _ in CASES
    )
    script = f"""
        eval "$(_CZCHECK_COMPLETE=bash_source czcheck)"
        complete -p czcheck >/dev/null || exit 1
        {cases}
    """
    assert_completed(run("bash", "--noprofile", "--norc", "-c", script))


def test_fish() -> None:
    cases = "; ".join(f"echo '=='; complete --do-complete '{line}'" for line, _ in CASES)
    script = f"_CZCHECK_COMPLETE=fish_source czcheck | source; {cases}"
    assert_completed(run("fish", "--no-config", "-c", script))


def test_zsh() -> None:
    cases = "\n".join(
        f"echo '=='; words=({words(line)}) CURRENT={line.count(' ') + 1}; _czcheck_completion"
        for line, _ in CASES
    )
    # What completes hands its answers to zsh's own functions; here they print them.
    script = f"""
        autoload -U compinit; compinit -u -D
        eval "$(_CZCHECK_COMPLETE=zsh_source czcheck)"
        [[ ${{_comps[czcheck]}} == _czcheck_completion ]] || exit 1
        _describe() {{ print -l -- "${{(@P)3}}" }}
        compadd() {{ print -l -- "${{(@P)argv[-1]}}" }}
        {cases}
    """
    assert_completed(run("zsh", "-f", "-c", script))

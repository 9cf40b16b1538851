r"""The commands that pages show, and the files that they need: so that a test can run them.

A block of a page that is fenced as `console` holds commands, each behind `$ `, and what they print
below; `...` stands for anything. A remark behind two spaces and a `#` is no part of a command.
Commands of a page run one after the other, in one folder. A title says what is special about a
block, to readers as well:

    title="exit code 1"                      the last command ends with that code
    title="run by tests/PATH.py"             another test runs it
    title="not run by our tests: REASON"     it cannot be run here

A block of another kind whose title is a file's name is a file, written before what follows is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r'^(?P<indent> *)```(?P<kind>\w+)(?: title="(?P<title>[^"]*)")?[^\n]*\n'
    r"(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"[\w./-]+\.\w+")
# What would be commands that nothing runs.
SHELLS = ("bash", "sh", "shell", "zsh", "fish")


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        line: Line of the page that it stands in, from 1.
        text: The command, without the prompt.
        output: What the page shows of its output; empty for anything.
        exit_code: The code that it ends with.
        not_run: Why it cannot be run; empty where it can.
        other_test: The test that runs it in place of the one for all pages; mostly empty.
    """

    line: int
    text: str
    output: str = ""
    exit_code: int = 0
    not_run: str = ""
    other_test: str = ""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file that a page shows.

    Attributes:
        name: Its path, relative.
        text: What it holds.
    """

    name: str
    text: str


def steps(page: str) -> Iterator[Command | TextFile]:
    """What a page does, in its order.

    Args:
        page: The page, in Markdown.

    Raises:
        ValueError: A block is marked in a way that means nothing.
    """
    for fence in _FENCE.finditer(page):
        line = page.count("\n", 0, fence.start()) + 1
        title = fence["title"] or ""
        indent = len(fence["indent"])
        body = "".join(text[indent:] or "\n" for text in fence["body"].splitlines(keepends=True))
        if fence["kind"] in SHELLS:
            raise ValueError(f"line {line}: commands belong into a block fenced as console")
        if fence["kind"] == "console":
            yield from _commands(body, title, line)
        elif _FILE.fullmatch(title):
            yield TextFile(title, body)


def outside_blocks(page: str) -> str:
    """A page without its fenced blocks.

    Args:
        page: The page, in Markdown.
    """
    return _FENCE.sub("", page)


def _commands(body: str, title: str, line: int) -> Iterator[Command]:
    special = re.fullmatch(
        r"exit code (?P<code>\d+)|run by (?P<test>\S+)|not run(?: by our tests)?: (?P<reason>.+)",
        title,
    )
    if title and special is None:
        raise ValueError(f"line {line}: what does the title {title!r} mean?")
    code = int(special["code"] or 0) if special else 0
    not_run = (special["reason"] or "") if special else ""
    other = (special["test"] or "") if special else ""
    blocks = list(re.finditer(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", body, re.MULTILINE))
    if not blocks:
        raise ValueError(f"line {line}: a console block without a command behind `$ `")
    for block in blocks:
        yield Command(
            line=line + 1 + body.count("\n", 0, block.start()),
            text=re.sub(r"\s{2,}#.*", "", block[1]),
            output=block[2],
            exit_code=code if block is blocks[-1] else 0,
            not_run=not_run,
            other_test=other,
        )


def matches(shown: str, printed: str) -> bool:
    """Whether a command printed what a page shows of it.

    Args:
        shown: The lines of the page; `...` stands for anything, lines included.
        printed: What the command printed.
    """
    parts = (re.escape(" ".join(part.split())) for part in shown.split("..."))
    pattern = ".*".join(part.replace(r"\ ", " ") for part in parts)
    return re.search(pattern, " ".join(printed.split())) is not None


def pages(root: Path) -> list[Path]:
    """The README and every page of the documentation that is written by hand.

    Args:
        root: The top of the project.
    """
    docs = root / "docs"
    return [root / "README.md", *sorted(set(docs.rglob("*.md")) - set(docs.glob("rules/*.md")))]

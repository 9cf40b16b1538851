"""Whatever links there are: an output that is let through changes nothing that is read."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from czcheck.errors import InputError, UsageError
from czcheck.files import replacing, write_file
from czcheck.sources import Source, Sources
from czcheck.targets import Target, Way, check_targets

FILES = (
    "m.czmodel", "sm/saved_model.pb", "sm/variables/index", "images/a.png", "images/note.txt",
    "images/b.zarr/.zgroup", "store.zarr/.zgroup", "store.zarr/0/c", "other/x", "other/y/z",
)  # fmt: skip
FOLDERS = (".", "sm", "sm/variables", "images", "store.zarr", "store.zarr/0", "other", "other/y")
LINKED = ("link", "sm/link", "other/link", "second")
NEW = ("new.json", "new.png", "new.zarr", "variables", "a.png", "x", "link", "second", "c")
places = st.one_of(
    st.sampled_from((*FILES, *FOLDERS[1:])),
    st.builds("{}/{}".format, st.sampled_from((*FOLDERS, *LINKED)), st.sampled_from(NEW)),
)
links = st.lists(
    st.tuples(
        st.sampled_from(("symbolic", "hard")),
        st.builds("{}/{}".format, st.sampled_from(FOLDERS), st.sampled_from(("link", "second"))),
        places,
    ),
    max_size=4,
)


def made(place: Path, wanted: list[tuple[str, str, str]]) -> None:
    """Everything that may be read, and links between it."""
    for name in FILES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    for kind, name, target in wanted:
        if os.path.lexists(place / name):
            continue
        if kind == "symbolic":
            (place / name).symlink_to(place / target)
        elif (place / target).is_file() and not (place / target).is_symlink():
            os.link(place / target, place / name)


def seen(source: Source) -> dict[str, bytes]:
    """What a command gets to read of a source; of a folder of images, its images and no others."""
    found: dict[str, bytes] = {}
    pending = [(source.path, "", frozenset[tuple[int, int]]())]
    while pending:
        path, name, above = pending.pop()
        if path.is_file():
            found[name] = path.read_bytes()
        elif path.is_dir():
            stat = path.stat()
            own = (stat.st_dev, stat.st_ino)
            if own not in above:
                pending += [
                    (each, f"{name}/{each.name}", above | {own})
                    for each in path.iterdir()
                    if not source.images or name or each.suffix in (".png", ".zarr")
                ]
    return found


def write(target: Target) -> None:
    """Write as commands do; what they refuse for other reasons is left."""
    path = target.path
    if target.way is Way.FILE:
        if path.is_dir() or not path.resolve().parent.is_dir():
            return
        if "report" in target.option:
            write_file(path, b"report")
        elif path.parent.is_dir():
            with replacing(path) as temporary:
                temporary.write_text("result")
    elif target.way is Way.STORE:
        if not path.parent.is_dir():
            return
        work = path.with_name(path.name + ".unfinished")
        shutil.rmtree(work, ignore_errors=True)
        if os.path.lexists(path):
            old = path.with_name(".old")
            path.rename(old)
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            else:
                old.unlink()
        path.mkdir()
    elif not path.exists() or path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        (path / "picture.npz").write_text("added")


@settings(max_examples=100)
@given(links, places, st.sampled_from((*Way, "report")), st.sampled_from(("", "link", "sm/link")))
def test_what_is_let_through_changes_nothing_that_is_read(
    wanted: list[tuple[str, str, str]], output: str, how: Way | str, also: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        made(place, wanted)
        sources = Sources()
        sources.model(place / "m.czmodel")
        sources.model(place / "sm")
        sources.images(place / "images")
        sources.images(place / "store.zarr")
        if also and (place / also).exists():
            sources.images(place / also)
        way = how if isinstance(how, Way) else Way.FILE
        target = Target(f"--{how}", place / output, way)
        try:
            check_targets([target], sources)
        except UsageError:
            return
        before = [seen(each) for each in sources.read]
        try:
            write(target)
        except (OSError, RuntimeError, InputError):  # links in a circle, or to nowhere
            return
        for source, then in zip(sources.read, before, strict=True):
            now = seen(source)
            kept = now if source.whole else {name: now.get(name) for name in then}
            assert kept == then, source

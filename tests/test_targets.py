"""What an output may be, held against what is read: links, folders, stores, names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from czcheck.cache import FOLDER, MAX_ENTRIES, Store
from czcheck.errors import UsageError
from czcheck.files import check_writable, replacing
from czcheck.images import Plane
from czcheck.segmenting import Requested, choose
from czcheck.sources import Sources
from czcheck.targets import Target, Way, check_targets, ignores_case


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a SavedModel, images and a store."""
    for folder in ("sm/variables", "images", "store.zarr/0", "blobs", "data.zarr"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("sm/saved_model.pb", "sm/variables/variables.index", "m.czmodel", "blobs/b",
                 "images/a.png", "store.zarr/.zgroup", "store.zarr/0/0.0", "data.zarr/.zgroup",
                 "data.zarr/a.png"):  # fmt: skip
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_all() -> Sources:
    sources = Sources()
    sources.model("m.czmodel")
    sources.model("sm", "the SavedModel")
    sources.images("images")
    sources.images("store.zarr")
    return sources


def refused(*targets: Target, sources: Sources | None = None) -> str:
    with pytest.raises(UsageError) as error:
        check_targets(targets, sources or read_all())
    return str(error.value)


def out(path: str, way: Way = Way.FILE) -> Target:
    return Target(f"--out {path}", Path(path), way)


def test_what_is_free_is_free() -> None:
    check_targets(
        [
            out("new.json"),
            out("images/new.csv"),
            out("new.zarr", Way.STORE),
            out("images", Way.FOLDER),
            out("folder", Way.PICTURES),
            out("folder/new.json"),
            out(os.devnull),
            out(os.devnull),
        ],
        read_all(),
    )


def test_the_message_names_option_file_role_and_fix() -> None:
    os.link("m.czmodel", "other")
    assert refused(out("other")) == (
        "--out other: would replace m.czmodel, the model, which is read; name another file"
    )
    assert refused(out("sm/assets/x")) == (
        "--out sm/assets/x: is inside sm, the SavedModel, which is read as a whole; name a "
        "place outside it"
    )


def test_a_folder_of_a_saved_model_that_lies_elsewhere() -> None:
    """Caches of downloaded models keep files in one place and link to them."""
    Path("sm/assets").symlink_to("../blobs")
    assert "is inside sm" in refused(out("blobs/new"))
    assert "sm, the SavedModel" in refused(out("blobs/b"))
    Path("blobs/circle").symlink_to("../sm")
    assert "is inside sm" in refused(out("blobs/new"))


def test_a_file_of_a_saved_model_that_lies_elsewhere() -> None:
    Path("far").write_text("")
    Path("sm/variables/variables.data").symlink_to("../../far")
    assert "sm, the SavedModel" in refused(out("far"))
    os.link("sm/saved_model.pb", "hard")
    assert "sm, the SavedModel" in refused(out("hard"))


def test_a_link_among_what_is_read_is_not_replaced_either() -> None:
    Path("sm/link").symlink_to("../blobs/b")
    assert "sm, the SavedModel" in refused(out("sm/link"))
    Path("model").symlink_to("m.czmodel")
    sources = Sources()
    sources.model("model")
    assert "would replace" in refused(out("model"), sources=sources)
    assert "would replace" in refused(out("m.czmodel"), sources=sources)
    Path("circle").symlink_to("circle")
    check_targets([out("circle")], sources)
    with pytest.raises(UsageError, match="circle: is a link that leads in a circle"):
        check_writable(Path("circle"))


def test_a_store_takes_the_place_of_a_whole_folder() -> None:
    sources = Sources()
    sources.images("data.zarr/a.png")
    said = refused(out("data.zarr", Way.STORE), sources=sources)
    assert "would replace the folder of data.zarr/a.png, an image" in said
    Path("alias.zarr").symlink_to("data.zarr")
    assert "would replace the folder" in refused(out("alias.zarr", Way.STORE), sources=sources)
    check_targets([out("data.zarr", Way.FOLDER)], sources)


def test_what_a_store_removes_beside_itself() -> None:
    Path("data.zarr").rename("data.zarr.unfinished")
    sources = Sources()
    sources.images("data.zarr.unfinished/a.png")
    assert "would replace the folder" in refused(out("data.zarr", Way.STORE), sources=sources)


def test_a_specification_with_a_fault_names_its_files_all_the_same() -> None:
    Path("spec.json").write_text('{"ModelPath": "sm", "LicenseFile": "blobs\\\\b", "Odd": 1}')
    sources = Sources()
    sources.model("spec.json")
    assert "`ModelPath` of spec.json" in refused(out("sm/new"), sources=sources)
    assert "`LicenseFile` of spec.json" in refused(out("blobs/b"), sources=sources)


def test_a_folder_that_is_no_saved_model_is_not_read() -> None:
    """A report on a specification that names the wrong folder can be written into that folder."""
    Path("spec.json").write_text('{"ModelPath": "."}')
    sources = Sources()
    sources.model("spec.json")
    check_targets([out("report.json")], sources)


def test_pictures_among_images_would_be_images() -> None:
    said = refused(out("images", Way.PICTURES))
    assert said.startswith("--out images: is a folder with an image")


def test_what_looks_like_an_abandoned_file_is_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    name = f".x.json.{done.stdout.strip()}-0123abcd.partial"
    Path(name).write_text("the model")
    sources = Sources()
    sources.model(name)
    assert "would remove" in refused(out("x.json"), sources=sources)
    other = Path(".x.json.1-notes.partial")
    other.write_text("")
    with replacing(Path("x.json")) as temporary:
        temporary.write_text("")
    assert other.exists()
    assert not Path(name).exists()


def test_outputs_in_one_another() -> None:
    sources = Sources()
    pairs = [
        (out("x.json"), out("x.json")),
        (out("x.json"), out("./x.json")),
        (out("x", Way.STORE), out("x/y.png")),
        (out("x/y.png"), out("x", Way.STORE)),
        (out("x"), out("x/y", Way.FOLDER)),
        (out("x"), out("x", Way.FOLDER)),
        (out("x.zarr", Way.STORE), out("x.zarr.unfinished")),
    ]
    for pair in pairs:
        assert "--out" in refused(*pair, sources=sources)


def test_names_that_differ_in_capitals_alone(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds for a folder is found out in it; both kinds of file systems are played."""
    assert list(work.glob("czcheck*")) == []
    for ignored in (True, False):
        monkeypatch.setattr("czcheck.targets.ignores_case", lambda _, it=ignored: it)
        pair = [out("new/X.json"), out("new/x.JSON")]
        if ignored:
            assert "names the same place" in refused(*pair, sources=Sources())
        else:
            check_targets(pair, Sources())


def test_whether_capitals_count_is_tried_in_the_folder(work: Path) -> None:
    (work / "probe").write_text("")
    assert ignores_case(work) == (work / "PROBE").exists()
    assert not list(work.glob("czcheck*"))


@pytest.mark.parametrize("scheme", ["file://", "local://", "simplecache::file://"])
@pytest.mark.parametrize("place", ["store.zarr", "store.zarr/0/new.zarr", "blobs/../store.zarr"])
def test_a_store_at_the_address_of_a_local_file(work: Path, scheme: str, place: str) -> None:
    requested = Requested(labels=f"{scheme}{work}/{place}")
    with pytest.raises(UsageError, match=r"--output .*: (would replace|is inside) store\.zarr"):
        choose(Path("m.czmodel"), [Path("store.zarr")], requested, None)


def test_two_stores_at_one_address() -> None:
    requested = Requested(labels="memory://x.zarr", probabilities="memory://x.zarr")
    with pytest.raises(UsageError, match="two results would go there"):
        choose(Path("m.czmodel"), [Path("images/a.png")], requested, None)


def test_pictures_of_planes_replace_nothing() -> None:
    """The names of planes are known only when the image is open."""
    Path("images/a_t1.png").write_text("")
    images = [Path("images/a.png"), Path("images/a_t1.png")]
    requested = Requested(overlay="images/a.png")
    planes = [Plane(0, time, 0, "", 8, 8, name=f"_t{time}") for time in (0, 1)]
    chosen = choose(Path("m.czmodel"), images[1:], requested, None)
    chosen.guard_previews([planes[:1]])
    with pytest.raises(UsageError, match=r"a_t1\.png: would replace an image"):
        chosen.guard_previews([planes])


def test_no_folder_is_made_for_results_that_are_refused(work: Path) -> None:
    requested = Requested(labels="results/", probabilities="images/a.png")
    with pytest.raises(UsageError, match="would replace an image"):
        choose(Path("m.czmodel"), [Path("images/a.png")], requested, None)
    assert not (work / "results").exists()


def test_a_cache_removes_its_own_entries_alone(work: Path) -> None:
    store = Store(work)
    mine = work / FOLDER / "spec.json"
    mine.write_text("{}")
    os.utime(mine, (0, 0))
    for number in range(MAX_ENTRIES + 1):
        (work / FOLDER / f"{number:064x}.json").write_text("")
    assert store.put("ab", {})
    assert mine.exists()
    assert len(list((work / FOLDER).glob("0*.json"))) < MAX_ENTRIES + 1

"""Building archives from SavedModels of every kind, and everything that can go wrong."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import czcheck
from czcheck.building import build
from czcheck.errors import InputError, UsageError
from czcheck.network import gaps, load_target
from czcheck.verifying import verify

if TYPE_CHECKING:
    from conftest import WriteSpec

GUID = "3f1c7a52-9d0b-4c36-8f5e-2b7d64a0c911"
KINDS = ("export", "saved_keras_model", "module", "tensorflow_1", "tensorflow_1_frames")

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(300)]


def digest_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def nothing_but(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_saved_model_builds(
    kind: str, sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    before = digest_of(sources / kind)
    result = build(write_spec(sources / kind), tmp_path / "a.czmodel", verify=False)
    assert result.tile == result.source_tile == (32, 32)
    assert result.equivalence.of_archive
    assert result.equivalence.scaled <= 1e-5
    assert result.equivalence.raw <= 1e-3
    assert result.nodes_after < result.nodes_before
    with czcheck.open(result.path) as model:
        network = model.network
        assert model.metadata == result.metadata
    assert network.variables == ()
    assert [signature.name for signature in network.signatures] == ["serving_default"]
    assert network.graph is not None
    assert gaps(network.graph, load_target("tf-2.0.0")) == ()
    assert digest_of(sources / kind) == before


@pytest.mark.tf200
def test_what_tensorflow_2_0_0_saved_after_training_builds_and_verifies(
    source_of_tf200: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    steps: list[str] = []
    result = build(write_spec(source_of_tf200), tmp_path / "a.czmodel", progress=steps.append)
    assert result.report is not None
    assert result.report.passed
    assert result.report.files[0].path == str(tmp_path / "a.czmodel")
    assert steps == [
        "reading the specification",
        "lowering the network",
        "comparing the outputs with the source's",
        "verifying the archive",
    ]


def test_two_builds_in_two_processes_are_byte_identical(
    sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    spec = write_spec(sources / "module")
    code = "import sys, czcheck; czcheck.build(sys.argv[1], sys.argv[2], verify=False)"
    found = []
    for name, seed in (("a.czmodel", "1"), ("b.czmodel", "2")):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code, str(spec), str(tmp_path / name)]
        subprocess.run(command, check=True, env=environment)
        found.append((tmp_path / name).read_bytes())
    assert found[0] == found[1]


def test_the_model_id_follows_the_content_unless_it_is_given(
    sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    def made(**changes: object) -> czcheck.BuildResult:
        spec = write_spec(sources / "export", **changes)
        return build(spec, tmp_path / "a.czmodel", verify=False)

    first = made()
    assert made(BorderSize=5).model_id != first.model_id
    given = made(Id=GUID.upper())
    assert given.model_id == GUID
    with zipfile.ZipFile(given.path) as archive:
        assert archive.namelist() == [f"modelid={GUID}", f"{GUID}.xml", f"{GUID}.model"]


def test_a_licence_goes_in_under_its_own_name(
    sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    (tmp_path / "LICENSE.txt").write_text("free")
    spec = write_spec(sources / "export", LicenseFile="LICENSE.txt")
    result = build(spec, tmp_path / "a.czmodel", verify=False)
    with zipfile.ZipFile(result.path) as archive:
        assert archive.namelist()[3:] == ["LICENSE.txt"]
        assert archive.read("LICENSE.txt") == b"free"


@pytest.mark.parametrize("name", ["terms.xml", "terms.MODEL", "modelid=terms"])
def test_a_licence_that_would_pass_for_a_part_of_the_model_is_refused(
    name: str, sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("free")
    with pytest.raises(InputError, match=rf"{name}: a licence of that name would be taken"):
        build(write_spec(sources / "export", LicenseFile=name), tmp_path / "a.czmodel")
    assert not (tmp_path / "a.czmodel").exists()


def test_the_default_output_is_named_after_the_model(
    sources: Path, write_spec: WriteSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(sources / "export", tmp_path / "network")
    path = write_spec("network", Name="Nuclei: a/b")
    result = build(path.relative_to(tmp_path), verify=False)
    assert result.path == Path("Nuclei_ a_b.czmodel")
    assert (tmp_path / result.path).is_file()


def test_a_tile_is_set_where_the_source_leaves_it_open(
    sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    spec = write_spec(sources / "export_u_net_any_size", SpatialDims=[48, 64])
    result = build(spec, tmp_path / "a.czmodel", verify=False)
    assert (result.tile, result.source_tile) == ((48, 64), None)
    assert (result.equivalence.tile, result.equivalence.of_archive) == ((48, 64), True)
    with czcheck.open(result.path) as model:
        serving = model.network.serving
    assert serving is not None
    assert serving.inputs[0].shape == (None, 48, 64, 1)
    assert serving.outputs[0].shape == (None, 48, 64, 2)


def test_a_tile_replaces_the_sources_own_and_goes_before_the_spec(
    sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    spec = write_spec(sources / "export", SpatialDims=[48, 48])
    result = build(spec, tmp_path / "a.czmodel", tile=(40, 24), verify=False)
    assert (result.tile, result.source_tile) == ((40, 24), (32, 32))
    assert (result.equivalence.tile, result.equivalence.of_archive) == ((32, 32), False)
    with czcheck.open(result.path) as model:
        serving = model.network.serving
    assert serving is not None
    assert serving.outputs[0].shape == (None, 40, 24, 2)


@pytest.mark.tf200
@pytest.mark.parametrize(
    ("kind", "rewritten"),
    [
        ("export_grouped", {"grouped Conv2D -> DepthwiseConv2dNative": 3}),
        ("export_explicit_paddings", {"grouped Conv2D -> Pad, DepthwiseConv2dNative": 1}),
    ],
)
def test_groups_of_one_channel_become_one_depthwise_convolution(
    kind: str,
    rewritten: dict[str, int],
    sources: Path,
    write_spec: WriteSpec,
    tf200_python: str,
    tmp_path: Path,
) -> None:
    target = tmp_path / "new.czmodel"
    result = build(write_spec(sources / kind), target, verify=False)
    assert dict(result.rewritten) == rewritten
    assert result.nodes_after <= result.nodes_before
    assert result.equivalence.scaled <= 1e-5
    assert result.equivalence.raw <= 1e-3
    report = verify(target, runtime=tf200_python)
    assert report.passed, [str(each) for each in report.findings]


def test_a_fixed_batch_is_opened(sources: Path, write_spec: WriteSpec, tmp_path: Path) -> None:
    spec = write_spec(sources / "export_batch_of_four")
    result = build(spec, tmp_path / "a.czmodel", verify=False)
    with czcheck.open(result.path) as model:
        serving = model.network.serving
    assert serving is not None
    assert serving.inputs[0].shape == (None, 32, 32, 1)


@pytest.mark.parametrize(
    ("kind", "tile", "message"),
    [
        (
            "export_dense_over_the_tile",
            (16, 16),
            r"operation Reshape \(node .*flatten.*\) has a size written into it.* 16 x 16: ",
        ),
        (
            "export_u_net_any_size",
            (50, 50),
            r"operation ConcatV2 \(node .*concat\) cannot take tiles of 50 x 50: .*multiples of 4$",
        ),
        (
            "export_half_size_answer",
            (64, 64),
            r"outputs the shape \(1, 32, 32, 2\) for a tile of 64 x 64",
        ),
        (
            "export_random",
            None,
            "two predictions for one tile, .* draws random numbers cannot be built",
        ),
    ],
)
def test_what_forbids_a_build_is_named(
    kind: str,
    tile: tuple[int, int] | None,
    message: str,
    sources: Path,
    write_spec: WriteSpec,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.czmodel").write_bytes(b"old")
    spec = write_spec(sources / kind, BorderSize=1)
    with pytest.raises(InputError, match=message) as caught:
        build(spec, folder / "a.czmodel", tile=tile)
    assert str(sources / kind) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert nothing_but(folder, "a.czmodel")
    assert (folder / "a.czmodel").read_bytes() == b"old"


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is found now was found without starting TensorFlow."""

    def refuse(*_: object) -> None:
        raise AssertionError("TensorFlow was started")

    monkeypatch.setattr("czcheck.runtime.networks.Worker.start", refuse)


@pytest.mark.usefixtures("no_worker")
@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("export_two_inputs", {}, r"has 2 inputs \(.*\); a model has exactly one input"),
        ("export_u_net_any_size", {}, r"set `SpatialDims`.*--tile HxW, each a multiple of 4"),
        ("export_any_size", {}, r"set `SpatialDims` \[height, width\] in the spec or give --tile"),
        ("export", {"Classes": ["a", "b", "c"]}, r"outputs 2 channels.*names 3 classes"),
        ("export", {"PixelType": "Bgr24", "ColorHandling": "SplitRgb"}, "takes 1 channels.*has 3"),
        ("export", {"BorderSize": 16}, "a border of 16 pixels on each side leaves nothing of a"),
    ],
)
def test_what_does_not_fit_is_found_before_tensorflow_starts(
    kind: str,
    changes: dict[str, object],
    message: str,
    sources: Path,
    write_spec: WriteSpec,
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match=message):
        build(write_spec(sources / kind, **changes), tmp_path / "a.czmodel")
    assert nothing_but(tmp_path, "spec.json")


@pytest.mark.usefixtures("no_worker")
def test_a_model_path_that_is_no_saved_model_is_named(
    write_spec: WriteSpec, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "model.bin").write_bytes(b"?")
    for name, message in (
        ("missing", "missing"),
        ("empty", r"saved_model\.pb"),
        ("model.bin", "SavedModel"),
    ):
        with pytest.raises(InputError, match=message):
            build(write_spec(name), tmp_path / "a.czmodel")
    assert not (tmp_path / "a.czmodel").exists()


@pytest.mark.usefixtures("no_worker")
def test_a_tile_without_pixels_is_a_mistake_of_the_call(write_spec: WriteSpec) -> None:
    with pytest.raises(UsageError, match=r"tile is \(0, 64\); give \(height, width\)"):
        build(write_spec("anything"), tile=(0, 64))


@pytest.mark.usefixtures("no_worker")
def test_a_missing_folder_is_found_before_tensorflow_starts(
    sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        build(write_spec(sources / "export"), tmp_path / "missing" / "a.czmodel")
    assert nothing_but(tmp_path, "spec.json")


def test_an_archive_that_fails_its_verification_is_not_written(
    sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    message = r"export_logits: the archive would not pass verification, .*: CZ4\d\d "
    with pytest.raises(InputError, match=message):
        build(write_spec(sources / "export_logits"), folder / "a.czmodel")
    assert nothing_but(folder)
    result = build(write_spec(sources / "export_logits"), folder / "a.czmodel", verify=False)
    assert result.report is None
    assert nothing_but(folder, "a.czmodel")


SLOW = textwrap.dedent(
    """
    import sys, czcheck
    def told(step):
        print(step, flush=True)
    czcheck.build(sys.argv[1], sys.argv[2], progress=told)
    """
)


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without a signal")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_stopped_half_way_leaves_the_older_file(
    how: signal.Signals, sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    target = tmp_path / "a.czmodel"
    target.write_bytes(b"old")
    command = [sys.executable, "-c", SLOW, str(write_spec(sources / "export")), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "comparing" in line:
                break
        process.send_signal(how)
        assert process.wait(60) != 0
    assert target.read_bytes() == b"old"
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert left == [] or how == signal.SIGKILL


FULL = textwrap.dedent(
    """
    import resource, sys, czcheck
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    try:
        czcheck.build(sys.argv[1], sys.argv[2], verify=False)
    except czcheck.CzcheckError as error:
        print(error)
    """
)


@pytest.mark.skipif(os.name == "nt", reason="needs limits on file sizes")
def test_a_full_disk_is_one_clear_line(
    sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    target = tmp_path / "a.czmodel"
    target.write_bytes(b"old")
    command = [sys.executable, "-c", FULL, str(write_spec(sources / "export")), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert "too large" in done.stdout or "cannot be written" in done.stdout
    assert done.stderr == ""
    assert nothing_but(tmp_path, "spec.json", "a.czmodel")
    assert target.read_bytes() == b"old"


def test_the_demo_verifies_with_a_note_on_its_standardisation_alone() -> None:
    report = verify(Path(__file__).parents[2] / "fixtures" / "models" / "nuclei.czmodel")
    assert report.passed
    (finding,) = report.findings
    assert finding.severity.value == "note"
    assert "per_image_standardization" in finding.message

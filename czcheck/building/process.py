"""The parent's side of a build: what it asks of its child process, and what it makes of it."""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from czcheck.archive.write import write_archive
from czcheck.building.expected import NOTHING, Added, after, before, doubt
from czcheck.building.proof import Comparer, Proof, questions
from czcheck.building.results import Lowering
from czcheck.building.working import Working
from czcheck.errors import IncompleteError, InputError
from czcheck.files import digest_of
from czcheck.metadata.model_metadata import to_xml
from czcheck.runtime.deaths import CommandFailed, WorkerDied, text_of
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits
from czcheck.runtime.networks import Worker
from czcheck.runtime.unpack import unpack
from czcheck.runtime.worker import OWN_CHARACTERS
from czcheck.test_tiles.patterns import NATURAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.building.original import Original
    from czcheck.limits import Limits
    from czcheck.metadata.model_metadata import ModelMetadata

CHILD = Path(__file__).parent / "lowering" / "child.py"
SIGNATURE = "serving_default"
SECONDS_EXPORT = SECONDS_LOWER = 600


class BuildProcess(Working):
    """One child process that lowers a source, and answers tiles with both networks."""

    def __init__(
        self,
        source: Path,
        loader: str,
        signature: str,
        limits: RunnerLimits | None = None,
        *,
        named: Path | None = None,
        precision: str = "float32",
    ) -> None:
        """Start nothing yet.

        Args:
            source: The SavedModel.
            loader: The loader that opens it, `session` or `object`.
            signature: Name of the signature to keep.
            limits: Limits on time and memory.
            named: What to call the source in errors, where it was unpacked from something else.
            precision: What the source computes in, see `Network.precision`.
        """
        self.source = source
        self.named = named or source
        self.loader = loader
        self.signature = signature
        self.precision = precision
        self._worker = Worker(
            limits=limits or DEFAULT_RUNNER_LIMITS, script=CHILD, sandbox=False, building=True
        )
        self._lowering: Lowering | None = None
        self._added = NOTHING
        self._doubt: str | None = None
        self.notes: tuple[str, ...] = ()

    @property
    def lowering(self) -> Lowering:
        """What `lower` made."""
        if self._lowering is None:
            raise RuntimeError("nothing has been lowered yet")
        return self._lowering

    @property
    def _folder(self) -> Path:
        return self._worker.folder / "build"

    @contextmanager
    def _told_apart(self, doing: str) -> Iterator[None]:
        """Turn what happens to the child into errors for the user."""
        try:
            yield
        except CommandFailed as error:
            if text_of(error.record, "kind") == InputError.__name__:
                said = text_of(error.record, "error", OWN_CHARACTERS)
                raise InputError(f"{self.named}: {said}") from error
            if os.strerror(errno.ENOSPC) in error.reason:
                raise IncompleteError(
                    f"{self.named}: {doing} failed: no space left in {self._worker.folder.parent}; "
                    "TMPDIR names another folder to work in"
                ) from error
            raise InputError(f"{self.named}: {doing} failed: {error.reason}") from error
        except WorkerDied as error:
            raise IncompleteError(f"{self.named}: {doing} failed: {error.reason}") from error

    def export(self, custom_objects: str | None, tile: tuple[int, int] | None = None) -> Path:
        """Export the source, a Keras file, as a SavedModel, which is the source from here on.

        Its `loader` and `signature` are for the caller to find and set. `notes` is what the file
        leaves open, one sentence each.

        Args:
            custom_objects: Module with the classes that are not Keras's own; None if there are
                none.
            tile: (height, width) in pixels that was asked for, if one was.

        Returns:
            The SavedModel's folder; it is gone when the process is.

        Raises:
            InputError: The file cannot be loaded.
            IncompleteError: The process could not be started or did not survive.
        """
        with self._told_apart("exporting the Keras model"):
            self._worker.hello()
            exported = self._worker.folder / "exported"
            record = self._worker.command(
                "export",
                SECONDS_EXPORT,
                path=str(self.source.absolute()),
                into=str(exported),
                custom_objects=custom_objects,
                tile=None if tile is None else list(tile),
                search=str(Path.cwd()),
            )
        notes = record.get("notes")
        self.notes = tuple(map(str, notes)) if isinstance(notes, list) else ()
        self.source = exported
        return exported

    def lower(
        self, tile: tuple[int, int] | None, added: Added = NOTHING, *, multiple: int = 1
    ) -> Lowering:
        """Lower the source.

        Args:
            tile: (height, width) to set; None to keep the source's own.
            added: Operations to put around the network.
            multiple: Number that height and width have to be multiples of, as far as known: for
                the words of an error.

        Returns:
            What was made.

        Raises:
            InputError: The network cannot be lowered, or not take the tile.
            IncompleteError: The process could not be started or did not survive.
        """
        with self._told_apart("lowering the network"):
            self._worker.hello()
            self._folder.mkdir()
            record = self._worker.command(
                "lower",
                SECONDS_LOWER,
                path=str(self.source.absolute()),
                loader=self.loader,
                signature=self.signature,
                tile=None if tile is None else list(tile),
                multiple=multiple,
                into=str(self._folder),
                before=[dataclasses.asdict(operation) for operation in added.before],
                after=[dataclasses.asdict(operation) for operation in added.after],
                maximum=added.maximum,
            )
        self._added = added
        self._lowering = self._read(record)
        return self._lowering

    def _read(self, record: dict[str, Any]) -> Lowering:
        model = self._folder / "lowered" / "saved_model.pb"
        try:
            return Lowering(
                sha256=digest_of(model),
                source_input=_ends(record["source_input"]),
                source_output=_ends(record["source_output"]),
                input=_ends(record["input"]),
                output=_ends(record["output"]),
                tile=_pair(record["tile"]),
                source_tile=_pair(record["source_tile"]),
                source_batch=int(record["source_batch"]),
                channels=int(record["channels"]),
                classes=int(record["classes"]),
                resized=bool(record["resized"]),
                nodes_before=int(record["nodes_before"]),
                nodes_after=int(record["nodes_after"]),
                dropped=_counts(record["attributes"]),
                rewritten=_counts(record["rewrites"]),
            )
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise IncompleteError(
                f"{self.named}: the build's process did not answer as it should"
            ) from error

    def pack(
        self,
        target: Path,
        metadata: ModelMetadata,
        licence: Path | None,
        others: Iterable[tuple[str, Path]] = (),
    ) -> None:
        """Write the archive. Section 1.1 of the format; the order is ZEN's own.

        Args:
            target: The file to write.
            metadata: What to say about the model.
            licence: Licence file to add.
            others: Further members: name and content of each.

        Raises:
            InputError: The metadata cannot be written.
            OSError: The file cannot be written.
        """
        model_id = metadata.model_id
        payload = self._folder / "payload.zip"
        with payload.open("wb") as stream:
            lowered = self._folder / "lowered"
            paths = sorted(path for path in lowered.rglob("*") if path.is_file())
            files = [(path.relative_to(lowered).as_posix(), path) for path in paths]
            write_archive(stream, files, deflate=False)
        members: list[tuple[str, bytes | Path]] = [
            (f"modelid={model_id}", b""),
            (f"{model_id}.xml", to_xml(metadata)),
            (f"{model_id}.model", payload),
        ]
        if licence is not None:
            members.append((licence.name, licence))
        members.extend(others)
        with target.open("wb") as stream:
            write_archive(stream, members)

    def prove(
        self, archive: Path, pixel_type: str, limits: Limits, original: Original | None = None
    ) -> Proof:
        """Compare the network unpacked from an archive with the source.

        Where the tile's size was changed, the lowered network of the source's own size is compared
        with the source; the archive's is run all the same. What was put around the network is
        computed by numpy around the source.

        Args:
            archive: The archive.
            pixel_type: The format's name of the pixel type, which sets the range of intensities.
            limits: Limits on what is read from the archive.
            original: The source in the framework that wrote it, to compare with as well.

        Returns:
            How far the answers are apart.

        Raises:
            InputError: They are further apart than the tolerances.
            IncompleteError: The process did not survive.
        """
        from czcheck.model import Model  # noqa: PLC0415

        lowering = self.lowering
        with Model(archive, limits) as model:
            unpacked = unpack(model.files, self._folder / "unpacked", limits)
        tile = lowering.source_tile if lowering.resized else lowering.tile
        asked = list(questions(*tile, lowering.channels, pixel_type))
        with self._told_apart("running the source"):
            self._load_source()
            answers = [
                self._expected(number, name, pixels)
                for number, (name, _, pixels) in enumerate(asked)
            ]
        with self._told_apart("running the lowered network"):
            other = self._folder / "source" if lowering.resized else unpacked
            self._load_lowered(other)
            comparer = Comparer(str(self.named), self.precision)
            for (name, raw, pixels), kept in zip(asked, answers, strict=True):
                found = self._answer(pixels, 1)
                if kept is not None:
                    differs = comparer.add(name, _read_answer(kept), found, raw=raw)
                    if differs is not None:
                        self._refuse(differs, pixels)
                if original is not None:
                    original.add(name, pixels, found, raw=raw)
            if lowering.resized:
                self._load_lowered(unpacked)
                for _, _, pixels in questions(*lowering.tile, lowering.channels, pixel_type):
                    self._answer(pixels, 1)
                    break
            self._worker.finish()
        result = comparer.result(tile, of_archive=not lowering.resized)
        unsteady = tuple(
            f"{name} ({'raw range' if raw else '0 to 1'})"
            for (name, raw, _), kept in zip(asked, answers, strict=True)
            if kept is None
        )
        return dataclasses.replace(result, unsteady=unsteady, doubt=self._doubt)

    def _expected(self, number: int, name: str, pixels: NDArray[Any]) -> Path | None:
        """Where the answer is kept that a tile has to get; None where rounding decides it."""
        given, steady = before(self._added.before, pixels, self._added.maximum)
        own = self._answer(given, max(1, self.lowering.source_batch))
        if name in NATURAL and self._doubt is None:
            self._doubt = doubt(self._added.after, own)
        return self._keep(number, after(self._added.after, own)) if steady else None

    def _refuse(self, differs: str, pixels: NDArray[Any]) -> NoReturn:
        """Say why an archive is not written whose network is another one than the source.

        Args:
            differs: What differs.
            pixels: The tile on which it does.

        Raises:
            InputError: Always.
        """
        self._load_source()
        given, _ = before(self._added.before, pixels, self._added.maximum)
        count = max(1, self.lowering.source_batch)
        first, again = self._answer(given, count), self._answer(given, count)
        if not np.array_equal(first, again, equal_nan=True):
            raise InputError(
                f"{self.named}: the network gives two predictions for one tile, one right after "
                "the other; a network that draws random numbers cannot be built: export it in "
                "inference mode (`training=False`), without dropout, noise and augmentation"
            )
        raise InputError(
            f"{self.named}: the lowered network does not compute what its source does: {differs}. "
            "The source itself gives the same prediction each time, so that its lowering is at "
            "fault: please report it, with the network or the list of its layers"
        )

    def _load_source(self) -> None:
        self._worker.load(
            self.source.absolute(),
            loader=self.loader,
            signature=self.signature,
            input=self.lowering.source_input,
            output=self.lowering.source_output,
        )

    def _load_lowered(self, folder: Path) -> None:
        self._worker.load(
            folder,
            loader="session",
            signature=SIGNATURE,
            input=self.lowering.input,
            output=self.lowering.output,
        )

    def _answer(self, pixels: NDArray[Any], count: int) -> NDArray[Any]:
        answer = self._worker.predict(np.repeat(pixels[None], count, axis=0))
        if answer.array is None:
            raise InputError(f"{self.named}: the network answers with {answer.dtype}, not numbers")
        return answer.array[:1]

    def _keep(self, number: int, answer: NDArray[Any]) -> Path:
        """Put an answer aside on the disk: eight of them may be large."""
        path = self._folder / f"answer_{number}.npy"
        np.save(path, answer, allow_pickle=False)
        return path


def _read_answer(path: Path) -> NDArray[Any]:
    answer: NDArray[Any] = np.load(path, allow_pickle=False)
    return answer


def _pair(value: Any) -> tuple[int, int]:
    first, second = value
    return int(first), int(second)


def _ends(value: Any) -> tuple[str, str]:
    return str(value["key"]), str(value["tensor"])


def _counts(value: Any) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(name), int(count)) for name, count in value.items()))

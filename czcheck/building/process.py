"""The child process of a build: it exports Keras files, lowers networks and runs both of them."""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import CzcheckError, IncompleteError, InputError
from czcheck.files import digest_of
from czcheck.runtime.deaths import CommandFailed, WorkerDied, text_of
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits
from czcheck.runtime.networks import Worker
from czcheck.runtime.session import Session
from czcheck.runtime.worker import OWN_CHARACTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from czcheck.metadata.processing import Operation
    from czcheck.network.facts import Network
    from czcheck.runtime.outputs import Output

CHILD = Path(__file__).parent / "lowering" / "child.py"
SECONDS_EXPORT = SECONDS_LOWER = 600


@dataclass(frozen=True, slots=True)
class Added:
    """What a build puts around a network.

    Attributes:
        before: Operations in front, the first one first.
        after: Operations behind, the first one first.
        maximum: Largest intensity of the pixel type, by which `Scale` divides.
    """

    before: tuple[Operation, ...] = ()
    after: tuple[Operation, ...] = ()
    maximum: float = 1


@dataclass(frozen=True, slots=True)
class Lowering:
    """A lowered network.

    Attributes:
        source: Folder of the SavedModel that was lowered.
        network: Its facts.
        added: What was put around it.
        folder: Folder of the lowered SavedModel; it is gone when the process is.
        sha256: SHA-256 of its `saved_model.pb`, in hexadecimal.
        own_size: Folder of the lowered SavedModel with the source's own tile, to compare with the
            source; None where the tile is the source's own, or the source leaves it open.
        tile: (height, width) of the lowered network.
        source_tile: The same of the source; None where the source leaves it open.
        source_batch: Batch size of the source, -1 where it is open.
        channels: Size of the input's last dimension.
        classes: Size of the output's last dimension.
        nodes_before: Nodes of the source's graph, those of functions included.
        nodes_after: Nodes of the lowered graph.
        dropped: Attributes dropped, with their counts.
        rewritten: Operations rewritten, with their counts.
    """

    source: Path
    network: Network
    added: Added
    folder: Path
    sha256: str
    own_size: Path | None
    tile: tuple[int, int]
    source_tile: tuple[int, int] | None
    source_batch: int
    channels: int
    classes: int
    nodes_before: int
    nodes_after: int
    dropped: tuple[tuple[str, int], ...]
    rewritten: tuple[tuple[str, int], ...]


class BuildProcess:
    """One child process: a context manager. It imports TensorFlow while others work."""

    def __init__(self, name: Path, limits: RunnerLimits = DEFAULT_RUNNER_LIMITS) -> None:
        """Start nothing yet.

        Args:
            name: What to call the source in errors.
            limits: Limits on time and memory.
        """
        self.name = name
        self._worker = Worker(limits=limits, script=CHILD, sandbox=False, building=True)

    def __enter__(self) -> Self:
        """Start the process."""
        self._worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the process; everything it wrote is removed."""
        self._worker.close()

    @property
    def folder(self) -> Path:
        """The private folder of the process."""
        return self._worker.folder

    def export(
        self, source: Path, custom_objects: str | None, tile: tuple[int, int] | None = None
    ) -> tuple[Path, tuple[str, ...]]:
        """Export a Keras file as a SavedModel.

        Args:
            source: The Keras file.
            custom_objects: Module with the classes that are not Keras's own; None if there are
                none.
            tile: (height, width) in pixels requested; None to keep the model's own.

        Returns:
            The SavedModel's folder, which is gone when the process is; and what the file leaves
            open, one sentence each.

        Raises:
            InputError: The file cannot be loaded.
            IncompleteError: The process could not be started or did not survive.
        """
        doing = "exporting the Keras model"
        record = self._command(
            doing,
            "export",
            SECONDS_EXPORT,
            lambda folder: {
                "path": str(source.absolute()),
                "into": str(folder / "exported"),
                "custom_objects": custom_objects,
                "tile": None if tile is None else list(tile),
                "search": str(Path.cwd()),
            },
        )
        notes = record.get("notes")
        return self.folder / "exported", tuple(map(str, notes if isinstance(notes, list) else ()))

    def lower(
        self,
        source: Path,
        network: Network,
        tile: tuple[int, int] | None,
        added: Added | None = None,
        *,
        multiple: int = 1,
    ) -> Lowering:
        """Lower a SavedModel.

        Args:
            source: The SavedModel's folder.
            network: Its facts.
            tile: (height, width) to set; None to keep the source's own.
            added: Operations to put around the network; None for none.
            multiple: Number that height and width have to be multiples of, as far as known: for
                the words of an error.

        Raises:
            InputError: The network cannot be lowered, or not take the tile.
            IncompleteError: The process could not be started or did not survive.
        """
        added = added or Added()
        assert network.serving is not None
        fields = {
            "path": str(source.absolute()),
            "loader": network.loader,
            "signature": network.serving.name,
            "tile": None if tile is None else list(tile),
            "multiple": multiple,
            "before": [dataclasses.asdict(operation) for operation in added.before],
            "after": [dataclasses.asdict(operation) for operation in added.after],
            "maximum": added.maximum,
        }
        record = self._command(
            "lowering the network",
            "lower",
            SECONDS_LOWER,
            lambda folder: {**fields, "into": str(folder)},
        )
        lowered = self.folder / "lowered"
        try:
            first, second = map(int, record["source_tile"])
            height, width = map(int, record["tile"])
            return Lowering(
                source=source,
                network=network,
                added=added,
                folder=lowered,
                sha256=digest_of(lowered / "saved_model.pb"),
                own_size=self.folder / "source" if record["resized"] else None,
                tile=(height, width),
                source_tile=None if min(first, second) < 1 else (first, second),
                source_batch=int(record["source_batch"]),
                channels=int(record["channels"]),
                classes=int(record["classes"]),
                nodes_before=int(record["nodes_before"]),
                nodes_after=int(record["nodes_after"]),
                dropped=_counts(record["attributes"]),
                rewritten=_counts(record["rewrites"]),
            )
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise IncompleteError(
                f"{self.name}: the build's process sent a reply that cannot be read"
            ) from error

    def load(
        self,
        doing: str,
        folder: Path,
        network: Network,
        on_output: Callable[[str, NDArray[Any], Output | None], None] | None = None,
    ) -> Loaded:
        """Load a network in place of the one before.

        Args:
            doing: What that is for, to say in errors.
            folder: The SavedModel.
            network: Its facts.
            on_output: Called with each output, see `Session`.

        Raises:
            InputError: It cannot be loaded.
            IncompleteError: The process did not survive.
        """
        session = Session(self._worker, on_output)
        loaded = Loaded(self, session, doing)
        if session.open(folder.absolute(), network) is None:  # the process works elsewhere
            raise loaded.error()
        return loaded

    def _command(
        self,
        doing: str,
        name: str,
        seconds: float,
        fields: Callable[[Path], dict[str, Any]],
    ) -> dict[str, Any]:
        """Do a command of the build; its fields may name the private folder."""
        try:
            self._worker.hello()
            return self._worker.command(name, seconds, **fields(self.folder))
        except CommandFailed as error:
            if text_of(error.record, "kind") == InputError.__name__:
                reason = text_of(error.record, "error", OWN_CHARACTERS)
                raise InputError(f"{self.name}: {reason}") from error
            raise self.error(doing, error.reason) from error
        except WorkerDied as error:
            raise self.error(doing, error.reason, died=True) from error

    def error(self, doing: str, reason: str, *, died: bool = False) -> CzcheckError:
        """What a failure means to the user.

        Args:
            doing: What failed.
            reason: Why.
            died: Whether the process did not survive it.
        """
        message = f"{self.name}: {doing} failed"
        if os.strerror(errno.ENOSPC) in reason:
            return IncompleteError(
                f"{message}: no space left in {self.folder.parent}; TMPDIR names another folder to "
                "work in"
            )
        return (IncompleteError if died else InputError)(f"{message}: {reason}")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network in the build's process.

    Attributes:
        process: The process.
        session: The network's session.
        doing: What it is run for, to say in errors.
    """

    process: BuildProcess
    session: Session
    doing: str

    def run(self, name: str, pixels: NDArray[Any], batch: int = 1) -> NDArray[Any]:
        """The output for one tile, (1, height, width, classes).

        Args:
            name: Name of the tile.
            pixels: The tile, (height, width, channels), float32.
            batch: How many of it to run at a time; -1 counts as 1.

        Raises:
            InputError: The network fails, or its output holds no numbers.
            IncompleteError: The process did not survive.
        """
        output = self.session.numbers(name, np.repeat(pixels[None], max(1, batch), axis=0))
        if output is None:
            raise self.error()
        assert output.array is not None
        return output.array[:1]

    def finish(self) -> None:
        """End the process.

        Raises:
            IncompleteError: It did not end normally.
        """
        self.session.finish()
        if self.session.died is not None:
            raise self.error()

    def error(self) -> CzcheckError:
        """What the last failure means to the user."""
        reason = self.session.all_failures[-1].reason
        return self.process.error(self.doing, reason, died=self.session.died is not None)


def _counts(value: Any) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(name), int(count)) for name, count in value.items()))

"""One of the two releases: an opened model, its weights, and its outputs for the test tiles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from czcheck.changes.outputs import Which
from czcheck.errors import InputError, UnavailableError
from czcheck.files import private_folder, remove_folder
from czcheck.network.structure import structure_of
from czcheck.network.weights import Weights
from czcheck.specification import open_checked, test_images
from czcheck.verifying.running import battery

if TYPE_CHECKING:
    from typing_extensions import Self

    from czcheck.limits import Limits
    from czcheck.model import Model
    from czcheck.network.facts import Network
    from czcheck.network.structure import Structure
    from czcheck.test_tiles.patterns import Tile

Fact = TypeVar("Fact")


class Release:
    """One of the two files. A context manager.

    Attributes:
        which: `first` or `second`.
        model: The opened file.
    """

    def __init__(self, which: Which, path: Path, limits: Limits) -> None:
        """Open the file.

        Args:
            which: `first` or `second`.
            path: An archive, or a JSON specification.
            limits: Limits on everything that is read.

        Raises:
            UsageError: There is no such file, or it cannot be opened.
        """
        self.which = which
        self.model: Model = open_checked(path, limits)
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:

        if self._folder is not None:
            remove_folder(self._folder)
        self.model.close()

    def read(self, fact: Callable[[Model], Fact]) -> Fact:
        """A fact of the file.

        Raises:
            UnavailableError: The file does not yield it; the message names the release.
        """
        try:
            return fact(self.model)
        except UnavailableError as error:
            raise UnavailableError(f"in the {self.which} release, {error}") from None

    @cached_property
    def network(self) -> Network:
        """The network; raises an error if it cannot be read.

        Raises:
            UnavailableError: It cannot be read.
        """
        network = self.read(lambda model: model.network)
        if network.fault is not None:
            raise UnavailableError(f"in the {self.which} release, {network.fault}")
        return network

    @cached_property
    def weights(self) -> Weights:
        """The values of the network's constants and variables.

        Raises:
            UnavailableError: The network cannot be read.
        """
        from czcheck.network.weights import Weights  # noqa: PLC0415 - numpy when needed

        network = self.network
        files = self.read(lambda model: model.files)
        self._folder = self._folder or private_folder()
        try:
            return Weights(network, files, self._folder, self.model.limits)
        except InputError as error:
            raise UnavailableError(f"in the {self.which} release, {error}") from None

    @cached_property
    def structure(self) -> Structure | None:
        """Digests of what the network computes; None where that is not known.

        Raises:
            UnavailableError: The network cannot be read.
        """
        # These follow the graph, too, and there is a limit on the steps of all together.
        self.read(lambda model: model.safety)
        self.read(lambda model: model.cost)
        return structure_of(self.network, self.weights)

    def battery(self, images: Collection[Path]) -> Sequence[Tile]:
        """The tiles that the network is run on.

        Args:
            images: Images and folders of images to run in addition to the built-in tiles.

        Raises:
            UnavailableError: The network has no fixed tile.
            InputError: An image cannot be read.
            UsageError: There is no such image.
        """
        own = [*images, *test_images(self.model)]
        return self.read(lambda model: list(battery(model, own)))

"""Has a cluster segment the planes of an image, and puts together what its workers did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import UsageError
from czcheck.images.writer import ZARR_ENDINGS
from czcheck.segmenting.bands import Band, bands_of

if TYPE_CHECKING:
    from czcheck.images.image import Plane
    from czcheck.images.matching import Intensities
    from czcheck.runtime.outputs import Environment
    from czcheck.segmenting.cluster import Cluster
    from czcheck.segmenting.layout import Layout
    from czcheck.segmenting.outputs import Outputs
    from czcheck.segmenting.places import Places

STORES = "ome.zarr"
"""Format of the files in folders, unless another one is chosen."""


def check_stores(places: Sequence[Places]) -> None:
    """Refuse results that many machines cannot write at once.

    Args:
        places: Where the results of each image go.

    Raises:
        UsageError: One is no OME-Zarr, or there is no label image.
    """
    for each in places:
        if each.labels is None:
            raise UsageError("a cluster writes label images; name one with --output STORE.zarr")
        for _, place in each.images:
            if Path(place).suffix.lower() not in ZARR_ENDINGS:
                raise UsageError(
                    f"{place}: a cluster writes OME-Zarr, which many machines can write at once; "
                    "name a .zarr store"
                )


class Spread:
    """Segments on a cluster.

    Attributes:
        environment: What a network ran in; None before one did.
        peak_bytes: The most memory that a network's process has had in use; 0 if unknown.
    """

    def __init__(
        self, cluster: Cluster, selection: Mapping[str, Any], intensities: Intensities
    ) -> None:
        """Begin nothing yet.

        Args:
            cluster: The cluster, with the model.
            selection: Scene, channel, time and z, as `images.open_image` takes them.
            intensities: What to do with pixels of another depth than the model's.
        """
        self._cluster = cluster
        self._selection, self._intensities = selection, intensities
        self.environment: Environment | None = None
        self.peak_bytes = 0

    def over(
        self,
        path: Path,
        planes: Sequence[tuple[Plane, Layout]],
        outputs: Outputs,
        advance: Callable[[int], None],
    ) -> dict[Plane, dict[int, int]]:
        """Segment all planes of an image at the same time.

        Args:
            path: The image.
            planes: Its planes with their tiles.
            outputs: Where results go.
            advance: Called with the number of tiles that are done.

        Returns:
            Number of pixels by label, of each plane; without those that another run has written.

        Raises:
            InputError: The image is damaged, or the network failed.
            IncompleteError: The cluster is gone, or the disk is full.
        """
        submitted: dict[Any, tuple[Plane, Layout]] = {}
        for number, (plane, layout) in enumerate(planes):
            for done, tiles in outputs.runs(plane, layout):
                if done:
                    continue
                parts = outputs.parts(plane)
                # All stores have the same chunks.
                chunk = min(part.grid[0] for part in parts.values())
                for numbers, inner in bands_of(layout, tiles, chunk, self._cluster.workers):
                    band = Band(
                        str(path.resolve()),
                        self._selection,
                        self._intensities,
                        number,
                        numbers,
                        parts,
                        inner,
                    )
                    submitted[self._cluster.submit(band)] = plane, layout
        pixels: dict[Plane, dict[int, int]] = {plane: {} for plane, _ in planes}
        for future, result in self._cluster.results(submitted):
            plane, layout = submitted[future]
            outputs.take(plane, layout, result)
            for label, count in result.pixels.items():
                pixels[plane][label] = pixels[plane].get(label, 0) + count
            self.environment = result.environment
            self.peak_bytes = max(self.peak_bytes, result.peak_bytes)
            advance(len(result.written) + len(result.pieces))
        return pixels

    def finish(self) -> None:
        """Check that all networks' processes end normally.

        Raises:
            InputError: One ended otherwise.
            IncompleteError: The cluster is gone.
        """
        self._cluster.finish()

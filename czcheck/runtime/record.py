"""What a run showed: facts for the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from czcheck.runtime.deaths import Failure
from czcheck.runtime.output_statistics import TileOutput
from czcheck.runtime.outputs import Environment, LoadRecord

if TYPE_CHECKING:
    from czcheck.runtime.measure.behaviour import Behaviour
    from czcheck.runtime.measure.borders import OffsetRecord, ReachRecord
    from czcheck.runtime.measure.cost import Cost


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One network's run.

    Attributes:
        environment: What it ran in.
        load: How it was loaded; None if it was not.
        died: What ended its process before its time; None if it ended as it should.
        failures: What went wrong while the process lived on.
        answers: What it answered, in the order of the tiles.
        behaviour: What else was measured on a tile; None where there was no sound answer.
        cost: Time and memory; None where no tile was answered.
        tile_runs: How many tiles were run in all, measurements included.
        reach: How far the border of a tile reaches; None where that could not be measured.
        offsets: How the answer depends on where a tile begins; None where it does not depend on
            it, or that could not be measured.
    """

    environment: Environment
    load: LoadRecord | None
    died: Failure | None = None
    failures: tuple[Failure, ...] = ()
    answers: tuple[TileOutput, ...] = ()
    behaviour: Behaviour | None = None
    cost: Cost | None = None
    tile_runs: int = 0
    reach: ReachRecord | None = None
    offsets: OffsetRecord | None = None

    @property
    def all_failures(self) -> tuple[Failure, ...]:
        """Everything that went wrong, in the order in which it did."""
        return self.failures if self.died is None else (*self.failures, self.died)

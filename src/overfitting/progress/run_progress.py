"""Progress of running trainings: epoch, best loss so far, estimated time left."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from overfitting.training.history import Row

RECENT = 20  # looks whose median pace counts, because an epoch may have waited for a core


@dataclass
class RunProgress:
    """Progress of one run; at `epoch` 0 it has not started, or compiles.

    It ends after `epochs`, or earlier if it `may_stop`. `best` is the lowest validation log loss. While its pace is not
    known, the time of an epoch is taken as proportional to `size`.
    """

    variant: str
    seed: int
    epochs: int
    may_stop: bool = False
    size: int = 1
    epoch: int = 0
    best: float = math.inf
    is_over: bool = False
    repeat: int = 0
    _paces: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))  # seconds per epoch
    _seen: float | None = None  # when the last rows were added

    @property
    def place(self) -> str:
        """Seed and, after the first, repeat."""
        return f"seed {self.seed}" + (f" repeat {self.repeat}" if self.repeat else "")

    def add(self, rows: Sequence[Row], now: float) -> None:
        """Add the rows of the history that are new at the time `now`, in seconds."""
        if not rows:
            return
        self.epoch = int(rows[-1]["epoch"])
        self.best = min(self.best, *(row["val_log_loss"] for row in rows))
        if self._seen is not None:
            self._paces.append((now - self._seen) / len(rows))
        self._seen = now

    @property
    def trains(self) -> bool:
        """Whether its first epoch is done and the run is not over."""
        return self.epoch > 0 and not self.is_over

    @property
    def pace(self) -> float | None:
        """Seconds per epoch; None while only the first rows are known, because the first epoch takes longer."""
        return median(self._paces) if self._paces else None


def seconds_left(runs: Sequence[RunProgress]) -> float | None:
    """Seconds until all runs are over if as many run side by side as now; None while no pace is known."""
    paces = [run.pace / run.size for run in runs if run.pace is not None]
    if not paces:
        return None
    usual = median(paces)
    work = [(run.epochs - run.epoch) * (run.pace or usual * run.size) for run in runs if not run.is_over]
    side_by_side = sum(run.trains for run in runs) or 1
    return max(sum(work) / side_by_side, max(work, default=0.0))

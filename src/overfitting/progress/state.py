"""How far trainings are, as their journals tell: epochs, the best loss so far, the time that is left."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from overfitting.training.history import Row

RECENT = 20  # epochs whose median says how long one takes: the first compiles, others may have had to wait


@dataclass
class Standing:
    """Where the training of a seed stands; `epoch` 0: it has not begun, or compiles.

    It ends after `epochs`, or earlier if it `may_stop`. `best` is the lowest validation log loss.
    """

    variant: str
    seed: int
    epochs: int
    may_stop: bool = False
    epoch: int = 0
    best: float = math.inf
    is_over: bool = False
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def add(self, rows: Sequence[Row]) -> None:
        """Count what has been read of the journal."""
        for row in rows:
            self.epoch = int(row["epoch"])
            self.best = min(self.best, row["val_log_loss"])
            self._seconds.append(row["seconds"])

    @property
    def trains(self) -> bool:
        """Whether epochs are coming in."""
        return self.epoch > 0 and not self.is_over

    @property
    def pace(self) -> float | None:
        """Seconds an epoch; None until there are two, since the first takes longer."""
        return median(self._seconds) if len(self._seconds) > 1 else None


def seconds_left(standings: Sequence[Standing]) -> float | None:
    """Seconds until all are over if as many train side by side as do now; None while nobody can tell."""
    paces = [standing.pace for standing in standings if standing.pace is not None]
    if not paces:
        return None
    usual = median(paces)
    work = [(s.epochs - s.epoch) * (s.pace or usual) for s in standings if not s.is_over]
    side_by_side = sum(standing.trains for standing in standings) or 1
    return max(sum(work) / side_by_side, max(work, default=0.0))

"""Types of the files of a run: summary.json, which says that it is finished and what it reached, and durations.json."""

from typing import Any

from overfitting.base.records import Record


class Settings(Record):
    """The configuration that a run was trained with, as plain values."""

    variant: dict[str, Any]
    training: dict[str, Any]


class Losses(Record):
    """Log loss and accuracy on all training and validation rows, without dropout and without penalty."""

    train_log_loss: float
    train_accuracy: float
    val_log_loss: float
    val_accuracy: float


class Weights(Record):
    """Size of the hidden weights that a run keeps; shares are of their number."""

    weight_norm: float  # L2 norm of all of them
    near_zero_share: float  # |w| below 0.001
    zero_share: float  # exactly 0
    weight_bins: tuple[float, ...]  # edges of the histogram, log10 |w|
    weight_histogram: tuple[float, ...]  # share per bin


class Outcome(Weights):
    """What a run reached. `best` is measured with the weights of the best epoch, `last` with those of the last."""

    train_rows: int
    epochs: int
    best_epoch: int  # lowest validation log loss, counted from 1
    best: Losses
    last: Losses
    parameters: int
    near_zero_share_initial: float  # before training


class Summary(Outcome):
    """A finished run: its identity, its configuration and its outcome."""

    variant: str
    seed: int
    fingerprint: str  # of the run
    data_fingerprint: str
    config: Settings


class Durations(Record):
    """How long a run took. Neither DVC nor git sees this file, because it differs each time."""

    fingerprint: str  # of the run
    ended: float  # seconds since 1970
    epochs: tuple[float, ...]  # seconds of each epoch

    @property
    def seconds(self) -> float:
        """Seconds of all epochs together."""
        return sum(self.epochs)

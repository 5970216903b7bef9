"""Types of the files of a run: summary.json, which says that it is finished and what it reached, and durations.json."""

from typing import Any, ClassVar

from overfitting.base.records import Record


class Settings(Record):
    """The configuration that a run was trained with, as plain values."""

    variant: dict[str, Any]
    training: dict[str, Any]


class Fit(Record):
    """What a network reached with its early or late weights.

    Log loss and accuracy are means over all training or validation rows, without dropout and without penalty. Sizes
    are of hidden weights, and shares of their number.
    """

    train_log_loss: float
    train_accuracy: float
    val_log_loss: float
    val_accuracy: float
    weight_norm: float  # L2 norm of all of them
    near_zero_share: float  # |w| below 0.001
    zero_share: float  # exactly 0
    weight_histogram: tuple[float, ...]  # share per bin of log10 |w|
    val_log_loss_pruned: float  # after the weights that are near zero are set to 0


class Outcome(Record):
    """What a run reached with the weights of its best epoch (early) and of its last epoch (late)."""

    train_rows: int
    epochs: int
    best_epoch: int  # lowest validation log loss, counted from 1
    early: Fit
    late: Fit
    parameters: int
    near_zero_share_initial: float  # before training
    weight_bins: tuple[float, ...]  # edges of the histograms, log10 |w|


class Summary(Outcome):
    """A finished run: its identity, its configuration, its outcome and its other files."""

    has_checksum: ClassVar[bool] = True

    variant: str
    seed: int
    repeat: int  # counts the networks of a seed, from 0
    fingerprint: str  # of the run
    data_fingerprint: str
    config: Settings
    files: dict[str, str]  # SHA-256 of early.keras, late.keras and history.csv


class Durations(Record):
    """How long a run took. Neither DVC nor git sees this file, because it differs each time."""

    fingerprint: str  # of the run
    ended: float  # seconds since 1970
    epochs: tuple[float, ...]  # seconds of each epoch

    @property
    def seconds(self) -> float:
        """Seconds of all epochs together."""
        return sum(self.epochs)

"""The rows that a run trains and validates on."""

from dataclasses import dataclass

import numpy as np

from overfitting.base import files
from overfitting.data.replicates import Sample
from overfitting.data.scaling import Scaling


@dataclass(frozen=True)
class Rows:
    """Scaled features (n_rows, n_features) float32 and labels (n_rows,) float32 in {0, 1}."""

    features: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from. `scaling` says what the columns are, which the remedy `symmetry` needs."""

    train: Rows
    validation: Rows
    scaling: Scaling | None = None

    def batches(self, batch_size: int) -> tuple[int, int]:
        """Steps per epoch, and rows per step: `batch_size`, or all training rows if they are fewer."""
        n_rows = len(self.train.labels)
        rows = min(batch_size, n_rows)
        return n_rows // rows, rows


def read(sample: Sample) -> TrainingData:
    """The rows of `sample`, memory-mapped if they are contiguous.

    Raises:
        UserError: the prepared rows are missing or damaged.
    """
    features, labels = files.read_rows("pool")
    train, validation = (Rows(features[chosen], labels[chosen]) for chosen in sample)
    return TrainingData(train, validation, Scaling(**files.read_json(files.prepared(files.SCALING))))

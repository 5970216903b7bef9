"""The rows that a run trains and validates on."""

from dataclasses import dataclass

import numpy as np

from overfitting.base import files
from overfitting.config.schema import Variant
from overfitting.data.manifest import Manifest
from overfitting.data.scaling import Scaling
from overfitting.training.remedies import active


@dataclass(frozen=True)
class Rows:
    """Scaled features (n_rows, n_features) float32 and labels (n_rows,) float32 in {0, 1}."""

    features: np.ndarray
    labels: np.ndarray

    def first(self, count: int) -> "Rows":
        """The first `count` rows, in the same memory."""
        return Rows(self.features[:count], self.labels[:count])


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from.

    An epoch visits `epoch_rows` of the training rows (None: all). `scaling` says what the columns are, which the remedy
    `symmetry` needs.
    """

    train: Rows
    validation: Rows
    epoch_rows: int | None = None
    scaling: Scaling | None = None

    def steps(self, batch_size: int) -> int:
        """Steps per epoch."""
        return (self.epoch_rows or len(self.train.labels)) // batch_size


def read(variant: Variant, manifest: Manifest) -> TrainingData:
    """The prepared rows for a variant, memory-mapped; a variant with more rows takes as many steps per epoch.

    Raises:
        UserError: the rows are missing.
    """
    train, validation = (Rows(*files.read_rows(name)) for name in ("train", "validation"))
    more = sum(remedy.more_rows(manifest) for remedy in active(variant))
    scaling = Scaling(**files.read_json(files.SCALING))
    return TrainingData(train.first(manifest.train_rows + more), validation, manifest.train_rows, scaling)

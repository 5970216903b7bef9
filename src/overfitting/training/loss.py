"""Log loss and accuracy of each row, from logits."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def log_loss_rows(labels: Array, logits: Array) -> Array:
    """Binary cross-entropy of each row, in nats: softplus(logit) - label * logit. Shapes: (n_rows,), (..., n_rows)."""
    logits = np.asarray(logits, np.float64)
    losses: Array = np.logaddexp(0.0, logits) - labels * logits
    return losses


def accuracy_rows(labels: Array, logits: Array) -> Array:
    """1 where the class is right, else 0. A logit is thresholded at 0, which is a probability of 0.5."""
    right: Array = ((np.asarray(logits) > 0) == (labels > 0.5)).astype(np.float64)
    return right

"""Log loss, AUC, accuracy, Brier score and calibration error of logits: arrays in, numbers out.

Each metric is given as *row values*: one number per row. Their mean is the metric, and their variance over the rows,
divided by the number of rows, is its sampling variance (to first order). Log loss, accuracy and Brier score are
means already. The row values of the AUC are DeLong's placement values; those of the calibration error are its
influence function for the bins as found. So one formula serves all intervals (see `statistics`).

Labels are (n_rows,) of 0 and 1; logits are (..., n_rows); row values have the shape of the logits, float64.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata

from overfitting.evaluation.results import Metric
from overfitting.training.loss import Array, accuracy_rows, log_loss_rows

RowMetric = Callable[[Array, Array], Array]  # (labels, logits) -> row values


def brier_rows(labels: Array, logits: Array) -> Array:
    """Squared difference between probability and label (Brier 1950)."""
    scores: Array = np.square(expit(np.asarray(logits, np.float64)) - labels)
    return scores


def auc_rows(labels: Array, logits: Array) -> Array:
    """Placement values (DeLong, DeLong, Clarke-Pearson 1988), weighted so that their mean is the AUC; ties count half.

    Raises:
        ValueError: the labels are all of one class, so the AUC is not defined.
    """
    positive = labels > 0.5
    if positive.all() or not positive.any():
        raise ValueError("the AUC needs rows of both classes")
    logits = np.asarray(logits, np.float64)
    ranks = rankdata(logits, axis=-1)
    placements = np.empty(logits.shape)
    for group in (positive, ~positive):
        beaten = (ranks[..., group] - rankdata(logits[..., group], axis=-1)) / (~group).sum()
        placements[..., group] = beaten if group is positive else 1.0 - beaten
        area = placements[..., group].mean(axis=-1, keepdims=True)
        placements[..., group] = area + (placements[..., group] - area) * positive.size / group.sum()
    return placements


def calibration_error_rows(labels: Array, logits: Array, bins: int = 15) -> Array:
    """Expected calibration error over `bins` equally wide bins of probability (Guo, Pleiss, Sun, Weinberger 2017).

    The error is the sum over bins of |sum(p - y)| / n_rows, so a row's value is (p - y) times its bin's sign.
    """
    probabilities = expit(np.asarray(logits, np.float64))
    difference = probabilities - labels
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    flat_index, flat_difference = index.reshape(-1, index.shape[-1]), difference.reshape(-1, index.shape[-1])
    signs = [
        np.sign(np.bincount(i, weights=d, minlength=bins))[i] for i, d in zip(flat_index, flat_difference, strict=True)
    ]
    values: Array = difference * np.reshape(signs, difference.shape)
    return values


def row_metrics(calibration_bins: int) -> dict[Metric, RowMetric]:
    """The metrics of the test rows, by their names in results/metrics.json."""
    return {
        "test_log_loss": log_loss_rows,
        "test_auc": auc_rows,
        "test_accuracy": accuracy_rows,
        "test_brier": brier_rows,
        "test_calibration_error": lambda labels, logits: calibration_error_rows(labels, logits, calibration_bins),
    }

"""Metrics of the test rows: log loss, AUC, accuracy, Brier score and calibration error, with their intervals.

Each metric is given as *row values*: one number per row. Their mean is the metric, and their variance over the rows,
divided by the number of rows, is its sampling variance (to first order). Log loss, accuracy and Brier score are
means already. The row values of the AUC are DeLong's placement values; those of the calibration error are its
influence function for the bins as found. So one formula serves all intervals (see `statistics`).

Labels are (n_rows,) of 0 and 1; logits are (..., n_rows); row values have the shape of the logits, float64.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from overfitting.config.schema import Evaluation
from overfitting.data.test_rows import Own
from overfitting.evaluation import statistics
from overfitting.evaluation.results import REFERENCE, Calibration, Difference, Estimate, Metric
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
    flat = zip(*(a.reshape(-1, labels.size) for a in (_bins(probabilities, bins), difference)), strict=True)
    signs = [np.sign(np.bincount(index, weights=of_row, minlength=bins))[index] for index, of_row in flat]
    values: Array = difference * np.reshape(signs, difference.shape)
    return values


def _bins(probabilities: Array, bins: int) -> NDArray[np.int64]:
    index: NDArray[np.int64] = np.minimum((probabilities * bins).astype(int), bins - 1)
    return index


def row_metrics(calibration_bins: int) -> dict[Metric, RowMetric]:
    """The metrics of the test rows, by their names in results/metrics.json."""
    return {
        "test_log_loss": log_loss_rows,
        "test_auc": auc_rows,
        "test_accuracy": accuracy_rows,
        "test_brier": brier_rows,
        "test_calibration_error": lambda labels, logits: calibration_error_rows(labels, logits, calibration_bins),
    }


@dataclass(frozen=True)
class Judge:
    """The test rows' labels (n_rows,), the settings, and the mean share of rows that two seeds' samples share.

    Logits are (n_seeds, n_predictors, n_rows): the values of a seed are means over its predictors. With repeated splits
    each seed has `own` test rows. Row values of two seeds are then not paired, so a seed has one value, its mean.
    """

    labels: Array
    evaluation: Evaluation
    overlap: float
    own: Own | None = None

    def losses(self, logits: Array) -> Array:
        """Row values (n_seeds, n_rows) of the log loss, or the value of each seed (n_seeds, 1)."""
        return self._rows(log_loss_rows, logits)

    def scores(self, logits: Array, seed: int) -> dict[Metric, float]:
        """Metrics of one predictor of the seed with that index, whose logits are (n_rows,)."""
        labels, logits = self._tested(logits, seed)
        functions = row_metrics(self.evaluation.calibration_bins)
        return {metric: float(function(labels, logits).mean()) for metric, function in functions.items()}

    def metrics(self, logits: Array) -> dict[Metric, Estimate]:
        """All metrics with their intervals; the calibration error has none, because its estimate is biased."""
        found: dict[Metric, Estimate] = {}
        for metric, function in row_metrics(self.evaluation.calibration_bins).items():
            rows = self._rows(function, logits)
            if metric == "test_auc" and self.own is None:
                found[metric] = statistics.auc_interval(rows, self.labels, self.evaluation.confidence, self.overlap)
            else:
                found[metric] = self.interval(rows)
        error = found["test_calibration_error"].model_copy(update={"ci_low": None, "ci_high": None})
        return {**found, "test_calibration_error": error}

    def interval(self, rows: Array) -> Estimate:
        """Mean and interval of row values (n_seeds, n_rows)."""
        return statistics.interval(rows, self.evaluation.confidence, self.overlap)

    def over_seeds(self, values: Array) -> Estimate:
        """Mean and interval of one number per seed (n_seeds,)."""
        return statistics.seed_interval(values, self.evaluation.confidence, self.overlap)

    def compared(self, losses: Mapping[str, Array]) -> dict[str, Difference]:
        """Differences to the losses of `large`; empty if it did not run."""
        large = losses.get(REFERENCE)
        others = {} if large is None else {name: rows - large for name, rows in losses.items() if name != REFERENCE}
        return self.differences(others)

    def differences(self, rows: Mapping[str, Array]) -> dict[str, Difference]:
        """Paired differences (n_seeds, n_rows), whose intervals hold together."""
        margin, found = self.evaluation.margin, {}
        for name, estimate in statistics.simultaneous(rows, self.evaluation.confidence, self.overlap).items():
            status, needed = statistics.status(estimate, margin), None
            if status == "undecided":
                needed = statistics.seeds_needed(rows[name], estimate, margin, self.overlap)
            found[name] = Difference(**dict(estimate), status=status, seeds_needed=needed)
        return found

    def best(self, losses: Mapping[str, Array]) -> tuple[str, ...]:
        """The best set: variants that are not worse than any other."""
        return statistics.best_set(losses, self.evaluation.confidence, self.overlap)

    def calibration(self, logits: Array) -> Calibration:
        """Points of a reliability diagram (Guo et al. 2017) over bins of equal width.

        Probabilities and shares are over all predictors; numbers of rows are means over them.
        """
        labels, tested = zip(*(self._tested(of_seed, seed) for seed, of_seed in enumerate(logits)), strict=True)
        bins, probabilities = self.evaluation.calibration_bins, expit(np.stack(tested))
        signal = np.broadcast_to(np.stack(labels)[:, None], probabilities.shape)
        index = _bins(probabilities, bins).ravel()
        count = np.bincount(index, minlength=bins)
        predicted, observed = (
            tuple(total / n if n else None for total, n in zip(totals.tolist(), count.tolist(), strict=True))
            for totals in (np.bincount(index, values.ravel(), bins) for values in (probabilities, signal))
        )
        rows = tuple((count * probabilities.shape[-1] / index.size).tolist())
        return Calibration(predicted=predicted, observed=observed, rows=rows)

    def _tested(self, logits: Array, seed: int) -> tuple[Array, Array]:
        """Labels and logits (..., n_rows) of the rows on which a seed is tested."""
        return (self.labels, logits) if self.own is None else (self.labels[self.own[seed]], logits[..., self.own[seed]])

    def _rows(self, function: RowMetric, logits: Array) -> Array:
        if self.own is None:
            values: Array = function(self.labels, logits).mean(axis=1)
            return values
        return np.array([[function(*self._tested(of_seed, seed)).mean()] for seed, of_seed in enumerate(logits)])

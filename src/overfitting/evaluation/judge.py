"""What the test rows say: metrics with their intervals, differences with their statuses, the best set, calibration."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from overfitting.config.schema import Evaluation
from overfitting.data.test_rows import Own
from overfitting.evaluation import results, statistics
from overfitting.evaluation.metrics import RowMetric, row_metrics
from overfitting.evaluation.results import REFERENCE, Difference, Estimate, Metric
from overfitting.evaluation.statistics import Interval
from overfitting.training.loss import Array, log_loss_rows


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
        return {metric: float(function(labels, logits).mean()) for metric, function in self._functions.items()}

    def metrics(self, logits: Array) -> dict[Metric, Estimate]:
        """All metrics with their intervals; the calibration error has none (see `statistics`)."""
        return {metric: self._metric(metric, logits) for metric in self._functions}

    def interval(self, rows: Array) -> Estimate:
        """Mean and interval of row values (n_seeds, n_rows)."""
        confidence = self.evaluation.confidence
        return estimate(statistics.interval(rows, confidence, self.overlap), rows.mean(axis=1))

    def over_seeds(self, values: Array) -> Estimate:
        """Mean and interval of one number per seed (n_seeds,)."""
        return estimate(statistics.seed_interval(values, self.evaluation.confidence, self.overlap), values)

    def compared(self, losses: Mapping[str, Array]) -> dict[str, Difference]:
        """Differences to the losses of `large`; empty if it did not run."""
        if REFERENCE not in losses:
            return {}
        large = losses[REFERENCE]
        return self.differences({name: rows - large for name, rows in losses.items() if name != REFERENCE})

    def differences(self, rows: Mapping[str, Array]) -> dict[str, Difference]:
        """Paired differences (n_seeds, n_rows), whose intervals hold together."""
        if not rows:
            return {}
        confidence, margin = self.evaluation.confidence, self.evaluation.margin
        found = {}
        for name, interval in statistics.simultaneous(rows, confidence, self.overlap).items():
            status = statistics.status(interval, margin)
            needed = None
            if status == "undecided":
                needed = statistics.seeds_needed(rows[name], interval, margin, self.overlap)
            content = dict(estimate(interval, rows[name].mean(axis=1)))
            found[name] = Difference(**content, status=status, seeds_needed=needed)
        return found

    def best(self, losses: Mapping[str, Array]) -> tuple[str, ...]:
        """The best set: variants that are not worse than any other."""
        return statistics.best_set(losses, self.evaluation.confidence, self.overlap) if losses else ()

    def calibration(self, logits: Array) -> results.Calibration:
        """Points of a reliability diagram (Guo et al. 2017) over bins of equal width.

        Probabilities and shares are over all predictors; numbers of rows are means over them.
        """
        tested = [self._tested(of_seed, seed) for seed, of_seed in enumerate(logits)]
        bins, probabilities = self.evaluation.calibration_bins, expit(np.stack([found for _, found in tested]))
        index = np.minimum((probabilities * bins).astype(int), bins - 1).ravel()
        signal = np.concatenate([np.tile(labels, len(found)) for labels, found in tested])
        count, predicted, observed = (
            np.bincount(index, weights=weights, minlength=bins)
            for weights in (np.ones(index.size), probabilities.ravel(), signal)
        )
        return results.Calibration(
            predicted=tuple(float(total / n) if n else None for total, n in zip(predicted, count, strict=True)),
            observed=tuple(float(total / n) if n else None for total, n in zip(observed, count, strict=True)),
            rows=tuple((count * probabilities.shape[-1] / index.size).tolist()),
        )

    @property
    def _functions(self) -> Mapping[Metric, RowMetric]:
        return row_metrics(self.evaluation.calibration_bins)

    def _tested(self, logits: Array, seed: int) -> tuple[Array, Array]:
        """Labels and logits (..., n_rows) of the rows on which a seed is tested."""
        return (self.labels, logits) if self.own is None else (self.labels[self.own[seed]], logits[..., self.own[seed]])

    def _rows(self, function: RowMetric, logits: Array) -> Array:
        if self.own is None:
            values: Array = function(self.labels, logits).mean(axis=1)
            return values
        return np.array([[function(*self._tested(of_seed, seed)).mean()] for seed, of_seed in enumerate(logits)])

    def _metric(self, metric: Metric, logits: Array) -> Estimate:
        rows = self._rows(self._functions[metric], logits)
        if metric == "test_auc" and self.own is None:
            area = statistics.auc_interval(rows, self.labels, self.evaluation.confidence, self.overlap)
            return estimate(area, rows.mean(axis=1))
        found = self.interval(rows)
        if metric == "test_calibration_error":
            return found.model_copy(update={"ci_low": None, "ci_high": None})
        return found


def estimate(interval: Interval, by_seed: Array) -> Estimate:
    """The interval with the values of the seeds."""
    return Estimate(
        mean=interval.mean,
        ci_low=interval.low,
        ci_high=interval.high,
        std=float(by_seed.std(ddof=1)) if by_seed.size > 1 else None,
        seeds=tuple(by_seed.tolist()),
    )

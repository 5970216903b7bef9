"""Changes of each variant's metrics since another commit, judged against the noise of seeds and test rows.

A metric changed only if training once more is unlikely to explain it. The judgement depends on what can be paired:

- *Rows*: both commits have predictions of the same test rows and share at least two seeds. Changes are paired by seed
  and by row, as differences to `large` are (`statistics.difference`), so intervals hold for new seeds and new rows.
  Metrics without row values (gaps, best epoch) are paired by seed.
- *Seeds*: the same rows and shared seeds, but one commit's predictions are missing. The values per seed in
  results/metrics.json are paired: Student's interval over the seeds. The test rows count as given.
- *Apart*: other rows, or fewer than two shared seeds. Nothing can be paired, so the two intervals are combined as for
  independent estimates (MOVER: Zou, Donner, Statistics in Medicine 27, 2008). If the rows are the same nonetheless, the
  interval is too wide rather than too narrow.

Only shared seeds are paired, so an added seed alone changes nothing. P-values of a metric are corrected (Holm) for the
number of variants that differ at all: a variant that did not run again cannot change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd
from scipy import stats

from overfitting.config.schema import Evaluation
from overfitting.evaluation.metrics import RowMetric, row_metrics
from overfitting.evaluation.results import Difference, Estimate, Metrics
from overfitting.evaluation.statistics import difference, ensemble_rows, holm, seed_interval
from overfitting.training.loss import Array

OF_TRAINING = ("gap_best", "gap_last", "best_epoch")
SAME_ROWS = {  # fields of the manifest; equal shares of signal make another order of the rows unlikely
    "sha256",
    "train_rows",
    "validation_rows",
    "test_rows",
    "duplicates_dropped",
    "train_signal_share",
    "validation_signal_share",
    "test_signal_share",
}


class Basis(Enum):
    """How two commits can be compared; the value is the text in the comment."""

    ROWS = "paired by seed and by test row"
    SEEDS = "paired by seed, on these test rows (the predictions of the base are not available)"
    APART = "not paired, because the test rows or the seeds differ"


@dataclass(frozen=True)
class Change:
    """A metric of a variant before and now; `size` is now - before."""

    variant: str
    metric: str
    before: float
    now: float
    size: Difference
    confidence: float

    @property
    def same(self) -> bool:
        """Whether the metric is equal to the last bit in every shared seed."""
        return not any(self.size.seeds)

    @property
    def beyond_noise(self) -> bool:
        """Whether the metric changed."""
        return self.size.p_holm is not None and self.size.p_holm < 1 - self.confidence


@dataclass(frozen=True)
class Results:
    """Results at a commit: results/metrics.json and, if available, results/predictions.parquet."""

    metrics: Metrics
    predictions: pd.DataFrame | None = None

    def estimate(self, variant: str, metric: str) -> Estimate | None:
        """Estimate of a metric of the test rows or the training; None if the variant is missing or did not train."""
        found = self.metrics.variants.get(variant)
        if found is None:
            return None
        values: dict[str, Estimate] = dict(found.metrics.items())
        if found.training:
            values["gap_best"] = found.training.gap_best
            values["gap_last"] = found.training.gap_last
            values["best_epoch"] = found.training.best_epoch
        return values.get(metric)

    def row_values(self, function: RowMetric, variant: str, seeds: Sequence[int]) -> Array:
        """Row values (n_seeds, n_rows) of a variant; an ensemble's come from its members."""
        assert self.predictions is not None
        labels = self.predictions["label"].to_numpy(np.float64)
        member = self.metrics.variants[variant].ensemble_of
        logits = np.stack([self.predictions[f"{member or variant}/{seed}"].to_numpy() for seed in seeds])
        return ensemble_rows(lambda of: function(labels, of), logits) if member else function(labels, logits)

    def seed_values(self, found: Estimate, seeds: Sequence[int]) -> Array:
        """Values (n_seeds,) of an estimate."""
        by_seed = dict(zip(self.metrics.run.seeds, found.seeds, strict=True))
        return np.array([by_seed[seed] for seed in seeds])


def basis(before: Results, after: Results) -> Basis:
    """How the results of two commits can be compared."""
    old, new = (side.metrics.data.model_dump(include=SAME_ROWS) for side in (before, after))
    if len(_shared_seeds(before, after)) < 2 or old != new:
        return Basis.APART
    if before.predictions is None or after.predictions is None:
        return Basis.SEEDS
    return Basis.ROWS if before.predictions["label"].equals(after.predictions["label"]) else Basis.APART


def changes(before: Results, after: Results, evaluation: Evaluation) -> list[Change]:
    """Every metric of every variant that both commits have, by metric and then by the present ranking.

    Confidence and calibration bins are those of `evaluation`, for both commits.
    """
    of_rows = row_metrics(evaluation.calibration_bins)
    metrics: list[tuple[str, RowMetric | None]] = [*of_rows.items(), *((name, None) for name in OF_TRAINING)]
    return [
        change
        for metric, function in metrics
        for change in _of_metric(metric, function, before, after, evaluation.confidence)
    ]


def _of_metric(
    metric: str, function: RowMetric | None, before: Results, after: Results, confidence: float
) -> list[Change]:
    """Changes of one metric; p-values are corrected for the number of variants that differ."""
    how, seeds = basis(before, after), _shared_seeds(before, after)
    means: dict[str, tuple[float, float]] = {}
    sizes: dict[str, Difference] = {}
    for name in after.metrics.verdict.ranking:
        old, new = before.estimate(name, metric), after.estimate(name, metric)
        if old is None or new is None:
            continue
        means[name] = old.mean, new.mean
        if how is Basis.APART:
            sizes[name] = _unpaired(old, new, confidence)
        elif how is Basis.ROWS and function is not None:
            now, then = (side.row_values(function, name, seeds) for side in (after, before))
            sizes[name] = difference(now, then, confidence)
        else:
            sizes[name] = _paired_by_seed(after.seed_values(new, seeds) - before.seed_values(old, seeds), confidence)
    differ = [name for name, size in sizes.items() if any(size.seeds)]
    adjusted = dict(zip(differ, holm([sizes[name].p_value for name in differ]), strict=True))
    return [
        Change(name, metric, *means[name], size.model_copy(update={"p_holm": adjusted.get(name)}), confidence)
        for name, size in sizes.items()
    ]


def _paired_by_seed(changed: Array, confidence: float) -> Difference:
    """Student's interval and p-value of paired changes (n_seeds,), at least two."""
    found = seed_interval(changed.tolist(), confidence)
    error = (found.std or 0.0) / np.sqrt(changed.size)
    # equal changes, as of epochs, leave no noise to judge by
    p_value = float(2 * stats.t.sf(abs(found.mean) / error, changed.size - 1)) if error else 0.0
    return Difference(**dict(found), p_value=p_value)


def _unpaired(old: Estimate, new: Estimate, confidence: float) -> Difference:
    """The change of two independent estimates, from their intervals (MOVER).

    The p-value is Student's with the degrees of freedom of fewer seeds, scaled so that it is 1 - confidence if the
    interval touches 0.
    """
    mean = new.mean - old.mean
    if new.ci_low is None or new.ci_high is None or old.ci_low is None or old.ci_high is None:
        return Difference(mean=mean, ci_low=None, ci_high=None, std=None, seeds=(mean,), p_value=None)
    below = float(np.hypot(new.mean - new.ci_low, old.ci_high - old.mean))
    above = float(np.hypot(new.ci_high - new.mean, old.mean - old.ci_low))
    freedom = min(len(old.seeds), len(new.seeds)) - 1
    half = below if mean > 0 else above
    scaled = abs(mean) / half * stats.t.ppf(0.5 + confidence / 2, freedom) if half else np.inf
    p_value = float(2 * stats.t.sf(scaled, freedom))
    return Difference(mean=mean, ci_low=mean - below, ci_high=mean + above, std=None, seeds=(mean,), p_value=p_value)


def _shared_seeds(before: Results, after: Results) -> list[int]:
    return [seed for seed in before.metrics.run.seeds if seed in after.metrics.run.seeds]

"""By how much the metrics of each variant changed since another commit, and whether seeds and rows explain it.

Nothing is called a change that training once more could have given. What is compared decides how that is judged:

- *Rows*: both commits have predictions of the same test rows with at least two common seeds. Differences are paired by
  seed and by row, as those to `large` are (`statistics.difference`). So the interval is for new seeds and
  new rows. What no row tells (gaps, the best epoch) is paired by seed.
- *Seeds*: the same rows and common seeds, but the predictions of one commit are nowhere. The values of each seed, which
  results/metrics.json has, are paired: Student's interval over the seeds. The test rows count as given, so a change is
  one on these rows.
- *Apart*: other rows, or fewer than two common seeds. Nothing pairs, so the intervals of both are combined as those of
  independent estimates (MOVER: Zou, Donner, Statistics in Medicine 27, 2008). Where the rows are the same nonetheless,
  that errs towards no change.

Pairing takes the seeds that both have: an added seed alone changes nothing. It is right whatever the variants share of
a seed, since differences of independent values are independent too. The p-values of a metric are corrected for the
number of variants that differ at all (Holm): those that did not run again cannot change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from overfitting.config.schema import Evaluation
from overfitting.evaluation.metrics import Array, row_metrics
from overfitting.evaluation.statistics import difference, ensemble_rows, holm, seed_interval

OF_TRAINING = ("gap_best", "gap_last", "best_epoch")
# of the data in results/metrics.json; the shares of signal tell of another order
SAME_ROWS = (
    "sha256",
    "train_rows",
    "validation_rows",
    "test_rows",
    "duplicates_dropped",
    "train_signal_share",
    "validation_signal_share",
    "test_signal_share",
)
RowMetric = Callable[[Array, Array], Array]


class Basis(Enum):
    """How two commits can be compared; the value says it to people."""

    ROWS = "paired by seed and by test row"
    SEEDS = "paired by seed, on these test rows (the predictions of the base are not at hand)"
    APART = "not paired, as test rows or seeds are others"


@dataclass(frozen=True)
class Change:
    """A metric of a variant before and now; `ci_low` to `ci_high` is the interval of now - before.

    `p_holm` is None where one seed tells nothing of noise; `same`: equal to the last bit in every common seed.
    """

    variant: str
    metric: str
    before: float
    now: float
    mean: float
    ci_low: float | None
    ci_high: float | None
    p_holm: float | None
    same: bool
    confidence: float

    @property
    def beyond_noise(self) -> bool:
        """Whether it is a change at all."""
        return not self.same and self.p_holm is not None and self.p_holm < 1 - self.confidence


@dataclass(frozen=True)
class Results:
    """What a commit found: results/metrics.json and, where they are at hand, results/predictions.parquet."""

    metrics: Mapping[str, Any]
    predictions: pd.DataFrame | None = None

    def of_rows(self, function: RowMetric, variant: str, seeds: Sequence[int]) -> Array:
        """Row values (n_seeds, n_rows) of a variant, or of an ensemble of its members."""
        assert self.predictions is not None
        labels = self.predictions["label"].to_numpy(np.float64)
        member = self.metrics["variants"][variant].get("ensemble_of")
        logits = np.stack([self.predictions[f"{member or variant}/{seed}"].to_numpy() for seed in seeds])
        return ensemble_rows(lambda of: function(labels, of), logits) if member else function(labels, logits)

    def of_seeds(self, metric: str, variant: str, seeds: Sequence[int]) -> Array:
        """Values (n_seeds,) of a metric of a variant."""
        values = self.metrics["variants"][variant][metric]["seeds"]
        by_seed = dict(zip(self.metrics["run"]["seeds"], values, strict=True))
        return np.array([by_seed[seed] for seed in seeds])


def basis(before: Results, after: Results) -> Basis:
    """How the results of two commits can be compared."""
    same_rows = all(before.metrics["data"].get(key) == after.metrics["data"].get(key) for key in SAME_ROWS)
    if len(_common_seeds(before, after)) < 2 or not same_rows:
        return Basis.APART
    if before.predictions is None or after.predictions is None:
        return Basis.SEEDS
    return Basis.ROWS if before.predictions["label"].equals(after.predictions["label"]) else Basis.APART


def changes(before: Results, after: Results, evaluation: Evaluation) -> list[Change]:
    """Every metric of every variant that both commits have, by metric and by the ranking of now.

    Confidence and bins are those of `evaluation`, for both.
    """
    functions = row_metrics(evaluation.calibration_bins)
    variants = [name for name in after.metrics["verdict"]["ranking"] if name in before.metrics["variants"]]
    return [
        change
        for metric in (*functions, *OF_TRAINING)
        for change in _of_metric(metric, functions.get(metric), variants, before, after, evaluation.confidence)
    ]


def _of_metric(
    metric: str,
    function: RowMetric | None,
    variants: Sequence[str],
    before: Results,
    after: Results,
    confidence: float,
) -> list[Change]:
    """The changes of one metric; p-values are corrected for the number of variants that differ."""
    how, seeds = basis(before, after), _common_seeds(before, after)
    compared: dict[str, dict[str, Any]] = {}
    for name in variants:
        old, new = (results.metrics["variants"][name].get(metric) for results in (before, after))
        if old is None or new is None:  # an ensemble has not been trained
            continue
        if how is Basis.APART:
            compared[name] = _apart(old, new, confidence)
        elif how is Basis.ROWS and function is not None:
            now, then = (results.of_rows(function, name, seeds) for results in (after, before))
            compared[name] = difference(now, then, confidence)
        else:
            now, then = (results.of_seeds(metric, name, seeds) for results in (after, before))
            compared[name] = _by_seed(now - then, confidence)
    differ = [name for name in compared if any(compared[name]["seeds"])]
    adjusted = dict(zip(differ, holm([compared[name]["p_value"] for name in differ]), strict=True))
    return [
        Change(
            variant=name,
            metric=metric,
            before=before.metrics["variants"][name][metric]["mean"],
            now=after.metrics["variants"][name][metric]["mean"],
            mean=found["mean"],
            ci_low=found["ci_low"],
            ci_high=found["ci_high"],
            p_holm=adjusted.get(name),
            same=name not in adjusted,
            confidence=confidence,
        )
        for name, found in compared.items()
    ]


def _by_seed(differences: Array, confidence: float) -> dict[str, Any]:
    """Student's interval and p-value of paired differences (n_seeds,), at least two."""
    found = seed_interval(differences.tolist(), confidence)
    error = found["std"] / np.sqrt(differences.size)
    # equal differences, as epochs can be, leave no noise to judge by
    p_value = float(2 * stats.t.sf(abs(found["mean"]) / error, differences.size - 1)) if error else 0.0
    return {**found, "p_value": p_value}


def _apart(old: Mapping[str, Any], new: Mapping[str, Any], confidence: float) -> dict[str, Any]:
    """The difference of two independent estimates, from their intervals.

    The p-value is Student's with the freedom of fewer seeds, scaled to 1 - confidence where the interval touches 0.
    """
    mean = new["mean"] - old["mean"]
    found = {"mean": mean, "ci_low": None, "ci_high": None, "p_value": None, "seeds": [mean]}
    if new["ci_low"] is None or old["ci_low"] is None:
        return found
    below = float(np.hypot(new["mean"] - new["ci_low"], old["ci_high"] - old["mean"]))
    above = float(np.hypot(new["ci_high"] - new["mean"], old["mean"] - old["ci_low"]))
    freedom = min(len(old["seeds"]), len(new["seeds"])) - 1
    half = below if mean > 0 else above
    scaled = abs(mean) / half * stats.t.ppf(0.5 + confidence / 2, freedom) if half else np.inf
    return {**found, "ci_low": mean - below, "ci_high": mean + above, "p_value": float(2 * stats.t.sf(scaled, freedom))}


def _common_seeds(before: Results, after: Results) -> list[int]:
    return [seed for seed in before.metrics["run"]["seeds"] if seed in after.metrics["run"]["seeds"]]

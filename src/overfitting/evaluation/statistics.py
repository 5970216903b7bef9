"""Confidence intervals over seeds and test rows, simultaneous intervals of differences, and the best set.

Row values are (n_seeds, n_rows), paired by seed and row. A seed is a replicate with its own training rows. Their mean
varies with the seeds and with the test rows: two-way random effects, as for several readers of the same cases (Gallas,
Academic Radiology 13, 2006; Owen, Annals of Applied Statistics 1, 2007). Its variance has two parts:

- Seeds: the variance of the seeds' means times 1/R + q/(1 - q), where R is the number of seeds and q the mean share of
  rows that the samples of two seeds have in common (Nadeau, Bengio, Machine Learning 52, 2003); R - 1 degrees.
- Rows: the variance of the rows' means / n_rows, less what the seeds' part contains already. Its degrees of freedom,
  n_rows - 1, are divided by 1 + excess kurtosis / 2 (Box, Biometrika 40, 1953).

Half an interval is the root of the sum of the parts, each times the square of its critical value (Banerjee, Sankhya 22,
1960): with normal effects this never covers too little, whatever the parts' true sizes. docs/statistics.md derives each
formula and gives the error rates that a simulation found.

With repeated splits, seeds have different test rows. Row values are then (n_seeds, 1), the mean of each seed: they vary
with both, so there is one part, with q = n_test / (n_test + n_train), which makes the factor Nadeau and Bengio's.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy import optimize, special

from overfitting.base.errors import UserError
from overfitting.training.loss import Array

Status = Literal["better", "worse", "equivalent", "undecided", "one seed"]
MIN_ROWS: Final = 100  # with fewer, intervals of heavy-tailed log losses do not hold
MIN_CLASS_ROWS: Final = 3  # of each class, for the AUC
MAX_SEEDS: Final = 1000  # of `seeds_needed`
DRAWS: Final = 10_000  # simulated, of the largest of several t-statistics


class Interval(NamedTuple):
    """A mean and its confidence interval; None with one seed, or too few rows (see `MIN_ROWS`)."""

    mean: float
    low: float | None
    high: float | None
    seeds: int = 1


class Spread(NamedTuple):
    """The variance of a mean: its parts, seeds first, and their degrees of freedom."""

    parts: Array
    freedoms: Array

    def half(self, levels: Array | float) -> float:
        """Half the width of an interval; `levels` are the one-sided probabilities of all parts, or of each."""
        return float(np.sqrt(self.parts @ np.square(special.stdtrit(self.freedoms, levels))))


def interval(rows: Array, confidence: float, overlap: float = 0.0) -> Interval:
    """Interval of the mean of row values, over seeds and rows."""
    return _interval(rows, 0.5 + confidence / 2, overlap)


def seed_interval(values: Sequence[float] | Array, confidence: float, overlap: float = 0.0) -> Interval:
    """Student's interval of the mean of one number per seed, such as the best epoch."""
    array = _finite(np.asarray(values, np.float64))
    if array.size < 2 or overlap >= 1:
        return Interval(float(array.mean()), None, None, array.size)
    error = np.sqrt(array.var(ddof=1) * (1 / array.size + _shared(overlap)))
    half = special.stdtrit(array.size - 1, 0.5 + confidence / 2) * error
    return Interval(float(array.mean()), float(array.mean() - half), float(array.mean() + half), array.size)


def auc_interval(rows: Array, labels: Array, confidence: float, overlap: float = 0.0) -> Interval:
    """Interval of the AUC, from the row values of `metrics.auc_rows`, on the logit scale.

    The rows of each class are a part of the variance. One more row with placement value 0.5 joins each class, as in the
    intervals of proportions by Agresti and Coull (1998): rare labels and perfect separation then have honest widths.
    """
    n_seeds, n_rows = _finite(rows).shape
    mean, positive = float(np.clip(rows.mean(), 0, 1)), labels > 0.5
    counts = np.array([positive.sum(), n_rows - positive.sum()])
    if n_seeds < 2 or counts.min() < MIN_CLASS_ROWS or overlap >= 1:
        return Interval(mean, None, None, n_seeds)
    parts = [rows.mean(axis=1).var(ddof=1) * (1 / n_seeds + _shared(overlap))]
    for group, count in zip((positive, ~positive), counts, strict=True):
        placements = mean + (rows[:, group] - mean) * count / n_rows
        _, cases, both = _mean_squares(np.column_stack([placements, np.full(n_seeds, 0.5)]))
        parts.append(max(cases - both / n_seeds, 0.0) / count)
    spread = Spread(np.array(parts), np.array([n_seeds - 1, *(counts - 1)]))
    moved = (counts.min() * mean + 0.5) / (counts.min() + 1)
    half = spread.half(0.5 + confidence / 2) / (moved * (1 - moved))
    low, high = sorted(special.logit([moved, mean]))
    return Interval(mean, float(special.expit(low - half)), float(special.expit(high + half)), n_seeds)


def simultaneous(differences: Mapping[str, Array], confidence: float, overlap: float = 0.0) -> dict[str, Interval]:
    """Intervals of row values that hold together: all contain the true mean with probability `confidence`."""
    levels = _levels(list(differences.values()), confidence, two_sided=True)
    return {name: _interval(rows, levels, overlap) for name, rows in differences.items()}


def best_set(rows: Mapping[str, Array], confidence: float, overlap: float = 0.0) -> tuple[str, ...]:
    """Variants whose row values of a loss are not significantly above those of any other, lowest mean first.

    The set holds the truly best variant with probability `confidence` (Hsu, Annals of Statistics 12, 1984): that one
    leaves only if it seems worse than another, so comparisons are one-sided, with all others at once.
    """
    for values in rows.values():
        _finite(values)

    def stays(name: str) -> bool:
        above = [rows[name] - values for other, values in rows.items() if other != name]
        levels = _levels(above, confidence, two_sided=False)
        lows = [_interval(each, levels, overlap).low for each in above]
        return all(low is None or low <= 0 for low in lows)

    return tuple(name for name in sorted(rows, key=lambda name: rows[name].mean()) if stays(name))


def status(found: Interval, margin: float) -> Status:
    """What the interval of a difference of losses says; `margin` is the largest difference that does not matter."""
    if found.low is None or found.high is None:
        return "one seed" if found.seeds < 2 else "undecided"
    if found.high < 0 or found.low > 0:
        return "better" if found.high < 0 else "worse"
    return "equivalent" if max(-found.low, found.high) < margin else "undecided"


def seeds_needed(rows: Array, found: Interval, margin: float, overlap: float = 0.0) -> int | None:
    """Smallest number of seeds that would decide an undecided difference, if its mean and variances stay as they are.

    `found` is the interval of its row values. None: no number up to `MAX_SEEDS` would, because the rows limit it.
    """
    if found.high is None or found.high == found.mean:
        return None
    half, distance, spread, factor = found.high - found.mean, abs(found.mean), _spread(rows, overlap), _shared(overlap)
    level = optimize.brentq(lambda level: spread.half(level) - half, 0.5, 1 - 1e-12)
    more = np.arange(len(rows) + 1, MAX_SEEDS + 1)
    seeds = spread.parts[0] * (1 / more + factor) / (1 / len(rows) + factor)
    cases = spread.parts[1] * special.stdtrit(spread.freedoms[1], level) ** 2
    halves = np.sqrt(seeds * np.square(special.stdtrit(more - 1, level)) + cases)
    decided = more[(halves < distance) | (halves + distance < margin)]
    return int(decided[0]) if decided.size else None


def _interval(rows: Array, levels: Array | float, overlap: float) -> Interval:
    n_seeds, n_rows = _finite(rows).shape
    mean = float(rows.mean())
    if n_seeds < 2 or 1 < n_rows < MIN_ROWS or overlap >= 1:
        return Interval(mean, None, None, n_seeds)
    half = _spread(rows, overlap).half(levels)
    return Interval(mean, mean - half, mean + half, n_seeds)


def _spread(rows: Array, overlap: float) -> Spread:
    n_seeds, n_rows = rows.shape
    if n_rows == 1:  # one value per seed, whose variance contains that of its rows
        return Spread(np.array([rows.var(ddof=1) * (1 / n_seeds + _shared(overlap)), 0.0]), np.array([n_seeds - 1, 1]))
    seeds, cases, both = _mean_squares(rows)
    of_seeds, of_rows = seeds * (1 / n_seeds + _shared(overlap)), cases / n_rows
    variance = max(of_seeds + of_rows - both / (n_seeds * n_rows), of_seeds, of_rows)
    scores = _standardised(rows.mean(axis=0))
    excess = max(0.0, n_rows * np.square(np.square(scores)).sum() - 3)
    return Spread(np.array([of_seeds, variance - of_seeds]), np.array([n_seeds - 1, (n_rows - 1) / (1 + excess / 2)]))


def _mean_squares(rows: Array) -> tuple[float, float, float]:
    """Variances of the seeds' means and of the rows' means, and the residual mean square, which both contain."""
    by_seed, by_row = rows.mean(axis=1), rows.mean(axis=0)
    residual = np.square(rows - by_seed[:, None] - by_row + rows.mean()).sum()
    return by_seed.var(ddof=1), by_row.var(ddof=1), residual / ((by_seed.size - 1) * (by_row.size - 1))


def _shared(overlap: float) -> float:
    """What samples with common rows add to 1 / n_seeds."""
    return overlap / (1 - overlap)


def _levels(rows: Sequence[Array], confidence: float, two_sided: bool) -> Array:
    """One-sided probabilities of the seeds' and the rows' critical values, with which all intervals hold together.

    They are those of the largest of correlated t-statistics, each with its own variance. A simulation finds them, with
    the correlations of the differences. Bonferroni's inequality bounds them.
    """
    single = 0.5 + confidence / 2 if two_sided else confidence
    if len(rows) < 2 or len(rows[0]) < 2:
        return np.array([single, single])
    by_seed, by_row = (np.stack([_finite(values).mean(axis=axis) for values in rows], axis=1) for axis in (1, 0))
    normal = _normal(*by_seed.shape)
    correlated = normal @ _root(by_seed)
    of_seeds = correlated[0] / np.sqrt(np.square(correlated[1:]).mean(axis=0))
    of_rows = normal[0] @ _root(by_row)
    size = np.abs if two_sided else np.asarray
    seeds, cases = (np.quantile(size(found).max(axis=1), confidence) for found in (of_seeds, of_rows))
    levels = [special.stdtr(len(by_seed) - 1, seeds), special.ndtr(cases)]
    return np.asarray(np.clip(levels, single, 1 - (1 - single) / len(rows)))


@lru_cache(maxsize=8)
def _normal(n_seeds: int, n_differences: int) -> Array:
    """The draws, always the same: (n_seeds, DRAWS, n_differences)."""
    return np.random.default_rng(0).standard_normal((n_seeds, DRAWS, n_differences))


def _root(values: Array) -> Array:
    """Upper Cholesky factor of the correlations of the columns of `values` (n, n_differences), shrunk for small n.

    Correlations of few numbers are too large: their squares are scaled to the mean of the squares adjusted for n.
    """
    n, n_columns = values.shape
    scores = _standardised(values)
    found = scores.T @ scores
    squares = np.square(found[np.triu_indices(n_columns, 1)])
    adjusted = (1 - (1 - squares) * (n - 1) / (n - 2)).sum() if n > 2 else 0.0
    kept = np.sqrt(max(0.0, adjusted) / squares.sum()) if squares.any() else 0.0
    correlations = kept * found
    np.fill_diagonal(correlations, 1 + 1e-9)  # a positive definite matrix, also for identical differences
    root: Array = np.linalg.cholesky(correlations).T
    return root


def _standardised(values: Array) -> Array:
    """Deviations from the mean of each column, divided by the root of their sum of squares; zeros if all are equal."""
    centred = values - values.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    scores: Array = centred / np.where(length, length, 1.0)
    return scores


def _finite(rows: Array) -> Array:
    if not np.isfinite(rows).all():
        bad = rows[~np.isfinite(rows)]
        raise UserError(
            f"expected finite row values, got {bad[0]} ({bad.size} of {rows.size}): a network diverged; lower its "
            "learning rate"
        )
    return rows

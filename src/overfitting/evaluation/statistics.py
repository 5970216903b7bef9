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
from typing import Final

import numpy as np
from scipy import optimize, special

from overfitting.base.errors import UserError
from overfitting.evaluation.results import Estimate, Status
from overfitting.training.loss import Array

MIN_ROWS: Final = 100  # with fewer, intervals of heavy-tailed log losses do not hold
MIN_CLASS_ROWS: Final = 3  # of each class, for the AUC
MAX_SEEDS: Final = 1000  # of `seeds_needed`
DRAWS: Final = 10_000  # simulated, of the largest of several t-statistics


def interval(rows: Array, confidence: float, overlap: float = 0.0) -> Estimate:
    """Mean of row values and its interval over seeds and rows; none with one seed or too few rows (`MIN_ROWS`)."""
    return _interval(rows, 0.5 + confidence / 2, overlap)


def seed_interval(values: Sequence[float] | Array, confidence: float, overlap: float = 0.0) -> Estimate:
    """Mean of one number per seed, such as the best epoch, and Student's interval."""
    array = _finite(np.asarray(values, np.float64))
    if array.size < 2 or overlap >= 1:
        return _estimate(array, array.mean())
    error = np.sqrt(array.var(ddof=1) * _factor(array.size, overlap))
    half = special.stdtrit(array.size - 1, 0.5 + confidence / 2) * error
    return _estimate(array, array.mean(), array.mean() - half, array.mean() + half)


def auc_interval(rows: Array, labels: Array, confidence: float, overlap: float = 0.0) -> Estimate:
    """The AUC and its interval on the logit scale, from the row values of `metrics.auc_rows`.

    The rows of each class are a part of the variance. One more row with placement value 0.5 joins each class, as in the
    intervals of proportions by Agresti and Coull (1998): rare labels and perfect separation then have honest widths.
    """
    n_seeds, n_rows = _finite(rows).shape
    by_seed, mean, positive = rows.mean(axis=1), float(np.clip(rows.mean(), 0, 1)), labels > 0.5
    counts = np.array([positive.sum(), n_rows - positive.sum()])
    if n_seeds < 2 or counts.min() < MIN_CLASS_ROWS or overlap >= 1:
        return _estimate(by_seed, mean)
    parts = [by_seed.var(ddof=1) * _factor(n_seeds, overlap)]
    for group, count in zip((positive, ~positive), counts, strict=True):
        placements = mean + (rows[:, group] - mean) * count / n_rows
        _, cases, both = _mean_squares(np.column_stack([placements, np.full(n_seeds, 0.5)]))
        parts.append(max(cases - both / n_seeds, 0.0) / count)
    moved = (counts.min() * mean + 0.5) / (counts.min() + 1)
    half = _half(np.array(parts), np.array([n_seeds - 1, *(counts - 1)]), 0.5 + confidence / 2) / (moved * (1 - moved))
    low, high = sorted(special.logit([moved, mean]))
    return _estimate(by_seed, mean, special.expit(low - half), special.expit(high + half))


def simultaneous(differences: Mapping[str, Array], confidence: float, overlap: float = 0.0) -> dict[str, Estimate]:
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
        lows = [_interval(each, levels, overlap).ci_low for each in above]
        return all(low is None or low <= 0 for low in lows)

    return tuple(name for name in sorted(rows, key=lambda name: rows[name].mean()) if stays(name))


def status(found: Estimate, margin: float) -> Status:
    """What the interval of a difference of losses says; `margin` is the largest difference that does not matter."""
    if found.ci_low is None or found.ci_high is None:
        return "one seed" if len(found.seeds) < 2 else "undecided"
    if found.ci_high < 0 or found.ci_low > 0:
        return "better" if found.ci_high < 0 else "worse"
    return "equivalent" if max(-found.ci_low, found.ci_high) < margin else "undecided"


def seeds_needed(rows: Array, found: Estimate, margin: float, overlap: float = 0.0) -> int | None:
    """Smallest number of seeds that would decide an undecided difference, if its mean and variances stay as they are.

    `found` is the interval of its row values. None: no number up to `MAX_SEEDS` would, because the rows limit it.
    """
    if found.ci_high is None or found.ci_high == found.mean:
        return None
    half, distance, (parts, freedoms) = found.ci_high - found.mean, abs(found.mean), _variance(rows, overlap)
    level = optimize.brentq(lambda level: _half(parts, freedoms, level) - half, 0.5, 1 - 1e-12)
    more = np.arange(len(rows) + 1.0, MAX_SEEDS + 1)
    seeds = parts[0] * _factor(more, overlap) / _factor(len(rows), overlap)
    cases = parts[1] * special.stdtrit(freedoms[1], level) ** 2
    halves = np.sqrt(seeds * np.square(special.stdtrit(more - 1, level)) + cases)
    decided = more[(halves < distance) | (halves + distance < margin)]
    return int(decided[0]) if decided.size else None


def _interval(rows: Array, levels: Array | float, overlap: float) -> Estimate:
    """As `interval`; `levels` are the one-sided probabilities of both parts, or of each."""
    n_seeds, n_rows = _finite(rows).shape
    mean, by_seed = float(rows.mean()), rows.mean(axis=1)
    if n_seeds < 2 or 1 < n_rows < MIN_ROWS or overlap >= 1:
        return _estimate(by_seed, mean)
    half = _half(*_variance(rows, overlap), levels)
    return _estimate(by_seed, mean, mean - half, mean + half)


def _estimate(by_seed: Array, mean: float, low: float | None = None, high: float | None = None) -> Estimate:
    deviation = by_seed.std(ddof=1) if by_seed.size > 1 else None
    return Estimate(mean=mean, ci_low=low, ci_high=high, std=deviation, seeds=tuple(by_seed.tolist()))


def _variance(rows: Array, overlap: float) -> tuple[Array, Array]:
    """Parts of the variance of the mean of row values, seeds first, and their degrees of freedom."""
    n_seeds, n_rows = rows.shape
    if n_rows == 1:  # one value per seed, whose variance contains that of its rows
        return np.array([rows.var(ddof=1) * _factor(n_seeds, overlap), 0.0]), np.array([n_seeds - 1, 1])
    seeds, cases, both = _mean_squares(rows)
    of_seeds, of_rows = seeds * _factor(n_seeds, overlap), cases / n_rows
    variance = max(of_seeds + of_rows - both / (n_seeds * n_rows), of_seeds, of_rows)
    scores = _standardised(rows.mean(axis=0))
    excess = max(0.0, n_rows * np.square(np.square(scores)).sum() - 3)
    return np.array([of_seeds, variance - of_seeds]), np.array([n_seeds - 1, (n_rows - 1) / (1 + excess / 2)])


def _half(parts: Array, freedoms: Array, levels: Array | float) -> float:
    """Half the width of an interval."""
    return float(np.sqrt(parts @ np.square(special.stdtrit(freedoms, levels))))


def _mean_squares(rows: Array) -> tuple[float, float, float]:
    """Variances of the seeds' means and of the rows' means, and the residual mean square, which both contain."""
    by_seed, by_row = rows.mean(axis=1), rows.mean(axis=0)
    residual = np.square(rows - by_seed[:, None] - by_row + rows.mean()).sum()
    return by_seed.var(ddof=1), by_row.var(ddof=1), residual / ((by_seed.size - 1) * (by_row.size - 1))


def _factor(n_seeds: int | Array, overlap: float) -> float | Array:
    """Variance of the mean over seeds, divided by that of a seed."""
    return 1 / n_seeds + overlap / (1 - overlap)


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

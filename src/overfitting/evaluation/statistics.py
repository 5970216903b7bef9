"""Means, intervals, paired comparisons and the verdict.

A result varies with the seed and with the test rows. With row values r[seed, row] (see `metrics`) the
variance of their mean is estimated from the two-way random-effects analysis of variance, as for several readers of
the same cases (Gallas, Academic Radiology 13, 2006; Owen, Annals of Applied Statistics 1, 2007):
var = S / n_seeds + R / n_rows - E / (n_seeds n_rows), where S is the variance of the seeds' means, R that of the rows'
means and E the residual mean square, which the first two both contain. Degrees of freedom: Satterthwaite (1946).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from overfitting.evaluation.metrics import Array

REFERENCE = "large"
PRIMARY = "test_log_loss"


def mean_and_error(rows: Array) -> tuple[float, float | None, float]:
    """Mean of `rows` (n_seeds, n_rows), its standard error, and the degrees of freedom of that error.

    The error is None with one seed, which does not tell how seeds differ.
    """
    n_seeds, n_rows = rows.shape
    mean = float(rows.mean())
    if n_seeds < 2:
        return mean, None, 0.0
    by_seed, by_row = rows.mean(axis=1), rows.mean(axis=0)
    seeds = by_seed.var(ddof=1) / n_seeds
    cases = by_row.var(ddof=1) / n_rows
    residual = rows - by_seed[:, None] - by_row + mean
    both = np.square(residual).sum() / ((n_seeds - 1) * (n_rows - 1)) / (n_seeds * n_rows)
    variance = max(seeds + cases - both, seeds, cases)
    if variance == 0.0:
        return mean, 0.0, float(n_seeds - 1)
    freedom = variance**2 / (seeds**2 / (n_seeds - 1) + cases**2 / (n_rows - 1))
    return mean, float(np.sqrt(variance)), float(freedom)


def ensemble_rows(metric: Callable[[Array], Array], logits: Array) -> Array:
    """Row values (n_seeds, n_rows) of the ensemble that averages `logits` (n_seeds, n_rows) over the seeds.

    An ensemble is one predictor, but varies with the seeds of its members. What it would have been with one seed less
    tells how much (the jackknife: Tukey 1958; Efron, Stein 1981). So value i is that of the ensemble, plus n - 1 times
    what seed i does for it: pseudo-values, centred so that their mean is the metric of the whole ensemble. Their
    variance between seeds, divided by n, is the jackknife's, and they pair with the same seeds of other variants.

    Args:
        metric: row values (..., n_rows) of logits (..., n_rows).
        logits: of the members.
    """
    n_seeds = len(logits)
    whole = metric(logits.mean(axis=0, keepdims=True))
    if n_seeds < 2:
        return whole
    less_one = metric((logits.sum(axis=0) - logits) / (n_seeds - 1))
    return whole - (n_seeds - 1) * (less_one - less_one.mean(axis=0))


def interval(rows: Array, confidence: float) -> dict[str, Any]:
    """Mean, deviation between seeds and confidence interval of row values (n_seeds, n_rows), and each seed's mean."""
    mean, error, freedom = mean_and_error(rows)
    return {**_around(mean, error, freedom, confidence), **_by_seed(rows.mean(axis=1))}


def seed_interval(values: Sequence[float], confidence: float) -> dict[str, Any]:
    """The same for one number a seed, such as the best epoch: Student's interval over the seeds."""
    array = np.asarray(values, np.float64)
    error = float(array.std(ddof=1) / np.sqrt(array.size)) if array.size > 1 else None
    return {**_around(float(array.mean()), error, array.size - 1, confidence), **_by_seed(array)}


def difference(rows: Array, reference: Array, confidence: float) -> dict[str, Any]:
    """Interval of `rows - reference`, paired by seed and by row, and the two-sided p-value of no difference."""
    paired = rows - reference
    mean, error, freedom = mean_and_error(paired)
    p_value = None
    if error is not None:
        p_value = float(2 * stats.t.sf(abs(mean) / error, freedom)) if error else float(mean == 0.0)
    return {**_around(mean, error, freedom, confidence), **_by_seed(paired.mean(axis=1)), "p_value": p_value}


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values adjusted for their number by Holm (1979), in the order given; None stays None."""
    known = [(value, index) for index, value in enumerate(p_values) if value is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, index) in enumerate(sorted(known)):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        adjusted[index] = largest
    return adjusted


def differences_to(reference: str, rows: Mapping[str, Array], confidence: float) -> dict[str, dict[str, Any]]:
    """Paired differences of every other variant to `reference`, with `p_holm` corrected for their number."""
    others = [name for name in rows if name != reference]
    found = {name: difference(rows[name], rows[reference], confidence) for name in others}
    for name, adjusted in zip(others, holm([found[name]["p_value"] for name in others]), strict=True):
        found[name]["p_holm"] = adjusted
    return found


def groups(rows: Mapping[str, Array], confidence: float) -> dict[str, str]:
    """Group of each variant by the row values of a loss: `best`, `better`, `tied`, `worse` than the reference.

    `best` are the lowest mean and all that cannot be told from it: a subset that holds the truly best one with at
    least the stated confidence (Gupta 1965; Hsu 1984), since that one is left out only if it seems worse than another.
    The rest are compared with the reference, which is itself `reference`. Without it, all others are `worse`.
    """
    lowest = min(rows, key=lambda name: rows[name].mean())
    to_lowest = differences_to(lowest, rows, confidence)
    best = {lowest, *(name for name, found in to_lowest.items() if not _significant(found, confidence))}
    to_reference = differences_to(REFERENCE, rows, confidence) if REFERENCE in rows else {}
    return {name: "best" if name in best else _against(name, to_reference, confidence) for name in rows}


def _against(name: str, to_reference: Mapping[str, dict[str, Any]], confidence: float) -> str:
    if name == REFERENCE:
        return "reference"
    if not to_reference:
        return "worse"
    found = to_reference[name]
    if not _significant(found, confidence):
        return "tied"
    return "better" if found["mean"] < 0 else "worse"


def _significant(found: Mapping[str, Any], confidence: float) -> bool:
    return found["p_holm"] is not None and found["p_holm"] < 1 - confidence


def _around(mean: float, error: float | None, freedom: float, confidence: float) -> dict[str, Any]:
    half = None if error is None else float(stats.t.ppf(0.5 + confidence / 2, freedom) * error)
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return {"mean": mean, "ci_low": low, "ci_high": high}


def _by_seed(values: Array) -> dict[str, Any]:
    return {"std": float(values.std(ddof=1)) if values.size > 1 else None, "seeds": [float(value) for value in values]}

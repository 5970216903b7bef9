"""Means, confidence intervals, paired differences and groups.

A result varies with the seed and with the test rows. The variance of the mean of row values r[seed, row] (see
`metrics`) is estimated by a two-way random-effects analysis of variance, as for several readers of the same cases
(Gallas, Academic Radiology 13, 2006; Owen, Annals of Applied Statistics 1, 2007):
var = S / n_seeds + R / n_rows - E / (n_seeds n_rows). S is the variance of the seeds' means, R that of the rows'
means and E the residual mean square, which S and R both contain. Degrees of freedom: Satterthwaite (1946).
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import stats

from overfitting.evaluation.results import REFERENCE, Difference, Estimate, Group
from overfitting.training.loss import Array


def mean_and_error(rows: Array) -> tuple[float, float | None, float]:
    """Mean of `rows` (n_seeds, n_rows), its standard error, and the degrees of freedom of that error.

    The error is None with one seed, because one seed does not show how much seeds differ.
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

    An ensemble is one predictor, but it varies with the seeds of its members. The jackknife (Tukey 1958; Efron, Stein
    1981) estimates by how much: from the ensembles that leave out one seed. Row i holds pseudo-values: the ensemble's
    row values plus n - 1 times the contribution of seed i, centred so that their mean is the metric of the whole
    ensemble. Their variance between seeds, divided by n, is the jackknife's, and they pair with the same seeds of
    other variants.
    `metric` maps logits (..., n_rows) to row values (..., n_rows).
    """
    n_seeds = len(logits)
    whole = metric(logits.mean(axis=0, keepdims=True))
    if n_seeds < 2:
        return whole
    less_one = metric((logits.sum(axis=0) - logits) / (n_seeds - 1))
    pseudo: Array = whole - (n_seeds - 1) * (less_one - less_one.mean(axis=0))
    return pseudo


def interval(rows: Array, confidence: float) -> Estimate:
    """Mean and confidence interval of row values (n_seeds, n_rows), over seeds and rows."""
    return _estimate(*mean_and_error(rows), rows.mean(axis=1), confidence)


def seed_interval(values: Sequence[float], confidence: float) -> Estimate:
    """Mean and Student's interval of one number per seed, such as the best epoch."""
    array = np.asarray(values, np.float64)
    error = float(array.std(ddof=1) / np.sqrt(array.size)) if array.size > 1 else None
    return _estimate(float(array.mean()), error, array.size - 1, array, confidence)


def difference(rows: Array, other: Array, confidence: float) -> Difference:
    """Interval of `rows - other`, paired by seed and row, and the two-sided p-value of no difference."""
    paired = rows - other
    mean, error, freedom = mean_and_error(paired)
    p_value = None
    if error is not None:
        p_value = float(2 * stats.t.sf(abs(mean) / error, freedom)) if error else float(mean == 0.0)
    return Difference(**dict(_estimate(mean, error, freedom, paired.mean(axis=1), confidence)), p_value=p_value)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values corrected for the number of tests (Holm 1979), in the given order; None stays None."""
    known = sorted((value, index) for index, value in enumerate(p_values) if value is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, index) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        adjusted[index] = largest
    return adjusted


def differences_to(other: str, rows: Mapping[str, Array], confidence: float) -> dict[str, Difference]:
    """Paired differences of all variants but `other` to that variant, with `p_holm` corrected for their number.

    Empty if `other` did not run.
    """
    if other not in rows:
        return {}
    found = {name: difference(values, rows[other], confidence) for name, values in rows.items() if name != other}
    adjusted = holm([compared.p_value for compared in found.values()])
    return {
        name: compared.model_copy(update={"p_holm": p_holm})
        for (name, compared), p_holm in zip(found.items(), adjusted, strict=True)
    }


def groups(rows: Mapping[str, Array], confidence: float) -> dict[str, Group]:
    """Group of each variant by the row values of a loss.

    `best` are the variant with the lowest mean and all that do not differ from it significantly. This subset holds the
    truly best variant with at least the stated confidence (Gupta 1965; Hsu 1984), because that one is left out only
    if it seems worse than another. The others are `better` than `large`, `tied` with it or `worse`; `large` itself is
    `reference`. Without `large`, all others are `worse`.
    """
    lowest = min(rows, key=lambda name: rows[name].mean())
    to_lowest = differences_to(lowest, rows, confidence)
    best = {lowest, *(name for name, found in to_lowest.items() if not _significant(found, confidence))}
    to_large = differences_to(REFERENCE, rows, confidence)

    def group(name: str) -> Group:
        if name in best:
            return "best"
        if name == REFERENCE:
            return "reference"
        found = to_large.get(name)
        if found and not _significant(found, confidence):
            return "tied"
        return "better" if found and found.mean < 0 else "worse"

    return {name: group(name) for name in rows}


def _significant(found: Difference, confidence: float) -> bool:
    return found.p_holm is not None and found.p_holm < 1 - confidence


def _estimate(mean: float, error: float | None, freedom: float, by_seed: Array, confidence: float) -> Estimate:
    half = None if error is None else float(stats.t.ppf(0.5 + confidence / 2, freedom) * error)
    return Estimate(
        mean=mean,
        ci_low=None if half is None else mean - half,
        ci_high=None if half is None else mean + half,
        std=float(by_seed.std(ddof=1)) if by_seed.size > 1 else None,
        seeds=tuple(by_seed.tolist()),
    )

"""Statistics against independent software: statsmodels and baycomp."""

import warnings

import numpy as np
import pandas as pd
import pytest
from baycomp import CorrelatedTTest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from overfitting.evaluation import statistics


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(0.01, 0.01, 10)


def test_an_interval_over_seeds_is_that_of_statsmodels(values):
    found = statistics.seed_interval(values, 0.95)
    assert found.interval == pytest.approx(DescrStatsW(values).tconfint_mean(alpha=0.05))


@pytest.mark.parametrize("runs", [1, 2])
def test_samples_that_overlap_are_corrected_as_in_baycomp(values, runs):
    """Cross-validation in n / runs folds: a share runs / n of the rows is left out in each of them."""
    posterior = CorrelatedTTest(np.zeros_like(values), values, runs=runs)
    found = statistics.seed_interval(values, 0.9, overlap=runs / values.size)
    scale = np.sqrt(posterior.var)
    assert found.interval == pytest.approx(stats.t.interval(0.9, posterior.df, posterior.mean, scale))


def test_repeated_splits_have_the_corrected_resampled_t_test_of_baycomp(values):
    """One value per seed; in n / runs folds, a share of runs / n of the rows is tested."""
    posterior = CorrelatedTTest(np.zeros_like(values), values, runs=1)
    found = statistics.interval(values[:, None], 0.9, overlap=1 / values.size)
    assert found.interval == pytest.approx(stats.t.interval(0.9, posterior.df, posterior.mean, np.sqrt(posterior.var)))


def test_the_variance_is_that_of_a_two_way_analysis_of_variance():
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(4, 1)) + generator.normal(size=100) + generator.normal(size=(4, 100))
    table = pd.DataFrame([(i, j, value) for (i, j), value in np.ndenumerate(rows)], columns=["seed", "row", "value"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, in formulas
        seeds, cases, both = anova_lm(ols("value ~ C(seed) + C(row)", table).fit())["mean_sq"]
    freedom = 99 / (1 + max(0, stats.kurtosis(rows.mean(axis=0))) / 2)
    critical = stats.t.ppf(0.975, [3, freedom])
    found = statistics.interval(rows, 0.95)
    assert found.ci_high - found.mean == pytest.approx(np.sqrt([seeds, cases - both] @ critical**2 / rows.size))


@pytest.mark.parametrize(("mean", "margin"), [(0.001, 0.005), (0.001, 0.002), (0.004, 0.005), (0.0, 0.001)])
def test_equivalence_is_that_of_two_one_sided_tests(mean, margin):
    """An interval of 90 % lies inside the margin where both one-sided tests reject at 5 % (Schuirmann 1987)."""
    values = np.random.default_rng(2).normal(0, 0.002, 8)
    values += mean - values.mean()
    p, _, _ = ttost_paired(values, np.zeros_like(values), -margin, margin)
    interval = statistics.seed_interval(values, 0.9)
    assert (max(-interval.ci_low, interval.ci_high) < margin) == (p < 0.05)


def test_simultaneous_intervals_reject_at_least_what_bonferroni_rejects():
    generator = np.random.default_rng(3)
    rows = {str(k): generator.normal(0.002 * k, 1e-3, (8, 1)) + np.zeros((1, 200)) for k in range(6)}
    by_seed = [values.mean(axis=1) for values in rows.values()]
    rejected, *_ = multipletests([stats.ttest_1samp(values, 0).pvalue for values in by_seed], method="bonferroni")
    found = statistics.simultaneous(rows, 0.95)
    excluded = [interval.ci_low > 0 or interval.ci_high < 0 for interval in found.values()]
    assert all(ours or not theirs for ours, theirs in zip(excluded, rejected, strict=True))

"""Intervals, paired differences, Holm's correction and groups."""

import numpy as np
import pytest
from scipy import stats

from overfitting.evaluation.statistics import (
    difference,
    differences_to,
    ensemble_rows,
    groups,
    holm,
    interval,
    mean_and_error,
    seed_interval,
)


def simulated(generator, n_seeds=5, n_rows=200, seeds=0.02, rows=0.3, residual=0.1, mean=0.5):
    return (
        mean
        + generator.normal(0, seeds, (n_seeds, 1))
        + generator.normal(0, rows, (1, n_rows))
        + generator.normal(0, residual, (n_seeds, n_rows))
    )


def test_intervals_cover_the_truth_at_their_stated_rate():
    generator = np.random.default_rng(0)
    repeats = 600
    for seeds, rows in ((0.05, 0.05), (0.0, 0.5), (0.02, 0.3)):
        covered = 0
        for _ in range(repeats):
            found = interval(simulated(generator, seeds=seeds, rows=rows), 0.95)
            covered += found.ci_low <= 0.5 <= found.ci_high
        # at most four standard errors below 95 %
        assert 0.95 - 4 * np.sqrt(0.95 * 0.05 / repeats) <= covered / repeats


def test_the_error_accounts_for_seeds_and_rows():
    generator = np.random.default_rng(1)
    _, only_seeds, _ = mean_and_error(simulated(generator, rows=0, residual=0, seeds=0.1))
    constant = np.repeat(generator.normal(size=(1, 100)), 4, axis=0)  # seeds agree: only the rows matter
    _, only_rows, _ = mean_and_error(constant)
    assert only_rows == pytest.approx(constant[0].std(ddof=1) / 10)
    assert only_seeds == pytest.approx(0.1 / np.sqrt(5), rel=0.8)


def test_one_seed_gives_no_interval():
    found = interval(np.random.default_rng(0).normal(size=(1, 50)), 0.95)
    assert found.ci_low is None
    assert found.std is None
    assert found.mean == pytest.approx(found.seeds[0])


def test_the_interval_over_seeds_is_students():
    values = [3.0, 5.0, 4.0, 8.0]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    found = seed_interval(values, 0.95)
    assert (found.ci_low, found.ci_high) == (pytest.approx(low), pytest.approx(high))


def test_the_difference_of_a_variant_to_itself_is_zero():
    rows = simulated(np.random.default_rng(2))
    found = difference(rows, rows.copy(), 0.95)
    assert found.mean == 0.0
    assert found.p_value == 1.0


def test_pairing_detects_a_difference_much_smaller_than_the_spread():
    rows = simulated(np.random.default_rng(3), rows=1.0, residual=0.001)
    found = difference(rows - 0.01, rows, 0.95)
    assert found.mean == pytest.approx(-0.01)
    assert found.p_value < 1e-6


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([None, 0.02]) == [None, 0.02]


def test_differences_exclude_the_reference_itself():
    generator = np.random.default_rng(4)
    rows = {name: simulated(generator) for name in ("large", "l2", "l1")}
    found = differences_to("large", rows, 0.95)
    assert list(found) == ["l2", "l1"]
    assert all(value.p_holm >= value.p_value for value in found.values())


def test_every_group_occurs():
    generator = np.random.default_rng(5)
    large = simulated(generator, residual=0.02)

    def noise():
        return generator.normal(0, 0.02, large.shape)

    rows = {
        "large": large,
        "dropout": large - 0.1 + noise(),
        "l2_dropout": large - 0.1 + noise(),
        "l2": large - 0.05 + noise(),
        "copy": large + noise(),
        "l1": large + 0.1 + noise(),
    }
    assert groups(rows, 0.95) == {
        "large": "reference",
        "dropout": "best",
        "l2_dropout": "best",
        "l2": "better",
        "copy": "tied",
        "l1": "worse",
    }


def test_two_names_of_one_variant_are_tied():
    rows = simulated(np.random.default_rng(6))
    assert groups({"large": rows, "twin": rows.copy()}, 0.95) == {"large": "best", "twin": "best"}


def test_without_large_there_are_only_best_and_worse():
    rows = simulated(np.random.default_rng(7), residual=0.001)
    assert groups({"a": rows, "b": rows + 1.0}, 0.95) == {"a": "best", "b": "worse"}


def squared(labels, logits):
    return (logits - labels) ** 2


def test_row_values_of_an_ensemble_average_to_its_metric():
    generator = np.random.default_rng(8)
    labels, logits = generator.normal(size=50), generator.normal(size=(5, 50))
    rows = ensemble_rows(lambda values: squared(labels, values), logits)
    assert rows.shape == (5, 50)
    np.testing.assert_allclose(rows.mean(0), squared(labels, logits.mean(0)))


def test_the_jackknife_of_a_linear_metric_is_the_usual_error():
    logits = np.random.default_rng(9).normal(size=(5, 40))
    np.testing.assert_allclose(ensemble_rows(lambda values: values, logits), logits)


def test_an_ensemble_of_one_seed_has_no_interval():
    found = interval(ensemble_rows(lambda values: values, np.ones((1, 10))), 0.95)
    assert found.ci_low is None


def test_intervals_of_ensembles_cover_the_truth_at_their_stated_rate():
    """Members have errors by seed; the truth is the expected loss of an ensemble of that size, over seeds and rows."""
    generator = np.random.default_rng(10)
    n_seeds, n_rows, repeats = 5, 300, 400
    by_seed, by_row, residual = 0.3, 0.5, 0.4
    truth = by_row**2 + by_seed**2 / n_seeds + residual**2 / n_seeds
    covered = 0
    for _ in range(repeats):
        labels = generator.normal(0, by_row, n_rows)
        logits = generator.normal(0, by_seed, (n_seeds, 1)) + generator.normal(0, residual, (n_seeds, n_rows))
        found = interval(ensemble_rows(lambda values, labels=labels: squared(labels, values), logits), 0.95)
        covered += found.ci_low <= truth <= found.ci_high
    assert covered / repeats >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / repeats)

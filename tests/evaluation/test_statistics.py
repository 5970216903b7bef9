"""Intervals, simultaneous intervals, statuses and the best set: closed forms, properties, and rates by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from overfitting.base.errors import UserError
from overfitting.evaluation.metrics import auc_rows
from overfitting.evaluation.results import Estimate
from overfitting.evaluation.statistics import (
    MIN_CLASS_ROWS,
    MIN_ROWS,
    auc_interval,
    best_set,
    interval,
    seed_interval,
    seeds_needed,
    simultaneous,
    status,
)

MARGIN = 0.005
random_seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25)


def simulated(generator, n_seeds=5, n_rows=200, seeds=0.02, rows=0.3, both=0.1, mean=0.0):
    by_seed, by_row = generator.normal(0, seeds, (n_seeds, 1)), generator.normal(0, rows, (1, n_rows))
    return mean + by_seed + by_row + generator.normal(0, both, (n_seeds, n_rows))


def family(generator, count=5, **effects):
    """Row values of `count` variants that are equally good and vary by different amounts."""
    return {f"v{number}": simulated(generator, seeds=0.01 * (1 + number), **effects) for number in range(count)}


def to_first(rows):
    first, *others = rows
    return {name: rows[name] - rows[first] for name in others}


def ends(found):
    return pytest.approx(found.interval)


def estimate(mean, low, high, n_seeds=5):
    return Estimate(mean=mean, ci_low=low, ci_high=high, std=0.0, seeds=(mean,) * n_seeds)


def at_least(share, repeats, stated=0.95):
    """Whether the share of `repeats` simulations is at most three standard errors below the stated rate."""
    return share >= stated - 3 * np.sqrt(stated * (1 - stated) / repeats)


# one mean


def test_with_seeds_only_the_interval_is_students():
    values = np.array([3.0, 5.0, 4.0, 8.0])
    expected = pytest.approx(stats.t.interval(0.95, 3, values.mean(), stats.sem(values)))
    assert interval(np.repeat(values[:, None], MIN_ROWS, axis=1), 0.95).interval == expected
    assert seed_interval(values, 0.95).interval == expected


def test_with_rows_only_the_interval_is_students_over_the_rows():
    values = np.random.default_rng(0).uniform(size=150)  # light tails cost no degrees of freedom
    expected = stats.t.interval(0.95, 149, values.mean(), stats.sem(values))
    assert interval(np.repeat(values[None], 4, axis=0), 0.95).interval == pytest.approx(expected)


def test_heavy_tails_cost_degrees_of_freedom():
    values = np.random.default_rng(0).lognormal(size=150)
    freedom = 149 / (1 + stats.kurtosis(values) / 2)
    expected = stats.t.interval(0.95, freedom, values.mean(), stats.sem(values))
    assert interval(np.repeat(values[None], 4, axis=0), 0.95).interval == pytest.approx(expected)


def test_intervals_cover_the_truth_at_their_stated_rate():
    generator, repeats = np.random.default_rng(2), 1500
    for effects in ({"seeds": 0.05, "rows": 0.05}, {"seeds": 0.0, "rows": 0.5}, {"seeds": 0.02, "rows": 0.3}):
        found = [interval(simulated(generator, **effects), 0.95) for _ in range(repeats)]
        assert at_least(np.mean([each.ci_low <= 0 <= each.ci_high for each in found]), repeats)


def test_the_interval_of_a_late_log_loss_holds_from_the_smallest_number_of_rows():
    generator, repeats = np.random.default_rng(3), 1500

    def losses(n_rows):
        margins = generator.normal(0.5, 0.95, (1, n_rows)) + generator.normal(0, 0.3, (5, n_rows))
        return np.logaddexp(0, -12 * margins)

    truth = losses(1_000_000).mean()
    found = [interval(losses(MIN_ROWS), 0.95) for _ in range(repeats)]
    assert at_least(np.mean([each.ci_low <= truth <= each.ci_high for each in found]), repeats)


# samples that overlap


def test_overlap_widens_the_seeds_part_as_nadeau_and_bengio():
    values = np.array([3.0, 5.0, 4.0, 8.0])
    alone, shared = seed_interval(values, 0.95), seed_interval(values, 0.95, overlap=0.5)
    assert shared.ci_high - shared.mean == pytest.approx((alone.ci_high - alone.mean) * np.sqrt((1 / 4 + 1) / (1 / 4)))
    rows = np.repeat(values[:, None], MIN_ROWS, axis=1)
    assert interval(rows, 0.95, overlap=0.5).interval == ends(shared)
    agreed = np.repeat(np.random.default_rng(0).normal(size=(1, MIN_ROWS)), 4, axis=0)
    assert interval(agreed, 0.95, overlap=0.5).interval == ends(interval(agreed, 0.95))


def hands(generator, n_seeds, pool):
    """Samples (n_seeds, 100) drawn from one pool of normal values."""
    rows = generator.normal(size=pool)
    return np.array([generator.permutation(rows)[:100] for _ in range(n_seeds)])


def trained(samples):
    """A value that depends on 70 training and 30 validation rows, and not linearly; its mean is 3 / 70."""
    train, validation = samples[..., 30:].mean(axis=-1), samples[..., :30].mean(axis=-1)
    return train + 3 * train**2 + validation + 3 * train * validation


def test_values_of_random_subsets_correlate_at_most_by_the_share_of_common_rows():
    generator, repeats = np.random.default_rng(4), 6000
    samples = np.array([hands(generator, 2, pool=250) for _ in range(repeats)])
    linear, curved = (np.corrcoef(values.T)[0, 1] for values in (samples.mean(axis=-1), trained(samples)))
    assert linear == pytest.approx(0.4, abs=3 / np.sqrt(repeats))
    assert 0.2 < curved < 0.4


def test_intervals_of_overlapping_samples_cover_the_truth():
    generator, repeats = np.random.default_rng(5), 1500
    values = [trained(hands(generator, 5, pool=200)) for _ in range(repeats)]
    for overlap, holds in ((0.5, True), (0.0, False)):
        found = [seed_interval(each, 0.95, overlap) for each in values]
        assert at_least(np.mean([each.ci_low <= 3 / 70 <= each.ci_high for each in found]), repeats) == holds


# several differences


def test_one_difference_has_its_own_interval_and_none_has_none():
    rows = simulated(np.random.default_rng(6))
    assert simultaneous({"l2": rows}, 0.95) == {"l2": interval(rows, 0.95)}
    assert simultaneous({}, 0.95) == {}


@few
@given(random_seeds, st.sampled_from([2, 3, 5, 10]))
def test_simultaneous_intervals_are_wider_than_single_ones_and_at_most_bonferronis(seed, n_seeds):
    differences = to_first(family(np.random.default_rng(seed), n_seeds=n_seeds))
    for name, found in simultaneous(differences, 0.95).items():
        single, bonferroni = (interval(differences[name], level) for level in (0.95, 1 - 0.05 / len(differences)))
        assert bonferroni.ci_low <= found.ci_low <= single.ci_low
        assert single.ci_high <= found.ci_high <= bonferroni.ci_high


def test_copies_of_one_difference_cost_nothing():
    rows = simulated(np.random.default_rng(7))
    found = simultaneous({str(number): rows for number in range(12)}, 0.95)["0"]
    single = interval(rows, 0.95)
    assert found.ci_high - found.mean == pytest.approx(single.ci_high - single.mean, rel=0.03)


def test_two_seeds_show_no_correlation():
    differences = to_first(family(np.random.default_rng(8), n_seeds=2, rows=0, both=0))
    found = next(iter(simultaneous(differences, 0.95).values()))
    independent = interval(next(iter(differences.values())), 0.95 ** (1 / len(differences)))
    assert found.ci_high - found.mean == pytest.approx(independent.ci_high - independent.mean, rel=0.1)


def test_with_rows_only_the_intervals_are_dunnetts():
    """Dunnett's pool the variances of independent groups: many rows make that difference small."""
    generator = np.random.default_rng(9)
    control, *others = generator.uniform(size=(7, 4000))
    expected = stats.dunnett(*others, control=control, random_state=0).confidence_interval(0.95)
    found = simultaneous({str(number): np.stack([rows - control] * 3) for number, rows in enumerate(others)}, 0.95)
    halves = [each.ci_high - each.mean for each in found.values()]
    assert halves == pytest.approx((expected.high - expected.low) / 2, rel=0.02)


def test_simultaneous_intervals_hold_together_with_unequal_seed_variances():
    generator, repeats = np.random.default_rng(10), 300
    for n_seeds in (3, 6):
        together = 0
        for _ in range(repeats):
            rows = {"large": simulated(generator, n_seeds, 100, seeds=0.05)} | family(
                generator, n_seeds=n_seeds, n_rows=100
            )
            together += all(each.ci_low <= 0 <= each.ci_high for each in simultaneous(to_first(rows), 0.95).values())
        assert at_least(together / repeats, repeats)


# properties


@few
@given(random_seeds, st.floats(-10, 10), st.floats(0.01, 100))
def test_intervals_move_and_stretch_with_the_data(seed, shift, scale):
    differences = to_first(family(np.random.default_rng(seed)))
    moved = simultaneous({name: shift + scale * rows for name, rows in differences.items()}, 0.95)
    turned = simultaneous({name: -rows for name, rows in differences.items()}, 0.95)
    for name, found in simultaneous(differences, 0.95).items():
        low, high = shift + scale * found.ci_low, shift + scale * found.ci_high
        assert moved[name].interval == pytest.approx((low, high), rel=1e-6, abs=1e-6)
        assert turned[name].interval == pytest.approx((-found.ci_high, -found.ci_low))


@few
@given(random_seeds, st.floats(0, 100))
def test_what_variants_have_in_common_does_not_matter(seed, size):
    generator = np.random.default_rng(seed)
    rows, common = family(generator, both=0.01), size * simulated(generator)
    together = {name: values + common for name, values in rows.items()}
    assert best_set(together, 0.95) == best_set(rows, 0.95)
    again = simultaneous(to_first(together), 0.95)
    for name, found in simultaneous(to_first(rows), 0.95).items():
        assert again[name].mean == pytest.approx(found.mean, rel=1e-4, abs=1e-6)
        assert again[name].interval == pytest.approx(found.interval, rel=1e-4, abs=1e-6)


@few
@given(random_seeds, st.floats(0.001, 1))
def test_the_best_set_holds_the_lowest_mean_and_no_variant_that_is_far_worse_than_another(seed, scale):
    rows = {name: scale * values for name, values in family(np.random.default_rng(seed)).items()}
    means = {name: values.mean() for name, values in rows.items()}
    found = best_set({**rows, "far": rows["v3"] + 10 * scale}, 0.95)
    assert found[0] == min(means, key=means.get)
    assert "far" not in found
    assert list(found) == sorted(found, key=means.get)


@few
@given(random_seeds, st.floats(-0.3, 0.3))
def test_a_variant_that_beats_the_reference_excludes_it_from_the_best_set(seed, shift):
    rows = family(np.random.default_rng(seed))
    rows["v4"] = rows["v4"] + shift
    statuses = {status(found, MARGIN) for found in simultaneous(to_first(rows), 0.95).values()}
    assert not ("better" in statuses and "v0" in best_set(rows, 0.95))


# statuses and the best set


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.02, -0.001, "better"),
        (0.001, 0.02, "worse"),
        (-0.004, -0.001, "better"),  # small, but known
        (-0.004, 0.004, "equivalent"),
        (-0.005, 0.004, "undecided"),
        (-0.02, 0.02, "undecided"),
        (0.0, 0.0, "equivalent"),
        (None, None, "undecided"),
    ],
)
def test_statuses(low, high, expected):
    assert status(estimate(0.0, low, high), MARGIN) == expected


def test_a_variant_leaves_if_it_is_worse_than_any_other_although_the_lowest_is_too_noisy_to_tell():
    generator = np.random.default_rng(11)
    l2 = simulated(generator, both=0.001)
    rows = {
        "l2": l2,
        "l2_dropout": l2 - 0.01 + generator.normal(0, 0.001, l2.shape),
        "ensemble": l2 - 0.02 + generator.normal(0, 0.05, (5, 1)),
    }
    assert rows["ensemble"].mean() < rows["l2_dropout"].mean()
    assert simultaneous({"ensemble": l2 - rows["ensemble"]}, 0.95)["ensemble"].ci_low < 0  # cannot tell
    assert best_set(rows, 0.95) == ("ensemble", "l2_dropout")


def test_two_names_of_one_variant_are_equivalent_and_both_best():
    rows = simulated(np.random.default_rng(12))
    twins = {"large": rows, "twin": rows.copy()}
    assert simultaneous(to_first(twins), 0.95)["twin"] == estimate(0.0, 0.0, 0.0)
    assert status(estimate(0.0, 0.0, 0.0), MARGIN) == "equivalent"
    assert set(best_set({**twins, "worse": rows + 1.0}, 0.95)) == {"large", "twin"}


def test_the_best_set_holds_the_truly_best_at_its_stated_rate():
    """All are equally good, so each is truly best: the mean share of the set is the rate."""
    generator, repeats = np.random.default_rng(13), 150
    kept = [len(best_set(family(generator, n_seeds=5, n_rows=100), 0.95)) / 5 for _ in range(repeats)]
    assert at_least(np.mean(kept), repeats)


# seeds that would decide


def test_the_seeds_needed_are_the_first_that_decide():
    values = np.array([0.01, -0.02, 0.03, 0.02])
    rows = np.repeat(values[:, None], MIN_ROWS, axis=1)
    needed = seeds_needed(rows, interval(rows, 0.95), MARGIN)

    def decides(n_seeds):
        return stats.t.ppf(0.975, n_seeds - 1) * values.std(ddof=1) / np.sqrt(n_seeds) < values.mean()

    assert decides(needed)
    assert not decides(needed - 1)


def test_more_comparisons_and_overlap_need_more_seeds():
    generator = np.random.default_rng(14)
    differences = {str(number): simulated(generator, rows=0.001, both=0.001, mean=0.012) for number in range(8)}
    rows = differences["0"]
    alone, together = interval(rows, 0.95), simultaneous(differences, 0.95)["0"]
    shared = interval(rows, 0.95, overlap=0.02)
    needed = seeds_needed(rows, alone, MARGIN)
    assert needed < seeds_needed(rows, together, MARGIN)
    assert needed < seeds_needed(rows, shared, MARGIN, overlap=0.02)


def test_seeds_can_show_that_two_are_equivalent_but_not_replace_rows():
    generator = np.random.default_rng(15)
    equal = simulated(generator, rows=0.001, both=0.001)
    equal -= equal.mean()
    assert seeds_needed(equal, interval(equal, 0.95), MARGIN) > 5
    noisy = simulated(generator, seeds=0.001, rows=0.5, mean=0.001)
    assert status(interval(noisy, 0.95), MARGIN) == "undecided"
    assert seeds_needed(noisy, interval(noisy, 0.95), MARGIN) is None


# the AUC


def scores(generator, positives, negatives=300, n_seeds=5, area=0.8):
    labels = np.repeat([1.0, 0.0], [positives, negatives])
    row = labels * np.sqrt(2) * stats.norm.ppf(area) + generator.normal(0, np.sqrt(0.9), labels.size)
    return labels, row + generator.normal(0, np.sqrt(0.1), (n_seeds, labels.size))


def test_with_many_rows_the_interval_of_the_auc_is_delongs_on_the_logit_scale():
    labels, logits = scores(np.random.default_rng(16), 5000, 5000)
    rows = auc_rows(labels, np.stack([logits[0]] * 3))  # seeds agree
    error = np.sqrt(rows[0].var() / rows[0].size) / (rows.mean() * (1 - rows.mean()))
    expected = special.expit(special.logit(rows.mean()) + np.array([-1.96, 1.96]) * error)
    assert auc_interval(rows, labels, 0.95).interval == pytest.approx(expected, abs=0.0005)


@pytest.mark.parametrize("positives", [MIN_CLASS_ROWS, 10, 20])
@pytest.mark.parametrize("area", [0.8, 0.95])
def test_the_interval_of_the_auc_holds_for_rare_labels(positives, area):
    generator, repeats = np.random.default_rng(17), 300
    covered = 0
    for _ in range(repeats):
        labels, logits = scores(generator, positives, 100, area=area)
        found = auc_interval(auc_rows(labels, logits), labels, 0.95)
        covered += found.ci_low <= area <= found.ci_high
    assert at_least(covered / repeats, repeats)


def test_perfect_separation_has_an_interval_of_honest_width():
    widths = []
    for positives in (3, 20, 1000):
        labels = np.repeat([1.0, 0.0], [positives, 1000])
        found = auc_interval(auc_rows(labels, np.stack([labels] * 4)), labels, 0.95)
        assert found.mean == found.ci_high == 1.0
        widths.append(1 - found.ci_low)
    assert widths[0] > 0.5 > widths[1] > 0.05 > widths[2] > 0.001


def test_the_auc_of_exchanged_classes_has_the_mirrored_interval():
    labels, logits = scores(np.random.default_rng(18), 10, 50)
    found = auc_interval(auc_rows(labels, logits), labels, 0.95)
    mirrored = auc_interval(auc_rows(1 - labels, logits), 1 - labels, 0.95)
    assert (1 - mirrored.ci_high, 1 - mirrored.ci_low) == ends(found)


# what cannot be judged


@pytest.mark.parametrize(
    ("shape", "overlap", "expected"),
    [
        ((1, 500), 0.0, "one seed"),
        ((5, 2), 0.0, "undecided"),
        ((5, MIN_ROWS - 1), 0.0, "undecided"),
        ((5, 500), 1.0, "undecided"),
    ],
)
def test_too_little_data_has_no_interval(shape, overlap, expected):
    rows = np.random.default_rng(19).normal(size=shape)
    found = interval(rows, 0.95, overlap)
    assert (found.mean, found.ci_low, found.ci_high) == (pytest.approx(rows.mean()), None, None)
    assert status(found, MARGIN) == expected
    assert seeds_needed(rows, found, MARGIN, overlap) is None
    assert simultaneous({"a": rows, "b": -rows}, 0.95, overlap)["a"] == found
    assert set(best_set({"a": rows, "b": rows + 1}, 0.95, overlap)) == {"a", "b"}


def test_one_seed_or_too_few_rows_of_a_class_have_no_interval_of_the_auc():
    labels, logits = scores(np.random.default_rng(20), MIN_CLASS_ROWS - 1)
    assert auc_interval(auc_rows(labels, logits), labels, 0.95).ci_low is None
    labels, logits = scores(np.random.default_rng(20), 50, n_seeds=1)
    assert auc_interval(auc_rows(labels, logits), labels, 0.95).ci_low is None
    assert seed_interval([3.0], 0.95) == estimate(3.0, None, None, n_seeds=1).model_copy(update={"std": None})


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    "judge",
    [
        lambda rows: interval(rows, 0.95),
        lambda rows: seed_interval(rows.mean(axis=1), 0.95),
        lambda rows: simultaneous({"a": rows, "b": rows}, 0.95),
        lambda rows: best_set({"a": rows, "b": rows}, 0.95),
        lambda rows: auc_interval(rows, np.arange(rows.shape[1]) % 2, 0.95),
    ],
)
def test_values_that_are_not_finite_are_an_error(bad, judge):
    rows = np.zeros((3, 200))
    rows[1, 7] = bad
    with pytest.raises(UserError, match="expected finite row values"):
        judge(rows)

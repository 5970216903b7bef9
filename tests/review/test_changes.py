"""Changes between two commits, judged against what retraining alone does."""

import numpy as np
import pytest
from scipy import stats

from overfitting.review.changes import EARLY_STOPPING, Basis, basis, changes, noise
from tests.builders.metrics import difference, edited, invented

SIX = [0, 1, 2, 3, 4, 5]
QUESTIONS = np.array(["late", "early"] * 4)


def results(seeds=SIX, l2=0.0, spread=0.01, generator=0):
    """Results in which the early difference of l2 is around `l2`; all else is the same for the same seeds."""
    numbers = np.random.default_rng(generator).normal(0, spread, 100)
    metrics = edited(invented(len(seeds), ["l2", "l1", "large"]), run__seeds=list(seeds))
    return edited(metrics, variants__l2__early__difference=difference(l2 + numbers[list(seeds)]))


def early(found, name="l2"):
    return next(change for change in found if (change.variant, change.phase) == (name, "early"))


def retrained(generator, seeds=6, tails=None):
    """Differences (8, n_seeds) of retrained variants: the noise of large is common, and larger than theirs."""
    draw = generator.standard_normal if tails is None else lambda shape: generator.standard_t(tails, shape)
    return np.linspace(0.5, 2, 8)[:, None] * draw((8, seeds)) - 3 * draw((1, seeds))


@pytest.mark.parametrize("tails", [None, 2])
@pytest.mark.parametrize("paired", [False, True])
def test_retraining_alone_exceeds_noise_in_one_of_twenty_pull_requests(paired, tails):
    generator, beyond = np.random.default_rng(1), 0
    for _ in range(150):
        before, now = retrained(generator, tails=tails), retrained(generator, tails=tails)
        beyond += (now.mean(axis=1) - before.mean(axis=1) > noise(before, now, QUESTIONS, paired, 0.95)).any()
    assert beyond <= 17  # of 150 at 5 %: more have a chance of 0.1 %


@pytest.mark.parametrize(("paired", "kind"), [(False, "independent"), (True, "samples")])
def test_one_difference_is_judged_as_scipy_does(paired, kind):
    generator, decided = np.random.default_rng(2), set()
    for shift in np.linspace(0, 2.5, 40):
        before, now = generator.normal(0, 1, 6), generator.normal(shift, 1, 6)
        p_value = stats.permutation_test(
            (now, before), lambda a, b: a.mean() - b.mean(), permutation_type=kind, alternative="greater"
        ).pvalue
        if not 0.03 < p_value < 0.07:  # 5,000 exchanges are drawn
            decided.add(p_value < 0.05)
            assert (now.mean() - before.mean() > noise(before[None], now[None], QUESTIONS[:1], paired, 0.95)[0]) == (
                p_value < 0.05
            )
    assert decided == {False, True}


@pytest.mark.parametrize("paired", [False, True])
def test_noise_has_the_unit_of_the_change_and_no_copy_of_a_difference_adds_to_it(paired):
    before, now = (retrained(np.random.default_rng(generator)) for generator in (3, 4))
    found = noise(before, now, QUESTIONS, paired, 0.95)
    assert noise(10 * before, 10 * now, QUESTIONS, paired, 0.95) == pytest.approx(10 * found)
    assert (noise(before, now, QUESTIONS, paired, 0.9) < found).all()
    copies = [noise(before[:1].repeat(n, 0), now[:1].repeat(n, 0), QUESTIONS[:n], paired, 0.95) for n in (1, 4)]
    assert copies[1] == pytest.approx(copies[0].repeat(4))


@pytest.mark.parametrize(("seeds", "paired"), [(1, False), (2, False), (3, True), (4, True)])
def test_too_few_seeds_have_no_change_beyond_noise(seeds, paired):
    before = np.random.default_rng(5).normal(0, 0.001, (3, seeds))
    assert (noise(before, before + 5, QUESTIONS[:3], paired, 0.95) >= 5).all()


def test_a_variant_that_did_not_run_again_is_the_same():
    found = changes(results(), results())
    assert len(found) == 5  # two variants early and late, and early stopping
    assert found[0].variant == EARLY_STOPPING
    assert all(change.same and not change.beyond_noise for change in found)


def test_only_what_ran_again_counts():
    before, after = results(l2=-0.02), results(l2=-0.01, generator=1)
    values = [np.array(side.variants["l2"].early.difference.seeds)[None] for side in (before, after)]
    assert early(changes(before, after)).noise == pytest.approx(noise(*values, np.array(["early"]), True, 0.95)[0])


def test_pairs_detect_a_change_that_independent_seeds_do_not():
    """Both commits have the same samples, whose noise is larger than the change."""
    before, after = results(l2=-0.02, spread=0.02), results(l2=-0.015, spread=0.02)
    after = edited(after, variants__l2__early__difference=difference(jittered(after)))
    paired = early(changes(before, after))
    assert basis(before, after) is Basis.PAIRED
    assert paired.size == pytest.approx(0.005, abs=0.001)
    assert paired.beyond_noise
    other = edited(after, run__seeds=[6, 7, 8, 9, 10, 11])
    assert basis(before, other) is Basis.INDEPENDENT
    assert not early(changes(before, other)).beyond_noise


def jittered(metrics):
    return np.array(metrics.variants["l2"].early.difference.seeds) + np.random.default_rng(7).normal(0, 0.0005, 6)


def test_seeds_are_paired_in_any_order_and_an_added_one_changes_nothing():
    before = results()
    turned = edited(
        results(),
        run__seeds=SIX[::-1],
        variants__l2__early__difference=difference(np.array(before.variants["l2"].early.difference.seeds)[::-1]),
    )
    assert early(changes(before, turned)).same
    assert all(change.same for change in changes(before, results(seeds=[*SIX, 6])) if change.variant == "l2")


def test_results_on_other_test_rows_are_independent_estimates():
    before, after = results(l2=-0.02), edited(results(l2=0.01), data__test_signal_share=0.4)
    assert basis(before, after) is Basis.OTHER_ROWS
    found = early(changes(before, after))
    assert found.noise == pytest.approx(np.hypot(0.01, 0.012))  # the sides of the two intervals that face each other
    assert found.size == pytest.approx(0.03)
    assert found.beyond_noise


def test_other_scaling_of_the_same_test_rows_stays_paired():
    assert basis(results(), edited(results(), data__scaling="symmetry", data__fingerprint="other")) is Basis.PAIRED


@pytest.mark.parametrize("rows", [0.5, 0.4])
def test_one_seed_cannot_be_judged(rows):
    before, after = results(seeds=[0]), edited(results(seeds=[1], l2=3.0), data__test_signal_share=rows)
    found = early(changes(before, after))
    assert found.noise == np.inf
    assert not found.beyond_noise


@pytest.mark.parametrize(
    ("before", "now", "lost"),
    [
        ("better", "better", False),
        ("better", "equivalent", True),
        ("better", "undecided", True),
        ("better", "worse", True),
        ("better", "one seed", True),
        ("equivalent", "undecided", False),
        ("undecided", "equivalent", False),
        ("undecided", "worse", True),
        ("equivalent", "worse", True),
        ("worse", "undecided", False),
        ("one seed", "worse", False),
    ],
)
def test_a_status_is_lost_if_it_got_worse(before, now, lost):
    sides = (edited(results(), variants__l2__early__difference__status=status) for status in (before, now))
    assert early(changes(*sides)).lost == lost


def test_a_variant_of_one_commit_only_is_not_compared():
    before, after = invented(6, ["l2", "large"]), invented(6, ["l1", "large"])
    assert [change.variant for change in changes(before, after)] == [EARLY_STOPPING]
    assert changes(before, invented(6, ["l2"])) == []

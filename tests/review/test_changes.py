"""Changes between two commits: paired by seed and row, by seed, or not at all; judged against noise."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from overfitting.config.schema import Evaluation
from overfitting.evaluation.metrics import log_loss_rows, row_metrics
from overfitting.evaluation.statistics import difference, ensemble_rows, interval, seed_interval
from overfitting.review.changes import OF_TRAINING, Basis, Results, basis, changes
from tests.builders.metrics import edited, invented

EVALUATION = Evaluation(confidence=0.95, calibration_bins=15, gap=0.05)
ROWS = 2000
LABELS = np.random.default_rng(0).integers(0, 2, ROWS).astype(np.float64)


def results(logits, seeds=None, ensembles=(), gap=0.1, predictions=True):
    """Results of logits (n_seeds, n_rows) by variant."""
    seeds = list(range(len(next(iter(logits.values()))))) if seeds is None else seeds
    metrics = invented(len(seeds), [*logits, *(name for name, _ in ensembles)])
    values = {"run__seeds": seeds}
    for name, of in logits.items():
        tests = {key: interval(function(LABELS, of), 0.95) for key, function in row_metrics(15).items()}
        values[f"variants__{name}__metrics"] = tests
        gaps = seed_interval([gap + 0.01 * seed for seed in seeds], 0.95)
        values |= {f"variants__{name}__training__{metric}": gaps for metric in OF_TRAINING}
    for name, member in ensembles:
        of = ensemble_rows(lambda these: log_loss_rows(LABELS, these), logits[member])
        values[f"variants__{name}__metrics"] = {"test_log_loss": interval(of, 0.95)}
    columns = {f"{name}/{seed}": row for name, of in logits.items() for seed, row in zip(seeds, of, strict=True)}
    return Results(
        edited(metrics, **values),
        pd.DataFrame({"label": LABELS.astype(np.float32), **columns}) if predictions else None,
    )


def logits(seed, strength=1.0, seeds=4):
    """Logits that depend on the label, with separate noise per seed; each row is equally hard in all seeds."""
    hardness = np.random.default_rng(99).normal(0, 1, ROWS)
    own = np.random.default_rng(seed).normal(0, 0.3, (seeds, ROWS))
    return strength * (2 * LABELS - 1) + hardness + own


def of(found, metric="test_log_loss"):
    return {change.variant: change for change in found if change.metric == metric}


def test_a_variant_that_did_not_run_again_is_the_same():
    same = results({"large": logits(1), "l2": logits(2)})
    found = changes(same, results({"large": logits(1), "l2": logits(2)}), EVALUATION)
    assert {change.metric for change in found} == {*row_metrics(15), *OF_TRAINING}
    assert all(change.same and not change.beyond_noise and change.size.mean == 0 for change in found)


def test_training_again_is_no_change():
    beyond = 0
    for repeat in range(100):
        before, after = (results({"large": logits(1000 + 2 * repeat + side)}) for side in (0, 1))
        found = of(changes(before, after, EVALUATION))["large"]
        assert not found.same
        beyond += found.beyond_noise
    assert beyond <= 12  # of 100 at 95 %: more than 12 have a chance of 0.1 %


def test_a_better_variant_is_a_change_and_paired_as_differences_to_large_are():
    before, after = results({"l2": logits(1)}), results({"l2": logits(2, strength=1.2)})
    assert basis(before, after) is Basis.ROWS
    found = of(changes(before, after, EVALUATION))["l2"]
    expected = difference(log_loss_rows(LABELS, logits(2, 1.2)), log_loss_rows(LABELS, logits(1)), 0.95)
    assert found.size.mean == pytest.approx(expected.mean, abs=1e-6)
    assert (found.size.ci_low, found.size.ci_high) == pytest.approx((expected.ci_low, expected.ci_high), abs=1e-6)
    assert found.size.p_holm == pytest.approx(expected.p_value)
    assert found.beyond_noise
    assert found.size.mean < 0


def test_pairing_by_row_detects_changes_that_unpaired_intervals_miss():
    before, after = results({"l2": logits(1)}), results({"l2": logits(2, strength=1.05)})
    assert of(changes(before, after, EVALUATION))["l2"].beyond_noise
    other = Results(edited(after.metrics, data__sha256="other"), after.predictions)
    assert basis(before, other) is Basis.APART
    assert not of(changes(before, other, EVALUATION))["l2"].beyond_noise


def test_without_predictions_of_the_base_seeds_are_paired():
    before, after = results({"l2": logits(1)}, predictions=False), results({"l2": logits(2, strength=1.2)})
    assert basis(before, after) is Basis.SEEDS
    found = of(changes(before, after, EVALUATION))["l2"]
    seeds = [log_loss_rows(LABELS, of).mean(axis=1) for of in (logits(2, 1.2), logits(1))]
    expected = stats.ttest_rel(*seeds)
    assert found.size.p_holm == pytest.approx(expected.pvalue)
    assert (found.size.ci_low, found.size.ci_high) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_labels_in_another_order_are_other_rows():
    before, after = results({"l2": logits(1)}), results({"l2": logits(1)})
    turned = after.predictions.iloc[::-1].reset_index(drop=True)
    assert basis(before, Results(after.metrics, turned)) is Basis.APART


def test_unpaired_intervals_combine_as_for_independent_estimates():
    before, after = results({"l2": logits(1)}, seeds=[0, 1, 2, 3]), results({"l2": logits(2)}, seeds=[4, 5, 6, 7])
    assert basis(before, after) is Basis.APART
    found = of(changes(before, after, EVALUATION))["l2"]
    losses = [side.metrics.variants["l2"].log_loss for side in (before, after)]
    half = np.hypot(*(loss.ci_high - loss.mean for loss in losses))
    assert found.size.ci_high - found.size.mean == pytest.approx(half)
    assert found.size.mean - found.size.ci_low == pytest.approx(half)


@pytest.mark.parametrize("shift", [0.99, 1.01])
def test_without_pairs_the_p_value_agrees_with_the_interval(shift):
    before = results({"l2": logits(1)}, seeds=[0, 1, 2, 3])
    loss = before.metrics.variants["l2"].log_loss
    moved = shift * np.sqrt(2) * (loss.ci_high - loss.mean)
    values = {
        f"variants__l2__metrics__test_log_loss__{key}": getattr(loss, key) + moved
        for key in ("mean", "ci_low", "ci_high")
    }
    after = Results(edited(before.metrics, run__seeds=[4, 5, 6, 7], **values))
    found = of(changes(before, after, EVALUATION))["l2"].size
    assert (found.ci_low > 0) == (found.p_holm < 0.05) == (shift > 1)


def test_an_added_seed_changes_nothing():
    five = logits(1, seeds=5)
    found = changes(results({"l2": five[:4]}), results({"l2": five}), EVALUATION)
    assert all(change.same for change in found)


def test_one_seed_cannot_be_judged():
    before, after = results({"l2": logits(1, seeds=1)}), results({"l2": logits(2, strength=3.0, seeds=1)})
    found = of(changes(before, after, EVALUATION))["l2"]
    assert found.size.p_holm is None
    assert not found.same
    assert not found.beyond_noise


def test_p_values_are_corrected_for_the_variants_that_differ():
    before = {"large": logits(1), "l1": logits(2), "l2": logits(3)}
    one = {**before, "l2": logits(4, 1.03)}
    two = {**one, "l1": logits(5)}
    alone = of(changes(results(before), results(one), EVALUATION))["l2"]
    among = of(changes(results(before), results(two), EVALUATION))
    assert among["large"].same
    l1, l2 = among["l1"].size.p_holm, among["l2"].size.p_holm
    assert max(l1, l2) >= min(1.0, 2 * min(alone.size.p_holm, l1))
    assert l2 > alone.size.p_holm


def test_an_ensemble_changes_with_its_members_and_has_no_training():
    before = results({"large": logits(1)}, ensembles=[("ensemble", "large")])
    after = results({"large": logits(2, strength=1.2)}, ensembles=[("ensemble", "large")])
    found = [change for change in changes(before, after, EVALUATION) if change.variant == "ensemble"]
    assert [change.metric for change in found] == ["test_log_loss"]
    old, new = (side.metrics.variants["ensemble"].log_loss.mean for side in (before, after))
    assert found[0].size.mean == pytest.approx(new - old)
    assert found[0].beyond_noise


def test_equal_differences_of_a_training_metric_are_a_change():
    before, after = (results({"l2": logits(1)}, gap=gap) for gap in (0.1, 0.2))
    found = of(changes(before, after, EVALUATION), "gap_best")["l2"]
    assert found.size.mean == pytest.approx(0.1)
    assert found.beyond_noise


def test_a_variant_of_one_commit_only_is_not_compared():
    found = changes(results({"l1": logits(1)}), results({"l2": logits(1)}), EVALUATION)
    assert found == []

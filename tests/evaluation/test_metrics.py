"""Metrics against scikit-learn and by hand; differences, statuses, calibration, error rates on noise."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from overfitting.evaluation.metrics import (
    Judge,
    accuracy_rows,
    auc_rows,
    brier_rows,
    calibration_error_rows,
    log_loss_rows,
    row_metrics,
)
from tests.builders.runs import EVALUATION, simulated

ROWS = st.integers(4, 60).flatmap(
    lambda n: st.tuples(
        npst.arrays(np.float64, n, elements=st.sampled_from([0.0, 1.0])).filter(lambda labels: 0 < labels.sum() < n),
        # few distinct values, so that ties occur
        npst.arrays(np.float32, n, elements=st.sampled_from([-6.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0, 8.0])),
    )
)


@given(ROWS)
@settings(max_examples=60)
def test_means_of_row_values_are_scikit_learns_metrics(rows):
    labels, logits = rows
    probabilities = expit(logits.astype(np.float64))
    assert log_loss_rows(labels, logits).mean() == pytest.approx(log_loss(labels, probabilities), rel=1e-9)
    assert auc_rows(labels, logits).mean() == pytest.approx(roc_auc_score(labels, logits), abs=1e-12)
    assert accuracy_rows(labels, logits).mean() == pytest.approx(accuracy_score(labels, probabilities > 0.5))
    assert brier_rows(labels, logits).mean() == pytest.approx(brier_score_loss(labels, probabilities), rel=1e-9)


def test_accuracy_thresholds_logits_at_zero():
    # at a threshold of 0.5 the second row would be counted as background
    assert accuracy_rows(np.array([0.0, 1.0, 1.0]), np.array([-0.1, 0.4, -2.0])).tolist() == [1.0, 1.0, 0.0]


def test_log_loss_is_finite_for_large_logits():
    rows = log_loss_rows(np.array([0.0, 1.0]), np.array([800.0, -800.0]))
    assert rows.tolist() == [800.0, 800.0]


def test_calibration_error_by_hand():
    # bin [0.5, 1): p = 0.6 and 0.8, labels 1 and 0 -> |1.4 - 1| ; bin [0, 0.5): p = 0.1, label 0 -> 0.1; three rows
    probabilities = np.array([0.6, 0.8, 0.1])
    rows = calibration_error_rows(np.array([1.0, 0.0, 0.0]), np.log(probabilities / (1 - probabilities)), bins=2)
    assert rows.mean() == pytest.approx((0.4 + 0.1) / 3)


def test_a_prediction_of_exactly_one_falls_into_the_last_bin_of_the_calibration_error():
    assert calibration_error_rows(np.array([1.0, 1.0]), np.array([1000.0, 1000.0])).mean() == pytest.approx(0.0)


def test_auc_of_one_class_is_an_error():
    with pytest.raises(ValueError, match="both classes"):
        auc_rows(np.ones(3), np.arange(3.0))


def test_variance_of_auc_row_values_is_delongs():
    generator = np.random.default_rng(0)
    labels = (generator.random(200) < 0.4).astype(float)
    logits = generator.normal(labels, 1.0)
    positive, negative = logits[labels == 1], logits[labels == 0]
    wins = positive[:, None] > negative[None, :]
    expected = wins.mean(1).var() / len(positive) + wins.mean(0).var() / len(negative)
    assert auc_rows(labels, logits).var() / len(labels) == pytest.approx(expected, rel=1e-9)


def test_row_values_have_the_shape_of_the_logits():
    labels, logits = np.array([0.0, 1.0, 1.0, 0.0]), np.random.default_rng(1).normal(size=(3, 4))
    for name, function in row_metrics(calibration_bins=5).items():
        rows = function(labels, logits)
        assert rows.shape == logits.shape, name
        assert np.allclose(rows[1], function(labels, logits[1])), name


# the judge

LABELS, LOGITS = simulated({"large": 0.3, "l2": 1.5})
JUDGE = Judge(LABELS, EVALUATION, overlap=0.0)


def losses(**logits):
    return {name: JUDGE.losses(values[:, None]) for name, values in logits.items()}


def test_metrics_are_scikit_learns_for_each_seed():
    found = JUDGE.metrics(LOGITS["l2"][:, None])
    for seed in range(3):
        probabilities = expit(LOGITS["l2"][seed])
        for metric, expected in (
            ("test_auc", roc_auc_score(LABELS, probabilities)),
            ("test_log_loss", log_loss(LABELS, probabilities)),
            ("test_brier", brier_score_loss(LABELS, probabilities)),
            ("test_accuracy", accuracy_score(LABELS, probabilities > 0.5)),
        ):
            assert found[metric].seeds[seed] == pytest.approx(expected)
    assert found["test_auc"].mean == pytest.approx(np.mean(found["test_auc"].seeds))
    assert found["test_auc"].ci_low < found["test_auc"].mean < found["test_auc"].ci_high


def test_values_of_a_seed_are_means_over_its_networks():
    found = JUDGE.metrics(np.stack([LOGITS["l2"], LOGITS["large"]], axis=1))
    each = [JUDGE.metrics(LOGITS[name][:, None]) for name in ("l2", "large")]
    for metric in ("test_log_loss", "test_auc", "test_calibration_error"):
        expected = np.mean([of[metric].seeds for of in each], axis=0)
        assert found[metric].seeds == pytest.approx(expected.tolist())


def test_the_calibration_error_has_no_interval_because_its_estimate_is_biased():
    found = JUDGE.metrics(LOGITS["l2"][:, None])["test_calibration_error"]
    assert found.mean > 0
    assert found.ci_low is None


def test_differences_are_to_large_and_paired():
    found = JUDGE.compared(losses(**LOGITS))
    assert list(found) == ["l2"]
    values = {name: rows.mean(axis=1) for name, rows in losses(**LOGITS).items()}
    assert found["l2"].seeds == pytest.approx((values["l2"] - values["large"]).tolist())
    assert found["l2"].ci_low < found["l2"].mean < found["l2"].ci_high < 0
    assert found["l2"].status == "better"
    assert JUDGE.compared(losses(l2=LOGITS["l2"])) == {}


def test_more_comparisons_have_wider_intervals():
    alone = JUDGE.compared(losses(**LOGITS))["l2"]
    others = {f"other_{index}": LOGITS["large"] + 0.1 * index for index in range(5)}
    among = JUDGE.compared(losses(**LOGITS, **others))["l2"]
    assert among.ci_high - among.ci_low > alone.ci_high - alone.ci_low
    assert among.mean == alone.mean


def test_a_copy_of_large_is_equivalent_to_it():
    found = JUDGE.compared(losses(**LOGITS, twin=LOGITS["large"].copy()))["twin"]
    assert (found.mean, found.ci_low, found.ci_high, found.status) == (0, 0, 0, "equivalent")


def test_an_undecided_difference_says_how_many_seeds_would_decide():
    noise = np.random.default_rng(0).normal(0, 1e-4, (4, 500))
    rows = np.array([-0.01, 0.03, 0.0, 0.02])[:, None] + noise
    found = JUDGE.differences({"l2": rows})["l2"]
    assert found.status == "undecided"
    assert found.seeds_needed > 4


def test_one_seed_decides_nothing():
    found = JUDGE.compared(losses(**{name: values[:1] for name, values in LOGITS.items()}))["l2"]
    assert (found.status, found.ci_low, found.seeds_needed) == ("one seed", None, None)


def test_calibration_by_hand():
    judge = Judge(np.array([0.0, 1.0, 1.0, 1.0]), dataclasses.replace(EVALUATION, calibration_bins=2), 0.0)
    bins = judge.calibration(np.log([[[0.1 / 0.9, 0.3 / 0.7, 0.9 / 0.1, 0.8 / 0.2]]]))
    assert bins.rows == (2, 2)
    assert bins.predicted == pytest.approx([0.2, 0.85])
    assert bins.observed == pytest.approx([0.5, 1.0])


def noise_experiment(generator, n_variants=6, n_seeds=4, n_rows=300):
    """Cheap models of labels that are pure noise: logistic regressions on bootstrapped rows and random features."""
    features, test = generator.normal(size=(200, 6)), generator.normal(size=(n_rows, 6))
    labels, test_labels = generator.integers(0, 2, 200), generator.integers(0, 2, n_rows).astype(np.float64)
    judge, rows = Judge(test_labels, EVALUATION, 0.0), {}
    for name in ["large", *(f"remedy_{index}" for index in range(1, n_variants))]:
        chosen = generator.choice(6, 3, replace=False)
        models = []
        for _ in range(n_seeds):
            drawn = generator.integers(0, 200, 200)
            model = LogisticRegression().fit(features[drawn][:, chosen], labels[drawn])
            models.append(model.decision_function(test[:, chosen]))
        rows[name] = judge.losses(np.stack(models)[:, None])
    return judge.compared(rows)


@pytest.mark.slow
def test_on_noise_a_remedy_is_called_better_no_more_often_than_stated():
    generator = np.random.default_rng(0)
    repeats = 150
    wrong = sum("better" in {found.status for found in noise_experiment(generator).values()} for _ in range(repeats))
    # 5 %, and three standard errors of a count over so many repeats
    assert wrong / repeats <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)


def test_with_repeated_splits_each_seed_is_judged_on_its_own_rows():
    own = np.stack([np.random.default_rng(seed).permutation(LABELS.size)[: LABELS.size // 5] for seed in range(3)])
    judge, logits = Judge(LABELS, EVALUATION, 0.25, own), LOGITS["l2"][:, None]
    found = judge.metrics(logits)
    for seed, rows in enumerate(own):
        probabilities = expit(LOGITS["l2"][seed, rows])
        expected = {
            "test_auc": roc_auc_score(LABELS[rows], probabilities),
            "test_log_loss": log_loss(LABELS[rows], probabilities),
        }
        for metric, value in expected.items():
            assert found[metric].seeds[seed] == pytest.approx(value)
            assert judge.scores(LOGITS["l2"][seed], seed)[metric] == pytest.approx(value)
    differences = judge.compared({name: judge.losses(values[:, None]) for name, values in LOGITS.items()})
    assert differences["l2"].ci_low < differences["l2"].mean < differences["l2"].ci_high
    assert sum(judge.calibration(logits).rows) == pytest.approx(own.shape[1])

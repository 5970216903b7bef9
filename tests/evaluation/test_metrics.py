"""Metrics against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.special import expit
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from overfitting.evaluation.metrics import (
    accuracy_rows,
    auc_rows,
    brier_rows,
    calibration_error_rows,
    log_loss_rows,
    row_metrics,
)

ROWS = st.integers(4, 60).flatmap(
    lambda n: st.tuples(
        npst.arrays(np.float64, n, elements=st.sampled_from([0.0, 1.0])).filter(lambda labels: 0 < labels.sum() < n),
        # few distinct values, so that ties occur
        npst.arrays(np.float32, n, elements=st.sampled_from([-6.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0, 8.0])),
    )
)


@given(ROWS)
@settings(max_examples=60, deadline=None)
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

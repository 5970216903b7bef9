"""Baselines of scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from overfitting.evaluation.baselines import SMALLEST, baseline_logits


def rows(n_rows, seed):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n_rows, 4)).astype(np.float32)
    labels = (features[:, 0] * features[:, 1] + generator.normal(0, 0.3, n_rows) > 0).astype(np.float32)
    return features, labels


@pytest.fixture(scope="module")
def logits():
    test, labels = rows(1000, 2)
    names = ("logistic_regression", "random_forest", "hist_gradient_boosting")
    return {name: baseline_logits(name, [0, 1], rows(600, 0), rows(300, 1), test) for name in names}, labels


def test_logits_are_finite_one_per_seed_and_row(logits):
    found, _ = logits
    for values in found.values():
        assert values.shape == (2, 1000)
        assert np.isfinite(values).all()
        assert np.abs(values).max() <= -np.log(SMALLEST) + 1e-6


def test_trees_learn_an_interaction_that_a_linear_model_cannot(logits):
    found, labels = logits
    auc = {name: roc_auc_score(labels, values[0]) for name, values in found.items()}
    assert abs(auc["logistic_regression"] - 0.5) < 0.1
    assert min(auc["random_forest"], auc["hist_gradient_boosting"]) > 0.85


def test_only_the_forest_depends_on_the_seed(logits):
    found, _ = logits
    assert not np.array_equal(*found["random_forest"])
    for name in ("logistic_regression", "hist_gradient_boosting"):
        np.testing.assert_array_equal(*found[name])


def test_logistic_regression_gives_scikit_learns_logits(logits):
    found, _ = logits
    test, _ = rows(1000, 2)
    expected = LogisticRegression(max_iter=1000).fit(*rows(600, 0)).decision_function(test)
    np.testing.assert_allclose(found["logistic_regression"][0], expected, atol=1e-4)


def test_a_forest_gives_the_same_bytes_every_time():
    train, test = rows(2000, 0), rows(5000, 1)[0]
    found = [baseline_logits("random_forest", [0], train, train, test).tobytes() for _ in range(5)]
    assert len(set(found)) == 1

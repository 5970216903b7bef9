"""Baselines of scikit-learn."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from overfitting.base.errors import UserError
from overfitting.config.composition import compose_baselines
from overfitting.config.schema import Baseline
from overfitting.evaluation import baselines, classifiers
from overfitting.evaluation.baselines import plan
from overfitting.evaluation.classifiers import SMALLEST, predict
from tests.builders.prepared import write_rows

MODELS = ("logistic_regression", "random_forest", "gradient_boosting")


def rows(n_rows, seed):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n_rows, 4)).astype(np.float32)
    labels = (features[:, 0] * features[:, 1] + generator.normal(0, 0.3, n_rows) > 0).astype(np.float32)
    return features, labels


@pytest.fixture(scope="module")
def logits():
    test, labels = rows(1000, 2)
    settings = {name: Baseline(model=name, rows=600) for name in MODELS}
    data = rows(600, 0), rows(300, 1), test
    return {name: np.stack([predict(settings[name], seed, *data) for seed in (0, 1)]) for name in MODELS}, labels


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
    assert min(auc["random_forest"], auc["gradient_boosting"]) > 0.85


def test_only_the_forest_depends_on_the_seed(logits):
    found, _ = logits
    assert not np.array_equal(*found["random_forest"])
    for name in ("logistic_regression", "gradient_boosting"):
        np.testing.assert_array_equal(*found[name])


def test_logistic_regression_gives_scikit_learns_logits(logits):
    found, _ = logits
    test, _ = rows(1000, 2)
    expected = LogisticRegression(max_iter=1000).fit(*rows(600, 0)).decision_function(test)
    np.testing.assert_allclose(found["logistic_regression"][0], expected, atol=1e-4)


@pytest.fixture
def prepared(project):
    """Prepared rows for two seeds, each with 200 for validation and 600 for training, and 500 test rows."""
    sizes = {"train_rows": 600, "validation_rows": 200, "search_rows": 100, "pool_rows": 1700}
    arrays = {}
    for seed, (name, count) in enumerate({"pool": 1700, "test": 500}.items()):
        arrays[f"{name}_features"], arrays[f"{name}_labels"] = rows(count, seed)
    write_rows(arrays, **sizes)
    return project


def planned(name, *overrides):
    chosen = [f"baselines=[{','.join(MODELS)}]", "seeds=[0,1]", *overrides]
    return next(found for found in plan(compose_baselines(chosen), "da7a") if found.name == name)


@pytest.mark.parametrize(("limit", "used"), [(100_000, 600), (200, 200)])
def test_a_baseline_trains_on_the_rows_of_each_seed_but_at_most_on_its_own_number(prepared, limit, used):
    baseline = planned("logistic_regression", f"baseline.rows={limit}")
    baseline.fit()
    (pool, labels), (test, _) = rows(1700, 0), rows(500, 1)
    found = baseline.prediction()
    for logits, start in zip(found.logits, (300, 1100), strict=True):  # behind the validation rows
        model = LogisticRegression(max_iter=1000).fit(pool[start : start + used], labels[start : start + used])
        np.testing.assert_allclose(logits, model.decision_function(test), atol=1e-4)
    assert found.train_rows == used


def test_a_finished_baseline_is_kept_and_another_one_is_not_taken_for_it(prepared, monkeypatch):
    first = planned("logistic_regression")
    with pytest.raises(UserError, match="expected the baseline of this configuration"):
        first.prediction()
    first.fit()
    monkeypatch.setattr(classifiers, "predict", lambda *_: pytest.fail("fitted again"))
    first.fit()
    with pytest.raises(UserError, match="dvc repro --force --single-item baseline@logistic_regression"):
        planned("logistic_regression", "baseline.rows=5").prediction()


def test_fingerprints_follow_settings_seeds_and_data(project):
    first = planned("random_forest")
    assert planned("random_forest").fingerprint == first.fingerprint
    others = [planned("random_forest", "baseline.rows=5"), planned("gradient_boosting")]
    [more_seeds] = plan(compose_baselines(["baselines=[random_forest]", "seeds=[0,1,2]"]), "da7a")
    [other_data] = plan({"random_forest": first.config}, "other")
    assert len({found.fingerprint for found in (first, more_seeds, other_data, *others)}) == 5


SCRIPT = """
from overfitting.config.composition import compose_baselines
from overfitting.evaluation.baselines import plan
for found in plan(compose_baselines(["seeds=[0,1]"]), "da7a"):
    found.fit()
"""


@pytest.mark.slow
def test_a_baseline_has_the_same_bytes_for_any_number_of_threads(prepared):
    found = []
    for threads in "124":
        for name in MODELS:
            for file in (baselines.FOLDER / name).glob("*"):
                file.unlink()
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-c", SCRIPT], check=True, env=environment)
        found.append([(baselines.FOLDER / name / "logits.npy").read_bytes() for name in MODELS])
    assert found[0] == found[1] == found[2]

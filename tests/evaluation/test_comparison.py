"""Comparison: metrics against scikit-learn, ensembles, calibration, champion, and error rates on pure noise."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from overfitting.config.composition import compose_config
from overfitting.config.schema import Evaluation
from overfitting.data.manifest import Manifest
from overfitting.evaluation.baselines import Prediction
from overfitting.evaluation.comparison import (
    calibration,
    champion,
    compare,
    judge,
    judge_baselines,
    predictions,
    scores,
)
from overfitting.evaluation.results import Metrics
from overfitting.evaluation.runs import Runs
from tests.builders.metrics import invented_data
from tests.builders.runs import runs, simulated, summary

EVALUATION = Evaluation(confidence=0.95, calibration_bins=15, gap=0.05)


@pytest.fixture(scope="module")
def judged():
    labels, logits = simulated({"large": 0.3, "l2": 1.5})
    found = {name: runs(values) for name, values in logits.items()}
    return judge({**found, "ensemble": found["large"].ensemble("large")}, labels, EVALUATION), logits, labels


def test_metrics_are_scikit_learns_for_each_seed(judged):
    variants, logits, labels = judged
    for seed in range(3):
        probabilities = expit(logits["l2"][seed])
        for metric, expected in (
            ("test_auc", roc_auc_score(labels, probabilities)),
            ("test_log_loss", log_loss(labels, probabilities)),
            ("test_brier", brier_score_loss(labels, probabilities)),
            ("test_accuracy", accuracy_score(labels, probabilities > 0.5)),
        ):
            assert variants["l2"].metrics[metric].seeds[seed] == pytest.approx(expected)
    auc = variants["l2"].metrics["test_auc"]
    assert auc.mean == pytest.approx(np.mean(auc.seeds))


def test_an_ensemble_is_evaluated_by_the_mean_of_its_members_logits(judged):
    variants, logits, labels = judged
    probabilities = expit(logits["large"].mean(axis=0))
    ensemble = variants["ensemble"]
    assert ensemble.metrics["test_auc"].mean == pytest.approx(roc_auc_score(labels, probabilities))
    assert ensemble.log_loss.mean == pytest.approx(log_loss(labels, probabilities))
    assert ensemble.log_loss.mean < variants["large"].log_loss.mean
    assert ensemble.ensemble_of == "large"
    assert ensemble.parameters == 21
    assert ensemble.training is None
    assert ensemble.difference_to_large["test_auc"].ci_low is not None


def test_differences_of_all_metrics_are_to_large_and_paired(judged):
    variants, _, _ = judged
    assert variants["large"].difference_to_large is None
    for metric in ("test_log_loss", "test_auc", "test_accuracy", "test_brier", "test_calibration_error"):
        difference = variants["l2"].difference_to_large[metric]
        expected = np.subtract(variants["l2"].metrics[metric].seeds, variants["large"].metrics[metric].seeds)
        assert difference.seeds == pytest.approx(expected.tolist())
        assert difference.ci_low < difference.mean < difference.ci_high
        assert difference.p_holm >= difference.p_value
    assert variants["l2"].group == "best"
    assert variants["large"].group == "reference"


def test_calibration_by_hand():
    labels = np.array([0.0, 1.0, 1.0, 1.0])
    logits = np.log([[0.1 / 0.9, 0.3 / 0.7, 0.9 / 0.1, 0.8 / 0.2]])
    bins = calibration(labels, logits, 2)
    assert bins.rows == (2, 2)
    assert bins.predicted == pytest.approx([0.2, 0.85])
    assert bins.observed == pytest.approx([0.5, 1.0])
    assert calibration(labels, logits, 10).predicted[5] is None


def test_baselines_are_compared_with_large_and_have_no_group():
    labels, logits = simulated({"large": 0.3, "forest": 1.0})
    forest = {"forest": Prediction(logits["forest"], 70, "f0")}
    baselines = judge_baselines(forest, logits["large"], labels, EVALUATION)
    assert baselines["forest"].train_rows == 70
    assert baselines["forest"].difference.mean < 0
    assert baselines["forest"].difference.p_holm is None
    assert not hasattr(baselines["forest"], "group")
    without_large = judge_baselines(forest, None, labels, EVALUATION)
    assert without_large["forest"].difference_to_large is None


def test_two_copies_under_two_names_are_tied():
    labels, logits = simulated({"large": 0.3, "l2": 0.8})
    variants = {"large": logits["large"], "l2": logits["l2"], "twin": logits["l2"].copy()}
    judged = judge({name: runs(values) for name, values in variants.items()}, labels, EVALUATION)
    assert judged["l2"].group == judged["twin"].group == "best"
    assert judged["l2"].log_loss == judged["twin"].log_loss


def test_the_champion_is_the_seed_with_the_lowest_validation_loss_or_the_ensemble():
    labels, logits = simulated({"l2": 1.5})
    losses = [summary().best.model_copy(update={"val_log_loss": loss}) for loss in (0.6, 0.4, 0.5)]
    trained = Runs(logits["l2"], 7, [summary(seed, best=best) for seed, best in enumerate(losses)])
    found = champion("l2", {"l2": trained}, [10, 11, 12], labels)
    assert (found.column, found.models) == ("l2/11", ("runs/l2/11/model.keras",))
    assert found.test_auc == pytest.approx(roc_auc_score(labels, logits["l2"][1]))
    ensemble = champion("mean", {"mean": trained.ensemble("l2")}, [10, 11, 12], labels)
    assert (ensemble.column, len(ensemble.models), ensemble.models[2]) == ("mean", 3, "runs/l2/12/model.keras")
    assert ensemble.test_log_loss == pytest.approx(log_loss(labels, expit(logits["l2"].mean(axis=0))))


def test_predictions_have_a_column_per_run_ensemble_and_baseline():
    labels, logits = simulated({"l2": 1.5}, n_seeds=2)
    found = {"l2": runs(logits["l2"]), "mean": runs(logits["l2"]).ensemble("l2")}
    table = predictions(found, {"forest": Prediction(logits["l2"], 70, "f0")}, [3, 5], labels)
    assert list(table.columns) == ["label", "mean", "l2/3", "l2/5", "forest/3", "forest/5"]
    np.testing.assert_array_equal(table["l2/5"], logits["l2"][1])
    np.testing.assert_allclose(table["mean"], logits["l2"].mean(axis=0))


def test_the_whole_comparison_survives_its_file(project):
    labels, logits = simulated({"large": 0.3, "l2": 1.5, "forest": 0.8})
    manifest = Manifest.model_validate(invented_data())
    configs = {name: compose_config([f"variant={name}", "seeds=[0,1,2]"]) for name in ("large", "l2", "ensemble")}
    found = {name: runs(logits[name]) for name in ("large", "l2")}
    found["ensemble"] = found["large"].ensemble("large")
    metrics = compare(configs, manifest, found, {"forest": Prediction(logits["forest"], 70, "f0")}, labels)
    assert metrics.verdict.ranking[0] == metrics.champion.variant == "l2"
    assert metrics.run.arithmetic == "float32"
    assert metrics.weight_bins == (-8.0, -3.0, 1.0)
    metrics.write(project / "metrics.json")
    assert Metrics.read(project / "metrics.json") == metrics
    loss = round(metrics.variants["l2"].log_loss.mean, 5)
    assert scores(metrics)["test_log_loss"]["l2"] == loss
    assert list(scores(metrics)) == ["test_log_loss", "test_auc"]


def noise_experiment(generator, n_variants=6, n_seeds=4, n_rows=300):
    """Cheap models of labels that are pure noise: logistic regressions on bootstrapped rows and random features."""
    features, test = generator.normal(size=(200, 6)), generator.normal(size=(n_rows, 6))
    labels, test_labels = generator.integers(0, 2, 200), generator.integers(0, 2, n_rows).astype(np.float64)
    names = ["large", *(f"remedy_{index}" for index in range(1, n_variants))]
    logits = {}
    for name in names:
        chosen = generator.choice(6, 3, replace=False)
        models = []
        for _ in range(n_seeds):
            rows = generator.integers(0, 200, 200)
            models.append(
                LogisticRegression().fit(features[rows][:, chosen], labels[rows]).decision_function(test[:, chosen])
            )
        logits[name] = np.stack(models)
    return judge({name: runs(values) for name, values in logits.items()}, test_labels, EVALUATION)


@pytest.mark.slow
def test_on_noise_a_remedy_is_called_better_no_more_often_than_stated():
    generator = np.random.default_rng(0)
    repeats = 150
    wrong = 0
    for _ in range(repeats):
        groups = {name: variant.group for name, variant in noise_experiment(generator).items()}
        wrong += groups["large"] != "best" or "better" in groups.values()
    # 5 %, and three standard errors of a count over so many repeats
    assert wrong / repeats <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)

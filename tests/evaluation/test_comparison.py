"""What is said of each variant: metrics against scikit-learn, ensembles, gaps, calibration, and honesty."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from overfitting.config.schema import Evaluation, Variant
from overfitting.evaluation.comparison import Found, calibration, describe, first_gap, judge, judge_references

EVALUATION = Evaluation(confidence=0.95, calibration_bins=15, gap=0.05, references=())


def summary(seed=0, best_epoch=5, **variant):
    part = {"train_log_loss": 0.4, "val_log_loss": 0.5, "train_accuracy": 0.8, "val_accuracy": 0.7}
    settings = {**{"hidden_units": [512] * 4, "activation": "elu"}, **variant}
    return {
        "parameters": 7,
        "train_rows": 1000,
        "epochs": 10,
        "best_epoch": best_epoch + seed,
        "best": part,
        "last": {**part, "train_log_loss": 0.1, "val_log_loss": 0.9},
        "weight_norm": 3.0,
        "near_zero_share": 0.25,
        "near_zero_share_initial": 0.01,
        "zero_share": 0.0,
        "weight_histogram": [0.25, 0.75],
        "seconds": 1.5,
        "config": {"variant": settings},
    }


def found(logits, gap_epochs=None, ensemble_of=None, **variant):
    if ensemble_of:
        return Found(logits, 7 * len(logits), [], [], ensemble_of)
    summaries = [summary(seed, **variant) for seed in range(len(logits))]
    return Found(logits, 7, summaries, gap_epochs or [3] * len(logits))


def simulated(strengths, n_rows=400, n_seeds=3, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, n_rows).astype(np.float64)
    shared = generator.normal(size=n_rows)
    return labels, {
        name: np.stack(
            [strength * (2 * labels - 1) + shared + generator.normal(0, 0.5, n_rows) for _ in range(n_seeds)]
        )
        for name, strength in strengths.items()
    }


@pytest.fixture(scope="module")
def judged():
    labels, logits = simulated({"large": 0.3, "l2": 1.5})
    ensemble = found(logits["large"], ensemble_of="large")
    variants = {**{name: found(values) for name, values in logits.items()}, "ensemble": ensemble}
    return judge(variants, labels, EVALUATION), logits, labels


def test_metrics_are_scikit_learns_seed_by_seed(judged):
    variants, logits, labels = judged
    for seed in range(3):
        probabilities = expit(logits["l2"][seed])
        for metric, expected in (
            ("test_auc", roc_auc_score(labels, probabilities)),
            ("test_log_loss", log_loss(labels, probabilities)),
            ("test_brier", brier_score_loss(labels, probabilities)),
            ("test_accuracy", accuracy_score(labels, probabilities > 0.5)),
        ):
            assert variants["l2"][metric]["seeds"][seed] == pytest.approx(expected)
    assert variants["l2"]["test_auc"]["mean"] == pytest.approx(np.mean(variants["l2"]["test_auc"]["seeds"]))


def test_an_ensemble_is_judged_by_the_mean_of_its_members_logits(judged):
    variants, logits, labels = judged
    probabilities = expit(logits["large"].mean(axis=0))
    ensemble = variants["ensemble"]
    assert ensemble["test_auc"]["mean"] == pytest.approx(roc_auc_score(labels, probabilities))
    assert ensemble["test_log_loss"]["mean"] == pytest.approx(log_loss(labels, probabilities))
    assert ensemble["test_log_loss"]["mean"] < variants["large"]["test_log_loss"]["mean"]
    assert ensemble["ensemble_of"] == "large"
    assert ensemble["parameters"] == 21
    assert "epochs" not in ensemble
    assert ensemble["difference_to_large"]["test_auc"]["ci_low"] is not None


def test_differences_of_all_metrics_are_to_large_and_paired(judged):
    variants, _, _ = judged
    assert variants["large"]["difference_to_large"] is None
    for metric in ("test_log_loss", "test_auc", "test_accuracy", "test_brier", "test_calibration_error"):
        difference = variants["l2"]["difference_to_large"][metric]
        expected = np.subtract(variants["l2"][metric]["seeds"], variants["large"][metric]["seeds"])
        assert difference["seeds"] == pytest.approx(expected.tolist())
        assert difference["ci_low"] < difference["mean"] < difference["ci_high"]
        assert difference["p_holm"] >= difference["p_value"]
    assert variants["l2"]["group"] == "best"
    assert variants["large"]["group"] == "reference"


def test_gap_rise_and_best_epoch(judged):
    large = judged[0]["large"]
    assert large["gap_best"]["mean"] == pytest.approx(0.1)
    assert large["gap_last"]["mean"] == pytest.approx(0.8)
    assert large["rise_after_best"]["mean"] == pytest.approx(0.4)
    assert large["best_epoch"]["seeds"] == [5.0, 6.0, 7.0]
    assert large["weights"]["histogram"] == [0.25, 0.75]


def test_the_first_gap_is_the_first_epoch_that_passes():
    assert first_gap(np.array([0.5, 0.56, 0.5, 0.7]), np.array([0.5, 0.5, 0.5, 0.5]), 0.05) == 2
    assert first_gap(np.array([0.5, 0.55]), np.array([0.6, 0.5]), 0.06) is None


@pytest.mark.parametrize(("epochs", "median"), [([2, 9, 4], 4), ([2, None, 4], 4), ([None, None, 4], None)])
def test_seeds_that_never_reach_the_gap_count_as_later_than_all(epochs, median):
    labels, logits = simulated({"large": 0.3})
    variants = judge({"large": found(logits["large"], epochs)}, labels, EVALUATION)
    assert variants["large"]["gap_epoch"] == {"median": median, "seeds": epochs}


def test_calibration_is_counted_by_hand():
    labels = np.array([0.0, 1.0, 1.0, 1.0])
    logits = np.log([[0.1 / 0.9, 0.3 / 0.7, 0.9 / 0.1, 0.8 / 0.2]])
    bins = calibration(labels, logits, 2)
    assert bins["rows"] == [2, 2]
    assert bins["predicted"] == pytest.approx([0.2, 0.85])
    assert bins["observed"] == pytest.approx([0.5, 1.0])
    assert calibration(labels, logits, 10)["predicted"][5] is None


def test_a_variant_is_described_by_what_it_was_trained_with():
    settings = {"hidden_units": [16, 16], "l2": 0.001, "symmetry": True, "activation": "elu"}
    assert describe(found(np.zeros((1, 2)), **settings)) == "hidden_units 16-16, l2 0.001, symmetry true"
    assert describe(found(np.zeros((1, 2)))) == "hidden_units 512-512-512-512"
    assert describe(found(np.zeros((1, 2)), ensemble_of="l2")) == "mean of the logits of l2 over the seeds"
    assert Variant(hidden_units=(512,) * 4) == Variant()


def test_references_are_compared_with_large_and_in_no_group():
    labels, logits = simulated({"large": 0.3, "forest": 1.0})
    references = judge_references({"forest": logits["forest"]}, logits["large"], labels, EVALUATION)
    assert references["forest"]["difference_to_large"]["test_log_loss"]["mean"] < 0
    assert "group" not in references["forest"]
    assert (
        judge_references({"forest": logits["forest"]}, None, labels, EVALUATION)["forest"]["difference_to_large"]
        is None
    )


def noise_experiment(generator, n_variants=6, n_seeds=4, n_rows=300):
    """Cheap models on labels of pure noise: logistic regressions on bootstrapped rows and random features."""
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
    return judge({name: found(values) for name, values in logits.items()}, test_labels, EVALUATION)


@pytest.mark.slow
def test_on_noise_a_remedy_is_declared_better_no_more_often_than_stated():
    generator = np.random.default_rng(0)
    repeats = 150
    wrong = 0
    for _ in range(repeats):
        groups = {name: variant["group"] for name, variant in noise_experiment(generator).items()}
        wrong += groups["large"] != "best" or "better" in groups.values()
    # 5 %, and three standard errors of a count of so many repeats
    assert wrong / repeats <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)


def test_two_copies_under_two_names_are_tied():
    labels, logits = simulated({"large": 0.3, "l2": 0.8})
    variants = {"large": logits["large"], "l2": logits["l2"], "twin": logits["l2"].copy()}
    judged = judge({name: found(values) for name, values in variants.items()}, labels, EVALUATION)
    assert judged["l2"]["group"] == judged["twin"]["group"] == "best"
    assert judged["l2"]["test_log_loss"] == judged["twin"]["test_log_loss"]

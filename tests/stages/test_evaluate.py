"""Stage evaluate: from runs to the numbers that the report and the verdict state."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from overfitting.composition import compose_config
from overfitting.stages.evaluate import compare


def summary(seed, best_epoch=5):
    part = {"train_log_loss": 0.4, "val_log_loss": 0.5, "train_accuracy": 0.8, "val_accuracy": 0.7}
    return {
        "parameters": 7,
        "epochs": 10,
        "best_epoch": best_epoch + seed,
        "best": part,
        "last": {**part, "train_log_loss": 0.1, "val_log_loss": 0.9},
        "weight_norm": 3.0,
        "near_zero_share": 0.25,
        "seconds": 1.5,
    }


@pytest.fixture
def compared(project):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400).astype(np.float64)
    scale = {"large": 0.3, "l2": 1.5}
    logits = {
        name: np.stack([generator.normal((2 * labels - 1) * strength, 1.0) for _ in range(3)])
        for name, strength in scale.items()
    }
    summaries = {name: [summary(seed) for seed in range(3)] for name in scale}
    config = compose_config(["variants=[large,l2]", "seeds=[0,1,2]"])
    return compare(summaries, logits, labels, config), logits, labels


def test_metrics_are_scikit_learns_seed_by_seed(compared):
    found, logits, labels = compared
    for seed in range(3):
        probabilities = 1 / (1 + np.exp(-logits["l2"][seed]))
        assert found["l2"]["test_auc"]["seeds"][seed] == pytest.approx(roc_auc_score(labels, probabilities))
        assert found["l2"]["test_log_loss"]["seeds"][seed] == pytest.approx(log_loss(labels, probabilities))
    assert found["l2"]["test_auc"]["mean"] == pytest.approx(np.mean(found["l2"]["test_auc"]["seeds"]))


def test_gap_rise_and_best_epoch(compared):
    large = compared[0]["large"]
    assert large["gap_best"]["mean"] == pytest.approx(0.1)
    assert large["gap_last"]["mean"] == pytest.approx(0.8)
    assert large["rise_after_best"]["mean"] == pytest.approx(0.4)
    assert large["best_epoch"]["seeds"] == [5.0, 6.0, 7.0]


def test_differences_are_to_large_and_paired(compared):
    found, _, _ = compared
    assert found["large"]["difference_to_large"] is None
    difference = found["l2"]["difference_to_large"]["test_auc"]
    expected = np.subtract(found["l2"]["test_auc"]["seeds"], found["large"]["test_auc"]["seeds"])
    assert difference["seeds"] == pytest.approx(expected.tolist())
    assert difference["ci_low"] < difference["mean"] < difference["ci_high"]
    assert found["l2"]["group"] == "best"
    assert found["large"]["group"] == "reference"

"""Which epoch's weights are kept."""

import pytest

from overfitting.config.schema import CosineSchedule, Variant
from overfitting.training.loop import evaluate
from tests.builders.training import budget, rows, trained


def test_the_last_epochs_weights_are_kept_if_asked_for():
    data, validation = rows(100), rows(100, seed=1)
    fast = CosineSchedule(name="cosine", learning_rate=0.1, reference_width=None, warmup_epochs=0)
    last = trained(Variant(hidden_units=(8, 8), keep="last"), budget(epochs=30, schedule=fast), data, validation, 0)
    assert last.outcome.best_epoch < 30
    kept, _ = evaluate(last.model, validation)
    assert kept == pytest.approx(last.history[-1]["val_log_loss"], rel=1e-5)
    assert last.outcome.best.val_log_loss < kept

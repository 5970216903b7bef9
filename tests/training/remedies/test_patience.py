"""Early stopping of a variant."""

from overfitting.config.schema import CosineSchedule, Variant
from tests.builders.training import TINY, budget, rows, trained


def test_early_stopping_of_a_variant_ends_it_and_changes_nothing_before():
    data, validation = rows(100), rows(100, seed=1)
    fast = CosineSchedule(name="cosine", learning_rate=0.1, reference_width=None, warmup_epochs=0)
    whole = trained(TINY, budget(epochs=40, schedule=fast), data, validation, 0)
    stopped = trained(Variant(hidden_units=(8, 8), patience=3), budget(epochs=40, schedule=fast), data, validation, 0)
    assert len(stopped.history) < 40
    assert len(stopped.history) == stopped.outcome.best_epoch + 3
    for a, b in zip(stopped.history, whole.history, strict=False):
        assert a["val_log_loss"] == b["val_log_loss"]

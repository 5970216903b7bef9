"""The model card: every number is one of the results."""

from overfitting.report.page import model_card
from tests.builders.metrics import edited, invented


def test_it_states_model_data_results_and_limits():
    metrics = invented()
    text, best = model_card(metrics), metrics.champion
    for title in ("The model", "Use", "Training data", "Results on test rows", "Limits"):
        assert f"\n## {title}\n" in text
    loss = metrics.variants[best.variant].early.log_loss
    assert f"| log loss | {loss.mean:.4f} ({loss.interval[0]:.4f} to {loss.interval[1]:.4f}) |" in text
    assert f"log loss {best.test_log_loss:.4f}, AUC {best.test_auc:.4f}" in text
    assert all(f"`{path}`" in text for path in best.models)
    assert metrics.data.sha256 in text
    assert "simulated" in text


def test_a_table_of_ones_own_is_named_as_such():
    text = model_card(edited(invented(), data__source="csv"))
    assert "simulated" not in text
    assert "rows of this table only" in text

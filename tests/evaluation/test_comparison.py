"""Comparison: from runs to results/metrics.json."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from overfitting.config.composition import compose_config
from overfitting.data.manifest import Manifest
from overfitting.evaluation.baselines import Prediction
from overfitting.evaluation.comparison import compare, predictions, scores
from overfitting.evaluation.results import Metrics
from overfitting.evaluation.runs import Runs
from tests.builders.metrics import invented_data
from tests.builders.runs import fit, runs, simulated, summary

SEEDS = "seeds=[0,1,2]"
LABELS, LOGITS = simulated({"large": 0.3, "again": 0.3, "l2": 0.9, "tuned/l2": 1.5, "late": 0.05, "forest": 0.8})
LARGE = np.stack([LOGITS["large"], LOGITS["again"]], axis=1)


def trained() -> dict[str, Runs]:
    """Two networks of large per seed, which overfit late; l2 at two strengths, which does not."""
    found = {"large": runs(LARGE, late=np.repeat(LOGITS["late"][:, None], 2, axis=1))}
    found |= {name: runs(LOGITS[name], l2=0.001) for name in ("l2", "tuned/l2")}
    return {**found, "ensemble": found["large"].ensemble("large")}


@pytest.fixture(scope="module")
def metrics(module_project) -> Metrics:
    configs = {name: compose_config([f"variant={name}", SEEDS]) for name in ("large", "l2", "tuned/l2", "ensemble")}
    manifest = Manifest.model_validate(invented_data())
    return compare(configs, manifest, trained(), {"forest": Prediction(LOGITS["forest"], 70, "f0")}, LABELS)


def test_values_of_large_are_means_over_its_networks(metrics):
    found = metrics.variants["large"].early.log_loss
    expected = [np.mean([log_loss(LABELS, expit(row)) for row in of_seed]) for of_seed in LARGE]
    assert found.seeds == pytest.approx(expected)
    assert metrics.variants["large"].networks == 2
    assert [(run.seed, run.repeat) for run in metrics.variants["large"].training.runs[:3]] == [(0, 0), (0, 1), (1, 0)]
    assert metrics.variants["large"].training.runs[1].early["test_log_loss"] == pytest.approx(
        log_loss(LABELS, expit(LARGE[0, 1]))
    )


def test_an_ensemble_averages_the_logits_of_each_seed(metrics):
    ensemble = metrics.variants["ensemble"]
    expected = [log_loss(LABELS, expit(of_seed.mean(axis=0))) for of_seed in LARGE]
    assert ensemble.early.log_loss.seeds == pytest.approx(expected)
    assert ensemble.early.log_loss.mean < metrics.variants["large"].early.log_loss.mean
    assert (ensemble.ensemble_of, ensemble.networks, ensemble.parameters) == ("large", 2, 14)
    assert ensemble.training is None


def test_both_questions_are_answered(metrics):
    assert metrics.variants["tuned/l2"].early.status == "better"
    assert metrics.variants["large"].early.status == metrics.variants["large"].late.status == "reference"
    late = metrics.variants["l2"].late.difference
    values = {name: metrics.variants[name].late.log_loss.seeds for name in ("l2", "large")}
    assert late.seeds == pytest.approx(np.subtract(values["l2"], values["large"]).tolist())
    stopped = metrics.early_stopping
    of_large = metrics.variants["large"]
    assert stopped.seeds == pytest.approx(
        np.subtract(of_large.early.log_loss.seeds, of_large.late.log_loss.seeds).tolist()
    )


def test_other_confidences_have_the_intervals_that_a_comparison_at_that_confidence_has(metrics):
    at = {level.confidence: level for level in metrics.levels}
    assert list(at) == [0.8, 0.9, 0.95, 0.99]
    scores = {name: found.early for name, found in metrics.variants.items()} | metrics.baselines
    expected = {name: found.difference.interval for name, found in scores.items() if found.difference}
    assert at[0.95].early == expected
    assert at[0.95].late["early stopping"] == metrics.early_stopping.interval
    assert at[0.95].best == metrics.verdict.best
    for name in expected:
        widths = [high - low for low, high in (level.early[name] for level in metrics.levels)]
        assert widths == sorted(widths)
        assert widths[0] < widths[-1]


def test_blocks_keep_apart_what_cannot_be_ranked_together(metrics):
    assert {name: found.block for name, found in metrics.variants.items()} == {
        "large": "ranked",
        "l2": "given strength",
        "tuned/l2": "ranked",
        "ensemble": "ensemble",
    }
    assert metrics.verdict.ranking == ("tuned/l2", "large", "l2", "ensemble")
    assert metrics.verdict.best == ("tuned/l2",)
    bought = np.subtract(*(metrics.variants[name].early.log_loss.seeds for name in ("tuned/l2", "l2")))
    assert metrics.tuning["l2"].seeds == pytest.approx(bought.tolist())


def test_the_gap_is_measured_on_test_rows_with_their_variance(metrics):
    early = metrics.variants["l2"].training.early
    assert early.gap.mean == pytest.approx(metrics.variants["l2"].early.log_loss.mean - fit()["train_log_loss"])
    loss = metrics.variants["l2"].early.log_loss
    assert early.gap.ci_high - early.gap.ci_low == pytest.approx(loss.ci_high - loss.ci_low)


def test_baselines_are_compared_with_large_and_not_ranked(metrics):
    forest = metrics.baselines["forest"]
    assert forest.train_rows == 70
    assert forest.difference.mean < 0
    assert "forest" not in metrics.verdict.ranking


def test_the_whole_comparison_survives_its_file(metrics, tmp_path):
    assert metrics.run.arithmetic == "float32"
    assert metrics.weight_bins == (-8.0, -3.0, 1.0)
    metrics.write(tmp_path / "metrics.json")
    assert Metrics.read(tmp_path / "metrics.json") == metrics
    found = scores(metrics)["l2"]
    assert found["test_log_loss"] == round(metrics.variants["l2"].early.log_loss.mean, 5)
    assert list(found) == ["test_log_loss", "test_log_loss_late", "test_auc"]


def test_the_champion_has_the_lowest_validation_loss_whatever_the_test_rows_say(module_project):
    found = trained()
    losses = [[0.6, 0.3], [0.3, 0.2], [0.5, 0.3]]
    summaries = [
        [summary(seed, repeat=repeat, early=fit(val_log_loss=loss)) for repeat, loss in enumerate(of_seed)]
        for seed, of_seed in enumerate(losses)
    ]
    found["large"] = dataclasses.replace(found["large"], summaries=summaries)
    configs = {name: compose_config([f"variant={name}", SEEDS]) for name in ("large", "l2")}
    chosen = {name: found[name] for name in configs}
    champion = compare(configs, Manifest.model_validate(invented_data()), chosen, {}, LABELS).champion
    assert (champion.variant, champion.column, champion.val_log_loss) == ("large", "large/1.1", 0.2)
    assert champion.models == ("runs/large/1.1/early.keras",)
    assert champion.test_auc == pytest.approx(roc_auc_score(LABELS, LARGE[1, 1]))


def test_predictions_have_a_column_per_network_ensemble_and_baseline():
    found = trained()
    chosen = {name: found[name] for name in ("large", "ensemble")}
    table = predictions(chosen, {"forest": Prediction(LOGITS["forest"], 70, "f0")}, [3, 5, 7], LABELS)
    assert list(table.columns)[:4] == ["label", "large/3", "large/3.1", "large/5"]
    assert {"ensemble/7", "large/3.1 late", "ensemble/3 late", "forest/5"} <= set(table.columns)
    np.testing.assert_array_equal(table["large/5.1"], LARGE[1, 1])
    np.testing.assert_array_equal(table["large/3 late"], LOGITS["late"][0])


def test_a_comparison_without_large_or_with_one_seed_works(module_project):
    manifest = Manifest.model_validate(invented_data())
    alone = compare({"l2": compose_config(["variant=l2", SEEDS])}, manifest, {"l2": trained()["l2"]}, {}, LABELS)
    assert alone.variants["l2"].early.difference is None
    assert alone.early_stopping is None
    one = {name: runs(LOGITS[name][:1]) for name in ("large", "l2")}
    configs = {name: compose_config([f"variant={name}", "seeds=[0]"]) for name in one}
    assert compare(configs, manifest, one, {}, LABELS).variants["l2"].early.status == "one seed"

"""Runs: reading, descriptions, curves; training results over seeds."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config
from overfitting.config.schema import Variant
from overfitting.evaluation import runs as module
from overfitting.evaluation.metrics import Judge
from overfitting.evaluation.runs import arithmetic, curves, describe, first_gap, training
from overfitting.training.identity import plan
from tests.builders.runs import EVALUATION, history, runs, simulated, summary

LABELS, LOGITS = simulated({"large": 0.3, "late": 0.1})
JUDGE = Judge(LABELS, EVALUATION, overlap=0.0)


def test_training_results_are_means_over_seeds():
    found = training(runs(LOGITS["large"], late=LOGITS["late"]), JUDGE)
    assert found.early.train_log_loss.mean == pytest.approx(0.4)
    assert found.late.val_log_loss.mean == pytest.approx(0.9)
    assert found.best_epoch.seeds == (5.0, 6.0, 7.0)
    assert found.early.weight_histogram == (0.25, 0.75)
    assert found.late.gap.mean == pytest.approx(JUDGE.losses(LOGITS["late"][:, None]).mean() - 0.1)


def test_the_first_gap_is_the_first_epoch_that_exceeds_the_size():
    def losses(validation, train):
        return pd.DataFrame({"val_log_loss": validation, "train_log_loss": train})

    assert first_gap(losses([0.5, 0.56, 0.5, 0.7], [0.5, 0.5, 0.5, 0.5]), 0.05) == 2
    assert first_gap(losses([0.5, 0.55], [0.6, 0.5]), 0.06) is None


@pytest.mark.parametrize(("epochs", "median"), [([2, 9, 4], 4), ([2, None, 4], 4), ([None, None, 4], None)])
def test_seeds_that_never_reach_the_gap_count_as_later_than_all_others(epochs, median):
    found = training(runs(LOGITS["large"], epochs), JUDGE)
    assert found.gap_epoch.median == median
    assert found.gap_epoch.seeds == tuple(epochs)


def test_a_variant_is_described_by_the_settings_it_was_trained_with():
    settings = {"hidden_units": [16, 16], "l2": 0.001, "symmetry": True, "activation": "elu"}
    assert describe(runs(np.zeros((1, 2)), **settings)) == "hidden_units 16-16, l2 0.001, symmetry true"
    assert describe(runs(np.zeros((1, 2)))) == "hidden_units 512-512-512-512"
    ensemble = runs(np.zeros((1, 3, 2))).ensemble("l2")
    assert describe(ensemble) == "mean of the logits of 3 networks of l2 per seed, on the same rows"
    assert Variant(hidden_units=(512,) * 4) == Variant()


def test_arithmetic_lists_every_precision_once():
    plain, mixed = runs(LOGITS["large"]), runs(LOGITS["large"])
    settings = {"variant": {}, "training": {"precision": "mixed_bfloat16", "jit_compile": True}}
    mixed = dataclasses.replace(mixed, summaries=[[summary(config=settings)]])
    assert arithmetic([plain]) == "float32"
    assert arithmetic([plain, mixed, plain.ensemble("large")]) == "float32, mixed_bfloat16 with XLA"


def test_curves_hold_the_first_network_of_every_seed():
    both = runs(np.zeros((2, 3, 5)))
    found = curves({"l2": both, "mean": both.ensemble("l2")}, [4, 7])
    assert list(found.columns) == ["variant", "seed", "epoch", "train_log_loss", "val_log_loss"]
    assert found.groupby(["variant", "seed"]).size().to_dict() == {("l2", 4): 10, ("l2", 7): 10}
    assert list(found["val_log_loss"][:10]) == list(history()["val_log_loss"])


@pytest.fixture
def configs(project, monkeypatch):
    """Finished runs of two variants with two seeds; large has two networks per seed. Row r of run i has the logit i."""
    chosen = ["seeds=[0,1]", "repeats={large: 2}"]
    configs = {name: compose_config([f"variant={name}", *chosen]) for name in ("large", "l2")}
    for run in plan(configs, "data"):
        summary(run.seed, run.fingerprint, repeat=run.repeat).write(run.folder / "summary.json")
        history().to_csv(run.folder / "history.csv", index=False)

    def predict(folders):
        logits = np.repeat(np.arange(len(folders))[:, None], 3, axis=1)
        return {"early": logits, "late": -logits}

    monkeypatch.setattr(module, "predict", predict)
    return configs


def test_runs_are_read_by_seed_and_repeat(configs):
    found = module.read(configs, module.finished(configs, "data"))
    assert found["large"].logits["early"][:, :, 0].tolist() == [[0, 1], [2, 3]]
    assert found["l2"].logits["late"][:, :, 0].tolist() == [[-4], [-5]]
    assert [[of.repeat for of in of_seed] for of_seed in found["large"].summaries] == [[0, 1], [0, 1]]


def test_missing_and_foreign_runs_are_named_with_the_command_that_trains_them_again(configs, monkeypatch):
    monkeypatch.setattr(module, "predict", lambda _: pytest.fail("predicted"))
    of_large, of_l2 = (next(run for run in plan(configs, "data") if run.variant == name) for name in ("large", "l2"))
    (of_large.folder / "summary.json").unlink()
    summary(0, "another configuration").write(of_l2.folder / "summary.json")
    with pytest.raises(UserError, match=r"2 of 6 are not: large seed 0, l2 seed 0; train") as error:
        module.finished(configs, "data")
    assert str(error.value).endswith("\n  dvc repro --force --single-item train@large train@l2")
    (of_large.folder / "error.txt").write_text("the loss is not finite in epoch 3; lower the learning rate")
    with pytest.raises(UserError, match=r"large seed 0 \(the loss is not finite in epoch 3; lower the learning rate\)"):
        module.finished(configs, "data")
    with pytest.raises(UserError, match="6 of 6"):
        module.finished(configs, "other data")

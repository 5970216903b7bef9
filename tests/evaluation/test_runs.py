"""Runs: fingerprints, training results over seeds, descriptions, curves."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config
from overfitting.config.schema import Evaluation, Variant
from overfitting.evaluation.runs import arithmetic, check_fingerprints, curves, describe, first_gap, training
from overfitting.training.identity import run_fingerprint
from tests.builders.runs import history, runs, simulated, summary

EVALUATION = Evaluation(confidence=0.95, calibration_bins=15, gap=0.05)


def logits(n_seeds=3):
    return simulated({"large": 0.3}, n_seeds=n_seeds)[1]["large"]


def test_gap_rise_and_best_epoch():
    found = training(runs(logits()), EVALUATION)
    assert found.gap_best.mean == pytest.approx(0.1)
    assert found.gap_last.mean == pytest.approx(0.8)
    assert found.rise_after_best.mean == pytest.approx(0.4)
    assert found.best_epoch.seeds == (5.0, 6.0, 7.0)
    assert found.weight_histogram == (0.25, 0.75)


def test_the_first_gap_is_the_first_epoch_that_exceeds_the_size():
    def losses(validation, train):
        return pd.DataFrame({"val_log_loss": validation, "train_log_loss": train})

    assert first_gap(losses([0.5, 0.56, 0.5, 0.7], [0.5, 0.5, 0.5, 0.5]), 0.05) == 2
    assert first_gap(losses([0.5, 0.55], [0.6, 0.5]), 0.06) is None


@pytest.mark.parametrize(("epochs", "median"), [([2, 9, 4], 4), ([2, None, 4], 4), ([None, None, 4], None)])
def test_seeds_that_never_reach_the_gap_count_as_later_than_all_others(epochs, median):
    found = training(runs(logits(), epochs), EVALUATION)
    assert found.gap_epoch.median == median
    assert found.gap_epoch.seeds == tuple(epochs)


def test_a_variant_is_described_by_the_settings_it_was_trained_with():
    settings = {"hidden_units": [16, 16], "l2": 0.001, "symmetry": True, "activation": "elu"}
    assert describe(runs(np.zeros((1, 2)), **settings)) == "hidden_units 16-16, l2 0.001, symmetry true"
    assert describe(runs(np.zeros((1, 2)))) == "hidden_units 512-512-512-512"
    assert describe(runs(np.zeros((1, 2))).ensemble("l2")) == "mean of the logits of l2 over the seeds"
    assert Variant(hidden_units=(512,) * 4) == Variant()


def test_arithmetic_lists_every_precision_once():
    plain, mixed = runs(logits()), runs(logits())
    settings = {"variant": {}, "training": {"precision": "mixed_bfloat16", "jit_compile": True}}
    mixed = dataclasses.replace(mixed, summaries=[summary(config=settings)])
    assert arithmetic([plain]) == "float32"
    assert arithmetic([plain, mixed, plain.ensemble("large")]) == "float32, mixed_bfloat16 with XLA"


def test_curves_hold_every_run_without_its_durations():
    found = curves({"l2": runs(logits(2)), "mean": runs(logits(2)).ensemble("l2")}, [4, 7])
    assert list(found.columns) == ["variant", "seed", "epoch", "train_log_loss", "val_log_loss"]
    assert found.groupby(["variant", "seed"]).size().to_dict() == {("l2", 4): 10, ("l2", 7): 10}
    assert list(found["val_log_loss"][:10]) == list(history()["val_log_loss"])


@pytest.fixture
def configs(project):
    return {name: compose_config([f"variant={name}", "seeds=[0,1]"]) for name in ("large", "l2")}


def summaries(configs, **overrides):
    return {
        name: [summary(seed, run_fingerprint(config, seed, overrides.get(name, "data"))) for seed in config.seeds]
        for name, config in configs.items()
    }


def test_runs_of_the_present_configuration_data_and_code_pass(configs):
    check_fingerprints(summaries(configs), configs, "data")


def test_foreign_runs_are_named_with_the_command_that_trains_them_again(configs):
    found = summaries(configs, l2="other data")
    found["large"][1] = summary(1, "another configuration")
    with pytest.raises(UserError) as error:
        check_fingerprints(found, configs, "data")
    assert "large (seed 1), l2 (seed 0, 1)" in str(error.value)
    assert str(error.value).endswith("\n  dvc repro --force --single-item train@large train@l2")


def test_two_seeds_that_were_swapped_are_foreign(configs):
    found = summaries(configs)
    found["l2"].reverse()
    with pytest.raises(UserError, match=r"code: l2 \(seed 0, 1\); train"):
        check_fingerprints(found, configs, "data")

"""Searches as they are run: told what is wrong before any training, and what they leave behind."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from filelock import FileLock

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config
from overfitting.config.schema import Variant
from overfitting.search import tuning
from tests.builders.prepared import write_rows


@pytest.mark.parametrize(
    ("searches", "arguments", "message"),
    [
        ({}, ["l3"], "unknown search 'l3'; expected some of l1, l1_proximal, l2, dropout"),
        ({"l2": {"momentum": {"low": 0.1, "high": 0.9}}}, ["l2"], "variant.momentum"),
        ({"l2": {"dropout": {"low": 0.1, "high": 1.5}}}, ["l2"], "variant.dropout: got 1.5"),
        ({}, ["l2", "training.epochs=0"], "training.epochs: got 0"),
        ({}, ["l2", "variant.width=3"], "Key 'width' is not in struct"),
        ({}, ["l2", "seeds=[0]"], r"seeds=\[0\]: expected overrides of `training` or `variant.`"),
        ({}, ["l2", "variant=tiny"], "variant=tiny: expected overrides of"),
    ],
)
def test_a_mistake_is_told_before_any_training(project, searches, arguments, message):
    path = Path("conf/search.yaml")
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**content, "searches": {**content["searches"], **searches}}, sort_keys=False))
    with pytest.raises(UserError, match=message):
        tuning.run(arguments)


def test_the_values_of_a_trial_reach_its_variant(project):
    values = {"l2": 1e-05, "symmetry": True, "normalization": None, "dropout": 0.5}
    assert tuning._compose([], values).variant == Variant(l2=1e-05, symmetry=True, dropout=0.5)


ROWS = {"train_rows": 300, "validation_rows": 200, "search_rows": 500, "pool_rows": 1000}


@pytest.fixture
def prepared(project):
    generator = np.random.default_rng(0)
    features = generator.normal(size=(1000, 4)).astype(np.float32)
    columns = [0.0] * 4
    scaling = {
        "columns": list("abcd"), "roles": ["other"] * 4, "symmetry": False, "edges": [], "features": list("abcd"),
        "feature_roles": ["other"] * 4, "logarithm": [False] * 4, "floor": columns, "mean": columns,
        "deviation": [1.0] * 4,
    }  # fmt: skip
    arrays = {"pool_features": features, "pool_labels": features[:, 0] > 0}
    write_rows(arrays, scaling, fingerprint="data", **ROWS)
    files.TUNING.unlink()
    path = Path("conf/search.yaml")
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**content, "trials": 4, "seeds": [0, 1]}, sort_keys=False))
    return project


SMALL = ("training=smoke", "variant.hidden_units=[8]")


@pytest.mark.slow
def test_a_search_leaves_a_table_and_a_variant_and_reads_no_test_rows(prepared, monkeypatch, capsys):
    tuning.run(["l2", "dropout", *SMALL])
    table = pd.read_csv(files.TUNING)
    assert table["search"].tolist() == ["l2"] * 4 + ["dropout"] * 4
    assert table.groupby("search")["chosen"].sum().tolist() == [1, 1]
    for name, found in table.groupby("search"):
        best = found[found["chosen"]].iloc[0]
        assert best["val_log_loss"] == found["val_log_loss"].min()
        assert compose_config([f"variant=tuned/{name}"]).variant.strength(name) == pytest.approx(best[name])
    capsys.readouterr()
    tuning.run(["l2", *SMALL])
    assert capsys.readouterr().err == "l2: 4 of 4 trials are finished\n"
    pd.testing.assert_frame_equal(pd.read_csv(files.TUNING), table)
    shutil.rmtree("tuning")
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    tuning.run(["l2", *SMALL])
    pd.testing.assert_frame_equal(pd.read_csv(files.TUNING), table)  # as with two workers


def test_without_prepared_rows_there_is_a_clear_error(project):
    with pytest.raises(UserError, match="run `dvc repro preprocess`"):
        tuning.run(["l2"])


def test_two_searches_at_once_are_one_too_many(prepared):
    Path("tuning").mkdir()
    with FileLock("tuning/lock"), pytest.raises(UserError, match="another search is running"):
        tuning.run(["l2", *SMALL])


def losses_of(monkeypatch, loss):
    """Let `loss` of a variant and a seed stand for a training."""
    monkeypatch.setattr(tuning, "_train", lambda index, config, seed: (index, seed, loss(config.variant, seed)))
    monkeypatch.setattr(tuning, "Parallel", lambda *_, **__: lambda jobs: (job(*args) for job, args, _ in jobs))


def test_a_training_that_diverges_does_not_end_the_search(prepared, monkeypatch, capsys):
    losses_of(
        monkeypatch,
        lambda variant, seed: float("nan") if variant.strength("l2") == 1e-5 else variant.strength("l2") + seed,
    )
    tuning.run(["l2"])
    table = pd.read_csv(files.TUNING)
    assert table["state"].tolist() == ["fail", "complete", "complete", "complete"]
    assert table["chosen"].tolist() == [False, True, False, False]
    assert table["val_log_loss"].isna().tolist() == [True, False, False, False]
    assert table["val_log_loss_std"].dropna().tolist() == pytest.approx([0.5**0.5] * 3, abs=1e-6)
    assert re.search(r"l2 1/4: l2 1e-05: diverged; about \d:\d\d:\d\d", capsys.readouterr().err)


def test_trials_of_another_network_are_not_mixed_in(prepared, monkeypatch, capsys):
    losses_of(monkeypatch, lambda variant, seed: variant.strength("l2") + len(variant.hidden_units))
    tuning.run(["l2"])
    tuning.run(["l2", "variant.hidden_units=[8,8]"])
    assert "4 of 4" not in capsys.readouterr().err
    assert pd.read_csv(files.TUNING)["val_log_loss"].min() == pytest.approx(2.0, abs=1e-4)
    assert compose_config(["variant=tuned/l2"]).variant == Variant(l2=1e-5, hidden_units=(8, 8))
    header = Path("conf/variant/tuned/l2.yaml").read_text().splitlines()[:2]
    assert header[0] == "# @package variant"
    assert "`python -m overfitting tune l2 'variant.hidden_units=[8,8]'`" in header[1]


def test_a_search_leaves_the_rows_of_others_as_they_are(prepared, monkeypatch):
    losses_of(monkeypatch, lambda variant, seed: variant.strength("l2") + variant.strength("dropout"))
    tuning.run(["l2_dropout", "dropout"])
    before = files.TUNING.read_text().splitlines()
    tuning.run(["l2"])
    tuning.run(["dropout"])
    after = files.TUNING.read_text().splitlines()
    assert [line for line in after if not line.startswith("l2,")] == before
    assert compose_config(["variant=tuned/l2_dropout"]).variant.strength("dropout") < 1

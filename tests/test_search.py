"""Searches: what is tried, how a study survives kills, and what is left behind."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from overfitting import files, tuning
from overfitting.composition import compose_config
from overfitting.errors import UserError
from overfitting.search import Choices, Range, Study, answer, overrides, read_searches, rounded
from tests.conftest import ROOT

LINE = {"l2": Range(low=1e-5, high=1e-2, log=True)}
PLANE = {**LINE, "dropout": Range(low=0.0, high=0.8), "symmetry": Choices(choices=(True, False))}


def loss(values):
    return (np.log10(values["l2"]) + 3) ** 2 + values.get("dropout", 0.0)


def answers(study, kill_after=None):
    """Answer all trials, or die, as it were, after some."""
    told = 0

    def evaluate(batch):
        nonlocal told
        for index, values in enumerate(batch):
            if told == kill_after:
                raise KeyboardInterrupt
            told += 1
            yield index, loss(values)

    return list(answer(study, evaluate))


def test_a_path_is_spread_evenly():
    assert LINE["l2"].evenly(4) == [1e-5, 1e-4, 1e-3, 1e-2]
    assert PLANE["dropout"].evenly(5) == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_a_line_is_walked_and_its_best_point_found(tmp_path):
    study = Study(tmp_path / "journal", "line", LINE, 7)
    found = answers(study)
    assert sorted(trial["l2"] for trial in found) == pytest.approx(LINE["l2"].evenly(7))
    assert rounded(study.best().params) == {"l2": pytest.approx(1e-3)}


@pytest.mark.parametrize("space", [LINE, PLANE], ids=["line", "plane"])
@pytest.mark.parametrize("kill_after", [0, 1, 4, 6])
def test_a_killed_search_goes_on_to_the_same_trials_and_repeats_none(tmp_path, space, kill_after):
    whole = answers(Study(tmp_path / "whole", "s", space, 10))
    with pytest.raises(KeyboardInterrupt):
        answers(Study(tmp_path / "killed", "s", space, 10), kill_after)
    rest = answers(Study(tmp_path / "killed", "s", space, 10))
    assert len(rest) == 10 - kill_after
    trials = Study(tmp_path / "killed", "s", space, 10).trials()
    key = lambda trial: trial["trial"]  # noqa: E731
    assert [{**rounded(t.params), "val_log_loss": t.value, "trial": t.number} for t in trials] == sorted(whole, key=key)
    assert answers(Study(tmp_path / "killed", "s", space, 10)) == []


def test_a_search_of_several_values_goes_where_it_is_better(tmp_path):
    trials = sorted(answers(Study(tmp_path / "journal", "s", PLANE, 40)), key=lambda trial: trial["trial"])
    assert np.mean([loss(trial) for trial in trials[20:]]) < np.mean([loss(trial) for trial in trials[:8]])
    assert len({(trial["l2"], trial["dropout"]) for trial in trials}) == 40


def test_another_name_is_another_study(tmp_path):
    answers(Study(tmp_path / "journal", "one", LINE, 4))
    assert Study(tmp_path / "journal", "two", LINE, 4).trials() == []


def test_a_trial_that_fails_counts_and_is_not_the_best(tmp_path):
    study = Study(tmp_path / "journal", "s", LINE, 4)
    list(
        answer(study, lambda batch: ((i, None if i == 0 else float("nan") if i == 1 else i) for i in range(len(batch))))
    )
    assert [trial.value for trial in study.trials()] == [None, None, 2, 3]
    assert study.best().number == 2
    nothing = Study(tmp_path / "journal", "t", LINE, 4)
    list(answer(nothing, lambda batch: ((i, None) for i in range(len(batch)))))
    with pytest.raises(UserError, match="no trial came to an end"):
        nothing.best()


def test_values_become_overrides_that_hydra_reads(project):
    values = {"l2": 1e-05, "symmetry": True, "normalization": None, "dropout": 0.5}
    variant = compose_config(["variant=large", *overrides(values)]).variant
    assert (variant.l2, variant.symmetry, variant.normalization, variant.dropout) == (1e-05, True, None, 0.5)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"trials": 0}, r"trials: .*greater than 0; got 0"),
        ({"searches": {"l2": {"l2": {"low": 1.0, "high": 0.1}}}}, r"searches\.l2\.l2.*low < high"),
        ({"searches": {"l2": {"l2": {"low": 0.0, "high": 0.1, "log": True}}}}, r"low > 0 with log"),
        ({"budget": 3}, r"budget: Unexpected keyword"),
    ],
)
def test_a_mistake_in_the_file_is_told_by_its_key(project, edit, message):
    path = Path("conf/search.yaml")
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **edit}, sort_keys=False))
    with pytest.raises(UserError, match=message):
        read_searches()


@pytest.mark.parametrize(
    ("searches", "arguments", "message"),
    [
        ({}, ["l3"], "unknown search 'l3'; expected some of l1, l2, dropout"),
        ({"l2": {"momentum": {"low": 0.1, "high": 0.9}}}, ["l2"], "variant.momentum"),
        ({"l2": {"dropout": {"low": 0.1, "high": 1.5}}}, ["l2"], "variant.dropout: got 1.5"),
        ({}, ["l2", "training.epochs=0"], "training.epochs: got 0"),
    ],
)
def test_a_mistake_is_told_before_any_training(project, searches, arguments, message):
    path = Path("conf/search.yaml")
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**content, "searches": {**content["searches"], **searches}}, sort_keys=False))
    with pytest.raises(UserError, match=message):
        tuning.run(arguments)


def test_remedies_have_an_equal_budget():
    searches = read_searches(ROOT / "conf/search.yaml")
    assert {searches.budget(name) for name in ("l1", "l2", "dropout", "l2_dropout")} == {searches.trials}
    for name in ("l1", "l2", "dropout"):
        assert list(searches.searches[name]) == [name]


@pytest.fixture
def prepared(project):
    generator = np.random.default_rng(0)
    files.PREPARED.mkdir(parents=True)
    for name, n_rows in (("train", 300), ("validation", 200)):
        features = generator.normal(size=(n_rows, 4)).astype(np.float32)
        np.save(files.PREPARED / f"{name}_features.npy", features)
        np.save(files.PREPARED / f"{name}_labels.npy", (features[:, 0] > 0).astype(np.float32))
    columns = [0.0] * 4
    scaling = {
        "columns": list("abcd"), "roles": ["other"] * 4, "symmetry": False, "edges": [], "features": list("abcd"),
        "feature_roles": ["other"] * 4, "logarithm": [False] * 4, "floor": columns, "mean": columns,
        "deviation": [1.0] * 4,
    }  # fmt: skip
    files.write_json(files.SCALING, scaling)
    files.write_json(files.MANIFEST, {"fingerprint": "data", "train_rows": 300, "spare_rows": 0})
    path = Path("conf/search.yaml")
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**content, "trials": 4, "seeds": [0, 1], "more_trials": {}}, sort_keys=False))
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
        assert getattr(compose_config([f"variant=tuned/{name}"]).variant, name) == pytest.approx(best[name])
    capsys.readouterr()
    tuning.run(["l2", *SMALL])
    assert "4 of 4 trials are known" in capsys.readouterr().err
    pd.testing.assert_frame_equal(pd.read_csv(files.TUNING), table)
    shutil.rmtree("tuning")
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    tuning.run(["l2", *SMALL])
    pd.testing.assert_frame_equal(pd.read_csv(files.TUNING), table)  # as with two workers


def test_without_prepared_rows_there_is_a_clear_error(project):
    with pytest.raises(UserError, match="run `dvc repro preprocess`"):
        tuning.run(["l2"])

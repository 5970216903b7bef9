"""`overfitting try` writes the settings that fit a table, keeps comments, and destroys nothing."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from overfitting.base.errors import UserError
from overfitting.cli import own_table
from overfitting.config.composition import compose_config, compose_variants
from overfitting.config.sources import CsvData
from overfitting.data.manifest import Manifest
from overfitting.data.replicates import sample
from overfitting.data.rows import split_rows
from overfitting.data.sources.table.proposal import Proposal
from overfitting.data.test_rows import unused

PARAMS = Path("params.yaml")
GIVEN = {"label": "churn", "positive": None, "drop": (), "categorical": ()}


@pytest.fixture
def table(project):
    """A CSV file beside the project's files, with a leak; the current folder is a copy of the project."""
    random = np.random.default_rng(0)
    churn = random.random(400) < 0.3
    frame = pd.DataFrame({"fee": random.normal(size=400), "no": random.integers(0, 5, 400), "leak": 1 - churn})
    path = project / "churn data.csv"
    frame.assign(churn=np.where(churn, "no", "yes")).to_csv(path, index=False)
    return path


def write(table, **given):
    own_table.run(table, None, is_run=False, **{**GIVEN, **given})


def proposal(rows, rarer):
    labels = np.zeros(rows, np.float32)
    labels[:rarer] = 1
    return Proposal(CsvData(source="csv", path="mine.csv", label="y"), {}, [], labels)


def chosen(rows, rarer=None):
    params = {
        "choices": {"preprocessing": "symmetry"},
        "split": {"search": 9},
        "seeds": [0, 1],
        "repeats": {"large": 3},
    }
    variants = ["tuned/l2", "large", "ensemble", "symmetry", "mine"]
    return own_table.choose(proposal(rows, rarer or rows // 3), "mine", {**params, "variants": variants})


def test_what_is_written_is_composed_and_said(table, capsys):
    write(table)
    config = compose_config()
    assert config.data == CsvData(
        source="csv", path="data/own/churn data.csv", label="churn", drop=("leak",), missing="error"
    )
    assert Path(config.data.path).read_bytes() == table.read_bytes()
    assert (config.split.train, config.split.validation, config.split.test) == (240, 80, 0)
    assert config.training.batch_size == 32
    assert list(compose_variants()) == ["large", "tiny", "small", "medium", "l2", "dropout", "l2_dropout"]
    printed = capsys.readouterr().out
    for line in ("left out: leak: tells the label", "choices.data: bundled -> churn-data", "written: params.yaml"):
        assert line in printed


def test_comments_and_other_settings_stay(table):
    before = PARAMS.read_text()
    write(table)
    after = PARAMS.read_text()
    assert yaml.safe_load(after)["baselines"] == yaml.safe_load(before)["baselines"]
    kept = [line for line in before.splitlines() if line.startswith("#") or line.startswith("baselines:")]
    assert all(line in after for line in kept)
    assert "# only `make tune` trains and validates on them" in after
    assert "\n\nseeds: [0, 1, 2" in after
    text = Path("conf/data/churn-data.yaml").read_text()
    assert "label: churn " in text
    assert "# column with two values" in text
    assert re.search(r"- leak +# tells the label in every row", text)


def test_the_same_table_again_changes_nothing(table, capsys):
    write(table)
    states = {path: path.stat().st_mtime_ns for path in (PARAMS, Path("data/own/churn data.csv"))}
    capsys.readouterr()
    write(table)
    assert {path: path.stat().st_mtime_ns for path in states} == states
    assert "written" not in capsys.readouterr().out


def test_what_git_does_not_have_is_kept_as_a_backup(table, capsys):
    for command in (
        ["init", "-q"],
        ["add", "params.yaml"],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], check=True)
    write(table)
    assert not list(Path().glob("*.backup-*"))  # git has params.yaml
    edited = PARAMS.read_text().replace("train: 240", "train: 200")
    PARAMS.write_text(edited)
    Path("data/own/churn data.csv").write_text("mine")
    write(table)
    assert Path("params.yaml.backup-1").read_text() == edited
    assert Path("data/own/churn data.csv.backup-1").read_text() == "mine"
    assert "params.yaml had content that is not committed: kept as params.yaml.backup-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "split", "training"),
    [
        (60, (36, 12, 0), "small"),
        (1999, (1201, 399, 0), "medium"),
        (2000, (1200, 400, 400), "medium"),
        (20_000, (12_000, 4000, 4000), "default"),
        (1_000_000, (20_000, 20_000, 20_000), "default"),
    ],
)
def test_split_and_budget_follow_the_number_of_rows(rows, split, training):
    settings, notes = chosen(rows)
    assert tuple(settings["split"][name] for name in ("train", "validation", "test")) == split
    assert settings["choices"]["training"] == training
    assert any("only, to save time" in note for note in notes) == (rows > 34_000)


def test_variants_for_other_data_are_not_compared():
    assert chosen(20_000)[0]["variants"] == ["large", "ensemble", "mine"]
    assert chosen(20_000)[0]["repeats"] == {"large": 3}
    settings, notes = chosen(400)
    assert (settings["variants"], settings["repeats"]) == (["large", "mine"], {})
    assert settings["choices"]["preprocessing"] == "standard"
    assert "not compared, because they are made for other data: tuned/l2, symmetry" in notes


@pytest.mark.parametrize(("rows", "rarer"), [(59, 20), (400, 9)])
def test_too_few_rows_are_one_error(rows, rarer):
    with pytest.raises(UserError, match=f"{rows} rows can be used, {rarer} of the rarer class; expected at least 60"):
        chosen(rows, rarer)


def test_every_seed_that_is_chosen_has_both_classes():
    settings, _ = chosen(60, 10)
    labels = proposal(60, 10).labels
    labels = labels[split_rows(np.arange(60), own_table.Split(**settings["split"]), 0, labels=labels).pool]
    manifest = Manifest.model_construct(
        pool_rows=60, search_rows=0, train_rows=36, validation_rows=12, test_rows=60, resample=True, files={}
    )
    assert len(settings["seeds"]) == 10
    assert settings["seeds"] != list(range(10))
    for seed in settings["seeds"]:
        for rows in (*sample(manifest, seed), unused(manifest, seed)):
            assert 0 < labels[rows].mean() < 1


def test_another_source_is_not_overwritten(table, project):
    with pytest.raises(UserError, match=r"conf/data/higgs\.yaml describes another source; choose another name"):
        own_table.run(table, "higgs", is_run=False, **GIVEN)


def test_values_that_yaml_reads_as_others_are_quoted(table):
    write(table, drop=("no",), positive="yes")
    assert yaml.safe_load(Path("conf/data/churn-data.yaml").read_text())["drop"] == ["no", "leak"]
    assert compose_config().data.positive == "yes"  # type: ignore[union-attr]

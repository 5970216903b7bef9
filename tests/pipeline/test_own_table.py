"""Follows docs/your-own-data.md: breast cancer data with categories and missing values, through the whole pipeline."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from overfitting.cli.scratch import copy_project
from overfitting.config.composition import compose_config
from overfitting.data.manifest import Manifest, TableColumn
from overfitting.data.rows import split_rows
from overfitting.training.loss import log_loss_rows
from tests.conftest import ROOT
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs/your-own-data.md").read_text()
MAKE_TABLE, TRY = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[:2]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("own") / "project")
    project.root.mkdir()
    copy_project(ROOT, project.root, {"variants": ["tiny", "large", "l2", "dropout", "tuned/l2"]})
    project.edit("conf/training/small.yaml", "epochs", 3)
    project.run("bash", "-ec", MAKE_TABLE)
    text = project.run("bash", "-ec", f"{TRY.strip()} --no-run")
    project.edit("params.yaml", "seeds", [0, 1])
    project.edit("conf/data/cancer.yaml", "units", {"mean radius": "mm"})
    (project.root / "output.txt").write_text(text + project.run("dvc", "repro"))
    return project


def test_page_leads_to_the_report(own):
    metrics = own.metrics()
    assert list(metrics["variants"]) == ["tiny", "large", "l2", "dropout"]
    assert metrics["variants"]["large"]["early"]["metrics"]["test_auc"]["mean"] > 0.9
    table = Manifest.model_validate(metrics["data"]).table
    assert table is not None
    assert (table.positive, table.negative) == ("malignant", "benign")
    columns = {column.name: column for column in table.columns}
    assert columns["mean radius"] == TableColumn(name="mean radius", role="numeric", unit="mm", missing=64)
    assert (columns["texture"].role, columns["texture"].categories) == ("categorical", 2)
    assert not {"patient_id", "therapy"} & set(columns)
    printed = (own.root / "output.txt").read_text()
    assert "mean radius: 64 missing values filled in" in printed
    assert all(line in printed for line in re.search(r"```\n(cancer.csv.*?)```", PAGE, re.DOTALL)[1].splitlines()[3:])


def test_each_seed_is_tested_on_the_rows_that_it_does_not_use(own):
    metrics, logits = own.metrics(), pd.read_parquet(own.root / "results/predictions.parquet")
    assert metrics["data"]["test_rows"] == metrics["data"]["pool_rows"] == 569
    for seed in (0, 1):
        own_rows = logits[f"l2/{seed}"].dropna()
        assert len(own_rows) == 569 - metrics["data"]["train_rows"] - metrics["data"]["validation_rows"]
        losses = log_loss_rows(logits["label"][own_rows.index].to_numpy(), own_rows.to_numpy())
        assert losses.mean() == pytest.approx(
            metrics["variants"]["l2"]["early"]["metrics"]["test_log_loss"]["seeds"][seed]
        )
    difference = metrics["variants"]["l2"]["early"]["difference"]
    q = metrics["run"]["overlap"]
    assert q / (1 - q) == pytest.approx(len(own_rows) / metrics["data"]["train_rows"])
    assert difference["ci_low"] < difference["mean"] < difference["ci_high"]


WITHOUT_PACKAGE = """if True:
    import sys
    sys.path.append(sys.argv[1])  # python -S: no .pth files, and so no editable installs
    import importlib.util, json, mlflow, pandas
    assert importlib.util.find_spec("overfitting") is None
    model = mlflow.pyfunc.load_model("models:/overfitting@champion")
    table = pandas.read_csv("data/own/cancer.csv")
    print(json.dumps([model.predict(part).tolist() for part in (table, model.input_example)]))
"""


def test_champion_predicts_from_the_raw_table_without_this_package(own, monkeypatch):
    monkeypatch.chdir(own.root)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", WITHOUT_PACKAGE, sysconfig.get_paths()["purelib"]],
        env={**environment, "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found, of_example = json.loads(done.stdout.splitlines()[-1])
    labels = (pd.read_csv("data/own/cancer.csv")["target"] == "malignant").to_numpy(np.float32)
    sets = split_rows(np.arange(569), compose_config().split, 0, labels=labels)
    logits = pd.read_parquet("results/predictions.parquet")[own.metrics()["champion"]["column"]].to_numpy()
    known = ~np.isnan(logits)
    np.testing.assert_allclose(np.array(found)[sets.test][known], 1 / (1 + np.exp(-logits[known])), rtol=1e-5)
    np.testing.assert_allclose(of_example, np.array(found)[sets.pool[:3]], rtol=1e-6)


def test_changed_content_is_detected(own):
    path = own.root / "data/own/cancer.csv"
    assert "up to date" in own.run("dvc", "status")
    original = path.read_text()
    path.write_text(original.replace("fine", "smooth"))
    assert "data/own" in own.run("dvc", "status", "download")
    path.write_text(original)


def test_error_for_unsupported_variants_comes_before_training(own, tmp_path):
    project = Project(tmp_path / "project")
    shutil.copytree(own.root, project.root, ignore=shutil.ignore_patterns("mlflow.db*", "mlartifacts"))
    shutil.rmtree(project.root / "runs")
    project.edit("params.yaml", "variants", ["tiny", "large", "symmetry"])
    output = project.run("dvc", "repro", "train", check=False)
    assert "remove `- symmetry` from `variants` in params.yaml" in output
    assert not list(Path(project.root / "runs").rglob("summary.json"))


def test_csv_and_parquet_give_the_same_prepared_bytes(own, tmp_path):
    project = Project(tmp_path / "project")
    shutil.copytree(own.root, project.root, ignore=shutil.ignore_patterns("mlflow.db*", "mlartifacts"))
    pd.read_csv(own.root / "data/own/cancer.csv").to_parquet(project.root / "data/own/cancer.parquet")
    project.run("python", "-m", "overfitting", "download", "data.path=data/own/cancer.parquet")
    project.run("python", "-m", "overfitting", "preprocess")
    first, second = (json.loads((p.root / "data/prepared/manifest.json").read_text()) for p in (own, project))
    assert first["fingerprint"] == second["fingerprint"]

"""Stage evaluate: which runs it accepts, and the files it writes."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_baselines, compose_config
from overfitting.config.schema import Config
from overfitting.evaluation import runs
from overfitting.evaluation.baselines import FOLDER as BASELINES
from overfitting.evaluation.baselines import plan
from overfitting.evaluation.results import Metrics
from overfitting.stages import evaluate as stage
from overfitting.training.identity import plan as planned
from tests.builders.prepared import write_rows
from tests.builders.runs import history, simulated, summary

LABELS, LOGITS = simulated({"large": 0.3, "l2": 1.5}, n_rows=200, n_seeds=2)


@pytest.fixture
def config(project: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Prepared rows, and finished runs of two variants with two seeds; their networks are invented logits."""
    chosen = ["variants=[large,l2,ensemble]", "seeds=[0,1]", "repeats={large: 2}", "baselines=[logistic_regression]"]
    params = Path("params.yaml")
    params.write_text(re.sub(r"seeds: .*", "seeds: [0, 1]", params.read_text()))  # of the baselines
    params.write_text(re.sub(r"(?s)baselines:.*?\n\n", "baselines: [logistic_regression]\n\n", params.read_text()))
    rows = {"train_rows": 60, "validation_rows": 40, "search_rows": 0, "pool_rows": len(LABELS)}
    features = np.random.default_rng(0).normal(size=(len(LABELS), 3)).astype(np.float32)
    arrays = {"pool_features": features, "test_features": features + 1, "pool_labels": LABELS, "test_labels": LABELS}
    write_rows(arrays, **rows)
    for run in planned({name: compose_config([*chosen, f"variant={name}"]) for name in LOGITS}, "da7a"):
        summary(run.seed, run.fingerprint, repeat=run.repeat).write(run.folder / "summary.json")
        history().to_csv(run.folder / "history.csv", index=False)
    for baseline in plan(compose_baselines(), "da7a"):
        baseline.fit()

    def predict(folders):
        logits = np.stack([LOGITS[folder.parent.name][int(folder.name[0])] for folder in folders])
        return {"early": logits, "late": 0.5 * logits}

    monkeypatch.setattr(runs, "predict", predict)
    return compose_config(chosen)


def test_metrics_predictions_curves_and_scores_are_written(config, capsys):
    stage.run(config)
    metrics = Metrics.read(files.METRICS)
    assert list(metrics.variants) == ["large", "l2", "ensemble"]
    assert metrics.variants["ensemble"].ensemble_of == "large"
    assert metrics.variants["large"].parameters * 2 == metrics.variants["ensemble"].parameters
    assert metrics.variants["large"].late.log_loss.mean != metrics.variants["large"].early.log_loss.mean
    assert list(metrics.baselines) == ["logistic_regression"]
    assert metrics.run.seeds == (0, 1)
    table = pd.read_parquet(files.PREDICTIONS)
    np.testing.assert_array_equal(table["l2/1"], LOGITS["l2"][1])
    assert pd.read_csv(files.CURVES).groupby(["variant", "seed"]).ngroups == 4
    assert {path.stem for path in files.SUMMARY.iterdir()} == set(metrics.variants)
    assert set(files.read_json(files.SUMMARY / "l2.json")) == {"test_log_loss", "test_log_loss_late", "test_auc"}
    assert capsys.readouterr().out == f"{metrics.verdict.sentence}\n"


def test_a_run_of_another_configuration_is_refused_before_any_prediction(config, monkeypatch):
    def predict(*_: object) -> None:
        pytest.fail("predicted")

    monkeypatch.setattr(runs, "predict", predict)
    path = files.RUNS / "l2" / "1" / "summary.json"
    summary(1, "another configuration").write(path)
    with pytest.raises(UserError, match=r"1 of 6 are not: l2 seed 1;") as error:
        stage.run(config)
    assert "dvc repro --force --single-item train@l2" in str(error.value)
    assert not files.METRICS.exists()
    path.unlink()
    with pytest.raises(UserError, match=r"1 of 6 are not: l2 seed 1;"):
        stage.run(config)


def test_a_baseline_of_another_configuration_is_refused_before_any_prediction(config, monkeypatch):
    monkeypatch.setattr(runs, "predict", lambda *_: pytest.fail("predicted"))
    path = Path("conf/baseline/logistic_regression.yaml")
    path.write_text(path.read_text().replace("rows: 100000", "rows: 50"))
    with pytest.raises(UserError, match=r"dvc repro --force --single-item baseline@logistic_regression"):
        stage.run(config)


def change_data() -> None:
    write_rows({}, fingerprint="other")


def change_variant() -> None:
    path = Path("conf/variant/l2.yaml")
    path.write_text(path.read_text().replace("\nl2: 0.001", "\nl2: 0.01"))


@pytest.mark.parametrize(("change", "variants"), [(change_data, "train@large train@l2"), (change_variant, "train@l2")])
def test_runs_are_refused_if_data_or_variant_changed(config: Config, change: Callable[[], None], variants: str):
    change()
    with pytest.raises(UserError) as error:
        stage.run(config)
    assert str(error.value).endswith(f"--single-item {variants}")


def test_variants_and_baselines_that_are_no_longer_listed_are_removed(config):
    (BASELINES / "random_forest").mkdir()
    for name in ("dropout/0", "tuned/l2/0"):
        (files.RUNS / name).mkdir(parents=True)
    stage.run(config)
    assert {path.name for path in files.RUNS.iterdir()} - {"tuned"} == {"large", "l2", "baselines"}
    assert not (files.RUNS / "tuned" / "l2").exists()
    assert [path.name for path in BASELINES.iterdir()] == ["logistic_regression"]

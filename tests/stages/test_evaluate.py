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
from overfitting.data.manifest import Manifest
from overfitting.evaluation.baselines import FOLDER as BASELINES
from overfitting.evaluation.baselines import plan
from overfitting.evaluation.results import Metrics
from overfitting.stages import evaluate as stage
from overfitting.training.identity import run_fingerprint
from tests.builders.metrics import invented_data
from tests.builders.runs import history, simulated, summary

LABELS, LOGITS = simulated({"large": 0.3, "l2": 1.5}, n_rows=200, n_seeds=2)


@pytest.fixture
def config(project: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Prepared rows, and finished runs of two variants with two seeds; their networks are invented logits."""
    chosen = ["variants=[large,l2,ensemble]", "seeds=[0,1]", "baselines=[logistic_regression]"]
    params = Path("params.yaml")
    params.write_text(re.sub(r"seeds: .*", "seeds: [0, 1]", params.read_text()))  # of the baselines
    params.write_text(re.sub(r"(?s)baselines:.*?\n\n", "baselines: [logistic_regression]\n\n", params.read_text()))
    Manifest.model_validate(invented_data()).write(files.MANIFEST)
    features = np.random.default_rng(0).normal(size=(len(LABELS), 3)).astype(np.float32)
    for name in ("train", "validation", "test"):
        np.save(files.PREPARED / f"{name}_features.npy", features)
        np.save(files.PREPARED / f"{name}_labels.npy", LABELS.astype(np.float32))
    for name in LOGITS:
        variant = compose_config([*chosen, f"variant={name}"])
        for seed in variant.seeds:
            folder = files.RUNS / name / str(seed)
            summary(seed, run_fingerprint(variant, seed, "da7a")).write(folder / "summary.json")
            history().to_csv(folder / "history.csv", index=False)
    for baseline in plan(compose_baselines(), "da7a"):
        baseline.fit()
    monkeypatch.setattr(
        stage, "predict", lambda folders: np.stack([LOGITS[it.parent.name][int(it.name)] for it in folders])
    )
    return compose_config(chosen)


def test_metrics_predictions_curves_and_scores_are_written(config, capsys):
    stage.run(config)
    metrics = Metrics.read(files.METRICS)
    assert list(metrics.variants) == ["large", "l2", "ensemble"]
    assert metrics.variants["ensemble"].ensemble_of == "large"
    assert metrics.variants["large"].parameters * 2 == metrics.variants["ensemble"].parameters
    assert list(metrics.baselines) == ["logistic_regression"]
    assert metrics.run.seeds == (0, 1)
    table = pd.read_parquet(files.PREDICTIONS)
    np.testing.assert_array_equal(table["l2/1"], LOGITS["l2"][1])
    assert pd.read_csv(files.CURVES).groupby(["variant", "seed"]).ngroups == 4
    assert set(files.read_json(files.SUMMARY)) == {"test_log_loss", "test_auc"}
    assert capsys.readouterr().out == f"{metrics.verdict.sentence}\n"


def test_a_run_of_another_configuration_is_refused_before_any_prediction(config, monkeypatch):
    def predict(*_: object) -> None:
        pytest.fail("predicted")

    monkeypatch.setattr(stage, "predict", predict)
    path = files.RUNS / "l2" / "1" / "summary.json"
    summary(1, "another configuration").write(path)
    with pytest.raises(UserError, match=r"l2 \(seed 1\)") as error:
        stage.run(config)
    assert "dvc repro --force --single-item train@l2" in str(error.value)
    assert not files.METRICS.exists()
    path.unlink()
    with pytest.raises(UserError, match=r"runs/l2/1/summary\.json"):
        stage.run(config)


def test_a_baseline_of_another_configuration_is_refused_before_any_prediction(config, monkeypatch):
    monkeypatch.setattr(stage, "predict", lambda *_: pytest.fail("predicted"))
    path = Path("conf/baseline/logistic_regression.yaml")
    path.write_text(path.read_text().replace("rows: 100000", "rows: 50"))
    with pytest.raises(UserError, match=r"dvc repro --force --single-item baseline@logistic_regression"):
        stage.run(config)


def change_data() -> None:
    Manifest.model_validate({**invented_data(), "fingerprint": "other"}).write(files.MANIFEST)


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

"""What MLflow shows of runs, from invented files."""

import json
from pathlib import Path

import numpy as np
import pytest

from overfitting.evaluation.results import Metrics
from overfitting.tracking import child_runs, stored_model
from overfitting.training.summary import Summary
from tests.builders.metrics import edited
from tests.builders.mlflow_files import (
    COLUMNS,
    DATA,
    RAW,
    SETTINGS,
    curve,
    run_fingerprint,
    write_comparison,
    write_prepared,
    write_run,
)


@pytest.fixture
def comparison(tmp_path: Path) -> Path:
    write_comparison(tmp_path)
    write_prepared(tmp_path)
    return tmp_path


def read_metrics(root: Path) -> Metrics:
    found = child_runs.read_metrics(root)
    assert found
    return found


def test_runs_have_their_own_test_metrics(comparison: Path) -> None:
    runs = child_runs.read_runs(comparison, read_metrics(comparison))
    assert [(run.summary.variant, run.summary.seed, run.summary.fingerprint) for run in runs] == [
        (name, seed, run_fingerprint(name, seed)) for name in ("l2", "large") for seed in (0, 1)
    ]
    assert [run.metrics()["test_auc"] for run in runs] == [0.75, 0.76, 0.75, 0.76]


def test_a_runs_identity_is_text_in_tags(tmp_path: Path) -> None:
    for repeat, name in ((0, "l2 · seed 3"), (2, "l2 · seed 3 · repeat 2")):
        tags = child_runs.identify(Summary.read(write_run(tmp_path, "l2", 3, "f00", repeat=repeat) / "summary.json"))
        assert tags == {"variant": "l2", "seed": "3", "repeat": str(repeat), "fingerprint": "f00"}
        assert child_runs.name(tags) == name


def test_results_of_an_earlier_run_are_not_used(comparison: Path) -> None:
    write_run(comparison, "l2", 1, "f" * 16, seconds=77.0)
    runs = child_runs.read_runs(comparison, read_metrics(comparison))
    assert [bool(run.test_metrics) for run in runs] == [True, False, True, True]


def test_summary_metrics_have_their_own_names(comparison: Path) -> None:
    run = child_runs.read_runs(comparison, None)[1]
    values = run.metrics()
    assert not set(values) & set(child_runs.CURVES)
    assert values["early_val_log_loss"] == curve(3, 1)["val_log_loss"]
    assert values["late_gap"] == curve(5, 1)["val_log_loss"] - curve(5, 1)["train_log_loss"]
    assert (values["near_zero_share_initial"], values["early_near_zero_share"]) == (0.002, 0.25)
    assert not any(name.startswith("test_") for name in values)


def test_an_ensemble_has_no_runs_even_if_a_folder_has_its_name(comparison: Path) -> None:
    metrics = edited(read_metrics(comparison), variants__l2__ensemble_of="large", variants__l2__training=None)
    runs = child_runs.read_runs(comparison, metrics)
    assert [bool(run.test_metrics) for run in runs] == [False, False, True, True]


def test_curves_end_when_the_run_ended(comparison: Path) -> None:
    run = child_runs.read_runs(comparison, None)[0]
    found = run.curves()
    assert len(found) == 5 * len(child_runs.CURVES)
    assert found[0][3] == 1
    assert found[-1] == ("penalty", 0.0, pytest.approx(run.ended, abs=2), 5)


def test_parameters_are_leaves_with_dotted_names() -> None:
    leaves = child_runs.parameters(SETTINGS)
    assert leaves["variant.l2"] == "0.001"
    assert leaves["variant.hidden_units"] == "16, 16"
    assert leaves["variant.activation"] == "elu"
    assert leaves["training.patience"] == "null"
    assert leaves["training.schedule.name"] == "cosine"


def test_the_example_has_raw_rows(comparison: Path) -> None:
    example = stored_model.example(comparison, DATA.fingerprint)
    assert example is not None
    assert list(example.columns) == COLUMNS
    assert example.to_numpy().tolist() == RAW
    assert set(example.dtypes) == {np.dtype(np.float64)}


def test_without_the_prepared_data_there_is_no_example(comparison: Path, tmp_path: Path) -> None:
    assert stored_model.example(comparison, "e" * 16) is None
    assert stored_model.example(tmp_path / "elsewhere", DATA.fingerprint) is None


def test_a_dataset_is_named_by_its_fingerprint() -> None:
    fields = child_runs.dataset(DATA)
    assert fields["name"] == "bundled"
    assert fields["digest"] == DATA.fingerprint
    assert [column["name"] for column in json.loads(fields["schema"])["mlflow_colspec"]] == [*DATA.columns, "label"]

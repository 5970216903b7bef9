"""What MLflow is to show, from invented files."""

import json
from pathlib import Path

import numpy as np
import pytest

from overfitting.tracking import child_runs
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


def test_runs_carry_their_own_test_metrics(comparison: Path) -> None:
    runs = child_runs.read_runs(comparison, child_runs.read_results(comparison))
    assert [run.identity for run in runs] == [
        {"variant": name, "seed": seed, "fingerprint": run_fingerprint(name, int(seed))}
        for name in ("l2", "large")
        for seed in ("0", "1")
    ]
    assert [run.values()["test_auc"] for run in runs] == [0.75, 0.76, 0.75, 0.76]


def test_results_of_an_earlier_run_are_not_taken_for_this_one(comparison: Path) -> None:
    write_run(comparison, "l2", 1, "f" * 16, seconds=77.0)
    runs = child_runs.read_runs(comparison, child_runs.read_results(comparison))
    assert [bool(run.measured) for run in runs] == [True, False, True, True]


def test_results_on_other_data_are_not_taken(comparison: Path) -> None:
    results = child_runs.read_results(comparison)
    results["data"]["fingerprint"] = "e" * 16
    assert not any(run.measured for run in child_runs.read_runs(comparison, results))


def test_values_have_names_of_their_own(comparison: Path) -> None:
    run = child_runs.read_runs(comparison, {})[1]
    values = run.values()
    assert not set(values) & set(child_runs.CURVES)
    assert values["best_val_log_loss"] == curve(3, 1)["val_log_loss"]
    assert values["gap_last"] == curve(5, 1)["val_log_loss"] - curve(5, 1)["train_log_loss"]
    assert (values["near_zero_share_initial"], values["zero_share"]) == (0.002, 0.005)
    assert not any(name.startswith("test_") for name in values)


def test_summaries_of_earlier_versions_lack_some_values(comparison: Path) -> None:
    run = child_runs.read_runs(comparison, {})[0]
    del run.summary["zero_share"]
    assert "zero_share" not in run.values()


def test_an_ensemble_has_no_runs_even_where_its_name_has(comparison: Path) -> None:
    results = child_runs.read_results(comparison)
    results["variants"]["l2"] = {"ensemble_of": "large", "test_auc": {"seeds": [0.1, 0.2]}}
    runs = child_runs.read_runs(comparison, results)
    assert [bool(run.measured) for run in runs] == [False, False, True, True]


def test_curves_end_when_the_run_ended(comparison: Path) -> None:
    run = child_runs.read_runs(comparison, {})[0]
    found = run.curves()
    assert len(found) == 5 * len(child_runs.CURVES)
    assert found[0][3] == 1
    assert found[-1] == ("penalty", 0.0, pytest.approx(run.ended, abs=2), 5)


def test_parameters_are_leaves_with_dotted_names() -> None:
    leaves = child_runs.flat(SETTINGS)
    assert leaves["variant.l2"] == "0.001"
    assert leaves["variant.hidden_units"] == "16, 16"
    assert leaves["variant.activation"] == "elu"
    assert leaves["training.patience"] == "null"
    assert leaves["training.schedule.name"] == "cosine"


def test_example_is_of_the_raw_rows(comparison: Path) -> None:
    example = child_runs.example(comparison, DATA["fingerprint"])
    assert example is not None
    assert list(example.columns) == COLUMNS
    assert example.to_numpy().tolist() == RAW
    assert set(example.dtypes) == {np.dtype(np.float64)}


def test_no_example_without_the_prepared_rows_of_that_data(comparison: Path, tmp_path: Path) -> None:
    assert child_runs.example(comparison, "e" * 16) is None
    assert child_runs.example(tmp_path / "elsewhere", DATA["fingerprint"]) is None


def test_dataset_is_named_by_its_fingerprint() -> None:
    fields = child_runs.dataset(DATA)
    assert fields["name"] == "bundled"
    assert fields["digest"] == DATA["fingerprint"]
    assert [column["name"] for column in json.loads(fields["schema"])["mlflow_colspec"]] == [*DATA["columns"], "label"]

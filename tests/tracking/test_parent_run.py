"""What MLflow shows of a comparison, from invented results."""

import json
from pathlib import Path

import pytest

from overfitting.evaluation.results import Metrics
from overfitting.tracking import parent_run
from tests.builders.metrics import edited
from tests.builders.mlflow_files import write_results, write_run


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    for variant in ("l2", "large"):
        for seed in (0, 1):
            write_run(tmp_path, variant, seed, f"{variant}{seed}")
    return write_results(tmp_path, "2f3a9c" + "0" * 10, ["l2", "large", "ensemble"], [0, 1])


def test_name_is_short() -> None:
    assert parent_run.name("2f3a9c0000000000") == "comparison 2f3a9c"


def test_means_are_over_seeds(metrics: Metrics) -> None:
    values = parent_run.means(metrics)
    assert values["mean_test_auc.l2"] == metrics.variants["l2"].metrics["test_auc"].mean
    assert len(values) == 3 * 2 + 2
    assert "mean_gap_last.ensemble" not in values
    assert not any("/" in name for name in values)


def test_description_holds_the_verdict_and_the_ranking(metrics: Metrics) -> None:
    text = parent_run.description(metrics, "#/table", "#/model", ["figures/ranking.png"])
    assert text.startswith("**l2 is best.**")
    assert text.index("| 1 | l2 | 0.5550 (0.5350 to 0.5750)") < text.index("| 2 | large |")
    assert "| 3 | ensemble | 0.5520 (0.5320 to 0.5720) | 0.7520 (0.7320 to 0.7720) | – | – | better |" in text
    assert "- large overfits." in text
    assert "random_forest" not in text
    assert "40 training and 30 test rows of `bundled`" in text
    assert "(#/table)" in text
    assert "![ranking](figures/ranking.png)" in text


def test_description_names_the_champion(metrics: Metrics) -> None:
    assert "`l2/0`: test log loss 0.5500, AUC 0.7500" in parent_run.description(metrics, "", "#/model", [])
    models = ["runs/l2/0/model.keras", "runs/l2/1/model.keras"]
    ensemble = edited(metrics, champion__column="ensemble", champion__models=models)
    text = parent_run.description(ensemble, "", "#/model", [])
    assert "`ensemble`, the mean logit of 2 networks:" in text
    assert "(#/model)" in text


def test_description_of_one_seed_has_no_intervals(metrics: Metrics) -> None:
    auc = "variants__l2__metrics__test_auc"
    one = edited(metrics, **{f"{auc}__ci_low": None, f"{auc}__ci_high": None})
    assert "| 0.7550 |" in parent_run.description(one, "", "", [])


def test_table_shows_the_children_by_variant(metrics: Metrics) -> None:
    state = json.loads(parent_run.table(metrics, "abc"))
    assert state["searchFilter"] == "tags.`mlflow.parentRunId` = 'abc'"
    assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "variant"}]
    assert parent_run.table_address("7", "2f3a9c00").endswith("viewStateShareKey=" + parent_run.table_key("2f3a9c99"))

"""What MLflow is to show of a comparison, from invented results."""

import json
from pathlib import Path
from typing import Any

import pytest

from overfitting.tracking import parent_run
from tests.builders.mlflow_files import write_results, write_run


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Any]:
    for variant in ("l2", "large"):
        for seed in (0, 1):
            write_run(tmp_path, variant, seed, f"{variant}{seed}")
    return write_results(tmp_path, "2f3a9c" + "0" * 10, ["l2", "large", "ensemble"], [0, 1])


def test_name_is_short() -> None:
    assert parent_run.name("2f3a9c0000000000") == "comparison 2f3a9c"


def test_values_are_the_means(results: dict[str, Any]) -> None:
    values = parent_run.values(results)
    assert values["mean_test_auc.l2"] == results["variants"]["l2"]["test_auc"]["mean"]
    assert len(values) == len(parent_run.AGGREGATES) * 2 + 2
    assert "mean_gap_last.ensemble" not in values
    assert not any("/" in name for name in values)


def test_description_holds_the_verdict_and_the_ranking(results: dict[str, Any]) -> None:
    text = parent_run.description(results, "#/table", "#/model", ["figures/ranking.png"])
    assert text.startswith("**l2 is best.**")
    assert text.index("| 1 | l2 | 0.5550 (0.5350 to 0.5750)") < text.index("| 2 | large |")
    assert "| 3 | ensemble | 0.5520 (0.5320 to 0.5720) | 0.7520 (0.7320 to 0.7720) | – | – | better |" in text
    assert "- large overfits." in text
    assert "random_forest" not in text
    assert "40 training and 30 test rows of `bundled`" in text
    assert "(#/table)" in text
    assert "![ranking](figures/ranking.png)" in text


def test_description_names_the_champion(results: dict[str, Any]) -> None:
    assert "`l2/0`: test log loss 0.5500, AUC 0.7500" in parent_run.description(results, "", "#/model", [])
    results["champion"] |= {"column": "ensemble", "models": ["runs/l2/0/model.keras", "runs/l2/1/model.keras"]}
    text = parent_run.description(results, "", "#/model", [])
    assert "`ensemble`, the mean logit of 2 networks:" in text
    assert "(#/model)" in text
    del results["champion"], results["verdict"]["details"]
    assert "model" not in parent_run.description(results, "", "#/model", [])


def test_description_of_one_seed_has_no_intervals(results: dict[str, Any]) -> None:
    results["variants"]["l2"]["test_auc"].update(ci_low=None, ci_high=None)
    assert "| 0.7550 |" in parent_run.description(results, "", "", [])


def test_table_shows_the_children_by_variant(results: dict[str, Any]) -> None:
    state = json.loads(parent_run.table(results, "abc"))
    assert state["searchFilter"] == "tags.`mlflow.parentRunId` = 'abc'"
    assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "variant"}]
    assert parent_run.table_address("7", "2f3a9c00").endswith("viewStateShareKey=" + parent_run.table_key("2f3a9c99"))

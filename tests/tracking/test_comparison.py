"""What MLflow shows of a comparison, from invented results."""

import json
from pathlib import Path

import pytest

from overfitting.evaluation.results import Metrics
from overfitting.tracking import comparison
from tests.builders.metrics import edited
from tests.builders.mlflow_files import write_results, write_run


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    for variant in ("l2", "large"):
        for seed in (0, 1):
            write_run(tmp_path, variant, seed, f"{variant}{seed}")
    return write_results(tmp_path, "2f3a9c" + "0" * 10, ["l2", "large", "ensemble"], [0, 1])


def test_name_is_short() -> None:
    assert comparison.name("2f3a9c0000000000") == "comparison 2f3a9c"


def test_description_holds_both_answers_and_the_table(metrics: Metrics) -> None:
    difference = {"mean": -0.5, "ci_low": -0.52, "ci_high": -0.48, "std": 0.1, "seeds": [-0.5, -0.5]}
    metrics = edited(metrics, variants__l2__late__difference={**difference, "status": "better"})
    text = comparison.description(metrics, "#/table", "#/model", ["figures/ranking.png"])
    assert text.startswith("**l2 prevents overfitting.**\n\n**l2 is best.**")
    late, early = "-0.5000 (-0.5200 to -0.4800): better", "-0.0200 (-0.0300 to -0.0080): better"
    row = f"| l2 | ranked | {late} | {early} | 0.5550 (0.5350 to 0.5750) | 0.7550 |"
    assert text.index(row) < text.index("| large | ranked |")
    assert "| ensemble | ensemble |" in text
    assert "- large overfits." in text
    assert "random_forest" not in text
    assert "40 training and 30 test rows of `bundled`" in text
    assert "(#/table)" in text
    assert "![ranking](figures/ranking.png)" in text


def test_description_names_the_champion(metrics: Metrics) -> None:
    text = comparison.description(metrics, "", "#/model", [])
    assert "`l2/0` is the best model by validation log loss (0.5200): test log loss 0.5500, AUC 0.7500" in text
    assert "(#/model)" in text


def test_description_of_one_seed_has_no_intervals(metrics: Metrics) -> None:
    loss = "variants__l2__early__metrics__test_log_loss"
    one = edited(metrics, **{f"{loss}__ci_low": None, f"{loss}__ci_high": None})
    assert "| 0.5550 |" in comparison.description(one, "", "", [])


def test_table_shows_what_is_below_the_comparison() -> None:
    state = json.loads(comparison.table("abc"))
    assert state["searchFilter"] == "tags.`mlflow.parentRunId` = 'abc'"
    assert state["selectedColumns"][0] == "metrics.`test_log_loss`"
    assert comparison.table_address("7", "2f3a9c00").endswith("viewStateShareKey=" + comparison.table_key("2f3a9c99"))

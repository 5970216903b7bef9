"""What MLflow is to show of a whole comparison, from results/metrics.json: name, parameters, numbers, text, table."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

AGGREGATES = ("test_log_loss", "test_auc", "gap_last")
COLUMNS = ("test_log_loss", "test_auc", "gap_last", "best_epoch")


def name(fingerprint: str) -> str:
    """Name of the parent run."""
    return f"comparison {fingerprint[:6]}"


def parameters(results: Mapping[str, Any]) -> dict[str, Any]:
    """What was compared, on which rows, with which versions; nested."""
    data, run = results["data"], results["run"]
    rows = {key: data[key] for key in ("train_rows", "validation_rows", "test_rows")}
    return {
        "variants": list(results["variants"]),
        "seeds": run["seeds"],
        "training": run["training"],
        "data": {"source": data["source"], "scaling": data["scaling"], **rows},
        "version": run["versions"],
    }


def values(results: Mapping[str, Any]) -> dict[str, float]:
    """Means over the seeds: `mean_test_auc.l2`. A slash would make a section of MLflow's charts of each."""
    return {
        f"mean_{metric}.{variant}": float(found[metric]["mean"])
        for metric in AGGREGATES
        for variant, found in results["variants"].items()
        if metric in found and found[metric]["mean"] is not None
    }


def description(results: Mapping[str, Any], table: str, model: str, figures: Sequence[str]) -> str:
    """Text in Markdown: the verdict and the ranking.

    Linked are the addresses of MLflow's own `table` and of the registered `model`; the `figures` are shown.
    """
    verdict, data, seeds = results["verdict"], results["data"], len(results["run"]["seeds"])
    rows = f"{data['train_rows']:,} training and {data['test_rows']:,} test rows of `{data['source']}`"
    note = "Gap: validation less training log loss. Intervals count the seeds and the test rows."
    parts = [
        f"**{verdict['sentence']}**",
        _ranking(results),
        f"Means over {seeds} seed{'s' if seeds > 1 else ''}; {rows}. {note}",
        "\n".join(f"- {sentence}" for sentence in verdict.get("details", [])),
        _champion(results["champion"], model) if "champion" in results else "",
        f"[All runs by variant, as a table and as curves]({table})",
        "\n".join(f"![{Path(figure).stem}]({figure})" for figure in figures),
    ]
    return "\n\n".join(part for part in parts if part)


def _ranking(results: Mapping[str, Any]) -> str:
    lines = [
        "| | variant | test log loss | test AUC | gap at the last epoch | best epoch | group |",
        "|--:|:--|:--|:--|--:|--:|:--|",
    ]
    for rank, variant in enumerate(results["verdict"]["ranking"], 1):
        found = results["variants"][variant]
        scores = " | ".join(_interval(found[metric]) for metric in ("test_log_loss", "test_auc"))
        gap, epoch = _mean(found, "gap_last", ".3f"), _mean(found, "best_epoch", ".0f")
        lines.append(f"| {rank} | {variant} | {scores} | {gap} | {epoch} | {found['group']} |")
    return "\n".join(lines)


def _champion(found: Mapping[str, Any], model: str) -> str:
    networks = len(found["models"])
    of = f", the mean logit of {networks} networks" if networks > 1 else ""
    scores = f"test log loss {found['test_log_loss']:.4f}, AUC {found['test_auc']:.4f}"
    return f"The best model is `{found['column']}`{of}: {scores}. It is a version of [a registered model]({model})."


def _mean(found: Mapping[str, Any], value: str, form: str) -> str:
    """The mean of a value, or a dash: an ensemble was not trained."""
    return format(found[value]["mean"], form) if value in found else "–"


def table_key(fingerprint: str) -> str:
    """Key of the table in MLflow's addresses."""
    return f"comparison-{fingerprint[:6]}"


def table_address(experiment: str, fingerprint: str) -> str:
    """Address of the table, relative to that of MLflow's pages."""
    return f"#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={table_key(fingerprint)}"


def table(results: Mapping[str, Any], parent: str) -> str:
    """State of MLflow's page of runs: those under `parent`, grouped by variant, the best first; charts: the curves.

    This is what "Share view" of MLflow 3.17 stores. Another version may ignore it, and then shows all runs.
    """
    state = {
        "searchFilter": f"tags.`mlflow.parentRunId` = '{parent}'",
        "orderByKey": f"metrics.`{COLUMNS[0]}`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [f"metrics.`{metric}`" for metric in COLUMNS],
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "variant"}]},
        "groupsExpanded": {f"param.variant.{variant}": False for variant in results["variants"]},
        "chartsSearchFilter": "^(train|val)_log_loss$",
        "runsHiddenMode": "SHOW_ALL",
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
    }
    return json.dumps(state)


def _interval(found: Mapping[str, Any]) -> str:
    if found["ci_low"] is None:
        return f"{found['mean']:.4f}"
    return f"{found['mean']:.4f} ({found['ci_low']:.4f} to {found['ci_high']:.4f})"

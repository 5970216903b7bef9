"""What MLflow shows of a whole comparison: name, parameters, metrics, description and table of runs."""

import json
from collections.abc import Sequence
from pathlib import Path

from overfitting.base import markdown
from overfitting.data.test_rows import rows_per_seed
from overfitting.evaluation import formats
from overfitting.evaluation.results import Champion, Metrics
from overfitting.tracking.child_runs import flat

COLUMNS = ("test_log_loss", "test_log_loss_low", "test_log_loss_high", "early_difference", "late_difference")
NOTE = "Differences are to large. The intervals of a column hold together; they account for seeds and test rows."


def name(fingerprint: str) -> str:
    """Name of the parent run of the comparison with that fingerprint."""
    return f"comparison {fingerprint[:6]}"


def parameters(metrics: Metrics) -> dict[str, str]:
    """Variants, seeds, data and versions as MLflow's parameters."""
    data, run = metrics.data, metrics.run
    return flat(
        {
            "variants": list(metrics.variants),
            "seeds": run.seeds,
            "training": run.training,
            "data": data.model_dump(include={"source", "scaling", "train_rows", "validation_rows", "test_rows"}),
            "version": run.versions,
        }
    )


def description(metrics: Metrics, table_link: str, model_link: str, figures: Sequence[str]) -> str:
    """Markdown with the verdict, the ranking, links (addresses) and figures (addresses)."""
    verdict, data, seeds = metrics.verdict, metrics.data, len(metrics.run.seeds)
    rows = f"{data.train_rows:,} training and {rows_per_seed(data):,} test rows of `{data.source}`"
    parts = [
        f"**{verdict.prevents}**",
        f"**{verdict.predicts}**",
        _ranking(metrics),
        f"Means over {seeds} seed{'s' if seeds > 1 else ''}; {rows}. {NOTE}",
        "\n".join(f"- {sentence}" for sentence in verdict.details),
        _champion(metrics.champion, model_link),
        f"[All variants and baselines, as a table and as curves]({table_link})",
        "\n".join(f"![{Path(figure).stem}]({figure})" for figure in figures),
    ]
    return "\n\n".join(part for part in parts if part)


def table_key(fingerprint: str) -> str:
    """Key of the table in MLflow's addresses."""
    return f"comparison-{fingerprint[:6]}"


def table_address(experiment: str, fingerprint: str) -> str:
    """Address of the table, relative to MLflow's pages."""
    return f"#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={table_key(fingerprint)}"


def table(parent: str) -> str:
    """State of MLflow's page of runs: variants and baselines below the run `parent` (id), best first, and charts.

    "Share view" of MLflow 3.17 stores this format. Another version may ignore it, and then shows all runs.
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
        "chartsSearchFilter": "^(train_log_loss|val_log_loss|test_log_loss|late_difference|early_difference)$",
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,
    }
    return json.dumps(state)


def _ranking(metrics: Metrics) -> str:
    rows = []
    for variant in metrics.verdict.ranking:
        found = metrics.variants[variant]
        differences = (found.late.difference, found.early.difference)
        rows.append(
            [
                variant,
                found.block,
                *(
                    f"{formats.estimate(each, signed=True)}: {formats.status(each)}" if each else formats.status(None)
                    for each in differences
                ),
                formats.estimate(found.early.log_loss),
                f"{found.early.metrics['test_auc'].mean:.4f}",
            ]
        )
    header = ["variant", "block", "late difference", "early difference", "early test log loss", "AUC"]
    return markdown.table(header, rows)


def _champion(champion: Champion, link: str) -> str:
    scores = f"test log loss {champion.test_log_loss:.4f}, AUC {champion.test_auc:.4f}"
    chosen = f"the best model by validation log loss ({champion.val_log_loss:.4f})"
    return f"`{champion.column}` is {chosen}: {scores}. It is a version of [a registered model]({link})."

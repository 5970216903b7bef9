"""What MLflow shows of a comparison: of the whole, and of each variant and baseline, above the runs of its seeds."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from overfitting.base import files, markdown
from overfitting.base.tables import read_table
from overfitting.data.test_rows import rows_per_seed
from overfitting.evaluation import formats
from overfitting.evaluation.colours import colours
from overfitting.evaluation.results import Estimate, Metrics, Scores
from overfitting.tracking.child_runs import Point, flat

COLUMNS = ("test_log_loss", "test_log_loss_low", "test_log_loss_high", "early_difference", "late_difference")
NOTE = "Differences are to large. The intervals of a column hold together; they account for seeds and test rows."
MEASURED = ("train_log_loss", "val_log_loss")  # curves that are averaged over the seeds
ENDINGS = {"": "mean", "_std": "std", "_low": "ci_low", "_high": "ci_high"}  # of metrics, by field of an estimate


def name(fingerprint: str) -> str:
    """Name of the run of the comparison with that fingerprint."""
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
    verdict, data, best, seeds = metrics.verdict, metrics.data, metrics.champion, len(metrics.run.seeds)
    rows = f"{data.train_rows:,} training and {rows_per_seed(data):,} test rows of `{data.source}`"
    parts = [
        f"**{verdict.prevents}**",
        f"**{verdict.predicts}**",
        _ranking(metrics),
        f"Means over {seeds} seed{'s' if seeds > 1 else ''}; {rows}. {NOTE}",
        "\n".join(f"- {sentence}" for sentence in verdict.details),
        f"`{best.column}` is the best model by validation log loss ({best.val_log_loss:.4f}): test log loss "
        f"{best.test_log_loss:.4f}, AUC {best.test_auc:.4f}. It is a version of [a registered model]({model_link}).",
        f"[All variants and baselines, as a table and as curves]({table_link})",
        "\n".join(f"![{Path(figure).stem}]({figure})" for figure in figures),
    ]
    return "\n\n".join(part for part in parts if part)


def _ranking(metrics: Metrics) -> str:
    rows = []
    for variant in metrics.verdict.ranking:
        found = metrics.variants[variant]
        differences = [
            f"{formats.estimate(each, signed=True)}: {formats.status(each)}" if each else formats.status(None)
            for each in (found.late.difference, found.early.difference)
        ]
        auc = f"{found.early.metrics['test_auc'].mean:.4f}"
        rows.append([variant, found.block, *differences, formats.estimate(found.early.log_loss), auc])
    return markdown.table(
        ["variant", "block", "late difference", "early difference", "early test log loss", "AUC"], rows
    )


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


def results(metrics: Metrics) -> dict[str, Scores]:
    """Results by name, of variants with early weights; then of baselines."""
    variants = {name: metrics.variants[name].early for name in metrics.verdict.ranking}
    return {**variants, **metrics.ranked_baselines}


def variant_metrics(metrics: Metrics, name: str) -> dict[str, float]:
    """Means over the seeds, under the names that the runs of the seeds use; `_std`, `_low`, `_high` add to them."""
    variant, scores = metrics.variants.get(name), results(metrics)[name]
    estimates: dict[str, Estimate | None] = {"early_difference": scores.difference}
    estimates.update({str(metric): found for metric, found in scores.metrics.items()})
    if variant:
        late = variant.late
        estimates |= {"test_log_loss_late": late.log_loss, "late_difference": late.difference}
    if variant and (training := variant.training):
        estimates |= {"best_epoch": training.best_epoch, "epochs": training.epochs}
        estimates |= {"early_gap": training.early.gap, "late_gap": training.late.gap}
    values = {
        key + ending: getattr(found, field)
        for key, found in estimates.items()
        if found
        for ending, field in ENDINGS.items()
    }
    return {key: value for key, value in values.items() if value is not None}


def variant_tags(metrics: Metrics, name: str) -> dict[str, str]:
    """What the variant is, and what the comparison says of it."""
    variant, early = metrics.variants.get(name), results(metrics)[name]
    differences = {"Late": variant and variant.late.difference, "Early": early.difference}
    statuses = [
        f"{phase}: {formats.estimate(found, signed=True)} against large, {found.status}."
        for phase, found in differences.items()
        if found
    ]
    text = variant.description if variant else "a non-neural classifier, for scale"
    return {
        "block": variant.block if variant else "baseline",
        "mlflow.note.content": "\n\n".join([text, *statuses]),
        "mlflow.runColor": colours(results(metrics))[name],
    }


def mean_curves(root: Path, ended: int) -> Mapping[str, list[Point]]:
    """Mean curves over the seeds by variant, points at `ended` (milliseconds since 1970); empty without the file."""
    path = root / files.CURVES
    if not path.is_file():
        return {}
    rows = read_table(path, ("epoch", *MEASURED), ("variant",))
    found = defaultdict[str, list[Point]](list)
    for metric in MEASURED:
        means = rows.groupby(["variant", "epoch"], as_index=False)[metric].mean()
        for variant, epoch, value in means.itertuples(index=False):
            found[variant].append((metric, float(value), ended, int(epoch)))
    return found

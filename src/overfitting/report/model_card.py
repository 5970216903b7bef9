"""The model card of the champion: what it is, what it was trained on, how well it predicts, what it is not for.

The parts are those of Mitchell et al., "Model Cards for Model Reporting" (FAT* 2019).
"""

from collections.abc import Sequence

from overfitting.base.markdown import table
from overfitting.data.test_rows import rows_per_seed
from overfitting.evaluation.formats import estimate
from overfitting.evaluation.results import Metrics

MEASURES = {
    "test_log_loss": "log loss",
    "test_auc": "AUC",
    "test_accuracy": "accuracy",
    "test_brier": "Brier score",
    "test_calibration_error": "calibration error",
}
SIMULATED = ("bundled", "simulated")


def card(metrics: Metrics) -> str:
    """The card as Markdown."""
    sections = {
        "The model": _model(metrics),
        "Use": [
            f"It gives the probability of the label {_positive(metrics)} from the {len(metrics.data.columns)} raw "
            "columns of the data. README.md shows how to load it from MLflow.",
        ],
        "Training data": _data(metrics),
        "Results on test rows": _results(metrics),
        "Limits": [f"- {limit}" for limit in _limits(metrics)],
    }
    parts = [f"# Model card: {metrics.champion.column}"]
    for title, lines in sections.items():
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _model(metrics: Metrics) -> Sequence[str]:
    best, run = metrics.champion, metrics.run
    variant = metrics.variants[best.variant]
    networks = f"the mean of the logits of {len(best.models)} networks" if len(best.models) > 1 else "one network"
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return [
        f"- `{best.variant}`: {variant.description}; {networks}, {variant.parameters:,} parameters",
        f"- chosen among {len(metrics.trained)} variants and {len(run.seeds)} seeds by its validation log loss, "
        f"{best.val_log_loss:.4f}; the test rows chose nothing",
        f"- trained with `conf/training/{run.training}.yaml`, weights of the best epoch; {versions}",
        f"- files: {', '.join(f'`{path}`' for path in best.models)}",
    ]


def _data(metrics: Metrics) -> Sequence[str]:
    data = metrics.data
    return [
        f"- {data.source}: {data.rows:,} rows, SHA-256 `{data.sha256}`",
        f"- {data.train_rows:,} training and {data.validation_rows:,} validation rows; scaling: `{data.scaling}`",
        f"- licence: {data.licence}" + (f"; {data.citation}" if data.citation else ""),
    ]


def _results(metrics: Metrics) -> Sequence[str]:
    """Results of the model itself, and those of all seeds of its variant, with intervals."""
    best, run, test = metrics.champion, metrics.run, rows_per_seed(metrics.data)
    share = f"{metrics.data.test_signal_share:.1%} {_positive(metrics)}"
    scores = metrics.variants[best.variant].early.metrics
    rows = [[name, estimate(scores[key])] for key, name in MEASURES.items() if key in scores]
    return [
        f"This model: log loss {best.test_log_loss:.4f}, AUC {best.test_auc:.4f}, on {test:,} rows ({share}). "
        f"All {len(run.seeds)} seeds of `{best.variant}`, with {run.confidence:.0%} intervals:",
        "",
        table(["", "mean over seeds"], rows),
    ]


def _limits(metrics: Metrics) -> Sequence[str]:
    data = metrics.data
    origin = (
        "The events are simulated: on real collisions the model was not measured."
        if data.source in SIMULATED
        else "It was measured on rows of this table only; other sources and later times may differ."
    )
    return [
        origin,
        f"Its probabilities hold where about {data.pool_signal_share:.1%} of the rows are {_positive(metrics)}; "
        "elsewhere they have to be calibrated again.",
        "Its own validation log loss is too low, since it was chosen as the lowest.",
        "The intervals account for seeds and test rows, not for another choice of data or of strengths.",
    ]


def _positive(metrics: Metrics) -> str:
    return metrics.data.table.positive if metrics.data.table else "signal"

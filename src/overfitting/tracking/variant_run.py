"""What MLflow shows of a variant or baseline of a comparison, above the runs of its seeds: means, intervals, curves."""

from collections.abc import Sequence
from pathlib import Path

from overfitting.base import files
from overfitting.base.tables import read_table
from overfitting.evaluation import formats
from overfitting.evaluation.colours import colours
from overfitting.evaluation.results import Estimate, Metrics, Scores, Variant
from overfitting.tracking.child_runs import Point

MEASURED = ("train_log_loss", "val_log_loss")  # curves that are averaged over the seeds


def results(metrics: Metrics) -> dict[str, Scores]:
    """Results by name, of variants with early weights; then of baselines."""
    variants = {name: metrics.variants[name].early for name in metrics.verdict.ranking}
    return {**variants, **metrics.ranked_baselines}


def numbers(metrics: Metrics, name: str) -> dict[str, float]:
    """Means over the seeds, under the names that the runs of the seeds use; `_std`, `_low`, `_high` add to them."""
    variant, scores = metrics.variants.get(name), results(metrics)[name]
    estimates: dict[str, Estimate | None] = {"early_difference": scores.difference}
    estimates.update({str(metric): found for metric, found in scores.metrics.items()})
    if variant:
        late = variant.late
        estimates |= {"test_log_loss_late": late.log_loss, "late_difference": late.difference}
    if variant and variant.training:
        training = variant.training
        estimates |= {"best_epoch": training.best_epoch, "epochs": training.epochs}
        estimates |= {"early_gap": training.early.gap, "late_gap": training.late.gap}
    return {key: value for start, found in estimates.items() if found for key, value in _numbers(start, found).items()}


def _numbers(name: str, found: Estimate) -> dict[str, float]:
    values = {"": found.mean, "_std": found.std, "_low": found.ci_low, "_high": found.ci_high}
    return {name + end: value for end, value in values.items() if value is not None}


def tags(metrics: Metrics, name: str) -> dict[str, str]:
    """What the variant is, and what the comparison says of it."""
    found = metrics.variants.get(name)
    texts = [found.description if found else "a non-neural classifier, for scale", *_statuses(metrics, name, found)]
    colour = colours(results(metrics))[name]
    return {
        "block": found.block if found else "baseline",
        "mlflow.note.content": "\n\n".join(texts),
        "mlflow.runColor": colour,
    }


def _statuses(metrics: Metrics, name: str, found: Variant | None) -> Sequence[str]:
    phases = {"Late": found.late if found else None, "Early": results(metrics)[name]}
    return [
        f"{phase}: {formats.estimate(scores.difference, signed=True)} against large, {scores.difference.status}."
        for phase, scores in phases.items()
        if scores and scores.difference
    ]


def curves(root: Path, ended: int) -> dict[str, list[Point]]:
    """Mean curves over the seeds by variant, points at `ended` (milliseconds since 1970); empty without the file."""
    path = root / files.CURVES
    if not path.is_file():
        return {}
    rows = read_table(path, ("epoch", *MEASURED), ("variant",))
    means = rows.groupby(["variant", "epoch"])[list(MEASURED)].mean()
    found: dict[str, list[Point]] = {}
    for name in MEASURED:
        for variant, epoch, value in means[name].reset_index().itertuples(index=False):
            found.setdefault(variant, []).append(Point(name, float(value), ended, int(epoch)))
    return found

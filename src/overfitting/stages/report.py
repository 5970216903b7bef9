"""Stage report: results/metrics.json and curves -> page, tables and figures; then brings MLflow up to date."""

from pathlib import Path

from rich.console import Console

from overfitting.base import files, repository
from overfitting.base.tables import read_table
from overfitting.config.schema import Config
from overfitting.evaluation.results import Metrics
from overfitting.report import page, tables
from overfitting.report.answers import conclusion, read
from overfitting.tracking import sync
from overfitting.tracking.child_runs import read_runs

SYNC_SECONDS = 120.0  # at most; a local MLflow takes about ten
CURVES = ("seed", "epoch", "train_log_loss", "val_log_loss")
TUNED = ("trial", "seeds", "epochs", "val_log_loss", "val_log_loss_std")
WRITTEN = ("dvc.lock", "results")  # by the pipeline, so a change there is no change of the code


def run(config: Config) -> None:
    """Write the report; print the ranking and the path of the page."""
    metrics, curve = read()
    if files.damaged(files.RESULTS, {files.CURVES.name: metrics.curves_sha256}):
        raise files.unusable(files.CURVES, f"expected the curves that belong to {files.METRICS}, by their SHA-256")
    tuning = read_table(files.TUNING, TUNED, ("search", "data")) if files.TUNING.exists() else None
    page.write(metrics, read_table(files.CURVES, CURVES, ("variant",)), files.RESULTS, tuning, curve)
    page.write_run(files.RESULTS, _seconds(metrics), commit())
    sync.sync_within(SYNC_SECONDS)
    console = Console()
    if not console.is_terminal:  # a log has no width of its own
        console.width = max(console.width, tables.TERMINAL_WIDTH)
    console.print(tables.ranking_table(metrics, console.width))
    console.print(conclusion(metrics, curve), highlight=False)


def _seconds(metrics: Metrics) -> dict[str, list[float]]:
    """Seconds of the runs of each variant, as far as they are known."""
    seconds: dict[str, list[float]] = {}
    for run in read_runs(Path(), metrics):
        if run.durations and run.test_metrics:
            seconds.setdefault(run.summary.variant, []).append(run.durations.seconds)
    return {name: seconds[name] for name in metrics.verdict.ranking if name in seconds}


def commit() -> str | None:
    """Commit that is checked out, and whether its code was changed since; None without git or before any commit."""
    head = repository.commit()
    if head is None:
        return None
    ignored = [f":!{path}" for path in WRITTEN]
    changes = repository.git("status", "--porcelain", "--untracked-files=no", "--", ".", *ignored)
    return f"{head} with uncommitted changes" if changes else head

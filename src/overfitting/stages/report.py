"""Stage report: results/metrics.json and curves -> the page, tables and figures; then MLflow is brought up to date."""

import subprocess
from pathlib import Path

import pandas as pd
from rich.console import Console

from overfitting.base import files
from overfitting.config.schema import Config
from overfitting.report import page, tables
from overfitting.tracking import sync

WRITTEN = ("dvc.lock", "results")  # by the pipeline itself: no change of what it ran


def run(config: Config) -> None:
    """Write the report, print the ranking and where the page is."""
    metrics = files.read_json(files.METRICS)
    tuning = pd.read_csv(files.TUNING, dtype={"data": str}) if files.TUNING.is_file() else None
    page.write(metrics, pd.read_csv(files.CURVES), files.RESULTS, tuning, commit())
    sync.sync(Path())
    console = Console()
    if not console.is_terminal:  # a log: as wide as need be
        console.width = max(console.width, tables.TERMINAL_WIDTH)
    console.print(tables.ranking_table(metrics, console.width))
    console.print(tables.conclusion(metrics), highlight=False)


def commit() -> str | None:
    """The commit that is checked out and whether it was changed; None where there is no git or no commit."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *(f":!{path}" for path in WRITTEN))
    return f"{head} with uncommitted changes" if changes else head


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()

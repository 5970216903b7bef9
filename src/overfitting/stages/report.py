"""Stage report: results/metrics.json and curves -> the page, tables and figures; then MLflow is brought up to date."""

from pathlib import Path

import pandas as pd
from rich.console import Console

from overfitting import files, report, tracking
from overfitting.config import Config


def run(config: Config) -> None:
    """Write the report, print the ranking and where the page is."""
    metrics = files.read_json(files.METRICS)
    report.write(metrics, pd.read_csv(files.CURVES), files.RESULTS)
    tracking.sync(Path())
    console = Console(width=max(Console().width, 110))  # where there is no terminal, as in a log
    console.print(report.ranking_table(metrics))
    console.print(metrics["verdict"]["sentence"])
    console.print(f"The page: {files.RESULTS / 'report.html'}")

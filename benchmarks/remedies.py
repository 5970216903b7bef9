"""All variants of conf/variant/, on the data of params.yaml -> docs/remedies.md.

    python benchmarks/remedies.py [SEED ...]

params.yaml lists the note's eight and the best few of these, and the seeds that are taken by default. Finished runs of
runs/ are taken over; with two seeds the rest takes a quarter of an hour on two cores.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from overfitting.cli.scratch import copy_project, reproduce
from overfitting.evaluation.results import Metrics
from overfitting.report.tables import ranking_markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/remedies.md"
RUNS = ROOT / "runs"


def descriptions(names: Sequence[str]) -> str:
    """What each variant is, and what was expected of it: the comment that heads its file."""
    lines = ["| variant | what it is |", "|---|---|"]
    for name in names:
        text = (ROOT / f"conf/variant/{name}.yaml").read_text()
        comment = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
        lines.append(f"| `{name}` | {comment.partition(': ')[2].replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def main() -> None:
    """Train and judge all of them in a scratch copy, and write the page."""
    names = sorted(path.stem for path in (ROOT / "conf/variant").glob("*.yaml"))
    with tempfile.TemporaryDirectory(prefix="overfitting-remedies-") as scratch:
        project = Path(scratch)
        seeds = [int(seed) for seed in sys.argv[1:]]
        copy_project(ROOT, project, {"variants": names, **({"seeds": seeds} if seeds else {})})
        if RUNS.is_dir():
            shutil.copytree(RUNS, project / "runs")
        if reproduce(project, "evaluate"):
            sys.exit("the pipeline failed")
        metrics = Metrics.read(project / "results/metrics.json")
    count = len(metrics.run.seeds)
    lines = [
        "# All remedies",
        "",
        f"Every file of `conf/variant/` on the data of the README's comparison, {count} seeds each:",
        f"`{' '.join(['python benchmarks/remedies.py', *sys.argv[1:]])}`. With few seeds intervals are wide, and few",
        "differences can be told.",
        "",
        ranking_markdown(metrics),
        "",
        *(f"- {sentence}" for sentence in [metrics.verdict.sentence, *metrics.verdict.details]),
        "",
        "## What they are",
        "",
        descriptions(metrics.verdict.ranking),
    ]
    PAGE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""Compare all variants of conf/variant/ on the data of params.yaml -> docs/remedies.md.

    python benchmarks/pages/remedies.py [SEED ...]

params.yaml lists only some of these variants. Its seeds are the default. Finished runs in runs/ are reused; with two
seeds the others take a quarter of an hour on two cores.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from overfitting.cli.scratch import copy_project, reproduce
from overfitting.evaluation.results import Metrics
from overfitting.report.tables import ranking_markdown

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/remedies.md"
RUNS = ROOT / "runs"


def descriptions(names: Sequence[str]) -> str:
    """Table of what each variant is and what to expect of it, from the comment at the top of its file."""
    lines = ["| variant | what it is |", "|---|---|"]
    for name in names:
        text = (ROOT / f"conf/variant/{name}.yaml").read_text()
        comment = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
        lines.append(f"| `{name}` | {comment.partition(': ')[2].replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def main() -> None:
    """Train and compare all variants in a scratch copy; write the page."""
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
        f"Every file of `conf/variant/` on the data of the README's comparison, with {count} seeds each, made by",
        f"`{' '.join(['python benchmarks/pages/remedies.py', *sys.argv[1:]])}`. With so few seeds the intervals are",
        "wide, and few differences are significant.",
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

"""Reproduces the commit that is checked out in a fresh clone, without any cache, and compares what it wrote."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.repository import commit, git
from overfitting.cli.scratch import reproduce_all
from overfitting.evaluation.results import Metric, Metrics
from overfitting.tracking.child_runs import read_lock

OWN_TABLES = Path("data/own")  # inputs that git ignores
# of a mean over seeds, on another processor or with other library versions: docs/reproducibility.md
TOLERANCES: Mapping[Metric, float] = {"test_log_loss": 1e-5, "test_auc": 1e-5}


def run(root: Path = Path()) -> int:
    """Verify the commit that is checked out in `root`; print what was compared and return the exit status.

    Raises:
        UserError: there is no commit, it lacks results, or the pipeline failed in the clone.
    """
    head = commit(root)
    if head is None or git("cat-file", "-e", f"HEAD:{files.METRICS}", root=root) is None:
        raise UserError(f"expected a commit with {files.METRICS}; run `make repro` and commit its results")
    with tempfile.TemporaryDirectory(prefix="overfitting-verify-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(root.resolve()), str(clone)], check=True)
        if (root / OWN_TABLES).is_dir():
            shutil.copytree(root / OWN_TABLES, clone / OWN_TABLES, dirs_exist_ok=True)
        before, metrics = read_lock(clone), Metrics.read(clone / files.METRICS)
        print(f"reproducing commit {head[:12]} in {clone}, without cache", flush=True)
        if status := reproduce_all(clone):
            raise UserError(f"the pipeline failed in the clone (exit status {status})")
        status = judge(before, read_lock(clone), metrics, Metrics.read(clone / files.METRICS))
        print("git status in the clone:", git("status", "--short", root=clone) or "clean")
        return status


def judge(before: Mapping[str, object], after: Mapping[str, object], committed: Metrics, reproduced: Metrics) -> int:
    """Compare by hash if processor and libraries are those of the commit, else the metrics; print it; exit status."""
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    if not changed:
        print(f"verified by hash: all {len(after)} outputs have the bytes of the commit")
        return 0
    there, here = _computer(committed), _computer(reproduced)
    listed = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
    if here == there:
        print(f"NOT verified: {len(changed)} of {len(after)} outputs have other bytes, though processor and libraries")
        print(f"are those of the commit ({here}): {listed}")
        for metric in TOLERANCES:
            size, variant = largest_difference(committed, reproduced, metric)
            print(f"  largest difference of {metric}: {size:.1e} ({variant})")
        return 1
    print(f"{len(changed)} outputs have other bytes, as expected: this computer has {here}, the commit {there}.")
    is_verified = True
    for metric, tolerance in TOLERANCES.items():
        size, variant = largest_difference(committed, reproduced, metric)
        is_verified &= size <= tolerance
        relation = "within" if size <= tolerance else "ABOVE"
        print(f"  {metric}: largest difference {size:.1e} ({variant}), {relation} {tolerance:.0e}")
    print("verified by metrics" if is_verified else "NOT verified by metrics")
    return 0 if is_verified else 1


def largest_difference(first: Metrics, second: Metrics, metric: Metric) -> tuple[float, str]:
    """The largest difference of a metric's means over seeds, and its variant; UserError if the variants differ."""
    if first.variants.keys() != second.variants.keys():
        raise UserError(f"expected the variants {', '.join(first.variants)}, got {', '.join(second.variants)}")
    means = [
        {name: variant.early.metrics[metric].mean for name, variant in found.variants.items()}
        for found in (first, second)
    ]
    sizes = {name: abs(mean - means[1][name]) for name, mean in means[0].items()}
    variant = max(sizes, key=lambda name: sizes[name])
    return sizes[variant], variant


def _computer(metrics: Metrics) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in metrics.run.versions.items())
    return f"{metrics.run.processor}, {versions}"

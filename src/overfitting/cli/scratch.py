"""Scratch copies of the project, in which the whole pipeline runs without touching this one."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

DVC = (sys.executable, "-m", "dvc")
PROJECT = ("conf", "src", "data/bundled", "data/own/README.md", "params.yaml", "dvc.yaml", "results/tuning.csv")
TINY = {
    "choices": {"training": "smoke"},
    "split": {"train": 1000, "validation": 500, "test": 1000, "spare": 500},
    "seeds": [0, 1],
}


def copy_project(root: Path, destination: Path, settings: Mapping[str, Any] = TINY) -> None:
    """Copy what the pipeline needs to `destination`, `settings` merged into params.yaml, and start DVC there."""
    for name in PROJECT:
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir():
            shutil.copytree(root / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, target)
    params = OmegaConf.merge(OmegaConf.load(root / "params.yaml"), OmegaConf.create(dict(settings)))
    OmegaConf.save(params, destination / "params.yaml")
    subprocess.run([*DVC, "init", "--quiet", "--no-scm"], cwd=destination, check=True)


def reproduce(project: Path, *targets: str) -> int:
    """Run `dvc repro` of `targets` (none: all) in a scratch copy; return its status."""
    return subprocess.run([*DVC, "repro", *targets], cwd=project, env=environment(project), check=False).returncode


def environment(project: Path) -> dict[str, str]:
    """Variables for processes in a scratch copy: its own MLflow database and code, whatever happens here meanwhile."""
    return {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{project.resolve()}/mlflow.db",
        "PYTHONPATH": str(project.resolve() / "src"),
    }


def run(root: Path) -> int:
    """Reproduce a scratch copy of `root` on tiny settings; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="overfitting-smoke-") as scratch:
        copy_project(root, Path(scratch))
        return reproduce(Path(scratch))

"""The whole pipeline on tiny settings, in a scratch copy of the project: does everything run?"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from omegaconf import OmegaConf

DVC = (sys.executable, "-m", "dvc")
PROJECT = ("conf", "src", "data/bundled", "params.yaml", "dvc.yaml")
TINY = {
    "choices": {"training": "smoke"},
    "split": {"train": 1000, "validation": 500, "test": 1000},
    "seeds": [0, 1],
}


def copy_project(root: Path, destination: Path) -> None:
    """Copy what the pipeline needs and a fresh DVC repository to `destination`, with the settings `TINY`."""
    for name in PROJECT:
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir():
            shutil.copytree(root / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, target)
    params = OmegaConf.merge(OmegaConf.load(root / "params.yaml"), TINY)
    OmegaConf.save(params, destination / "params.yaml")
    subprocess.run([*DVC, "init", "--quiet", "--no-scm"], cwd=destination, check=True)


def run(root: Path) -> int:
    """Reproduce a scratch copy of `root`; return the exit status of `dvc repro`."""
    with tempfile.TemporaryDirectory(prefix="overfitting-smoke-") as scratch:
        copy_project(root, Path(scratch))
        environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{scratch}/mlflow.db"}
        return subprocess.run([*DVC, "repro"], cwd=scratch, env=environment, check=False).returncode

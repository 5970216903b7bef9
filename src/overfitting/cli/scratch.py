"""Other folders in which the pipeline runs and leaves this one as it is: scratch copies, and folders of links."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from overfitting.base.errors import UserError
from overfitting.base.files import RESULTS
from overfitting.base.repository import DVC, dvc

PROJECT = (
    *(".dvcignore", ".gitignore", "dvc.yaml", "params.yaml", "requirements/main.txt", "conf", "src"),
    *("data/bundled", "data/own/README.md", "results/learning-curve.json", "results/tuning.csv"),
)
TINY = {
    "choices": {"training": "smoke"},
    "split": {"train": 1000, "validation": 500, "test": 1000, "search": 1500, "resample": True},
    "seeds": [0, 1],
    "repeats": {"large": 2},
}
DEMO = {
    "choices": {"data": "bundled"},
    "split": {"train": 2000, "validation": 1000, "test": 20000},
    "training": {"epochs": 60},
    "seeds": [0, 1, 2],
    "repeats": {},
    "variants": ["large", "tiny", "tuned/l2", "tuned/dropout"],
    "baselines": ["logistic_regression"],
}
STAGES = ("download", "preprocess", "train-all", "evaluate", "report")
OVERFITTING = (sys.executable, "-m", "overfitting")
PIPELINE = ((*DVC, "repro", "preprocess"), (*OVERFITTING, "train-all"), (*DVC, "repro"))  # as `make repro`


def copy_files(root: Path, destination: Path) -> None:
    """Copy the files that the pipeline reads from `root` to `destination`; UserError if one is missing."""
    for name in PROJECT:
        source, target = root / name, destination / name
        if not source.exists():
            raise UserError(f"expected {name} in {root.resolve()}; run from the root folder of a complete checkout")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def copy_project(root: Path, destination: Path, settings: Mapping[str, Any] = TINY) -> None:
    """Copy the project to `destination`, with other `settings` in its params.yaml, and set up DVC without git there."""
    copy_files(root, destination)
    _write_params(root, destination, settings)
    dvc("init", "--quiet", "--no-scm", root=destination)


def _write_params(root: Path, folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the params.yaml of `root` with other values; mappings are merged, except that an empty one replaces."""
    params = OmegaConf.load(root / "params.yaml")
    for key, value in settings.items():
        OmegaConf.update(params, key, value, merge=bool(value))
    OmegaConf.save(params, folder / "params.yaml")


def environment(project: Path) -> dict[str, str]:
    """Environment of processes in another folder: its MLflow database and, in a copy, its code."""
    folder = project.resolve()
    code = {"PYTHONPATH": f"{folder}/src"} if (folder / "src").is_dir() else {}
    return {**os.environ, **code, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}


def run(project: Path, *command: str) -> int:
    """Run a command in another folder; return its exit status."""
    return subprocess.run(command, cwd=project, env=environment(project), check=False).returncode


def run_linked(
    root: Path, folder: Path, links: Sequence[str], settings: Mapping[str, Any], stages: Sequence[str]
) -> None:
    """Run stages in a folder that has links to files of `root`, and a params.yaml with other `settings`.

    Raises:
        UserError: a stage failed.
    """
    for name in links:
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(root / name, link.parent))
    _write_params(root, folder, settings)
    for stage in stages:
        if run(folder, *OVERFITTING, stage):
            raise UserError(f"{stage} failed in {folder}; its message is above")


def reproduce(project: Path, *targets: str) -> int:
    """Run `dvc repro` in a scratch copy, on all stages if no `targets` are given; return the exit status."""
    return run(project, *DVC, "repro", *targets)


def reproduce_all(project: Path) -> int:
    """Do in a scratch copy what `make repro` does, without the set-up; return the exit status."""
    for command in PIPELINE:
        if status := run(project, *command):
            return status
    return 0


def smoke(root: Path = Path()) -> int:
    """Run all stages on tiny settings in a scratch copy of `root`; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="overfitting-smoke-") as scratch:
        copy_project(root, Path(scratch))
        return reproduce_all(Path(scratch))


def demo(root: Path = Path()) -> None:
    """Compare four variants on 2,000 training rows, in demo/; print the verdict and what `make repro` adds."""
    folder = Path("demo")
    run_linked(root, root / folder, ("conf", "data/bundled"), DEMO, STAGES)
    print(
        f"\nThe page of this small comparison is {folder / RESULTS / 'report.html'}. `make repro` compares all "
        "variants with more rows and more seeds, so it decides more."
    )

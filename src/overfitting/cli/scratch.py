"""Scratch copies of the project, in which the whole pipeline runs and leaves this folder as it is."""

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
from overfitting.base.repository import DVC, dvc

PROJECT = (
    ".dvcignore",
    ".gitignore",
    "conf",
    "data/bundled",
    "data/own/README.md",
    "dvc.yaml",
    "params.yaml",
    "requirements/main.txt",
    "results/learning-curve.json",
    "results/tuning.csv",
    "src",
)
TINY = {
    "choices": {"training": "smoke"},
    "split": {"train": 1000, "validation": 500, "test": 1000, "search": 1500, "resample": True},
    "seeds": [0, 1],
    "repeats": {"large": 2},
}


def copy_files(root: Path, destination: Path) -> None:
    """Copy the files that the pipeline reads from `root` to `destination`.

    Raises:
        UserError: `root` lacks one of them.
    """
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
    """Copy the project to `destination`, merge `settings` into its params.yaml, and set up DVC without git there.

    Raises:
        UserError: `root` lacks a file that the pipeline reads.
    """
    copy_files(root, destination)
    params = OmegaConf.merge(OmegaConf.load(root / "params.yaml"), OmegaConf.create(dict(settings)))
    OmegaConf.save(params, destination / "params.yaml")
    dvc("init", "--quiet", "--no-scm", root=destination)


def link_project(root: Path, folder: Path, links: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Make a folder in which stages run with the files of `root`: links to them, and a params.yaml of its own.

    Each of `settings` replaces the value of params.yaml, except that mappings are merged.
    """
    for name in links:
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(root / name, link.parent))
    params = OmegaConf.load(root / "params.yaml")
    for key, value in settings.items():
        OmegaConf.update(params, key, value, merge=bool(value))
    OmegaConf.save(params, folder / "params.yaml")


def run_stages(folder: Path, stages: Sequence[str]) -> None:
    """Run stages in a folder of `link_project`, which has its own MLflow database.

    Raises:
        UserError: a stage failed.
    """
    variables = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder.resolve()}/mlflow.db"}
    for stage in stages:
        command = [sys.executable, "-m", "overfitting", stage]
        if subprocess.run(command, cwd=folder, env=variables, check=False).returncode:
            raise UserError(f"{stage} failed in {folder}; its message is above")


def reproduce(project: Path, *targets: str) -> int:
    """Run `dvc repro` in a scratch copy, on all stages if no `targets` are given; return the exit status."""
    return subprocess.run([*DVC, "repro", *targets], cwd=project, env=environment(project), check=False).returncode


def reproduce_all(project: Path) -> int:
    """Do in a scratch copy what `make repro` does, without the set-up; return the exit status."""
    train = [sys.executable, "-m", "overfitting", "train-all"]
    return (
        reproduce(project, "preprocess")
        or subprocess.run(train, cwd=project, env=environment(project), check=False).returncode
        or reproduce(project)
    )


def environment(project: Path) -> dict[str, str]:
    """Environment of processes in a scratch copy: they use its code and its MLflow database."""
    return {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{project.resolve()}/mlflow.db",
        "PYTHONPATH": str(project.resolve() / "src"),
    }


def run(root: Path) -> int:
    """Run all stages on tiny settings in a scratch copy of `root`; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="overfitting-smoke-") as scratch:
        copy_project(root, Path(scratch))
        return reproduce_all(Path(scratch))

"""Fixtures and helpers: a scratch project reproduced on tiny settings, shared by all pipeline tests."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import pytest
import yaml

from overfitting.cli.scratch import copy_project
from tests.builders.shared import made_once
from tests.conftest import ROOT

VARIANTS = ["tiny", "large", "l2"]


def run(command: Sequence[str], root: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and output of a command.

    The output goes to a file, because a process that the command leaves in the background would keep a pipe open.
    """
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command, cwd=root, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False, timeout=1200
        )
        output.seek(0)
        return done.returncode, output.read()


def end_queue_workers(root: Path) -> None:
    """Stop workers of DVC's queue: if two start in the same millisecond, one may never receive the message to stop."""
    for file in (root / ".dvc/tmp/exps/celery").glob("dvc-exp-worker-*.pid"):
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = psutil.Process(int(file.read_text()))
            if "queue-worker" in worker.cmdline():
                worker.terminate()


class Project:
    """A scratch copy with git and DVC, in which tests run commands as a user does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "200",
        }
        self.environment.pop("MLFLOW_TRACKING_URI", None)

    def run(self, *command: str, check: bool = True) -> str:
        code, output = run(command, self.root, self.environment)
        assert (code == 0) == check, output
        return output

    def copy(self, root: Path) -> "Project":
        """A copy of the project and its DVC cache at `root`, without the MLflow files, which hold absolute paths."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns("mlflow.db*", "mlartifacts"))
        return Project(root)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "-qm", message)

    def restore(self) -> None:
        """Restore the committed state."""
        self.run("git", "checkout", "--quiet", ".")
        self.run("dvc", "checkout", "--force")

    @property
    def output(self) -> str:
        """Output of the first `dvc repro`."""
        return (self.root / ".git/output").read_text()

    def ran(self, output: str) -> set[str]:
        """Stages that ran, according to the output of `dvc repro`."""
        return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}

    def edit(self, file: str, key: str, value: object) -> None:
        content = yaml.safe_load((self.root / file).read_text())
        content[key] = value
        (self.root / file).write_text(yaml.safe_dump(content))

    def metrics(self) -> dict:
        return json.loads((self.root / "results/metrics.json").read_text())


@pytest.fixture(scope="session")
def reproduced_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after `dvc repro` and a commit. Tests copy it and do not change it."""
    return Project(made_once(tmp_path_factory, "reproduced", _reproduce))


def _reproduce(root: Path) -> None:
    project = Project(root)
    shutil.copy(ROOT / ".gitignore", root)
    shutil.copy(ROOT / "Makefile", root)
    project.run("git", "init", "--quiet", "--initial-branch=main")
    project.run("git", "config", "user.name", "a")
    project.run("git", "config", "user.email", "a@b")
    copy_project(ROOT, root)
    shutil.rmtree(root / ".dvc")
    project.run("dvc", "init", "--quiet")
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots", dirs_exist_ok=True)
    shutil.copy(ROOT / ".dvc/config", root / ".dvc/config")
    project.edit("params.yaml", "variants", VARIANTS)
    (root / ".git/output").write_text(project.run("dvc", "repro"))
    project.commit("base")

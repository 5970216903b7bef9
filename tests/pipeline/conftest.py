"""A scratch project that was reproduced on tiny settings, once for all tests that start from one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from overfitting.scratch import copy_project
from tests.conftest import ROOT

VARIANTS = ["tiny", "large", "l2"]


class Project:
    """A scratch copy with git and DVC, in which commands are run as a user runs them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "200",
        }
        self.environment.pop("MLFLOW_TRACKING_URI", None)

    def run(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, timeout=1200
        )
        output = done.stdout + done.stderr
        if check:
            assert done.returncode == 0, output
        else:
            assert done.returncode != 0, output
        return output

    def copy(self, root: Path) -> "Project":
        """The same with DVC's cache in another place, without MLflow, which knows where it was."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns("mlflow.db*", "mlartifacts"))
        return Project(root)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "-qm", message)

    def restore(self) -> None:
        """Back to what was committed."""
        self.run("git", "checkout", "--quiet", ".")
        self.run("dvc", "checkout", "--force")

    @property
    def output(self) -> str:
        """What `dvc repro` said at first."""
        return (self.root / ".git/output").read_text()

    def ran(self, output: str) -> set[str]:
        """Stages that `dvc repro` ran."""
        return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}

    def edit(self, file: str, key: str, value: object) -> None:
        content = yaml.safe_load((self.root / file).read_text())
        content[key] = value
        (self.root / file).write_text(yaml.safe_dump(content))

    def metrics(self) -> dict:
        return json.loads((self.root / "results/metrics.json").read_text())


@pytest.fixture(scope="session")
def reproduced_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after `dvc repro`, committed; tests copy it and leave it as it is."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # the folder of all workers
    root, done = shared / "reproduced", shared / "reproduced.done"
    with FileLock(shared / "reproduced.lock"):
        if not done.is_file():
            root.mkdir()
            _reproduce(Project(root))
            done.touch()
    return Project(root)


def _reproduce(project: Project) -> None:
    root = project.root
    shutil.copy(ROOT / ".gitignore", root)
    shutil.copy(ROOT / "Makefile", root)
    project.run("git", "init", "--quiet", "--initial-branch=main")
    project.run("git", "config", "user.name", "a")
    project.run("git", "config", "user.email", "a@b")
    copy_project(ROOT, root)
    shutil.rmtree(root / ".dvc")
    project.run("dvc", "init", "--quiet")
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots", dirs_exist_ok=True)
    project.edit("params.yaml", "variants", VARIANTS)
    (root / ".git/output").write_text(project.run("dvc", "repro"))
    project.commit("base")

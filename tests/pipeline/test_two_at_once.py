"""Two commands at once in one folder: one waits or says so, and the results are those of one command."""

import shutil
import subprocess
import sys

import pytest

from tests.pipeline.conftest import VARIANTS

pytestmark = pytest.mark.slow


@pytest.fixture
def project(reproduced_once, tmp_path):
    return reproduced_once.copy(tmp_path / "project")


def at_once(project, *command):
    """Exit statuses and output of two processes of a command, the successful ones first."""
    options = {"cwd": project.root, "env": project.environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with (
        subprocess.Popen(command, text=True, **options) as one,
        subprocess.Popen(command, text=True, **options) as other,
    ):
        outputs = [one.communicate()[0], other.communicate()[0]]
    return sorted(zip((one.returncode, other.returncode), outputs, strict=True))


def assert_undamaged(project):
    assert project.ran(project.run("dvc", "repro")) == set()
    assert project.run("git", "status", "--porcelain", "results", "dvc.lock") == ""


def test_two_sweeps_train_each_run_once(project):
    for name in VARIANTS:
        shutil.rmtree(project.root / "runs" / name)
    (first, one), (second, other) = at_once(project, sys.executable, "-m", "overfitting", "train-all")
    assert (first, second) == (0, 0), one + other
    assert (one + other).count("overfitting train-all: waiting for another stage in this folder") == 1
    assert_undamaged(project)


def test_two_repros_do_not_mix(project):
    shutil.rmtree(project.root / "runs/l2")
    command = (sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "train@l2")
    (first, one), (second, other) = at_once(project, *command)
    assert first == 0, one
    assert second == 0 or "lock" in other or "busy" in other, other
    assert "Traceback" not in one + other
    assert_undamaged(project)

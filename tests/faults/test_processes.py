"""Processes that are killed: no other stays behind, finished results stay, and the message names cause and job."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from overfitting.base.repository import DVC, dvc
from overfitting.cli.scratch import environment
from tests.conftest import ROOT
from tests.faults import project

pytestmark = pytest.mark.slow
TRAIN = [sys.executable, "-m", "overfitting", "train", "variant=large", "hydra.launcher.n_jobs=2"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with prepared rows, in which a run of two seeds takes many minutes."""
    root = tmp_path_factory.mktemp("processes") / "project"
    project.make(root)
    here = Path.cwd()
    try:
        for stage in ("download", "preprocess"):
            assert project.ended(root, project.STAGES[stage]) == (0, "")
    finally:
        os.chdir(here)
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for file, values in {"params.yaml": {"seeds": [0, 1]}, "conf/training/smoke.yaml": {"epochs": 10**6}}.items():
        content = yaml.safe_load((root / file).read_text())
        (root / file).write_text(yaml.safe_dump({**content, **values}))
    dvc("init", "--quiet", "--no-scm", root=root)
    return root


class Started:
    """A command and all its descendants."""

    def __init__(self, root: Path, command: list[str]) -> None:
        self.root, self.output = root, root / "output.txt"
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                command, cwd=root, env=environment(root), stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.seen = dict[int, psutil.Process]()

    def descendants(self) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid).children(recursive=True)
        self.seen |= {child.pid: child for child in found}
        return found

    def wait_for(self, is_there: Callable[[], object], seconds: float = 180.0) -> None:
        end = time.monotonic() + seconds
        while not is_there():
            assert time.monotonic() < end, self.output.read_text()
            time.sleep(0.2)

    def wait_until_both_train(self) -> None:
        self.wait_for(lambda: len(list(self.root.glob("runs/large/*/history.csv"))) == 2)
        self.descendants()

    def is_alone(self) -> bool:
        """Whether every process that it started has ended."""
        return not [child for child in self.seen.values() if child.is_running() and child.status() != "zombie"]


@pytest.fixture
def start(prepared: Path) -> Iterator[Callable[[list[str]], Started]]:
    started: list[Started] = []

    def begin(command: list[str]) -> Started:
        shutil.rmtree(prepared / "runs", ignore_errors=True)
        started.append(Started(prepared, command))
        return started[-1]

    yield begin
    for found in started:
        for process in (found.process, *found.seen.values()):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        found.process.wait()


def test_a_temporary_file_that_a_kill_left_is_no_output(prepared: Path) -> None:
    def status() -> str:
        command = [*DVC, "status", "download"]
        return subprocess.run(command, cwd=prepared, capture_output=True, text=True, check=True).stdout

    subprocess.run([*DVC, "repro", "download"], cwd=prepared, env=environment(prepared), check=True)
    assert "up to date" in status()
    (prepared / "data/raw/events.parquet.partial").write_text("left")
    assert "up to date" in status()
    (prepared / "data/raw/other").write_text("left")
    assert "up to date" not in status()
    (prepared / "data/raw/other").unlink()


def test_workers_end_with_the_stage(start: Callable[[list[str]], Started]) -> None:
    stage = start(TRAIN)
    stage.wait_until_both_train()
    assert len(stage.seen) >= 2
    stage.process.send_signal(signal.SIGKILL)
    stage.process.wait()
    stage.wait_for(stage.is_alone, seconds=20.0)


def test_the_stage_and_its_workers_end_with_dvc(start: Callable[[list[str]], Started]) -> None:
    command = start([*DVC, "repro", "--single-item", "--force", "train@large"])
    command.wait_until_both_train()
    assert len(command.seen) >= 3
    command.process.send_signal(signal.SIGKILL)
    command.process.wait()
    command.wait_for(command.is_alone, seconds=20.0)


def test_a_killed_worker_ends_in_one_message(start: Callable[[list[str]], Started], prepared: Path) -> None:
    stage = start(TRAIN)
    stage.wait_until_both_train()
    worker = next(child for child in stage.seen.values() if "popen_loky_posix" in " ".join(child.cmdline()))
    worker.kill()
    assert stage.process.wait(timeout=120) == 2
    output = stage.output.read_text()
    assert "Traceback" not in output
    assert "a worker process was killed, most likely because memory ran out: lower hydra.launcher.n_jobs" in output
    assert "large seed 0: its worker ended without a result" in output
    stage.wait_for(stage.is_alone, seconds=20.0)

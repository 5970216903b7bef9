"""Watching runs that write what the stage writes."""

import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from overfitting.config.composition import compose_config
from overfitting.progress import display, watcher
from overfitting.progress.run_progress import RunProgress
from overfitting.training.history import Journal, Row
from overfitting.training.identity import plan
from overfitting.training.summary import Durations
from tests.builders.training import write_summary

COLUMNS = ("epoch", "val_log_loss")
DATA = "d" * 16
EPOCHS = 100  # of the default training


class Shown:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.epochs: dict[int, int] = {}

    def show(self, runs: Sequence[RunProgress]) -> None:
        self.epochs = {run.seed: run.epoch for run in runs if run.trains}

    def say(self, line: str) -> None:
        self.lines.append(line)


class Runs:
    """Invented runs of l2 under runs/."""

    def __init__(self) -> None:
        config = compose_config(["variant=l2", f"training.epochs={EPOCHS}", "seeds=[0,1]"])
        self.planned = plan({"l2": config}, DATA)

    def watched(self, *seeds: int) -> list[watcher.WatchedRun]:
        return [watcher.WatchedRun(self.planned[seed]) for seed in seeds]

    def folder(self, seed: int) -> Path:
        folder = self.planned[seed].folder
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(self, seed: int, first: int, last: int) -> None:
        """Write the rows of the epochs `first` to `last`, counted from 1, after those that are there."""
        with Journal(self.folder(seed) / "history.csv", COLUMNS) as journal:
            for epoch in range(first, last + 1):
                journal.write(epoch - 1, row(epoch))

    def finish(self, seed: int, epochs: int, fingerprint: str | None = None) -> None:
        name = fingerprint or self.planned[seed].fingerprint
        durations = Durations(fingerprint=name, ended=0.0, epochs=(0.25,) * epochs)
        durations.write(self.folder(seed) / "durations.json")
        write_summary(self.folder(seed), name, epochs=epochs)


def row(epoch: int) -> Row:
    return {"epoch": epoch, "val_log_loss": 0.5 + abs(epoch - 3) / 100}


@pytest.fixture
def runs(project: Path) -> Runs:
    return Runs()


def test_seeds_are_followed_until_they_are_over(runs: Runs) -> None:
    shown, trainings = Shown(), runs.watched(0, 1)
    watcher.look(trainings, shown)
    assert shown.epochs == {}
    runs.write(0, 1, 5)
    runs.write(1, 1, 2)
    watcher.look(trainings, shown)
    assert shown.epochs == {0: 5, 1: 2}
    runs.write(0, 6, 9)
    runs.finish(0, 9)
    watcher.look(trainings, shown)
    watcher.look(trainings, shown)
    assert shown.epochs == {1: 2}
    assert shown.lines == ["l2 seed 0: validation log loss 0.5000 in epoch 5 of 9, 2 s"]


def test_files_of_an_earlier_training_are_not_taken_for_this_one(runs: Runs) -> None:
    runs.write(0, 1, 40)
    runs.finish(0, 40, "of another configuration")
    shown, trainings = Shown(), runs.watched(0)
    watcher.look(trainings, shown)
    shutil.rmtree(runs.folder(0))
    watcher.look(trainings, shown)
    assert (shown.epochs, shown.lines) == ({}, [])
    runs.write(0, 1, 3)
    watcher.look(trainings, shown)
    assert shown.epochs == {0: 3}


def test_a_finished_run_is_kept_only_with_its_own_fingerprint(runs: Runs) -> None:
    runs.finish(0, 40)
    runs.finish(1, 40, "of another configuration")
    assert [run.is_over for run in runs.watched(0, 1)] == [True, False]


def watched(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, seeds: Sequence[int], work: Callable[[], None] = lambda: None
) -> Shown:
    """Do `work` while `seeds` are watched at short intervals."""
    shown = Shown()

    @contextmanager
    def on_stderr() -> Any:
        yield shown

    monkeypatch.setattr(display, "on_stderr", on_stderr)
    monkeypatch.setattr(watcher, "INTERVAL", 0.01)
    with watcher.watching([runs.planned[seed] for seed in seeds]):
        work()
    return shown


def test_kept_seeds_are_named(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.finish(0, 40)
    shown = watched(runs, monkeypatch, [0])
    assert shown.lines == ["l2 seed 0: unchanged, kept"]


def test_everything_that_was_trained_is_shown_in_the_end(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        runs.write(0, 1, 30)
        runs.write(1, 1, 5)
        time.sleep(0.1)
        runs.write(0, 31, 40)
        runs.finish(0, 40)

    shown = watched(runs, monkeypatch, [0, 1], work)
    assert shown.lines == ["l2 seed 0: validation log loss 0.5000 in epoch 5 of 40, 10 s"]
    assert shown.epochs == {1: 5}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ArithmeticError])
def test_a_training_that_fails_is_looked_at_once_more(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    before, shown = threading.active_count(), list[Shown]()
    monkeypatch.setattr(Shown, "say", lambda self, line: shown.append(self) or self.lines.append(line))

    def work() -> None:
        runs.finish(0, 40)
        raise error

    with pytest.raises(error):
        watched(runs, monkeypatch, [0, 1], work)
    assert [line[:9] for line in shown[0].lines] == ["l2 seed 0"]
    assert threading.active_count() == before


def test_whatever_fails_in_the_display_costs_one_warning(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise BrokenPipeError("gone")

    monkeypatch.setattr(Shown, "show", broken)
    watched(runs, monkeypatch, [0], lambda: time.sleep(0.1))
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "training goes on unwatched: BrokenPipeError: gone"


def test_the_watching_process_imports_nothing_heavy() -> None:
    script = """if True:
        import sys
        from overfitting.cli import commands
        from overfitting.progress import watcher
        print(sorted({"tensorflow", "keras", "mlflow", "pandas"} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""Trainings watched from outside: invented ones, which write what the stage writes, and then real ones."""

import json
import logging
import os
import re
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

from overfitting.cli.scratch import TINY, copy_project, reproduce
from overfitting.config.composition import compose_config
from overfitting.progress import display, watcher
from overfitting.progress.state import Standing
from overfitting.tracking import live
from overfitting.tracking.live import TimedRow
from overfitting.training.history import Journal, Row
from overfitting.training.identity import run_fingerprint
from tests.builders.mlflow_files import WARNINGS
from tests.conftest import ROOT

COLUMNS = ("epoch", "val_log_loss", "seconds")
DATA = "d" * 16
EPOCHS = 100  # of the default training


class Shown:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.epochs: dict[int, int] = {}

    def show(self, standings: Sequence[Standing]) -> None:
        self.epochs = {standing.seed: standing.epoch for standing in standings if standing.trains}

    def say(self, line: str) -> None:
        self.lines.append(line)


class Receiver:
    def __init__(self) -> None:
        self.rows: list[TimedRow] = []
        self.is_finished = False

    def log(self, rows: Sequence[TimedRow]) -> None:
        self.rows += rows

    def finish(self) -> None:
        self.is_finished = True


class Runs:
    """Invented trainings of l2 under runs/."""

    def __init__(self) -> None:
        self.config = compose_config(["variant=l2", f"training.epochs={EPOCHS}"])
        self.receivers: dict[str, Receiver] = {}
        self.started: list[int] = []

    def training(self, seed: int) -> watcher.Training:
        return watcher.Training(self.config, "l2", seed, DATA, lambda: "c" * 16)

    def folder(self, seed: int) -> Path:
        folder = Path("runs/l2", str(seed))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(self, seed: int, first: int, last: int) -> None:
        """Write the rows of the epochs `first` to `last`, counted from 1, after those that are there."""
        with Journal(self.folder(seed) / "history.csv", COLUMNS) as journal:
            for epoch in range(first, last + 1):
                journal.write(epoch - 1, row(epoch))

    def finish(self, seed: int, epochs: int, fingerprint: str | None = None) -> None:
        summary = {
            "fingerprint": fingerprint or run_fingerprint(self.config, seed, DATA),
            "best": {"val_log_loss": 0.5},
            "best_epoch": 3,
            "epochs": epochs,
            "seconds": 0.25 * epochs,
        }
        (self.folder(seed) / "summary.json").write_text(json.dumps(summary))

    def connect(self, root: Path, identity: dict[str, str], comparison: str, settings: Any, started: int) -> Receiver:
        """Takes the place of `sync.connect`."""
        assert comparison == "c" * 16
        assert settings["variant"]["l2"] == self.config.variant.l2
        self.started.append(started)
        return self.receivers.setdefault(identity["seed"], Receiver())


def row(epoch: int) -> Row:
    return {"epoch": epoch, "val_log_loss": 0.5 + abs(epoch - 3) / 100, "seconds": 0.25}


@pytest.fixture
def runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    from overfitting.tracking import sync

    runs = Runs()
    monkeypatch.setattr(sync, "connect", runs.connect)
    return runs


def test_seeds_are_followed_until_they_are_over(runs: Runs) -> None:
    shown, trainings = Shown(), [runs.training(seed) for seed in (0, 1)]
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
    assert shown.lines == ["l2 seed 0: validation log loss 0.5000 in epoch 3 of 9, 2 s"]


def test_what_an_earlier_training_left_is_not_taken_for_this_one(runs: Runs) -> None:
    runs.write(0, 1, 40)
    runs.finish(0, 40, "of another configuration")
    shown, trainings = Shown(), [runs.training(0)]
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
    assert [runs.training(seed).standing.is_over for seed in (0, 1)] == [True, False]


def watched(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, seeds: Sequence[int], work: Callable[[], None] = lambda: None
) -> Shown:
    """Do `work` while `seeds` are watched at short intervals, MLflow at once."""
    shown = Shown()

    @contextmanager
    def on_stderr() -> Any:
        yield shown

    for module, name, value in (
        (display, "on_stderr", on_stderr),
        (watcher, "INTERVAL", 0.01),
        (live, "INTERVAL", 0.0),
        (live, "CONNECTING", 0.0),
        (live, "SHARE", 1e9),
    ):
        monkeypatch.setattr(module, name, value)
    with watcher.watching([runs.training(seed) for seed in seeds]):
        work()
    return shown


def test_kept_seeds_are_named_and_not_sent(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.finish(0, 40)
    shown = watched(runs, monkeypatch, [0])
    assert shown.lines == ["l2 seed 0: unchanged, kept"]
    assert runs.receivers == {}


def test_all_that_was_trained_is_shown_and_sent_in_the_end(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.time()

    def work() -> None:
        runs.write(0, 1, 30)
        runs.write(1, 1, 5)
        time.sleep(1.5)  # the sender looks once a second
        runs.write(0, 31, 40)
        runs.finish(0, 40)

    shown = watched(runs, monkeypatch, [0, 1], work)
    assert shown.lines == ["l2 seed 0: validation log loss 0.5000 in epoch 3 of 40, 10 s"]
    assert shown.epochs == {1: 5}
    assert [row["epoch"] for _, row in runs.receivers["0"].rows] == list(range(1, 41))
    assert [row["epoch"] for _, row in runs.receivers["1"].rows] == list(range(1, 6))
    assert [runs.receivers[seed].is_finished for seed in "01"] == [True, False]
    assert runs.started[0] / 1000 == pytest.approx(began - 30 * 0.25, abs=1.0)


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


# real trainings, of a scratch copy

PATCHED = """if True:
    import sys
    from overfitting.cli import commands
    from overfitting.tracking import live
    from overfitting.progress import display, watcher
    display.LINE_SECONDS = watcher.INTERVAL = 0.1
    live.CONNECTING = 0.0
    live.SHARE = 10.0
    sys.argv = ["overfitting", *sys.argv[1:]]
    commands.main()
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch copy with prepared rows."""
    root = tmp_path_factory.mktemp("watched")
    copy_project(ROOT, root, TINY)
    assert reproduce(root, "preprocess") == 0
    return root


def train(root: Path, *overrides: str, mlflow: str) -> list[str]:
    """Train `tiny` and return what it printed, which must all be on standard error."""
    shutil.rmtree(root / "runs", ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "MLFLOW_TRACKING_URI": mlflow}
    command = [sys.executable, "-c", PATCHED, "train", "variant=tiny", *overrides]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()


def check_history(root: Path, seed: int, epochs: int) -> None:
    lines = (root / f"runs/tiny/{seed}/history.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", *map(str, range(1, epochs + 1))]


@pytest.mark.slow
@WARNINGS[0]
@WARNINGS[1]
@pytest.mark.parametrize("overrides", [(), ("seed=1",)], ids=["multirun", "by hand"])
def test_real_trainings_are_shown_and_logged(prepared: Path, overrides: tuple[str, ...]) -> None:
    database = f"sqlite:///{prepared}/{len(overrides)}.db"
    lines = train(prepared, "training.epochs=300", *overrides, mlflow=database)
    seeds = [1] if overrides else [0, 1]
    for seed in seeds:
        check_history(prepared, seed, 300)
        assert any(re.match(rf"tiny seed {seed}: validation log loss 0\.\d+ in epoch \d+ of 300", it) for it in lines)
        assert any(re.match(rf"tiny: .*seed {seed} epoch \d+/300, best 0\.\d{{4}}", it) for it in lines)
    from overfitting.tracking.store import Store

    store = Store(prepared, database)
    found = [run for run in store.search("") if "seed" in run.data.tags]
    assert {run.data.tags["seed"]: run.info.status for run in found} == dict.fromkeys(map(str, seeds), "FINISHED")
    for run in found:
        history = store.client.get_metric_history(run.info.run_id, "val_log_loss")
        assert [point.step for point in history] == list(range(1, 301))


@pytest.mark.slow
def test_real_trainings_go_on_without_mlflow(prepared: Path) -> None:
    lines = train(prepared, "training.epochs=300", mlflow="http://user:secret@127.0.0.1:9")
    for seed in (0, 1):
        check_history(prepared, seed, 300)
    assert len([line for line in lines if line.startswith("training goes on without MLflow")]) == 1
    assert not any("secret" in line for line in lines)

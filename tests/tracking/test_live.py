"""Runs in MLflow while they are trained, as `make ui` follows their files."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from overfitting.config.composition import compose_config
from overfitting.tracking import live
from overfitting.tracking.address import tracking_uri
from overfitting.tracking.live import LiveRun
from overfitting.tracking.store import Store, open_store
from overfitting.training.history import Journal
from overfitting.training.identity import Run, plan
from tests.builders.mlflow_files import DATA, WARNINGS, curve, empty_mlflow, write_run

pytestmark = WARNINGS
COMPARISON = "c" * 16


@pytest.fixture
def store(project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Store:
    empty_mlflow(project, tmp_path_factory, monkeypatch)
    return open_store(project, tracking_uri(project))


@pytest.fixture
def run(project: Path) -> Run:
    [run] = plan({"l2": compose_config(["variant=l2", "seeds=[0]"])}, DATA.fingerprint)
    return run


def write_epochs(run: Run, count: int) -> None:
    run.folder.mkdir(parents=True, exist_ok=True)
    with Journal(run.folder / "history.csv") as journal:
        for epoch in range(count):
            journal.write(epoch, curve(epoch + 1, run.seed))


def children(store: Store) -> list:
    return [run for run in store.search("") if "seed" in run.data.tags]


def epochs(store: Store) -> list[int]:
    [child] = children(store)
    return [point.step for point in store.client.get_metric_history(child.info.run_id, "val_log_loss")]


def test_rows_appear_while_a_run_trains_and_it_ends_complete(store, run):
    following = LiveRun(run)
    following.send(store, COMPARISON)
    assert children(store) == []
    for count in (2, 5):
        write_epochs(run, count)
        following.send(store, COMPARISON)
        assert epochs(store) == list(range(1, count + 1))
    assert children(store)[0].info.status == "RUNNING"
    assert children(store)[0].data.params["variant.l2"] == str(run.config.variant.l2)
    write_run(Path(), run.variant, run.seed, run.fingerprint, epochs=5)
    following.send(store, COMPARISON)
    assert following.is_over
    assert epochs(store) == [1, 2, 3, 4, 5]
    assert children(store)[0].info.status == "FINISHED"


def test_a_finished_run_is_left_to_sync(store, run):
    write_run(Path(), run.variant, run.seed, run.fingerprint)
    following = LiveRun(run)
    following.send(store, COMPARISON)
    assert following.is_over
    assert children(store) == []


def test_an_abandoned_run_is_not_shown_as_running(store, run):
    write_epochs(run, 3)
    long_ago = time.time() - 2 * live.RECENT
    os.utime(run.folder / "history.csv", (long_ago, long_ago))
    LiveRun(run).send(store, COMPARISON)
    assert children(store) == []


def test_training_and_its_stage_never_import_mlflow():
    modules = "overfitting.cli.jobs, overfitting.stages.train, overfitting.training.loop"
    script = f"import sys, {modules}; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

"""MLflow as a mirror of invented files, on SQLite: no duplicates, missing servers, files of other versions."""

import json
import logging
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from overfitting.base.errors import UserError
from overfitting.evaluation.results import Metrics
from overfitting.tracking import child_runs, server, sync
from overfitting.tracking.address import main_project, tracking_uri
from overfitting.tracking.store import PARENT, Store, open_store
from tests.builders.mlflow_files import (
    DATA,
    SETTINGS,
    WARNINGS,
    curve,
    empty_mlflow,
    run_fingerprint,
    write_comparison,
    write_prepared,
    write_results,
    write_run,
)
from tests.builders.mlflow_server import free_port, wait_for

pytestmark = WARNINGS

COMPARISON = "c" * 16


@pytest.fixture
def root(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with an empty MLflow."""
    return empty_mlflow(tmp_path, tmp_path_factory, monkeypatch)


def store_of(root: Path) -> Store:
    return open_store(root, tracking_uri(root))


def parents(root: Path) -> list[Any]:
    return [run for run in store_of(root).search("") if PARENT not in run.data.tags]


def variants(root: Path, comparison: str = COMPARISON) -> dict[str, Any]:
    """Runs of the variants and baselines of a comparison, by name."""
    found = store_of(root).search(f"tags.fingerprint = '{comparison}'")
    return {run.info.run_name: run for run in found if PARENT in run.data.tags}


def children(root: Path) -> dict[str, Any]:
    """The runs of all networks, by name; names must be unique."""
    found = [run for run in store_of(root).search("") if "seed" in run.data.tags]
    names = {run.info.run_name: run for run in found}
    assert len(names) == len(found)
    return names


def points(root: Path, run: Any, metric: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in store_of(root).client.get_metric_history(run.info.run_id, metric)]


def everything(root: Path) -> Any:
    """Everything that `sync` could change."""
    store = store_of(root)
    runs = {
        run.info.run_id: (
            str(run.to_dictionary()),
            {metric: points(root, run, metric) for metric in run.data.metrics},
        )
        for run in store.search("")
    }
    models = sorted(model.model_id for model in store.client.search_logged_models([store.experiment]))
    registered = [str(dict(model)) for model in store.client.search_registered_models()]
    versions = [str(dict(version)) for version in store.client.search_model_versions()]
    artifacts = {path: path.stat().st_mtime_ns for path in (root / "mlartifacts").rglob("*")}
    return runs, models, registered, versions, artifacts


def train(
    root: Path, variant: str = "l2", seed: int = 0, epochs: int = 5, comparison: str = COMPARISON, killed: bool = False
) -> None:
    """Train, as far as MLflow can see."""
    identity = {"variant": variant, "seed": str(seed), "repeat": "0", "fingerprint": run_fingerprint(variant, seed)}
    store = store_of(root)
    run = store.begin(identity, SETTINGS, comparison, 1000)
    rows = [(1000 + epoch, {"epoch": epoch, **curve(epoch, seed)}) for epoch in range(1, epochs + 1)]
    if run:
        store.log(run, child_runs.epoch_points(rows))
    if run and not killed:
        store.finish(run, "FINISHED")


@contextmanager
def mlflow_server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    script = f"from overfitting.tracking import server; from pathlib import Path; server.serve(Path(), {port})"
    with subprocess.Popen([sys.executable, "-c", script], cwd=folder, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(f"{address}/health", process)
            yield address, process
        finally:
            process.terminate()


def test_one_parent_and_one_child_per_variant_and_seed(root: Path) -> None:
    write_comparison(root)
    assert sync.sync(root)
    [parent] = parents(root)
    assert parent.info.run_name == "comparison cccccc"
    assert parent.data.tags["mlflow.note.content"].startswith("**l2 prevents overfitting.**")
    assert parent.data.params["seeds"] == "0, 1"
    found = children(root)
    assert set(found) == {"l2 · seed 0", "l2 · seed 1", "large · seed 0", "large · seed 1"}
    between = variants(root)
    assert {run.data.tags[PARENT] for run in between.values()} == {parent.info.run_id}
    for name, run in found.items():
        assert run.data.tags[PARENT] == between[name.partition(" ")[0]].info.run_id
    assert {run.info.status for run in (parent, *between.values(), *found.values())} == {"FINISHED"}


def test_a_variant_has_means_intervals_settings_and_mean_curves_of_its_seeds(root: Path) -> None:
    write_comparison(root, epochs=2)
    rows = [(name, seed, epoch) for name in ("l2", "large") for seed in (0, 1) for epoch in (1, 2)]
    curves = pd.DataFrame(rows, columns=["variant", "seed", "epoch"])
    curves["train_log_loss"], curves["val_log_loss"] = 0.5, curves["epoch"] + curves["seed"]
    curves.to_csv(root / "results/curves.csv", index=False)
    sync.sync(root)
    metrics, run = Metrics.read(root / "results/metrics.json"), variants(root)["l2"]
    loss = metrics.variants["l2"].early.log_loss
    found = run.data.metrics
    assert (found["test_log_loss"], found["test_log_loss_std"]) == (loss.mean, loss.std)
    assert (found["test_log_loss_low"], found["test_log_loss_high"]) == loss.interval
    assert found["test_log_loss_late"] == metrics.variants["l2"].late.log_loss.mean
    assert found["test_auc"] == 0.755
    assert run.data.params["variant.l2"] == "0.001"
    assert points(root, run, "val_log_loss") == [(1, 1.5), (2, 2.5)]
    assert points(root, run, "train_log_loss") == [(1, 0.5), (2, 0.5)]
    assert set(variants(root)) == {*metrics.variants, *metrics.baselines}


def test_a_child_has_parameters_tags_curves_model_and_data(root: Path) -> None:
    write_comparison(root)
    write_prepared(root)
    sync.sync(root)
    run = children(root)["l2 · seed 1"]
    params, tags, metrics = run.data.params, run.data.tags, run.data.metrics
    assert params["variant"] == "l2"
    assert params["variant.l2"] == "0.001"
    assert params["training.epochs"] == "60"
    assert tags["fingerprint"] == run_fingerprint("l2", 1)
    assert tags["data_hash"] == DATA.fingerprint
    assert metrics["early_val_log_loss"] == curve(3, 1)["val_log_loss"]
    assert metrics["test_auc"] == 0.76
    assert points(root, run, "val_log_loss") == [(epoch, curve(epoch, 1)["val_log_loss"]) for epoch in range(1, 6)]
    assert points(root, run, "test_auc") == [(0, 0.76)]
    [output] = run.outputs.model_outputs
    model = store_of(root).client.get_logged_model(output.model_id)
    assert {metric.key: metric.value for metric in model.metrics}["test_auc"] == 0.76
    assert model.params["variant.l2"] == "0.001"
    [dataset] = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("bundled", DATA.fingerprint)
    assert run.info.end_time - run.info.start_time == pytest.approx(1000 * (0.5 + 1 / 7 + 2 / 90), abs=2)


def test_a_copied_project_writes_into_its_own_folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    write_comparison(root)
    write_prepared(root)
    sync.sync(root)
    before = {path: path.stat().st_mtime_ns for path in (root / "mlartifacts").rglob("*")}
    copy = tmp_path_factory.mktemp("copied") / "project"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("*.lock"))
    write_run(copy, "l2", 0, "e" * 16)
    write_results(copy, "b" * 16, ["l2", "large"], [0, 1])
    assert sync.sync(copy)
    assert {path: path.stat().st_mtime_ns for path in (root / "mlartifacts").rglob("*")} == before
    store = store_of(copy)
    assert str(root) not in (copy / "mlflow.db").read_bytes().decode(errors="replace")
    newest = next(run for run in parents(copy) if run.data.tags["fingerprint"] == "b" * 16)
    assert newest.info.artifact_uri.startswith((copy / "mlartifacts").as_uri())
    assert {item.path for item in store.client.list_artifacts(parents(copy)[-1].info.run_id)} >= {"report.html"}
    model = store.client.get_model_version_by_alias("overfitting", "champion")
    assert model.source.startswith((copy / "mlartifacts").as_uri())


def test_report_and_figures_are_artifacts_of_the_parent(root: Path) -> None:
    write_comparison(root)
    sync.sync(root)
    client, run_id = store_of(root).client, parents(root)[0].info.run_id
    assert {item.path for item in client.list_artifacts(run_id)} == {
        "figures",
        "metrics.json",
        "report.html",
        "report.md",
        "report.zh.html",
    }
    assert [item.path for item in client.list_artifacts(run_id, "figures")] == ["figures/forest.png"]


def test_a_second_sync_changes_nothing(root: Path) -> None:
    write_comparison(root)
    write_prepared(root)
    assert sync.sync(root)
    before = everything(root)
    assert sync.sync(root)
    assert everything(root) == before


def test_another_evaluation_of_the_same_runs_replaces_what_it_changes(root: Path) -> None:
    write_comparison(root)
    sync.sync(root)
    path = root / "results/metrics.json"
    content = json.loads(path.read_text().replace("0.76", "0.71"))
    del content["checksum"]
    Metrics.model_validate(content).write(path)
    sync.sync(root)
    run = children(root)["l2 · seed 1"]
    assert run.data.metrics["test_auc"] == 0.71
    assert len(points(root, run, "early_val_log_loss")) == 1
    assert len(points(root, run, "val_log_loss")) == 5


def test_models_are_added_once_the_prepared_rows_are_there(root: Path) -> None:
    write_comparison(root, ["l2"], [0])
    sync.sync(root)
    assert not children(root)["l2 · seed 0"].outputs.model_outputs
    write_prepared(root)
    sync.sync(root)
    assert len(children(root)["l2 · seed 0"].outputs.model_outputs) == 1


def test_without_runs_mlflow_is_not_touched(tmp_path: Path) -> None:
    assert sync.sync(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unevaluated_runs_wait_or_go_to_the_named_comparison(root: Path) -> None:
    write_run(root, "l2", 0, run_fingerprint("l2", 0))
    assert sync.sync(root)
    assert not children(root)
    assert sync.sync(root, COMPARISON, {run_fingerprint("l2", 0)})
    [before] = children(root).values()
    assert "test_auc" not in before.data.metrics
    assert parents(root)[0].info.status == "RUNNING"
    write_results(root, COMPARISON, ["l2"], [0])
    assert sync.sync(root)
    [after] = children(root).values()
    assert after.info.run_id == before.info.run_id
    assert after.data.metrics["test_auc"] == 0.75
    assert parents(root)[0].info.status == "FINISHED"


def test_one_configuration_under_two_names_gives_two_runs(root: Path) -> None:
    for variant in ("l2", "copy"):
        write_run(root, variant, 0, "a" * 16)
    write_results(root, COMPARISON, ["l2", "copy"], [0])
    for _ in range(2):
        sync.sync(root)
        assert set(children(root)) == {"l2 · seed 0", "copy · seed 0"}


def test_unchanged_runs_move_to_the_newest_comparison(root: Path) -> None:
    write_comparison(root)
    sync.sync(root)
    before = children(root)
    write_run(root, "l2", 0, "e" * 16, seconds=9.0)
    write_results(root, "b" * 16, ["l2", "large"], [0, 1])
    sync.sync(root)
    newest = next(run for run in parents(root) if run.data.tags["fingerprint"] == "b" * 16)
    moved = {run.info.run_name: run for run in store_of(root).children("b" * 16)}
    assert set(moved) == set(before)
    assert [name for name in moved if moved[name].info.run_id != before[name].info.run_id] == ["l2 · seed 0"]
    assert len(parents(root)) == 2
    assert {run.data.tags[PARENT] for run in moved.values()} == {
        run.info.run_id for name, run in variants(root, "b" * 16).items() if name in ("l2", "large")
    }
    assert newest.info.status == "FINISHED"


def test_a_comparison_without_results_is_deleted_with_its_last_run(root: Path) -> None:
    train(root, "l2", 0, comparison="a" * 16)
    write_run(root, "l2", 0, run_fingerprint("l2", 0))
    write_results(root, COMPARISON, ["l2"], [0])
    sync.sync(root)
    assert [run.data.tags["fingerprint"] for run in parents(root)] == [COMPARISON]


def test_live_curves_appear_and_sync_adds_no_point(root: Path) -> None:
    train(root, "l2", 1)
    [before] = children(root).values()
    assert before.info.status == "FINISHED"
    assert before.data.params["variant.l2"] == "0.001"
    curves = {name: points(root, before, name) for name in child_runs.CURVES}
    assert curves["val_log_loss"] == [(epoch, curve(epoch, 1)["val_log_loss"]) for epoch in range(1, 6)]
    write_comparison(root)
    sync.sync(root)
    after = children(root)["l2 · seed 1"]
    assert after.info.run_id == before.info.run_id
    assert {name: points(root, after, name) for name in child_runs.CURVES} == curves
    assert after.data.metrics["test_auc"] == 0.76


def test_a_killed_run_is_replaced(root: Path) -> None:
    train(root, epochs=3, killed=True)
    assert children(root)["l2 · seed 0"].info.status == "RUNNING"
    train(root)
    assert [step for step, _ in points(root, children(root)["l2 · seed 0"], "penalty")] == [1, 2, 3, 4, 5]


def test_a_run_that_lost_its_server_is_replaced_from_the_files(root: Path) -> None:
    train(root, epochs=3, killed=True)
    write_comparison(root)
    sync.sync(root)
    assert [step for step, _ in points(root, children(root)["l2 · seed 0"], "penalty")] == [1, 2, 3, 4, 5]


def test_a_finished_run_is_not_logged_again(root: Path) -> None:
    train(root)
    train(root, comparison="b" * 16)
    [run] = children(root).values()
    assert len(points(root, run, "val_log_loss")) == 5
    assert run.data.tags[PARENT] == variants(root, "b" * 16)["l2"].info.run_id


def test_curves_with_more_points_than_one_call_accepts(root: Path) -> None:
    write_run(root, "l2", 0, "a" * 16, epochs=400)
    write_results(root, COMPARISON, ["l2"], [0])
    sync.sync(root)
    assert len(points(root, children(root)["l2 · seed 0"], "val_accuracy")) == 400


def test_the_experiment_can_have_another_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/./mlflow.db")
    train(root)
    assert store_of(root).client.get_experiment_by_name("mine").experiment_id == store_of(root).experiment


def test_runs_name_their_commit(root: Path) -> None:
    person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "--quiet"], [*person, "commit", "--quiet", "--allow-empty", "--message", "first"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True)
    train(root)
    assert {run.data.tags["commit"] for run in store_of(root).search("")} == {head.stdout.strip()}


def test_a_deleted_experiment_is_restored(root: Path) -> None:
    first = Store(root, tracking_uri(root))
    first.client.delete_experiment(first.experiment)
    assert Store(root, tracking_uri(root)).experiment == first.experiment
    assert first.client.get_experiment(first.experiment).lifecycle_stage == "active"


def test_a_dead_server_costs_one_warning(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    write_comparison(root)
    assert not sync.sync(root)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "not brought up to date" in record.getMessage()
    assert "secret" not in record.getMessage()
    assert capfd.readouterr() == ("", "")


def test_results_of_another_version_cost_one_warning(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_comparison(root)
    path = root / "results/metrics.json"
    path.write_text(json.dumps({"references": {}, **json.loads(path.read_text())}))
    assert not sync.sync(root)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "not brought up to date" in record.getMessage()
    assert f"{path}: expected the Metrics that this version writes; references: extra" in record.getMessage()
    assert store_of(root).search("") == []


def test_runs_of_another_version_are_left_out_with_one_warning(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_comparison(root)
    for name in ("removed", "renamed"):
        path = write_run(root, name, 0, "a" * 16) / "summary.json"
        summary = json.loads(path.read_text())
        del summary["near_zero_share_initial"]
        path.write_text(json.dumps(summary))
    assert sync.sync(root)
    [record] = caplog.records
    assert "runs of another version (2)" in record.getMessage()
    assert "zero_share" in record.getMessage()
    assert set(children(root)) == {"l2 · seed 0", "l2 · seed 1", "large · seed 0", "large · seed 1"}


def test_a_taken_port_is_a_user_error(root: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} .* PORT={port + 1}"):
            server.serve(root, port)


def test_a_remote_server_is_only_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://user:secret@mlflow.example")
    server.serve(root, 5000)
    assert capsys.readouterr().out == "MLflow: https://mlflow.example/\n"


@pytest.mark.slow
def test_simultaneous_processes_share_tables_and_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    script = """if True:
        import sys, time
        from pathlib import Path
        from overfitting.tracking.address import tracking_uri
        from overfitting.tracking.store import open_store
        from overfitting.training.summary import Settings
        identity = {"variant": "l2", "seed": sys.argv[1], "repeat": "0", "fingerprint": "f" + sys.argv[1]}
        store = open_store(Path(), tracking_uri(Path()))
        store.finish(store.begin(identity, Settings(variant={}, training={}), "c" * 16, 0), "FINISHED")
    """
    processes = [subprocess.Popen([sys.executable, "-c", script, str(seed)], cwd=tmp_path) for seed in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(parents(tmp_path)) == 1
    assert set(children(tmp_path)) == {f"l2 · seed {seed}" for seed in range(3)}


@pytest.mark.slow
def test_a_remote_server_gets_everything_once(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_comparison(root)
    write_prepared(root)
    with mlflow_server(tmp_path_factory.mktemp("server")) as (address, _):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        train(root)
        assert sync.sync(root)
        before = everything(root)
        assert sync.sync(root)
        assert everything(root) == before
        assert len(points(root, children(root)["l2 · seed 0"], "val_log_loss")) == 5
        assert store_of(root).client.get_model_version_by_alias("overfitting", "champion").tags["variant"] == "l2"


@pytest.mark.slow
def test_the_server_follows_the_files_and_refuses_foreign_hosts(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of the web could otherwise reach it by a name that it points at 127.0.0.1 (DNS rebinding)."""
    empty_mlflow(project, tmp_path_factory, monkeypatch)
    with mlflow_server(project) as (address, _):
        foreign = urllib.request.Request(
            f"{address}/api/2.0/mlflow/experiments/search", headers={"Host": "evil.example"}
        )
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(foreign, timeout=10)
        assert len(parents(project)) == 0
        write_prepared(project)
        write_comparison(project)
        for _ in range(100):
            if len(children(project)) == 4:
                break
            time.sleep(0.2)
        assert set(children(project)) == {"l2 · seed 0", "l2 · seed 1", "large · seed 0", "large · seed 1"}


@pytest.mark.parametrize("copy", ["tmpk3v9", "standalone/tmpk3v9"])
def test_experiments_of_the_queue_belong_to_the_main_project(tmp_path: Path, copy: str) -> None:
    assert main_project(tmp_path / ".dvc/tmp/exps" / copy) == tmp_path
    assert main_project(tmp_path) == tmp_path

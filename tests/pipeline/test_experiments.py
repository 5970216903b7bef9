"""The README's commands for DVC experiments, diffs, plots and remotes."""

import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from urllib.request import urlopen

import pytest

from tests.pipeline.conftest import VARIANTS, Project, end_queue_workers

MEASURES = ("test_log_loss", "test_log_loss_late", "test_auc")
pytestmark = pytest.mark.slow
L2 = "conf/variant/l2.yaml:l2"


@pytest.fixture(scope="module")
def project(reproduced_once, tmp_path_factory):
    project = reproduced_once.copy(tmp_path_factory.mktemp("experiments") / "project")
    yield project
    end_queue_workers(project.root)


@pytest.fixture(scope="module")
def seeds(project):
    """Output of a `dvc exp run` that adds a seed; the project is restored afterwards."""
    output = project.run("dvc", "exp", "run", "-S", "seeds=[0,1,2]", "-n", "more_seeds")
    assert len(project.metrics()["variants"]["l2"]["early"]["metrics"]["test_auc"]["seeds"]) == 3
    project.restore()
    return output


@pytest.fixture(scope="module")
def queue(project, seeds):
    """Output of two queued experiments that ran side by side."""
    project.run("dvc", "exp", "run", "--queue", "-S", f"{L2}=0.0003", "-n", "weaker")
    project.run("dvc", "exp", "run", "--queue", "-S", f"{L2}=0.03", "-n", "stronger")
    return project.run("dvc", "exp", "run", "--run-all", "-j", "2")


def runs(project: Project) -> list[tuple[str, str]]:
    """Name and status of each run in the project's MLflow."""
    with closing(sqlite3.connect(project.root / "mlflow.db")) as database:
        return list(database.execute("select name, status from runs where lifecycle_stage = 'active'"))


def test_only_an_added_seed_is_trained(project, seeds):
    baselines = {f"baseline@{name}" for name in project.metrics()["baselines"]}
    assert project.ran(seeds) == {*(f"train@{name}" for name in VARIANTS), *baselines, "evaluate", "report"}
    for name in VARIANTS:
        assert all(f"{name} seed {seed}: unchanged, kept" in seeds for seed in (0, 1))
        assert f"{name} seed 2: validation log loss" in seeds


def test_queued_experiments_run_side_by_side(project, queue):
    assert project.ran(queue) == {"train@l2", "evaluate", "report"}
    assert queue.count("Running stage 'train@l2'") == 2
    assert "WARNING" not in queue
    assert "Traceback" not in queue
    tasks = project.run("dvc", "queue", "status")
    assert tasks.count("Success") == 2
    assert "up to date" in project.run("dvc", "status")  # the workspace is unchanged
    assert project.run("git", "status", "--porcelain") == ""


def test_mlflow_shows_runs_of_queued_experiments(project, queue):
    found = runs(project)
    assert {status for _, status in found} == {"FINISHED"}
    assert len([name for name, _ in found if name.startswith("comparison")]) == 3  # more_seeds and two from the queue
    assert len([name for name, _ in found if name == "l2 · seed 0"]) == 3
    with closing(sqlite3.connect(project.root / "mlflow.db")) as database:
        [(artifacts,)] = database.execute("select artifact_location from experiments where name = 'overfitting'")
    assert artifacts == (project.root / "mlartifacts").as_uri()


def test_the_table_of_experiments_has_only_the_columns_that_differ(project, queue):
    table = project.run("make", "--silent", "--assume-old=.venv/main", "experiments")
    header, *rows = [re.split("  +", line.strip()) for line in table.splitlines() if line.strip()]
    assert header[:2] == ["workspace", "main"]
    assert set(header[2:]) == {"more_seeds", "weaker", "stronger"}
    assert {row[0] for row in rows} == {
        *(f"{name} {measure}" for measure in MEASURES for name in VARIANTS),
        "seeds",
        "l2",
    }
    [strengths] = [row[1:] for row in rows if row[0] == "l2"]
    assert strengths[header.index("stronger")] == "0.03"


def test_metrics_diff_lists_only_changed_metrics(project, queue):
    found = json.loads(project.run("dvc", "metrics", "diff", "--json", "HEAD", "weaker"))
    assert set(found) == {"results/summary/l2.json"}
    changed = found["results/summary/l2.json"]
    assert set(changed) == set(MEASURES)
    assert all(0 < abs(change["diff"]) < 0.1 for change in changed.values())
    assert "0.0003" in project.run("dvc", "params", "diff", "HEAD", "weaker")


def drawn(project: Project, *command: str) -> dict:
    """The Vega-Lite specification in the page that DVC writes."""
    project.run("dvc", "plots", *command, "--out", "plots")
    page = (project.root / "plots/index.html").read_text()
    assert "<script src" not in page, "expected Vega in the page, which then needs no network"
    [start] = [page.index("var spec = ")]
    return json.JSONDecoder().raw_decode(page, start + len("var spec = "))[0]


def revisions(specification: dict) -> dict[str, list[str]]:
    """Variants per revision, in the order of the panels."""
    rows = specification["data"]["values"]
    found = {row["rev"]: dict.fromkeys(r["variant"] for r in rows if r["rev"] == row["rev"]) for row in rows}
    return {revision: list(variants) for revision, variants in found.items()}


def test_plots_show_draws_the_curves_of_each_variant(project):
    specification = drawn(project, "show")
    assert revisions(specification) == {"workspace": VARIANTS}
    assert specification["facet"]["field"] == "variant"
    assert {row["epoch"] for row in specification["data"]["values"]} == {"1", "2"}
    assert all({"train_log_loss", "val_log_loss"} <= set(row) for row in specification["data"]["values"])


def test_plots_diff_overlays_two_revisions(project, queue):
    specification = drawn(project, "diff", "HEAD", "stronger")
    assert revisions(specification) == {"HEAD": VARIANTS, "stronger": VARIANTS}
    assert specification["spec"]["encoding"]["strokeDash"]["field"] == "rev"
    losses = {
        revision: [
            row["val_log_loss"]
            for row in specification["data"]["values"]
            if row["rev"] == revision and row["variant"] == "l2"
        ]
        for revision in ("HEAD", "stronger")
    }
    assert losses["HEAD"] != losses["stronger"]


def test_a_clone_without_training_pulls_and_shows_all_results(project, reproduced_once, tmp_path):
    project.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    project.run("dvc", "push")
    clone = Project(tmp_path / "clone")
    project.run("git", "clone", "--quiet", str(project.root), str(clone.root))
    clone.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    project.run("git", "checkout", "--quiet", ".dvc/config")
    clone.run("dvc", "pull")
    assert "up to date" in clone.run("dvc", "status")
    assert (clone.root / "results/report.html").is_file()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "overfitting", "ui"], cwd=clone.root, env={**clone.environment, "PORT": str(port)}
    ) as server:
        try:
            assert answers(f"http://127.0.0.1:{port}/health", server) == "OK"
        finally:
            server.terminate()
    assert set(runs(clone)) >= {(f"{name} · seed {seed}", "FINISHED") for name in VARIANTS for seed in (0, 1)}
    best = clone.metrics()["champion"]["variant"]
    with closing(sqlite3.connect(clone.root / "mlflow.db")) as database:
        epochs = database.execute("select count(distinct step) from metrics where key = 'val_log_loss'")
        assert list(epochs) == [(2,)]
        tags = dict(database.execute("select key, value from model_version_tags"))
        assert tags["variant"] == best
        assert list(database.execute("select alias from registered_model_aliases")) == [("champion",)]
    assert list((clone.root / "mlartifacts").rglob("report.html"))


def answers(address: str, server: subprocess.Popen) -> str:
    for _ in range(240):
        assert server.poll() is None
        try:
            with urlopen(address, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"no answer from {address}")

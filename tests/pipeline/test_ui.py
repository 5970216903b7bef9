"""MLflow in a browser, and MLflow with a tracking server over PostgreSQL."""

import subprocess
import sys

import pandas as pd
import pytest

from overfitting.base import files
from overfitting.evaluation.results import Metrics
from overfitting.tracking import champion, sync
from overfitting.tracking.address import tracking_uri
from overfitting.tracking.store import open_store
from tests.builders.browser import SHOTS, browse, pages
from tests.builders.mlflow_files import SETTINGS, WARNINGS, empty_mlflow, write_comparison, write_prepared
from tests.builders.mlflow_server import postgres, tracking_server
from tests.tracking.test_sync import children, everything, parents

pytestmark = [pytest.mark.slow, *WARNINGS]
VARIANTS = ("l2", "dropout", "large")


def test_a_browser_finds_verdict_table_curves_and_champion(tmp_path, tmp_path_factory, monkeypatch):
    root = empty_mlflow(tmp_path, tmp_path_factory, monkeypatch)
    write_comparison(root, VARIANTS, epochs=12)
    write_prepared(root)
    histories = [
        pd.read_csv(root / f"runs/{name}/{seed}/history.csv").assign(variant=name, seed=seed)
        for name in VARIANTS
        for seed in (0, 1)
    ]
    pd.concat(histories).to_csv(root / files.CURVES, index=False)
    with pages(root) as address:
        browse(address, Metrics.read(root / "results/metrics.json"), root / "shots")
    assert {path.stem for path in (root / "shots").iterdir()} == set(SHOTS)
    assert all(path.stat().st_size > 20_000 for path in (root / "shots").iterdir())


def test_a_server_over_postgresql_shows_the_same_as_a_local_database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_comparison(tmp_path, VARIANTS)
    write_prepared(tmp_path)
    artifacts = tmp_path / "artifacts"
    with postgres() as database, tracking_server(database, artifacts) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert sync.sync(tmp_path)
        assert set(children(tmp_path)) == {f"{name} · seed {seed}" for name in VARIANTS for seed in (0, 1)}
        assert len(parents(tmp_path)) == 1
        before = everything(tmp_path)
        assert sync.sync(tmp_path)
        assert everything(tmp_path) == before
        client = open_store(tmp_path, tracking_uri(tmp_path)).client
        version = client.get_model_version_by_alias(champion.NAME, champion.ALIAS)
        assert version.tags["variant"] == "l2"
        program = f"import mlflow; mlflow.models.get_model_info('models:/{champion.NAME}@{champion.ALIAS}')"
        subprocess.run([sys.executable, "-c", program], check=True)
    assert list(artifacts.rglob("report.html"))
    assert not (tmp_path / "mlartifacts").exists()


def test_runs_of_other_comparisons_do_not_add_requests_to_a_server(tmp_path, tmp_path_factory, monkeypatch):
    root = empty_mlflow(tmp_path, tmp_path_factory, monkeypatch)
    write_comparison(root, VARIANTS)
    store, found = open_store(root, tracking_uri(root)), []
    search = store.client.search_runs

    def searched(*arguments, **keywords):
        found.append(search(*arguments, **keywords))
        return found[-1]

    monkeypatch.setattr(store.client, "search_runs", searched)
    sync.sync(root)
    alone = [len(runs) for runs in found]
    other = store.comparison("another", ["l2"], 0)["l2"]
    for number in range(60):
        identity = {"variant": "l2", "seed": str(number), "repeat": "0", "fingerprint": f"other{number}"}
        store.create_child(identity, other, SETTINGS, 0)
    for run in store.search(""):
        if run.data.tags["fingerprint"].startswith(("other", "another")):
            store.finish(run, "FINISHED")
    found.clear()
    sync.sync(root)
    assert len(found) <= len(alone)
    assert max(len(runs) for runs in found) <= len(VARIANTS) * 2

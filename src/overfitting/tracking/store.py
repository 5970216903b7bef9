"""Runs in MLflow: found by their tags, created once, completed. Only this module imports MLflow, on first use.

A comparison is a run, its variants and baselines are runs below it, and the trained networks are children of their
variant's run. All carry the tag `fingerprint`, the first two that of the comparison, and are created under a file lock,
so the same work never appears twice. A FINISHED child has complete curves; any other child was left by a process that
died, and is replaced.
"""

import logging
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from filelock import FileLock

from overfitting.base import repository
from overfitting.tracking import child_runs, moved, parent_run
from overfitting.tracking.child_runs import Identity, Point, TimedRow
from overfitting.training.summary import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

EXPERIMENT = "overfitting"
TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # MLflow then opens on the runs, not on a page about traces
    "mlflow.note.content": "What prevents overfitting? Each comparison shows its verdict; below it are "
    "its variants, and below them the runs of their seeds.",
}
PARENT = "mlflow.parentRunId"
BATCH = 1000  # metrics that MLflow accepts per call
LOCK_SECONDS = 60.0
ENVIRONMENT = {  # defaults; the user's own values win
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # otherwise two lines per run on a server
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


@cache
def mlflow() -> Any:
    """The module mlflow. Importing it takes 1 s of processor time, its first use of a database another."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # urllib3 announces each retry; our one warning is enough
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    import mlflow

    return mlflow


def main_project(root: Path) -> Path:
    """Folder of the project that `root` belongs to, which holds the MLflow database.

    DVC runs queued experiments in copies of the project under .dvc/tmp/exps/ and deletes the copies afterwards.
    """
    for folder in root.resolve().parents:
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    return root


def tracking_uri(root: Path) -> str:
    """MLFLOW_TRACKING_URI, or the database in the project's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{main_project(root) / 'mlflow.db'}"


def without_secrets(text: str, address: str = "") -> str:
    """First line of `text`, with addresses reduced to scheme, host and path, and without queries, which hold tokens.

    Libraries quote parts of an address that they cannot read, so words of its secret parts are hidden, too.
    """
    line = (text.splitlines() or [""])[0]
    user, at, _ = address.partition("://")[2].rpartition("@")
    for word in {*re.split(r"[:/@?&=#]", user if at else ""), *re.split(r"[&=]", address.partition("?")[2])} - {""}:
        line = re.sub(rf"(?<!\w){re.escape(unquote(word))}(?!\w)", "…", line)
    return re.sub(r"\?[^\s'\"]+", "", re.sub(r"(\w[\w+.-]*://)([^\s'\"]*)", _public, line))


def _public(address: re.Match[str]) -> str:
    """What follows the last @, unless a query before it makes that unsafe: a password may hold any character."""
    user, _, host = address[2].rpartition("@")
    return address[1] + ("…" if "?" in user else re.split("[?#]", host)[0])


@cache
def open_store(root: Path, uri: str) -> "Store":
    """The store at `uri`; one per process and address."""
    return Store(root, uri)


class Store:
    """The runs of one experiment. Its methods raise MLflow's exceptions or OSError if MLflow cannot be reached."""

    def __init__(self, root: Path, uri: str) -> None:
        self.root = root
        self.commit = repository.commit(root)
        self.lock = FileLock(main_project(root) / "mlflow.db.lock", timeout=LOCK_SECONDS)
        with self.lock:  # the first process creates the tables, the others wait
            self.client: MlflowClient = mlflow().MlflowClient(uri)
            self.experiment = self._experiment(uri)  # id

    def _experiment(self, uri: str) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = self.client.get_experiment_by_name(name)
        project = main_project(self.root).resolve()
        artifacts = None if uri.startswith("http") else (project / "mlartifacts").as_uri()
        if found is None:
            return str(self.client.create_experiment(name, artifact_location=artifacts, tags=TAGS))
        is_own = uri == f"sqlite:///{project / 'mlflow.db'}"
        if is_own and artifacts and found.artifact_location != artifacts:
            moved.replace(project / "mlflow.db", found.artifact_location, artifacts)
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def search(self, condition: str) -> "Sequence[MlflowRun]":
        """Runs that match `condition`, newest first."""
        return list(self.client.search_runs([self.experiment], condition, max_results=5000))

    def children(self, comparison: str) -> "Sequence[MlflowRun]":
        """Runs of the trained networks of the comparison with that fingerprint."""
        return self.search(f"tags.comparison = '{comparison}'")

    def comparison(self, comparison: str, names: Iterable[str], started: int) -> "dict[str, MlflowRun]":
        """Run of the `comparison` (fingerprint), under the name "", and below it of the variants and baselines `names`.

        They are created if missing; `started` in milliseconds since 1970.
        """
        tags = {"fingerprint": comparison}
        with self.lock:
            found = {run.data.tags.get("variant", ""): run for run in self.search(f"tags.fingerprint = '{comparison}'")}
            if "" not in found:
                found[""] = self._create(parent_run.name(comparison), started, tags)
            for name in set(names) - set(found):
                own = {**tags, "variant": name, PARENT: found[""].info.run_id}
                found[name] = self._create(name, started, own)
                self.log(found[name].info.run_id, parameters={"variant": name})
            return found

    def finished_child(self, identity: Identity, parent: "MlflowRun") -> "MlflowRun | None":
        """The finished run with that identity, moved below `parent`. Other runs with that identity are deleted."""
        with self.lock:
            same = self.search(f"tags.fingerprint = '{identity.fingerprint}'")
            same = [run for run in same if identity.tags.items() <= run.data.tags.items()]
            found = next((run for run in same if run.info.status == "FINISHED"), None)
            for run in same:
                if run is not found:
                    self.delete_models(run.info.run_id)
                    self.client.delete_run(run.info.run_id)
            if found and found.data.tags.get(PARENT) != parent.info.run_id:
                self.log(found.info.run_id, tags=_below(parent))
            return found

    def create_child(self, identity: Identity, parent: "MlflowRun", settings: Settings, started: int) -> "MlflowRun":
        """Create a run below `parent`; `started` in milliseconds since 1970."""
        run = self._create(identity.name, started, {**identity.tags, **_below(parent)})
        own = {"variant": identity.variant, "seed": str(identity.seed), "repeat": str(identity.repeat)}
        self.log(run.info.run_id, parameters={**own, **child_runs.parameters(settings)})
        return run

    def _create(self, name: str, started: int, tags: Mapping[str, str]) -> "MlflowRun":
        source = {"mlflow.source.name": "dvc repro", "mlflow.source.type": "LOCAL"}
        if self.commit:
            source |= {"commit": self.commit, "mlflow.source.git.commit": self.commit}
        return self.client.create_run(self.experiment, started, {**tags, **source}, name)

    def connect(self, identity: Identity, settings: Settings, comparison: str, started: int) -> "Connection | None":
        """Create the run of a training that is going on; None if MLflow already has a finished run of that identity."""
        with self.lock:
            parent = self.comparison(comparison, [identity.variant], started)[identity.variant]
            if self.finished_child(identity, parent):
                return None
            return Connection(self, self.create_child(identity, parent, settings, started))

    def delete_models(self, run: str, keep: Collection[str] = ()) -> None:
        """Delete the models of the run with that id, except those with the ids `keep`."""
        for model in self.client.search_logged_models([self.experiment], f"source_run_id = '{run}'"):
            if model.model_id not in keep:
                self.client.delete_logged_model(model.model_id)

    def finish(self, run: "MlflowRun", ended: int | None = None, status: str = "FINISHED") -> None:
        """Mark a run as finished unless it already is; `ended` in milliseconds since 1970, by default now."""
        if run.info.status != "FINISHED":
            self.client.set_terminated(run.info.run_id, status, ended)

    def log(
        self,
        run: str,
        points: Iterable[Point] = (),
        parameters: Mapping[str, str] = MappingProxyType({}),
        tags: Mapping[str, str] = MappingProxyType({}),
        model: str | None = None,
    ) -> None:
        """Log to the run with that id, in as few calls as MLflow allows; `model` is the id of the points' model."""
        entities = mlflow().entities
        metrics = [entities.Metric(*point, model_id=model) for point in points]
        named = [entities.Param(*item) for item in parameters.items()]
        tagged = [entities.RunTag(*item) for item in tags.items()]
        while metrics or named or tagged:
            self.client.log_batch(run, metrics[:BATCH], named, tagged)
            metrics, named, tagged = metrics[BATCH:], [], []

    def add_dataset(self, run: "MlflowRun", fields: Mapping[str, str]) -> None:
        """Name the data that a run used, unless the run already names it."""
        if not (run.inputs and run.inputs.dataset_inputs):
            entities = mlflow().entities
            context = entities.InputTag("mlflow.data.context", "training")
            self.client.log_inputs(run.info.run_id, [entities.DatasetInput(entities.Dataset(**fields), [context])])


class Connection:
    """The MLflow run of a training that is going on."""

    def __init__(self, store: Store, run: "MlflowRun") -> None:
        self._store, self._run = store, run

    def log(self, rows: Sequence[TimedRow]) -> None:
        """Store rows of the history."""
        self._store.log(self._run.info.run_id, child_runs.epoch_points(rows))

    def finish(self, status: str) -> None:
        """Mark the run as FINISHED or FAILED."""
        self._store.finish(self._run, status=status)


def _below(parent: "MlflowRun") -> dict[str, str]:
    """Tags of a child of the variant's run `parent`."""
    return {PARENT: parent.info.run_id, "comparison": parent.data.tags["fingerprint"]}

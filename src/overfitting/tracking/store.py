"""Runs in MLflow: found by their tags, created once, completed. Only this module imports MLflow, on first use.

A comparison is a run, its variants and baselines are runs below it, and the trained networks are children of their
variant's run. All carry the tag `fingerprint`, the first two that of the comparison, and are created under a file lock,
so the same work never appears twice. A FINISHED child has complete curves; any other child was left by a process that
died, and is replaced.
"""

import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock

from overfitting.base import repository
from overfitting.data.manifest import Manifest
from overfitting.tracking import address, child_runs
from overfitting.tracking.child_runs import Point
from overfitting.tracking.comparison import name as comparison_name
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
Value = TypeVar("Value", str, float)
NOTHING: Mapping[str, Any] = MappingProxyType({})
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


@cache
def open_store(root: Path, uri: str) -> "Store":
    """The store at `uri`; one per process and address."""
    return Store(root, uri)


class Store:
    """The runs of one experiment. Its methods raise MLflow's exceptions or OSError if MLflow cannot be reached."""

    def __init__(self, root: Path, uri: str) -> None:
        self.root = root
        self.commit = repository.commit(root)
        self.lock = FileLock(address.main_project(root) / "mlflow.db.lock", timeout=LOCK_SECONDS)
        with self.lock:  # the first process creates the tables, the others wait
            self.client: MlflowClient = mlflow().MlflowClient(uri)
            self.experiment = self._experiment(uri)  # id

    def _experiment(self, uri: str) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = self.client.get_experiment_by_name(name)
        project = address.main_project(self.root).resolve()
        artifacts = None if uri.startswith("http") else (project / "mlartifacts").as_uri()
        if found is None:
            return str(self.client.create_experiment(name, artifact_location=artifacts, tags=TAGS))
        is_own = uri == f"sqlite:///{project / 'mlflow.db'}"
        if is_own and artifacts and found.artifact_location != artifacts:
            address.move(project / "mlflow.db", found.artifact_location, artifacts)
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
                found[""] = self._create(comparison_name(comparison), started, tags)
            for name in set(names) - set(found):
                own = {**tags, "variant": name, PARENT: found[""].info.run_id}
                found[name] = self._create(name, started, own, {"variant": name})
            return found

    def finished_child(self, identity: Mapping[str, str], parent: "MlflowRun") -> "MlflowRun | None":
        """The finished run with the tags `identity`, moved below `parent`. Other runs with these tags are deleted."""
        with self.lock:
            same = self.search(f"tags.fingerprint = '{identity['fingerprint']}'")
            same = [run for run in same if identity.items() <= run.data.tags.items()]
            found = next((run for run in same if run.info.status == "FINISHED"), None)
            for run in same:
                if run is not found:
                    self.delete_models(run)
                    self.client.delete_run(run.info.run_id)
            if found and found.data.tags.get(PARENT) != parent.info.run_id:
                self.log(found, tags=_below(parent))
            return found

    def create_child(
        self, identity: Mapping[str, str], parent: "MlflowRun", settings: Settings, started: int
    ) -> "MlflowRun":
        """Create a run below `parent`; `started` in milliseconds since 1970."""
        parameters = {key: identity[key] for key in ("variant", "seed", "repeat")} | child_runs.parameters(settings)
        return self._create(child_runs.name(identity), started, {**identity, **_below(parent)}, parameters)

    def _create(
        self, name: str, started: int, tags: Mapping[str, str], parameters: Mapping[str, str] = NOTHING
    ) -> "MlflowRun":
        source = {"mlflow.source.name": "dvc repro", "mlflow.source.type": "LOCAL"}
        if self.commit:
            source |= {"commit": self.commit, "mlflow.source.git.commit": self.commit}
        run = self.client.create_run(self.experiment, started, {**tags, **source}, name)
        self.log(run, parameters=parameters)
        return run

    def begin(
        self, identity: Mapping[str, str], settings: Settings, comparison: str, started: int
    ) -> "MlflowRun | None":
        """Create the run of a training that is going on; None if MLflow already has a finished run of that identity."""
        with self.lock:
            parent = self.comparison(comparison, [identity["variant"]], started)[identity["variant"]]
            if self.finished_child(identity, parent):
                return None
            return self.create_child(identity, parent, settings, started)

    def delete_models(self, run: "MlflowRun", keep: Collection[str] = ()) -> None:
        """Delete the models of a run, except those with the ids `keep`."""
        for model in self.client.search_logged_models([self.experiment], f"source_run_id = '{run.info.run_id}'"):
            if model.model_id not in keep:
                self.client.delete_logged_model(model.model_id)

    def log(
        self,
        run: "MlflowRun",
        points: Iterable[Point] = (),
        parameters: Mapping[str, str] = NOTHING,
        tags: Mapping[str, str] = NOTHING,
        model: str | None = None,
    ) -> None:
        """Log to a run, in as few calls as MLflow allows; `model` is the id of the points' model."""
        entities = mlflow().entities
        metrics = [entities.Metric(*point, model_id=model) for point in points]
        named = [entities.Param(*item) for item in parameters.items()]
        tagged = [entities.RunTag(*item) for item in tags.items()]
        while metrics or named or tagged:
            self.client.log_batch(run.info.run_id, metrics[:BATCH], named, tagged)
            metrics, named, tagged = metrics[BATCH:], [], []

    def complete(
        self,
        run: "MlflowRun",
        ended: int,
        *,
        tags: Mapping[str, str],
        data: Manifest | None = None,
        curves: Iterable[Point] = (),
        parameters: Mapping[str, str] = NOTHING,
        metrics: Mapping[str, float] = NOTHING,
        model: str | None = None,
    ) -> None:
        """Log what a run lacks and finish it. A FINISHED run has its curves; parameters never change.

        `ended` in milliseconds since 1970; `data` names the dataset, and `model` is the id of the metrics' model.
        """
        is_new, present, entities = run.info.status != "FINISHED", run.data, mlflow().entities
        if data and not (run.inputs and run.inputs.dataset_inputs):
            context, dataset = entities.InputTag("mlflow.data.context", "training"), child_runs.dataset(data)
            self.client.log_inputs(run.info.run_id, [entities.DatasetInput(entities.Dataset(**dataset), [context])])
        missing = {key: value for key, value in parameters.items() if key not in present.params}
        self.log(run, curves if is_new else (), missing, _changed(tags, present.tags))
        self.log(run, child_runs.current_points(_changed(metrics, present.metrics)), model=model)
        if is_new:
            self.finish(run, "FINISHED", ended)

    def finish(self, run: "MlflowRun", status: str, ended: int | None = None) -> None:
        """Mark a run as FINISHED or FAILED; `ended` in milliseconds since 1970, by default now."""
        self.client.set_terminated(run.info.run_id, status, ended)


def _below(parent: "MlflowRun") -> dict[str, str]:
    """Tags of a child of the variant's run `parent`."""
    return {PARENT: parent.info.run_id, "comparison": parent.data.tags["fingerprint"]}


def _changed(wanted: Mapping[str, Value], present: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in wanted.items() if present.get(name) != value}

"""Runs in MLflow: found by their tags, created once, filled. The only module that imports MLflow, when first needed.

One parent run a comparison, one child a variant and seed. Both carry the tag `fingerprint` and are created under a
file lock, so that the same work never shows twice. A child that is FINISHED has its whole curves; one that is not was
left by a process that died, and is replaced.
"""

import logging
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from overfitting.tracking import child_runs, parent_run

EXPERIMENT = "overfitting"
DESCRIPTION = "What prevents overfitting? Open a comparison for its verdict; below it is a run a variant and seed."
PARENT = "mlflow.parentRunId"
BATCH = 1000  # metrics that MLflow takes in one call
LOCK_SECONDS = 60.0
ENVIRONMENT = {  # unless the user set them
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # else two lines a run on a server
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def home(root: Path) -> Path:
    """The project whose MLflow shows the files under `root`.

    An experiment of DVC's queue runs in a copy of the project, under its .dvc/tmp/exps/, that is deleted at the end.
    """
    for folder in root.resolve().parents:
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    return root


@cache
def mlflow() -> Any:
    """MLflow itself: importing it takes 1 s of processor time, and its first use of a database another."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # it announces each retry; one warning of ours is enough
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    import mlflow

    return mlflow


def tracking_uri(root: Path) -> str:
    """MLFLOW_TRACKING_URI, or the database beside the files."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home(root) / 'mlflow.db'}"


def without_password(text: str) -> str:
    """`text` on one line, less what stands before the @ of a web address."""
    return re.sub(r"//[^/@\s]*@", "//", (text.splitlines() or [""])[0])


@cache
def open_store(root: Path, uri: str) -> "Store":
    """The store of this process; one for each address."""
    return Store(root, uri)


class Store:
    """The runs of one experiment. Its methods raise MLflow's exceptions and OSError where it cannot be reached."""

    def __init__(self, root: Path, uri: str) -> None:
        self.root = root
        self.lock = FileLock(home(root) / "mlflow.db.lock", timeout=LOCK_SECONDS)
        with self.lock:  # the first process creates the tables, the others wait
            self.client = mlflow().MlflowClient(uri)
            self.experiment = self._experiment(uri)

    def _experiment(self, uri: str) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = self.client.get_experiment_by_name(name)
        if found is None:
            artifacts = None if uri.startswith("http") else (home(self.root) / "mlartifacts").resolve().as_uri()
            tags = {"mlflow.note.content": DESCRIPTION}
            return str(self.client.create_experiment(name, artifact_location=artifacts, tags=tags))
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def search(self, condition: str) -> list[Any]:
        """Runs that fulfil `condition`, the newest first."""
        return list(self.client.search_runs([self.experiment], condition, max_results=5000))

    def children(self, parent: str) -> list[Any]:
        """The runs under the parent with that id."""
        return self.search(f"tags.`{PARENT}` = '{parent}'")

    def comparison(self, fingerprint: str, started: int) -> Any:
        """The parent run of a comparison, created where there is none."""
        with self.lock:
            found = [run for run in self.search(f"tags.fingerprint = '{fingerprint}'") if PARENT not in run.data.tags]
            return found[0] if found else self._create(parent_run.name(fingerprint), started, fingerprint)

    def finished(self, identity: Mapping[str, str], parent: str) -> Any:
        """The finished run of this work, moved to `parent`, or None; other runs of the same work are deleted."""
        with self.lock:
            same = self.search(f"tags.fingerprint = '{identity['fingerprint']}'")
            same = [run for run in same if identity.items() <= run.data.tags.items()]
            found = next((run for run in same if run.info.status == "FINISHED"), None)
            for run in same:
                if run is not found:
                    self.client.delete_run(run.info.run_id)
            if found and found.data.tags.get(PARENT) != parent:
                self.client.set_tag(found.info.run_id, PARENT, parent)
            return found

    def start(self, identity: Mapping[str, str], parent: str, parameters: Mapping[str, Any], started: int) -> Any:
        """Create the run of a variant and seed under `parent`; `started` in milliseconds since 1970."""
        tags = {"variant": identity["variant"], "seed": identity["seed"], PARENT: parent}
        run = self._create(child_runs.run_name(identity), started, identity["fingerprint"], **tags)
        settings = {"variant": identity["variant"], "seed": identity["seed"], **child_runs.flat(parameters)}
        self.log(run.info.run_id, parameters=settings)
        return run

    def _create(self, name: str, started: int, fingerprint: str, **tags: str) -> Any:
        tags = {"fingerprint": fingerprint, **tags, **_origin(self.root)}
        return self.client.create_run(self.experiment, started, tags, name)

    def finish(self, run: Any, ended: int | None = None) -> None:
        """Mark a run as finished, `ended` (now) in milliseconds since 1970, unless it already is."""
        if run.info.status != "FINISHED":
            self.client.set_terminated(run.info.run_id, "FINISHED", ended)

    def log(
        self,
        run: str,
        points: Iterable[child_runs.Point] = (),
        parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        model: str | None = None,
    ) -> None:
        """Log to the run of that id, in as few calls as MLflow allows; `model` is the id that the points belong to."""
        entities = mlflow().entities
        metrics = [entities.Metric(*point, model_id=model) for point in points]
        named = [entities.Param(*item) for item in (parameters or {}).items()]
        tagged = [entities.RunTag(*item) for item in (tags or {}).items()]
        if metrics or named or tagged:
            self.client.log_batch(run, metrics[:BATCH], named, tagged)
        for start in range(BATCH, len(metrics), BATCH):
            self.client.log_batch(run, metrics[start : start + BATCH])

    def add_dataset(self, run: Any, fields: Mapping[str, str]) -> None:
        """Name the data that a run used, unless it is named already."""
        if not (run.inputs and run.inputs.dataset_inputs):
            entities = mlflow().entities
            context = entities.InputTag("mlflow.data.context", "training")
            self.client.log_inputs(run.info.run_id, [entities.DatasetInput(entities.Dataset(**fields), [context])])

    def add_table(self, fingerprint: str, state: str) -> None:
        """Keep the state of a page of runs, where MLflow itself keeps a shared view."""
        tag = f"mlflow.sharedViewState.{parent_run.table_key(fingerprint)}"
        self.client.set_experiment_tag(self.experiment, tag, state)

    def model(self, run: Any) -> str | None:
        """Id of the model of a run."""
        outputs = run.outputs.model_outputs if run.outputs else []
        return str(outputs[0].model_id) if outputs else None


def _origin(root: Path) -> dict[str, str]:
    """Tags that say where runs come from: the command, and the commit where git is there."""
    tags = {"mlflow.source.name": "dvc repro", "mlflow.source.type": "LOCAL", **commit(root)}
    return {**tags, "mlflow.source.git.commit": tags["commit"]} if "commit" in tags else tags


@cache
def commit(root: Path) -> dict[str, str]:
    """The tag that names the commit, where git is there."""
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"commit": found.stdout.strip()}

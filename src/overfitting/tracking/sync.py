"""Brings MLflow up to date with the files under runs/ and results/.

The files are the truth: `sync` compares them with what MLflow has and adds the difference, so a second `sync` adds
nothing.
"""

import logging
import subprocess
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from overfitting.base import files
from overfitting.base.fingerprint import fingerprint
from overfitting.data.manifest import Manifest
from overfitting.evaluation.results import Metrics
from overfitting.tracking import champion, child_runs, comparison, stored_model
from overfitting.tracking.address import main_project, tracking_uri, without_secrets
from overfitting.tracking.child_runs import Run
from overfitting.tracking.store import Store, open_store

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

# artifacts, in results/
REPORT = (
    *("report.html", "report.zh.html", "run.js", "report.md", "model-card.md", "metrics.json"),
    *("figures/*.png", "figures/*.svg"),
)
SHOWN = ("figures/forest.png", "figures/curves.png")  # in the description

_log = logging.getLogger(__name__)


def sync_within(seconds: float) -> None:
    """Bring MLflow up to date in another process, which gets that many seconds.

    Whatever MLflow does, there is at most one warning, and the next sync adds what is missing.
    """
    command = [sys.executable, "-m", "overfitting", "sync"]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        address = without_secrets(tracking_uri(Path()))
        _log.warning("MLflow (%s) took longer than %.0f s; `make ui` adds what is missing", address, seconds)


def sync(root: Path = Path(), current: str | None = None, planned: Container[str] = ()) -> bool:
    """Bring MLflow up to date with runs/ and results/ of `root`; returns False, after one warning, if that fails.

    Unevaluated runs whose fingerprints are `planned` belong to the comparison `current`; others wait for `evaluate`.
    """
    try:
        metrics = child_runs.read_metrics(root)
        runs = child_runs.read_runs(root, metrics)
        if runs:
            with FileLock(main_project(root) / "mlflow.db.sync.lock"):
                store = open_store(root, tracking_uri(root))
                waiting = [run for run in runs if not run.test_metrics and run.summary.fingerprint in planned]
                if waiting and current:
                    _update_children(store, current, waiting, None)
                evaluated = [run for run in runs if run.test_metrics]
                if metrics and evaluated:
                    _update_comparison(store, metrics, evaluated)
    except Exception as error:  # a database, a driver, a server: MLflow must not harm the pipeline, whatever fails
        address = without_secrets(tracking_uri(root))
        reason = without_secrets(str(error), tracking_uri(root)) or type(error).__name__
        _log.warning("MLflow (%s) is not brought up to date with the files: %s", address, reason)
        return False
    return True


def _update_comparison(store: Store, metrics: Metrics, runs: Sequence[Run]) -> None:
    found = _update_children(store, metrics.run.fingerprint, runs, metrics.data, comparison.results(metrics))
    ended = max(run.ended for run in runs)
    settings = {run.summary.variant: child_runs.parameters(run.summary.config) for run in runs}
    curves = comparison.mean_curves(store.root, ended)
    for name in comparison.results(metrics):
        store.complete(
            found[name],
            ended,
            curves=curves.get(name, []),
            parameters=settings.get(name, {}),
            metrics=comparison.variant_metrics(metrics, name),
            tags=comparison.variant_tags(metrics, name),
        )
    tags, parameters = _describe(store, found[""], metrics), comparison.parameters(metrics)
    store.complete(found[""], ended, tags=tags, parameters=parameters, data=metrics.data)
    _delete_abandoned(store)
    # last: a server without a registry has everything else by then
    champion.register(store, found[""], metrics, runs)


def _update_children(
    store: Store, fingerprint: str, runs: Sequence[Run], data: Manifest | None, names: Iterable[str] = ()
) -> "Mapping[str, MlflowRun]":
    """Add or complete the runs of networks; returns the runs of the comparison and, by name, of what it compares."""
    compared, started = {*names, *(run.summary.variant for run in runs)}, min(run.started for run in runs)
    parents = store.comparison(fingerprint, compared, started)
    children = [child for child in store.children(fingerprint) if child.info.status == "FINISHED"]
    for run in runs:
        identity, parent = child_runs.identify(run.summary), parents[run.summary.variant]
        same = (child for child in children if identity.items() <= child.data.tags.items())
        child = next(same, None) or store.finished_child(identity, parent)
        curves = [] if child else run.curves()
        child = child or store.create_child(identity, parent, run.summary.config, run.started)
        model = _model(store, child, run)
        store.complete(child, run.ended, tags=run.tags, data=data, curves=curves, metrics=run.metrics(), model=model)
    return parents


def _model(store: Store, child: "MlflowRun", run: Run) -> str | None:
    """Id of the run's model. It is stored after `evaluate`, if the prepared data is there, which says how to scale."""
    if child.outputs and child.outputs.model_outputs:
        return str(child.outputs.model_outputs[0].model_id)
    rows = stored_model.example(store.root, run.summary.data_fingerprint)
    if rows is None or not run.test_metrics:
        return None
    return stored_model.add(store, child, "model", child_runs.parameters(run.summary.config), [run.network], rows)


def _describe(store: Store, parent: "MlflowRun", metrics: Metrics) -> dict[str, str]:
    """Add the report and the shared view of a comparison's table, and return the tags that describe the comparison."""
    run_id, key, folder = parent.info.run_id, metrics.run.fingerprint, store.root / files.RESULTS
    table = f"mlflow.sharedViewState.{comparison.table_key(key)}"  # where MLflow stores a shared view
    store.client.set_experiment_tag(store.experiment, table, comparison.table(run_id))
    artifacts = {path.relative_to(folder).as_posix(): path for name in REPORT for path in sorted(folder.glob(name))}
    digest = fingerprint(**{name: files.file_digest(path) for name, path in artifacts.items()})
    if parent.data.tags.get("report_hash") != digest:
        for name, path in artifacts.items():
            store.client.log_artifact(run_id, str(path), name.rpartition("/")[0] or None)
    shown = [f"get-artifact?path={name}&run_uuid={run_id}" for name in SHOWN if name in artifacts]
    links = comparison.table_address(store.experiment, key), f"#/models/{champion.NAME}"
    return {
        "mlflow.note.content": comparison.description(metrics, *links, shown),
        "data_hash": metrics.data.fingerprint,
        "best": ", ".join(metrics.verdict.best),
        **child_runs.read_lock(store.root).get(str(files.METRICS), {}),
        "report_hash": digest,
    }


def _delete_abandoned(store: Store) -> None:
    """Delete comparisons without results whose runs have all moved to another comparison."""
    with store.lock:  # another process may be adding the first child
        for run in store.search("attributes.status = 'RUNNING'"):
            is_parent = "fingerprint" in run.data.tags and "variant" not in run.data.tags
            if is_parent and not store.children(run.data.tags["fingerprint"]):
                for own in store.comparison(run.data.tags["fingerprint"], (), 0).values():
                    store.client.delete_run(own.info.run_id)

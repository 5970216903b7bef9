"""Brings MLflow up to date with the files under runs/ and results/.

The files are the truth: `sync` compares them with what MLflow has and adds the difference, so a second `sync` adds
nothing.
"""

import logging
import subprocess
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock

from overfitting.base import files
from overfitting.base.files import file_digest
from overfitting.base.fingerprint import fingerprint
from overfitting.data.manifest import Manifest
from overfitting.evaluation.results import Metrics
from overfitting.tracking import champion, child_runs, parent_run, stored_model, variant_run
from overfitting.tracking.child_runs import Point, Run
from overfitting.tracking.store import Store, main_project, open_store, tracking_uri, without_secrets

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

# artifacts, in results/
REPORT = (
    *("report.html", "report.zh.html", "run.js", "report.md", "model-card.md", "metrics.json"),
    *("figures/*.png", "figures/*.svg"),
)
SHOWN = ("forest.png", "curves.png")  # figures in the description

_log = logging.getLogger(__name__)
_Value = TypeVar("_Value", str, float)


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


def sync(root: Path = Path(), comparison: str | None = None, planned: Container[str] = ()) -> bool:
    """Bring MLflow up to date with runs/ and results/ of the project in `root`.

    `comparison` is the fingerprint that unevaluated runs belong to, if theirs are `planned`; others wait for
    `evaluate`. Returns False, after one warning, if MLflow cannot be reached or another version wrote the results.
    """
    try:
        metrics = child_runs.read_metrics(root)
        runs = child_runs.read_runs(root, metrics)
        if runs:
            with FileLock(main_project(root) / "mlflow.db.sync.lock"):
                _update(open_store(root, tracking_uri(root)), runs, metrics, comparison, planned)
    except Exception as error:  # a database, a driver, a server: MLflow must not harm the pipeline, whatever fails
        address = without_secrets(tracking_uri(root))
        reason = without_secrets(str(error), tracking_uri(root)) or type(error).__name__
        _log.warning("MLflow (%s) is not brought up to date with the files: %s", address, reason)
        return False
    return True


def _update(
    store: Store, runs: Sequence[Run], metrics: Metrics | None, comparison: str | None, planned: Container[str]
) -> None:
    unevaluated = [run for run in runs if not run.test_metrics and run.identity.fingerprint in planned]
    if unevaluated and comparison:
        _update_children(store, comparison, unevaluated, None)
    evaluated = [run for run in runs if run.test_metrics]
    if metrics and evaluated:
        found = _update_children(store, metrics.run.fingerprint, evaluated, metrics.data, variant_run.results(metrics))
        parent, ended = found[""], max(run.ended for run in evaluated)
        _update_variants(store, found, metrics, evaluated, ended)
        _update_parent(store, parent, metrics, ended)
        _delete_abandoned(store)
        # last: a server without a registry has everything else by then
        champion.register(store, parent.info.run_id, metrics, evaluated)


def _update_children(
    store: Store, comparison: str, runs: Sequence[Run], data: Manifest | None, names: Iterable[str] = ()
) -> "dict[str, MlflowRun]":
    """Add or complete the runs of networks; returns the runs of the comparison and, by name, of what it compares."""
    parents = store.comparison(
        comparison, {*names, *(run.summary.variant for run in runs)}, min(run.started for run in runs)
    )
    children = [child for child in store.children(comparison) if child.info.status == "FINISHED"]
    for run in runs:
        same = (child for child in children if run.identity.tags.items() <= child.data.tags.items())
        parent = parents[run.summary.variant]
        child = next(same, None) or store.finished_child(run.identity, parent)
        curves = [] if child else run.curves()
        child = child or store.create_child(run.identity, parent, run.summary.config, run.started)
        _complete(store, child, run, curves, data)
    return parents


def _update_variants(
    store: Store, found: "Mapping[str, MlflowRun]", metrics: Metrics, runs: Sequence[Run], ended: int
) -> None:
    """Complete the runs of variants and baselines: their settings, means, intervals and mean curves."""
    settings = {run.summary.variant: child_runs.parameters(run.summary.config) for run in runs}
    curves = variant_run.curves(store.root, ended)
    for name in variant_run.results(metrics):
        run, run_id = found[name], found[name].info.run_id
        if run.info.status != "FINISHED":
            store.log(run_id, curves.get(name, []), settings.get(name, {}))
        numbers = child_runs.current_points(_changed(variant_run.numbers(metrics, name), run.data.metrics))
        store.log(run_id, numbers, tags=_changed(variant_run.tags(metrics, name), run.data.tags))
        store.finish(run, ended)


def _complete(store: Store, child: "MlflowRun", run: Run, curves: Sequence[Point], data: Manifest | None) -> None:
    """Add what the MLflow run `child` lacks: `curves`, tags, metrics, `data` and the model."""
    run_id = child.info.run_id
    if data:
        store.add_dataset(child, child_runs.dataset(data))
    outputs = child.outputs.model_outputs if child.outputs else []
    model = outputs[0].model_id if outputs else _add_model(store, run_id, run)
    missing = _changed(run.metrics(), child.data.metrics)
    store.log(run_id, curves, tags=_changed(run.tags, child.data.tags))
    store.log(run_id, child_runs.current_points(missing), model=model)
    store.finish(child, run.ended)


def _add_model(store: Store, run_id: str, run: Run) -> str | None:
    """Store an evaluated run's model and return its id; None without the prepared data, which says how to scale."""
    rows = stored_model.example(store.root, run.summary.data_fingerprint)
    if rows is None or not run.test_metrics:
        return None
    parameters, network = child_runs.parameters(run.summary.config), run.network
    return stored_model.add(store, run_id, "model", parameters, [network], rows)


def _update_parent(store: Store, parent: "MlflowRun", metrics: Metrics, ended: int) -> None:
    run_id, key = parent.info.run_id, metrics.run.fingerprint
    figures = store.root / files.RESULTS / "figures"
    shown = [f"get-artifact?path=figures/{name}&run_uuid={run_id}" for name in SHOWN if (figures / name).is_file()]
    address = parent_run.table_address(store.experiment, key)
    table = f"mlflow.sharedViewState.{parent_run.table_key(key)}"  # where MLflow stores a shared view
    store.client.set_experiment_tag(store.experiment, table, parent_run.table(run_id))
    locked = child_runs.read_lock(store.root).get(str(files.METRICS))
    tags = {
        "mlflow.note.content": parent_run.description(metrics, address, f"#/models/{champion.NAME}", shown),
        "data_hash": metrics.data.fingerprint,
        "best": ", ".join(metrics.verdict.best),
        **({"dvc_lock": locked} if locked else {}),
        "report_hash": _add_report(store, parent),
    }
    store.add_dataset(parent, child_runs.dataset(metrics.data))
    store.log(
        run_id,
        parameters={k: v for k, v in parent_run.parameters(metrics).items() if k not in parent.data.params},
        tags=_changed(tags, parent.data.tags),
    )
    store.finish(parent, ended)


def _add_report(store: Store, parent: "MlflowRun") -> str:
    """Add the report and the figures as artifacts if they changed; returns the hash of their contents."""
    folder = store.root / files.RESULTS
    names = [path.relative_to(folder) for pattern in REPORT for path in sorted(folder.glob(pattern))]
    digest = fingerprint(**{str(name): file_digest(folder / name) for name in names})
    if parent.data.tags.get("report_hash") != digest:
        for name in names:
            inside = None if name.parent == Path() else str(name.parent)
            store.client.log_artifact(parent.info.run_id, str(folder / name), inside)
    return digest


def _delete_abandoned(store: Store) -> None:
    """Delete comparisons without results whose runs have all moved to another comparison."""
    with store.lock:  # another process may be adding the first child
        for run in store.search("attributes.status = 'RUNNING'"):
            is_parent = "fingerprint" in run.data.tags and "variant" not in run.data.tags
            if is_parent and not store.children(run.data.tags["fingerprint"]):
                for own in store.comparison(run.data.tags["fingerprint"], (), 0).values():
                    store.client.delete_run(own.info.run_id)


def _changed(wanted: Mapping[str, _Value], present: Mapping[str, _Value]) -> dict[str, _Value]:
    return {name: value for name, value in wanted.items() if present.get(name) != value}

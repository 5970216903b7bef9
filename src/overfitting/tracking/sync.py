"""MLflow as a mirror of the files: curves while a model trains, `sync` for all the rest, and its pages.

The files are the truth: `sync` compares what `child_runs` says of them with what MLflow has, and adds the
difference, so that a second time adds nothing.
"""

import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.fingerprint import file_digest, fingerprint
from overfitting.tracking import champion, child_runs, parent_run, stored_model
from overfitting.tracking.store import ENVIRONMENT, Store, home, mlflow, open_store, tracking_uri, without_password

REPORT = ("report.html", "report.md", "metrics.json")  # in results/
SHOWN = ("forest.png", "curves.png")  # figures in the description; the rest are among the artifacts

_log = logging.getLogger(__name__)


class Connection(NamedTuple):
    """The run of a training that goes on, as `live` sees it."""

    store: Store
    run: Any

    def log(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Store rows of the history, each with the time of its epoch's end in milliseconds since 1970."""
        points = [point for when, row in rows for point in child_runs.points(row, int(row["epoch"]), when)]
        self.store.log(self.run.info.run_id, points)

    def finish(self) -> None:
        """Mark the run as finished."""
        self.store.finish(self.run)


def connect(
    root: Path, identity: Mapping[str, str], comparison: str, parameters: Mapping[str, Any], started: int
) -> Connection | None:
    """Create the run of a training that started at `started` (milliseconds since 1970); None: MLflow has it whole."""
    store = open_store(root, tracking_uri(root))
    with store.lock:
        parent = store.comparison(comparison, started).info.run_id
        if store.finished(identity, parent):
            return None
        return Connection(store, store.start(identity, parent, parameters, started))


def sync(root: Path = Path(), comparison: str | None = None) -> bool:
    """Bring MLflow up to date with runs/ and results/ under `root`; False, after a warning, where it is unreachable.

    Args:
        root: the project's folder.
        comparison: fingerprint of the comparison that runs/ belongs to, for runs that results/ does not know yet;
            without it they wait for the results.
    """
    results = child_runs.read_results(root)
    runs = child_runs.read_runs(root, results)
    if not runs:
        return True
    uri = tracking_uri(root)
    try:
        with FileLock(home(root) / "mlflow.db.sync.lock"):
            _update(open_store(root, uri), runs, results, comparison)
    except (mlflow().exceptions.MlflowException, OSError) as error:
        reason = without_password(str(error))
        _log.warning("MLflow (%s) is not brought up to date with the files: %s", without_password(uri), reason)
        return False
    return True


def serve(root: Path, port: int, comparison: str | None = None) -> None:
    """Bring MLflow up to date (see `sync`), then become its web server on 127.0.0.1; a remote server is only named.

    Raises:
        UserError: the port is taken.
    """
    uri = tracking_uri(root)
    remote = uri.startswith("http")
    if not remote:
        _check_port(port)
    page = _page(root, uri) if sync(root, comparison) else ""
    print(f"MLflow: {without_password(uri) if remote else f'http://127.0.0.1:{port}'}/{page}", flush=True)
    if not remote:
        options = ["--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        quiet = ["--uvicorn-opts", "--log-level warning"]  # else a line for each request
        command = [sys.executable, "-W", "ignore", "-m", "mlflow", "server", *options, *quiet]
        os.execve(sys.executable, command, {"PYTHONWARNINGS": "ignore", **ENVIRONMENT, **os.environ})


def _page(root: Path, uri: str) -> str:
    """Where the latest comparison is read best."""
    results = child_runs.read_results(root)
    return parent_run.table_address(open_store(root, uri).experiment, results["run"]["fingerprint"]) if results else ""


def _update(store: Store, runs: Sequence[child_runs.Run], results: Mapping[str, Any], comparison: str | None) -> None:
    others = [run for run in runs if not run.measured]
    if others and comparison:
        parent = store.comparison(comparison, min(run.started for run in others))
        _update_runs(store, parent, others, {})
    measured = [run for run in runs if run.measured]
    if measured:
        parent = store.comparison(results["run"]["fingerprint"], min(run.started for run in measured))
        _update_runs(store, parent, measured, results)
        _update_comparison(store, parent, max(run.ended for run in measured), results)
        _remove_abandoned(store)
        found = champion.read(store.root, results, measured)
        if found:  # last of all: a server without a registry has the rest by then
            champion.register(store, parent.info.run_id, found)


def _update_runs(store: Store, parent: Any, runs: Sequence[child_runs.Run], results: Mapping[str, Any]) -> None:
    parent_id = parent.info.run_id
    children = [child for child in store.children(parent_id) if child.info.status == "FINISHED"]
    for run in runs:
        same = (child for child in children if run.identity.items() <= child.data.tags.items())
        found = next(same, None) or store.finished(run.identity, parent_id)
        curves = [] if found else run.curves()
        found = found or store.start(run.identity, parent_id, run.parameters, run.started)
        _complete(store, found, run, curves, results)


def _complete(
    store: Store, found: Any, run: child_runs.Run, curves: list[child_runs.Point], results: Mapping[str, Any]
) -> None:
    """Add what MLflow's run `found` lacks, the `curves` among it."""
    if results:
        store.add_dataset(found, child_runs.dataset(results["data"]))
    model = store.model(found) or (_add_model(store, found.info.run_id, run) if run.measured else None)
    values = _new(run.values(), found.data.metrics)
    store.log(found.info.run_id, curves, tags=_new(run.tags, found.data.tags))
    store.log(found.info.run_id, child_runs.now(values), model=model)
    store.finish(found, run.ended)


def _add_model(store: Store, run_id: str, run: child_runs.Run) -> str | None:
    """Store the model and return its id, if the prepared rows are there to say how it scales its input."""
    example = child_runs.example(store.root, run.summary["data_fingerprint"])
    if example is None:
        return None
    networks, scaling = [run.folder / "model.keras"], store.root / files.SCALING
    return stored_model.add(store, run_id, "model", child_runs.flat(run.parameters), networks, scaling, example)


def _update_comparison(store: Store, parent: Any, ended: int, results: Mapping[str, Any]) -> None:
    run_id, folder = parent.info.run_id, store.root / "results"
    figures = sorted((folder / "figures").glob("*.png")) + sorted((folder / "figures").glob("*.svg"))
    written = [path for path in (*(folder / name for name in REPORT), *figures) if path.is_file()]
    digest = fingerprint(**{str(path.relative_to(folder)): file_digest(path) for path in written})
    if parent.data.tags.get("report_hash") != digest:
        for path in written:
            inside = path.parent.relative_to(folder)
            store.client.log_artifact(run_id, str(path), None if inside == Path() else str(inside))
    present = {path.name for path in figures}
    images = [f"get-artifact?path=figures/{name}&run_uuid={run_id}" for name in SHOWN if name in present]
    key, locked = results["run"]["fingerprint"], child_runs.read_lock(store.root).get(str(files.METRICS))
    address = parent_run.table_address(store.experiment, key)
    store.add_table(key, parent_run.table(results, run_id))
    tags = {
        "mlflow.note.content": parent_run.description(results, address, f"#/models/{champion.NAME}", images),
        "data_hash": results["data"]["fingerprint"],
        "best": ", ".join(results["verdict"]["best"]),
        **({"dvc_lock": locked} if locked else {}),
        "report_hash": digest,
    }
    parameters = child_runs.flat(parent_run.parameters(results))
    values = _new(parent_run.values(results), parent.data.metrics)
    store.add_dataset(parent, child_runs.dataset(results["data"]))
    store.log(
        run_id,
        child_runs.now(values),
        {name: value for name, value in parameters.items() if name not in parent.data.params},
        _new(tags, parent.data.tags),
    )
    store.finish(parent, ended)


def _remove_abandoned(store: Store) -> None:
    """Delete comparisons that never came to results and whose runs have moved to another one."""
    with store.lock:  # another process may just be adding the first child
        for run in store.search("attributes.status = 'RUNNING'"):
            ours = "fingerprint" in run.data.tags and "variant" not in run.data.tags
            if ours and not store.children(run.info.run_id):
                store.client.delete_run(run.info.run_id)


def _new(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if present.get(name) != value}


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UserError(f"port {port} of 127.0.0.1 is taken; choose another one: make ui PORT={port + 1}") from None

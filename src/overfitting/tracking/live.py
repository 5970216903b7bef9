"""Shows training runs in MLflow while `make ui` serves: follows their files. Training itself never imports MLflow."""

import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_baselines, compose_variants
from overfitting.data.manifest import Manifest
from overfitting.evaluation import baselines
from overfitting.tracking import child_runs, sync
from overfitting.tracking.address import tracking_uri, without_secrets
from overfitting.tracking.store import Store, open_store
from overfitting.training import identity
from overfitting.training.history import Follower
from overfitting.training.identity import Run

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

INTERVAL = 2.0  # seconds between two looks
RECENT = 120.0  # seconds without a new epoch after which a run is taken for abandoned

_log = logging.getLogger(__name__)


class LiveRun:
    """A run that is being trained, and its run in MLflow, which its first rows create."""

    def __init__(self, run: Run) -> None:
        self.run, self._history = run, run.folder / "history.csv"
        self._rows = Follower(self._history)
        self._shown: MlflowRun | None = None
        self.is_over = run.is_over()

    def send(self, store: Store, comparison: str) -> None:
        """Send new rows; finish the run if its training is over."""
        summary = self.run.summary()  # first: once it is there, the history is complete
        is_recent = self._history.is_file() and time.time() - self._history.stat().st_mtime < RECENT
        if not (self._shown or summary or is_recent):
            return
        now = int(time.time() * 1000)
        rows = [(now, row) for row in self._rows.new_rows()]
        if rows and not self._shown:
            self._shown = store.begin(child_runs.identify(self.run), self.run.settings, comparison, now)
            self.is_over = not self._shown  # MLflow has it finished
        if self._shown:
            store.log(self._shown, child_runs.epoch_points(rows))
        if summary or self.run.failure():
            self.is_over = True
            if self._shown:
                store.finish(self._shown, "FINISHED" if summary else "FAILED")


def planned() -> tuple[str, list[Run]]:
    """Fingerprint and runs of the comparison of the project in the current folder, finished or not.

    Raises UserError if the configuration is wrong, or the prepared data is missing.
    """
    configs, data = compose_variants(), Manifest.read(files.MANIFEST).fingerprint
    fits = [fit.fingerprint for fit in baselines.plan(compose_baselines(), data)]
    return identity.comparison_fingerprint(configs, data, fits), identity.plan(configs, data)


def bring_up_to_date(root: Path = Path()) -> bool:
    """`sync.sync` with the comparison of the configuration, if it is valid, as that of runs without results."""
    try:
        comparison, runs = planned()
    except UserError:
        return sync.sync(root)
    return sync.sync(root, comparison, {run.fingerprint for run in runs})


def follow(root: Path = Path()) -> None:
    """Keep MLflow up to date with the files as long as the process lives that started this one.

    Whatever fails is tried again, with one warning.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the server, and this process ends with it
    parent, warned, live = os.getppid(), False, dict[str, LiveRun]()
    seen = _results(root, live)
    while os.getppid() == parent:
        time.sleep(INTERVAL)
        try:
            comparison, runs = planned()
            live = {run.fingerprint: live.get(run.fingerprint) or LiveRun(run) for run in runs}
            store = open_store(root, tracking_uri(root))
            for found in live.values():
                if not found.is_over:
                    found.send(store, comparison)
            if (now := _results(root, live)) != seen:
                sync.sync(root, comparison, set(live))
                seen = now
        except Exception as error:  # a configuration that is being edited, a database that is locked
            if not warned:
                _log.warning("MLflow does not follow the files at present: %s", without_secrets(str(error)))
            warned = True


def _results(root: Path, live: Mapping[str, LiveRun]) -> object:
    """Changes if a run was finished, or if `evaluate` wrote new results."""
    path = root / files.METRICS
    finished = frozenset(name for name, found in live.items() if found.is_over)
    return finished, files.file_state(path) if path.is_file() else None

"""Overhead beside training: logging to MLflow, the progress display, `dvc repro` with nothing to do."""

import os
import pty
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from overfitting.base.files import MANIFEST
from overfitting.cli.scratch import DVC, TINY, copy_project, environment, reproduce
from overfitting.config.composition import compose_config
from overfitting.data.manifest import Manifest
from overfitting.progress import display, watcher
from overfitting.progress.run_progress import RunProgress
from overfitting.tracking import live
from overfitting.tracking.child_runs import Identity
from overfitting.tracking.store import open_store, tracking_uri
from overfitting.training.identity import Run, plan

EPOCHS = 12
Watchers = dict[str, Callable[[], Any]]


@contextmanager
def watchers(project: Path, variant: str, seeds: Sequence[int]) -> Iterator[Watchers]:
    """Ways to follow the trainings of a variant in `project`: `mlflow`, `progress`, or `off` (not at all).

    MLflow is imported and its database created before; in a real training `live.CONNECTING` keeps that below 1 % of
    the processor time.
    """
    began = Path.cwd()
    os.chdir(project)
    config = compose_config([f"variant={variant}", f"seeds={list(seeds)}"])
    data = Manifest.read(MANIFEST).fingerprint
    open_store(Path(), tracking_uri(Path()))
    connecting, live.CONNECTING = live.CONNECTING, 0.0
    attempts = iter(range(10**6))

    def runs() -> list[Run]:
        return plan({variant: config}, f"{data}-{next(attempts)}")

    @contextmanager
    def sending() -> Iterator[None]:
        followed = runs()
        sent = [
            live.live_run(
                Identity(run.variant, run.seed, run.repeat, run.fingerprint), run.settings, lambda: followed[0].data
            )
            for run in followed
        ]
        watched = [watcher.WatchedRun(run, rows) for run, rows in zip(followed, sent, strict=True)]
        with live.sending(sent), watcher.beside(lambda stop: follow(watched, Nowhere(), stop)):
            yield

    @contextmanager
    def showing() -> Iterator[None]:
        with (
            terminal() as console,
            display.on(console) as bars,
            watcher.beside(lambda stop: follow([watcher.WatchedRun(run) for run in runs()], bars, stop)),
        ):
            yield

    try:
        yield {"mlflow": sending, "progress": showing, "off": nullcontext}
    finally:
        live.CONNECTING = connecting
        os.chdir(began)


def follow(runs: Sequence[watcher.WatchedRun], shown: display.Display, stop: threading.Event) -> None:
    """Look at the runs at the interval of `progress.watcher`, until `stop`."""
    while not stop.wait(watcher.INTERVAL):
        watcher.look(runs, shown)
    watcher.look(runs, shown)


class Nowhere:
    """A display that shows nothing."""

    def show(self, runs: Sequence[RunProgress]) -> None:
        """Do nothing."""

    def say(self, line: str) -> None:
        """Do nothing."""


@contextmanager
def terminal() -> Iterator[Any]:
    """A console on a pseudo-terminal whose output is read at once."""
    from rich.console import Console

    reader, writer = pty.openpty()
    threading.Thread(target=lambda: drain(reader), daemon=True).start()
    with os.fdopen(writer, "w") as file:
        yield Console(file=file, force_terminal=True, markup=False, highlight=False, width=120)


def drain(descriptor: int) -> None:
    """Read until the other end closes."""
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:
        os.close(descriptor)


@contextmanager
def nothing_to_do(root: Path) -> Iterator[dict[str, Callable[[], float]]]:
    """Functions that return the seconds of `dvc repro` and `dvc status` in an up-to-date scratch copy of `root`."""
    with tempfile.TemporaryDirectory(prefix="overfitting-bench-") as scratch:
        project = Path(scratch)
        copy_project(root, project, {**TINY, "variants": ["tiny", "large"], "seeds": [0]})
        if reproduce(project):
            raise SystemExit("the pipeline failed")

        def seconds(command: str) -> float:
            began = time.perf_counter()
            subprocess.run(
                [*DVC, command], cwd=project, env=environment(project), check=True, stdout=subprocess.DEVNULL
            )
            return time.perf_counter() - began

        yield {command: lambda command=command: seconds(command) for command in ("repro", "status")}

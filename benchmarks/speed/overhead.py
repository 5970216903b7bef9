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

from overfitting.progress.state import Standing

from overfitting.base.files import MANIFEST, read_json
from overfitting.cli.scratch import DVC, TINY, copy_project, environment, reproduce
from overfitting.config.composition import compose_config
from overfitting.progress import display, watcher
from overfitting.tracking import live
from overfitting.tracking.store import open_store, tracking_uri
from overfitting.training.identity import comparison_fingerprint

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
    config = compose_config([f"variant={variant}"])
    data = read_json(MANIFEST)["fingerprint"]
    open_store(Path(), tracking_uri(Path()))
    connecting, live.CONNECTING = live.CONNECTING, 0.0
    attempts = iter(range(10**6))

    def trainings() -> list[watcher.Training]:
        name = comparison_fingerprint({variant: config}, f"{data}-{next(attempts)}")
        return [watcher.Training(config, variant, seed, name, lambda: name) for seed in seeds]

    @contextmanager
    def sending() -> Iterator[None]:
        followed = trainings()
        sender = live.Sender([training.live for training in followed], os.cpu_count() or 1)
        with watcher.beside(sender.work), watcher.beside(lambda stop: follow(followed, Nowhere(), stop)):
            yield

    @contextmanager
    def showing() -> Iterator[None]:
        with (
            terminal() as console,
            display.on(console) as bars,
            watcher.beside(lambda stop: follow(trainings(), bars, stop)),
        ):
            yield

    try:
        yield {"mlflow": sending, "progress": showing, "off": nullcontext}
    finally:
        live.CONNECTING = connecting
        os.chdir(began)


def follow(trainings: Sequence[watcher.Training], shown: display.Display, stop: threading.Event) -> None:
    """Look at the trainings at the interval of `progress.watcher`, until `stop`."""
    while not stop.wait(watcher.INTERVAL):
        watcher.look(trainings, shown)
    watcher.look(trainings, shown)


class Nowhere:
    """A display that shows nothing."""

    def show(self, standings: Sequence[Standing]) -> None:
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

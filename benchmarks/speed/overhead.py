"""Overhead beside training: the progress display, `dvc repro` with nothing to do."""

import os
import pty
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overfitting.base.files import MANIFEST
from overfitting.cli.scratch import DVC, TINY, copy_project, environment, reproduce
from overfitting.config.composition import compose_config
from overfitting.data.manifest import Manifest
from overfitting.progress import display, watcher
from overfitting.training.identity import plan

EPOCHS = 12


@contextmanager
def showing(project: Path, variant: str, seeds: Sequence[int]) -> Iterator[None]:
    """Show the trainings of a variant in `project` on a terminal, as the stage does."""
    began = Path.cwd()
    os.chdir(project)
    try:
        config = compose_config([f"variant={variant}", f"seeds={list(seeds)}"])
        # their fingerprint is of no data, so that no finished run matches it
        runs = [
            watcher.WatchedRun(run) for run in plan({variant: config}, f"not {Manifest.read(MANIFEST).fingerprint}")
        ]
        with terminal() as console, display.on(console) as bars, watcher.beside(lambda stop: follow(runs, bars, stop)):
            yield
    finally:
        os.chdir(began)


def follow(runs: Sequence[watcher.WatchedRun], shown: display.Display, stop: threading.Event) -> None:
    """Look at the runs at the interval of `progress.watcher`, until `stop`."""
    while not stop.wait(watcher.INTERVAL):
        watcher.look(runs, shown)
    watcher.look(runs, shown)


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

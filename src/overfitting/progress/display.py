"""Running trainings on standard error: one bar per run on a terminal, an occasional plain line everywhere else."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from overfitting.base.progress_bar import Timer
from overfitting.progress.run_progress import RunProgress, seconds_left

LINE_SECONDS = 30.0
BAR_WIDTH = 40
TEXT_WIDTH = 62  # of the text beside a bar, at most


class Display(Protocol):
    """Shows runs to the user."""

    def show(self, runs: Sequence[RunProgress]) -> None:
        """Show the progress of the runs."""

    def say(self, line: str) -> None:
        """Print a line that stays."""


@contextmanager
def on_stderr() -> Iterator[Display]:
    """The display that suits standard error."""
    # a copy of its descriptor, because importing TensorFlow redirects the original (`training/backend.py`)
    with (
        open(os.dup(2), "w", encoding=sys.stderr.encoding, errors="backslashreplace") as file,
        on(Console(file=file, markup=False, highlight=False)) as display,
    ):
        yield display


@contextmanager
def on(console: Console) -> Iterator[Display]:
    """Bars on an interactive console, else lines."""
    if not console.is_interactive:
        yield Lines(console)
        return
    to_terminal = sys.stdout.isatty()  # the bars then stay below what this process prints
    fields = (TextColumn(f"{{task.fields[{name}]}}") for name in ("done", "best", "left"))
    width = min(BAR_WIDTH, max(10, console.width - TEXT_WIDTH))
    columns = (TextColumn("{task.description}"), BarColumn(width), *fields)
    with Progress(
        *columns, console=console, auto_refresh=False, transient=True, redirect_stdout=to_terminal
    ) as progress:
        yield Bars(progress)


class Lines:
    """One line for all runs together, at most every LINE_SECONDS."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._timer = Timer(LINE_SECONDS)

    def show(self, runs: Sequence[RunProgress]) -> None:
        """Print a line if a run trains and it is time."""
        if any(run.trains for run in runs) and self._timer.is_due():
            self.say(describe(runs))

    def say(self, line: str) -> None:
        """Print a line."""
        _say(self._console, line)


class Bars:
    """One bar per run that trains, below one for all runs; lines that stay go above."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, runs: Sequence[RunProgress]) -> None:
        """Draw the bars."""
        shown = [run for run in runs if run.trains or len(runs) == 1]
        for name in {f"{run.variant} · {run.place}" for run in runs if run not in shown} & set(self._tasks):
            self._progress.remove_task(self._tasks.pop(name))
        if len(runs) > 1:
            self._draw_all(runs)
        for run in shown:
            best = f"best {run.best:.4f}" if run.epoch else ""
            done = f"epoch {run.epoch}/{run.epochs}" if run.epoch else "starting"
            self._draw(f"{run.variant} · {run.place}", run.epoch, run.epochs, done, best, _left([run]))
        self._progress.refresh()

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        _say(self._progress.console, line)

    def _draw_all(self, runs: Sequence[RunProgress]) -> None:
        variants = dict.fromkeys(run.variant for run in runs)
        name = next(iter(variants)) if len(variants) == 1 else f"{len(variants)} variants"
        epochs = sum(run.epochs if run.is_over else run.epoch for run in runs)
        done = f"{sum(run.is_over for run in runs)} of {len(runs)} done" if epochs else "starting"
        self._draw(name, epochs, sum(run.epochs for run in runs), done, "", _left(runs))

    def _draw(self, name: str, epoch: int, epochs: int, done: str, best: str, left: str) -> None:
        values: dict[str, Any] = {"completed": epoch, "done": done, "best": best, "left": left}
        if name in self._tasks:
            self._progress.update(self._tasks[name], **values)
        else:
            self._tasks[name] = self._progress.add_task(name, total=epochs, **values)


def describe(runs: Sequence[RunProgress]) -> str:
    """Runs that train, on one line: `l2: seed 0 epoch 34/100, best 0.5432; seed 1 ...; about 0:40 left`."""
    parts = []
    for variant, group in groupby((run for run in runs if run.trains), key=lambda run: run.variant):
        seeds = "; ".join(f"{run.place} epoch {run.epoch}/{run.epochs}, best {run.best:.4f}" for run in group)
        parts.append(f"{variant}: {seeds}")
    return "; ".join([*parts, *([left] if (left := _left(runs, "about")) else [])])


def _left(runs: Sequence[RunProgress], about: str = "") -> str:
    seconds = seconds_left(runs)
    if seconds is None:
        return ""
    about = "at most" if any(run.may_stop for run in runs) else about
    return f"{about} {clock(seconds)} left".strip()


def clock(seconds: float) -> str:
    """`0:40`, `12:05`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True)

"""Running trainings on standard error: one bar per run on a terminal, an occasional plain line everywhere else."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table

from overfitting.base.progress_bar import Timer
from overfitting.progress.run_progress import RunProgress, seconds_left

LINE_SECONDS = 30.0
BAR_WIDTH = 40
TEXT_WIDTH = 62  # of the text beside a bar, at most


class Display:
    """Shows all runs together on one line, at most every LINE_SECONDS."""

    def __init__(self, console: Console) -> None:
        self._console, self._timer = console, Timer(LINE_SECONDS)

    def show(self, runs: Sequence[RunProgress]) -> None:
        """Show the progress of the runs: print a line if one of them trains and it is time."""
        if any(run.trains for run in runs) and self._timer.is_due():
            self.say(describe(runs))

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(line, soft_wrap=True)


class Bars(Display):
    """One bar per run that trains, below one for all runs; lines that stay go above."""

    def __init__(self, live: Live) -> None:
        super().__init__(live.console)
        self._live = live

    def show(self, runs: Sequence[RunProgress]) -> None:
        """Draw the bars."""
        width = min(BAR_WIDTH, max(10, self._console.width - TEXT_WIDTH))
        table = Table.grid(*(Column(no_wrap=True) for _ in range(5)), padding=(0, 1))
        if len(runs) > 1:
            variants = list(dict.fromkeys(run.variant for run in runs))
            name = variants[0] if len(variants) == 1 else f"{len(variants)} variants"
            epochs = sum(run.epochs if run.is_over else run.epoch for run in runs)
            done = f"{sum(run.is_over for run in runs)} of {len(runs)} done" if epochs else "starting"
            table.add_row(name, ProgressBar(sum(run.epochs for run in runs), epochs, width), done, "", _left(runs))
        for run in [run for run in runs if run.trains or len(runs) == 1]:
            done, best = "starting", ""
            if run.epoch:
                done, best = f"epoch {run.epoch}/{run.epochs}", f"best {run.best:.4f}"
            bar = ProgressBar(run.epochs, run.epoch, width)
            table.add_row(f"{run.variant} · {run.place}", bar, done, best, _left([run]))
        self._live.update(table, refresh=True)


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
        yield Display(console)
        return
    is_shared = sys.stdout.isatty()  # the bars then stay below what this process prints
    with Live(Group(), console=console, auto_refresh=False, transient=True, redirect_stdout=is_shared) as live:
        yield Bars(live)


def describe(runs: Sequence[RunProgress]) -> str:
    """Runs that train, on one line: `l2: seed 0 epoch 34/100, best 0.5432; seed 1 ...; about 0:40 left`."""
    parts = []
    for variant, group in groupby((run for run in runs if run.trains), key=lambda run: run.variant):
        seeds = "; ".join(f"{run.place} epoch {run.epoch}/{run.epochs}, best {run.best:.4f}" for run in group)
        parts.append(f"{variant}: {seeds}")
    return "; ".join(filter(None, [*parts, _left(runs, "about ")]))


def _left(runs: Sequence[RunProgress], about: str = "") -> str:
    seconds = seconds_left(runs)
    if seconds is None:
        return ""
    return f"{'at most ' if any(run.may_stop for run in runs) else about}{clock(seconds)} left"


def clock(seconds: float) -> str:
    """`0:40`, `12:05`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

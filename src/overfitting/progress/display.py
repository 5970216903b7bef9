"""Trainings on standard error: a bar a seed on a terminal, an occasional plain line everywhere else."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from overfitting.progress.state import Standing, seconds_left

LINE_SECONDS = 30.0
BAR_WIDTH = 40
TEXT_WIDTH = 62  # of what stands beside a bar, at most


class Display(Protocol):
    """What is told about the trainings, and tells the user."""

    def show(self, standings: Sequence[Standing]) -> None:
        """Draw where the trainings stand."""

    def say(self, line: str) -> None:
        """Print a line that stays."""


@contextmanager
def on_stderr() -> Iterator[Display]:
    """The display that suits standard error."""
    # a copy of its descriptor, since TensorFlow's import holds back what comes by the original (`backend`)
    with (
        open(os.dup(2), "w", encoding=sys.stderr.encoding, errors="backslashreplace") as file,
        on(Console(file=file, markup=False, highlight=False)) as display,
    ):
        yield display


@contextmanager
def on(console: Console) -> Iterator[Display]:
    """Bars, or lines where they cannot be drawn over."""
    if not console.is_interactive:
        yield Lines(console)
        return
    to_terminal = sys.stdout.isatty()  # what others print in this process then goes above the bars
    with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=to_terminal) as live:
        yield Bars(live)


class Lines:
    """A line for all trainings together, every LINE_SECONDS at most."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()

    def show(self, standings: Sequence[Standing]) -> None:
        """Print a line, if it is time and there is news."""
        if any(standing.trains for standing in standings) and time.monotonic() - self._last >= LINE_SECONDS:
            self._last = time.monotonic()
            self.say(describe(standings))

    def say(self, line: str) -> None:
        """Print a line."""
        _say(self._console, line)


class Bars:
    """A bar for each seed that trains, under one for all of them; lines that stay go above."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, standings: Sequence[Standing]) -> None:
        """Draw the bars anew."""
        width = min(BAR_WIDTH, max(10, self._live.console.width - TEXT_WIDTH))
        self._live.update(_table(standings, width), refresh=True)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        _say(self._live.console, line)


def describe(standings: Sequence[Standing]) -> str:
    """Those that train, on a line: `l2: seed 0 epoch 34/100, best 0.5432; seed 1 ...; about 0:40 left`."""
    training = [standing for standing in standings if standing.trains]
    parts = []
    for variant, group in groupby(training, key=lambda standing: standing.variant):
        seeds = "; ".join(f"seed {s.seed} epoch {s.epoch}/{s.epochs}, best {s.best:.4f}" for s in group)
        parts.append(f"{variant}: {seeds}")
    return "; ".join([*parts, *([left] if (left := _left(standings, "about")) else [])])


def _table(standings: Sequence[Standing], width: int) -> Table:
    table = Table.grid(padding=(0, 1))
    for _ in range(5):
        table.add_column(no_wrap=True)
    if len(standings) > 1:
        table.add_row(*_all_together(standings, width))
    for standing in standings:
        if standing.trains or len(standings) == 1:
            table.add_row(*_one(standing, width))
    return table


def _one(standing: Standing, width: int) -> Iterator[RenderableType]:
    yield f"{standing.variant} · seed {standing.seed}"
    yield ProgressBar(standing.epochs, standing.epoch, width)
    yield f"epoch {standing.epoch}/{standing.epochs}" if standing.epoch else "starting"
    yield f"best {standing.best:.4f}" if standing.epoch else ""
    yield _left([standing])


def _all_together(standings: Sequence[Standing], width: int) -> Iterator[RenderableType]:
    variants = dict.fromkeys(standing.variant for standing in standings)
    done = sum(standing.epochs if standing.is_over else standing.epoch for standing in standings)
    yield next(iter(variants)) if len(variants) == 1 else f"{len(variants)} variants"
    yield ProgressBar(sum(standing.epochs for standing in standings), done, width)
    over = sum(standing.is_over for standing in standings)
    yield f"{over} of {len(standings)} done" if done else "starting"
    yield ""
    yield _left(standings)


def _left(standings: Sequence[Standing], about: str = "") -> str:
    seconds = seconds_left(standings)
    if seconds is None:
        return ""
    about = "at most" if any(standing.may_stop for standing in standings) else about
    return f"{about} {clock(seconds)} left".strip()


def clock(seconds: float) -> str:
    """`0:40`, `12:05`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True)

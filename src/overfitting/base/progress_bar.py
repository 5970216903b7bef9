"""A progress bar on a terminal, an occasional plain line everywhere else (a log, a pipeline, a CI job)."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress
from rich.console import Console
from rich.filesize import decimal

LINE_SECONDS = 10.0


class Tracker:
    """Counts what is done; `show` is told after each step."""

    def __init__(self, done: int, show: Callable[[int], None]) -> None:
        self.done = done
        self._show = show

    def advance(self, steps: int) -> None:
        """Add `steps` to what is done."""
        self.done += steps
        self._show(self.done)


@contextmanager
def track(total: int, description: str, unit: str, done: int = 0) -> Iterator[Tracker]:
    """Follow `total` units of work on standard error; the unit `bytes` is shown as kB, MB and GB.

    `done` units were there from the start, say of a download that is resumed, and do not count for the speed.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Tracker(done, _lines(total, description, unit, done))
        return
    plain = progress.TextColumn(f"{{task.completed:,.0f}}/{{task.total:,.0f}} {unit}")
    amount = [progress.DownloadColumn(), progress.TransferSpeedColumn()] if unit == "bytes" else [plain]
    columns = [progress.TextColumn("{task.description}"), progress.BarColumn(), *amount, progress.TimeRemainingColumn()]
    with progress.Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=total, completed=done)
        yield Tracker(done, lambda now: bar.update(task, completed=now))


def _lines(total: int, description: str, unit: str, first: int) -> Callable[[int], None]:
    started = last = time.monotonic()

    def amount(number: float) -> str:
        return decimal(int(number)) if unit == "bytes" else f"{number:,.0f} {unit}"

    def show(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_SECONDS:
            last = now
            speed = amount((done - first) / max(now - started, 1e-9))
            line = f"{description}: {amount(done)} of {amount(total)} ({done / total:.0%}), {speed}/s"
            print(line, file=sys.stderr, flush=True)

    return show

"""Progress of long work: bars on a terminal, an occasional plain line everywhere else (a log, a pipe, a CI job)."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress
from rich.console import Console
from rich.filesize import decimal

LINE_SECONDS = 10.0


class Tracker:
    """Counts finished units and calls `show` after each step."""

    def __init__(self, done: int, show: Callable[[int], None]) -> None:
        self.done = done
        self._show = show

    def advance(self, units: int) -> None:
        """Add `units` to the finished ones."""
        self.done += units
        self._show(self.done)


class Timer:
    """Says whether at least `seconds` have passed since it last said so."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time; if so, the next time starts to count."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


@contextmanager
def track(total: int, description: str, unit: str, done: int = 0) -> Iterator[Tracker]:
    """Show `total` units of work on standard error; the unit `bytes` is shown as kB, MB and GB.

    `done` units were finished before, say of a resumed download, and do not count for the speed.
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
    started, timer = time.monotonic(), Timer(LINE_SECONDS)

    def amount(number: float) -> str:
        return decimal(int(number)) if unit == "bytes" else f"{number:,.0f} {unit}"

    def show(done: int) -> None:
        if timer.is_due():
            speed = amount((done - first) / max(time.monotonic() - started, 1e-9))
            line = f"{description}: {amount(done)} of {amount(total)} ({done / total:.0%}), {speed}/s"
            print(line, file=sys.stderr, flush=True)

    return show

"""Watches running trainings from the process that started them: it reads their files once per second.

It runs in threads, and whatever fails here, training goes on.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from overfitting.evaluation.baselines import Baseline
from overfitting.progress import display
from overfitting.progress.run_progress import RunProgress
from overfitting.training.history import Follower
from overfitting.training.identity import Run

INTERVAL = 1.0  # seconds between two looks
MOST = 10  # names of kept runs that are listed

_log = logging.getLogger(__name__)


class WatchedRun(RunProgress):
    """A run as its files show it, from now on."""

    def __init__(self, run: Run) -> None:
        self.name, self._run, self._follower = run.name, run, Follower(run.folder / "history.csv")
        epochs, may_stop = run.config.training.epochs, run.config.training.patience is not None
        super().__init__(run.title, run.seed, epochs, may_stop, run.size, is_over=run.is_over(), repeat=run.repeat)

    def look(self) -> str | None:
        """Read what is new; returns a line that says how the run ended, if it is over now."""
        summary = self._run.summary()  # first: once it is there, the history is complete
        self.add(self._follower.new_rows(), time.monotonic())
        if summary is None:
            failure = self._run.failure()
            self.is_over = failure is not None
            return f"{self.name}: failed, {failure}" if failure else None
        self.is_over, durations = True, self._run.durations()
        return (
            f"{self.name}: validation log loss {summary.early.val_log_loss:.4f} "
            f"in epoch {summary.best_epoch} of {summary.epochs}" + (f", {durations.seconds:.0f} s" if durations else "")
        )


@contextmanager
def watching(runs: Sequence[Run], baselines: Sequence[Baseline] = ()) -> Iterator[None]:
    """Show `runs` and `baselines` on standard error while they are trained inside."""
    watched, missing = [WatchedRun(run) for run in runs], [found for found in baselines if not found.fitted()]
    kept = [run.name for run in watched if run.is_over] + [found.name for found in baselines if found not in missing]
    with beside(partial(_show, kept, [run for run in watched if not run.is_over], missing)):
        yield


def _show(
    kept: Sequence[str], unfinished: Sequence[WatchedRun], baselines: list[Baseline], stop: threading.Event
) -> None:
    with display.on_stderr() as shown:
        if len(kept) > MOST:
            shown.say(f"unchanged, kept: {len(kept)} runs and baselines")
        else:
            for name in kept:
                shown.say(f"{name}: unchanged, kept")
        is_last = not unfinished and not baselines
        while not is_last:
            is_last = stop.wait(INTERVAL)
            for found in [found for found in baselines if found.fitted()]:
                shown.say(f"{found.name}: finished")
                baselines.remove(found)
            look(unfinished, shown)


def look(runs: Sequence[WatchedRun], shown: display.Display) -> None:
    """Look at the runs that are not over yet, and show all."""
    for run in runs:
        if not run.is_over and (line := run.look()):
            shown.say(line)
    shown.show(runs)


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run `work` in a thread while the body runs; the event tells it to finish, and it is waited for."""
    stop = threading.Event()

    def guarded() -> None:
        try:
            work(stop)
        except Exception as error:  # whatever it is, it must not harm the training
            _log.warning("training goes on unwatched: %s: %s", type(error).__name__, error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()

"""A look from outside at the seeds that train, once a second: for a display, and for MLflow.

It only reads what the trainings write, in threads of the process that started them. Whatever fails here, they go on.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from overfitting.base import files
from overfitting.config.composition import section
from overfitting.config.schema import Config
from overfitting.progress import display
from overfitting.progress.state import Standing
from overfitting.tracking.live import LiveRun, Receiver, Sender
from overfitting.training.history import Follower
from overfitting.training.identity import finished_run, run_fingerprint

INTERVAL = 1.0  # seconds between two looks

_log = logging.getLogger(__name__)


class Training:
    """The training of a seed as its folder shows it, from now on; `data` is the fingerprint of the prepared rows.

    `comparison` gives the fingerprint of the comparison that the run belongs to.
    """

    def __init__(self, config: Config, variant: str, seed: int, data: str, comparison: Callable[[], str]) -> None:
        self._config, self._comparison = config, comparison
        self._folder = files.RUNS / variant / str(seed)
        self._identity = {"variant": variant, "seed": str(seed), "fingerprint": run_fingerprint(config, seed, data)}
        self._follower = Follower(self._folder / "history.csv")
        self.standing = Standing(variant, seed, config.training.epochs, _may_stop(config))
        self.standing.is_over = self.summary() is not None
        self.live = LiveRun(self._connect)

    def summary(self) -> dict[str, Any] | None:
        """What sums the run up; None until it is finished."""
        return finished_run(self._folder, self._identity["fingerprint"])

    def look(self) -> str | None:
        """Take what is new of a training that is not over; the line that says so, if now it is."""
        summary = self.summary()  # first: with it, the journal is whole
        rows = self._follower.new_rows()
        self.standing.add(rows)
        self.live.add(rows)
        if summary is None:
            return None
        self.standing.is_over = True
        self.live.end()
        return (
            f"{self.standing.variant} seed {self.standing.seed}: "
            f"validation log loss {summary['best']['val_log_loss']:.4f} "
            f"in epoch {summary['best_epoch']} of {summary['epochs']}, {summary['seconds']:.0f} s"
        )

    def _connect(self, started: int) -> Receiver | None:
        from overfitting.tracking import sync

        parts = section(self._config, "train")
        settings = {"variant": parts["variant"], "training": parts["training"]}
        return sync.connect(Path(), self._identity, self._comparison(), settings, started)


def _may_stop(config: Config) -> bool:
    return bool(config.variant.patience or config.training.patience)


@contextmanager
def watching(trainings: Sequence[Training]) -> Iterator[None]:
    """Show and log `trainings` while they are worked on inside."""
    kept = [training for training in trainings if training.standing.is_over]
    unfinished = [training for training in trainings if not training.standing.is_over]
    sender = Sender([training.live for training in unfinished], os.cpu_count() or 1)
    with beside(sender.work), beside(partial(_show, kept, unfinished)):
        yield


def _show(kept: Sequence[Training], unfinished: Sequence[Training], stop: threading.Event) -> None:
    with display.on_stderr() as shown:
        for training in kept:
            shown.say(f"{training.standing.variant} seed {training.standing.seed}: unchanged, kept")
        is_last = not unfinished
        while not is_last:
            is_last = stop.wait(INTERVAL)
            look(unfinished, shown)


def look(trainings: Sequence[Training], shown: display.Display) -> None:
    """Look at those of `trainings` that are not over yet, and show them all."""
    for training in trainings:
        line = None if training.standing.is_over else training.look()
        if line:
            shown.say(line)
    shown.show([training.standing for training in trainings])


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Have `work` done in a thread; it is told by the event when to come to its end, and waited for."""
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

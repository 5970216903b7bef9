"""Sends learning curves to MLflow while models train: collected, sent in batches, given up after the first failure."""

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from overfitting.tracking.child_runs import Identity, TimedRow
from overfitting.tracking.store import Connection, open_store, tracking_uri, without_password
from overfitting.training.history import Row
from overfitting.training.summary import Settings

INTERVAL = 4.0  # minimum seconds between two batches
SHARE = 0.01  # of the processor time may go into sending
CONNECTING = 3.0  # seconds of processor time that importing MLflow and the first connection cost
PRIORITY = 10  # niceness of the sender's thread; above 10 it gets too little time while it holds a lock

_log = logging.getLogger(__name__)


class LiveRun:
    """Rows of one training, passed from the thread that reads them to the thread that sends them.

    `connect` takes the time of the first rows (milliseconds since 1970). It returns None if MLflow already has a
    finished run of the same work.
    """

    def __init__(self, connect: Callable[[int], Connection | None]) -> None:
        self._connect = connect
        self._rows: deque[TimedRow] = deque()  # its appends and pops need no lock
        self._started: int | None = None
        self._receiver: Connection | None = None
        self._is_known = self._is_over = self._is_finished = False

    def add(self, rows: Sequence[Row]) -> None:
        """Collect new rows, with the present time."""
        now = int(time.time() * 1000)
        if rows and self._started is None:
            self._started = now
        self._rows.extend((now, row) for row in rows)

    def end(self) -> None:
        """Note that the training is over."""
        self._is_over = True

    @property
    def waits(self) -> bool:
        """Whether there is something to send."""
        return bool(self._rows) or (self._is_over and self._receiver is not None and not self._is_finished)

    def send(self) -> None:
        """Send the collected rows, and finish the run if its training is over."""
        is_over = self._is_over  # read first, because the last rows may arrive in between
        rows = [self._rows.popleft() for _ in range(len(self._rows))]
        if not (self._receiver or self._is_known):
            self._receiver = self._connect(self._started or int(time.time() * 1000))
            self._is_known = self._receiver is None
        if self._receiver:
            self._receiver.log(rows)
        if self._receiver and is_over:
            self._receiver.finish()
            self._is_finished = True


def live_run(identity: Identity, settings: Settings, comparison: Callable[[], str], root: Path = Path()) -> LiveRun:
    """A training's run in MLflow, created when its first rows are sent.

    `comparison` returns the fingerprint of the run's comparison; it is called on connecting only.
    """

    def connect(started: int) -> Connection | None:
        return open_store(root, tracking_uri(root)).connect(identity, settings, comparison(), started)

    return LiveRun(connect)


@contextmanager
def sending(runs: Sequence[LiveRun]) -> Iterator[None]:
    """Send the rows of `runs` in a thread while the context lasts, and the rest at its end."""
    sender, stop = Sender(runs, os.cpu_count() or 1), threading.Event()
    thread = threading.Thread(target=sender.work, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Sender:
    """Sends the rows of `runs` within a share of the processor time of `cores`.

    A training that ends before a connection is worth its time is left to `sync`. Any failure costs one warning, and
    training goes on.
    """

    def __init__(self, runs: Sequence[LiveRun], cores: int) -> None:
        self._runs, self._cores = runs, cores
        self._began = self._sent = time.monotonic()
        self._spent = 0.0  # seconds of processor time
        self._is_connected = self._has_given_up = False

    def work(self, stop: threading.Event) -> None:
        """Send in regular batches until `stop` is set, then send the rest."""
        if sys.platform == "linux":  # where each thread has its own priority
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PRIORITY)
        while not (self._has_given_up or stop.wait(1.0)):
            self.send()
        self.send(rest=True)

    def send(self, rest: bool = False) -> None:
        """Send a batch if it is due. The `rest` is sent at once, but only over an existing connection."""
        waiting = [run for run in self._runs if run.waits]
        if not waiting or self._has_given_up or not (self._is_due() or (rest and self._is_connected)):
            return
        began = time.thread_time()
        try:
            for run in waiting:
                run.send()
        except Exception as error:  # MLflow must not harm the training, whatever fails
            self._has_given_up = True
            reason = without_password(str(error)) or type(error).__name__
            _log.warning("training goes on without MLflow, `make ui` adds what is missing: %s", reason)
        self._is_connected = True
        self._spent += time.thread_time() - began
        self._sent = time.monotonic()

    def _is_due(self) -> bool:
        now = time.monotonic()
        spent = self._spent if self._is_connected else CONNECTING
        return now - self._sent >= INTERVAL and spent <= SHARE * self._cores * (now - self._began)

"""Curves on their way to MLflow while models train: kept, sent in batches, and given up at the first failure."""

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from overfitting.training.history import Row

INTERVAL = 4.0  # seconds between two batches, at least
SHARE = 0.01  # of the processor time may go into sending
CONNECTING = 3.0  # seconds of processor time that importing MLflow and the first connection cost
PRIORITY = 10  # of the sender's thread, as `nice` counts: lower ones leave it too little time while it holds a lock

TimedRow = tuple[int, Row]  # milliseconds since 1970, an epoch's row

_log = logging.getLogger(__name__)


class Receiver(Protocol):
    """Where the rows of one run go."""

    def log(self, rows: Sequence[TimedRow]) -> None:
        """Store a batch."""

    def finish(self) -> None:
        """Mark the run as finished."""


class LiveRun:
    """The rows of one training, from the thread that reads them to the one that sends them.

    `connect` is told when the training started (milliseconds since 1970); it returns None where the same work is
    known already.
    """

    def __init__(self, connect: Callable[[int], Receiver | None]) -> None:
        self._connect = connect
        self._rows: deque[TimedRow] = deque()  # whose appends and pops need no lock
        self._started: float | None = None  # seconds since 1970
        self._elapsed = 0.0
        self._receiver: Receiver | None = None
        self._is_known = self._is_over = self._is_finished = False

    def add(self, rows: Sequence[Row]) -> None:
        """Keep rows that have just been read, each for the time when its epoch ended."""
        if self._started is None and rows:
            self._started = time.time() - sum(row["seconds"] for row in rows)
        for row in rows:
            self._elapsed += row["seconds"]
            self._rows.append((int(((self._started or 0.0) + self._elapsed) * 1000), row))

    def end(self) -> None:
        """No more rows come: the training is over."""
        self._is_over = True

    @property
    def waits(self) -> bool:
        """Whether there is something to send."""
        return bool(self._rows) or (self._is_over and self._receiver is not None and not self._is_finished)

    def send(self) -> None:
        """Send what is kept, and finish the run if its training is over."""
        is_over = self._is_over  # before the rows are taken, since the last ones may come meanwhile
        rows = [self._rows.popleft() for _ in range(len(self._rows))]
        if not (self._receiver or self._is_known):
            self._receiver = self._connect(int((self._started or time.time()) * 1000))
            self._is_known = self._receiver is None
        if self._receiver:
            self._receiver.log(rows)
        if self._receiver and is_over:
            self._receiver.finish()
            self._is_finished = True


class Sender:
    """Sends what `runs` keep, in a thread of its own, within a share of the processor time of `cores`.

    Trainings that are over before a connection is worth its time are left to `tracking.sync`. Whatever fails ends in
    one warning, and training goes on.
    """

    def __init__(self, runs: Sequence[LiveRun], cores: int) -> None:
        self._runs, self._cores = runs, cores
        self._began = self._sent = time.monotonic()
        self._spent = 0.0  # seconds of processor time
        self._is_connected = self._has_given_up = False

    def work(self, stop: threading.Event) -> None:
        """Send when it is time, until `stop`; then the rest."""
        if sys.platform == "linux":  # where a thread has a priority of its own
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PRIORITY)
        while not (self._has_given_up or stop.wait(1.0)):
            self.send()
        self.send(rest=True)

    def send(self, rest: bool = False) -> None:
        """Send a batch if it is time; the `rest` also before it is, but over a connection that is there only."""
        waiting = [run for run in self._runs if run.waits]
        if not waiting or self._has_given_up or not (self._is_due() or (rest and self._is_connected)):
            return
        began = time.thread_time()
        try:
            for run in waiting:
                run.send()
        except Exception as error:  # whatever ails the mirror
            self._give_up(error)
        self._is_connected = True
        self._spent += time.thread_time() - began
        self._sent = time.monotonic()

    def _is_due(self) -> bool:
        now = time.monotonic()
        spent = self._spent if self._is_connected else CONNECTING
        return now - self._sent >= INTERVAL and spent <= SHARE * self._cores * (now - self._began)

    def _give_up(self, error: Exception) -> None:
        from overfitting.tracking.store import without_password

        self._has_given_up = True
        reason = without_password(str(error)) or type(error).__name__
        _log.warning("training goes on without MLflow, `make ui` adds what is missing: %s", reason)

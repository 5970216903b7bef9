"""The curves of one training on their way to MLflow: kept, sent in batches, and given up at the first failure."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from overfitting.mirror import Point, points
from overfitting.store import without_password

INTERVAL = 4.0  # seconds between batches; a shorter training is left to `tracking.sync`, as importing MLflow takes 2 s
SHARE = 0.01  # of the training time may go into sending

_log = logging.getLogger(__name__)
_given_up = False  # by this process


class Receiver(Protocol):
    """Where the points of one run go."""

    def log(self, points: list[Point]) -> None:
        """Store a batch."""

    def finish(self) -> None:
        """Mark the run as finished."""


class LiveRun:
    """Has the protocol of a Keras callback.

    `connect` is told when the training started (milliseconds since 1970); it returns None where the same work is
    known already. Whatever fails ends in one warning a process, and training goes on.
    """

    def __init__(self, connect: Callable[[int], Receiver | None]) -> None:
        super().__init__()
        self._connect = connect
        self._rows: list[tuple[int, float, dict[str, float]]] = []  # step, seconds since 1970, values
        self._receiver: Receiver | None = None
        self._known = False

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start the clock."""
        self._started = time.time()
        self._next = time.monotonic() + INTERVAL

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Keep the values of the epoch (counted from 0), and send what is kept when it is time."""
        if self._known or _given_up:
            return
        self._rows.append((epoch + 1, time.time(), dict(logs or {})))
        if time.monotonic() >= self._next:
            self._send(finish=False)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Send the rest and finish the run, unless the training was over before the first batch."""
        if not (self._known or _given_up) and (self._receiver or time.monotonic() >= self._next):
            self._send(finish=True)

    def _send(self, finish: bool) -> None:
        global _given_up
        try:
            self._receiver = self._receiver or self._connect(int(self._started * 1000))
            self._known = self._receiver is None
            if self._receiver:
                self._deliver(self._receiver, finish)
        except Exception as error:  # whatever ails the mirror
            _given_up = True
            reason = without_password(str(error)) or type(error).__name__
            _log.warning("training goes on without MLflow, `make ui` adds what is missing: %s", reason)

    def _deliver(self, receiver: Receiver, finish: bool) -> None:
        began = time.monotonic()
        receiver.log([point for step, when, row in self._rows for point in points(row, step, int(when * 1000))])
        self._rows = []
        if finish:
            receiver.finish()
        ended = time.monotonic()
        self._next = ended + max(INTERVAL, (ended - began) / SHARE)

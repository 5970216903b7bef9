"""Sending of live curves: batches, budget of processor time, giving up."""

import logging
from collections.abc import Iterator, Sequence

import pytest

from overfitting.tracking import live
from overfitting.tracking.live import CONNECTING, INTERVAL, SHARE, LiveRun, Sender, TimedRow

CORES = 2
FIRST = CONNECTING / (SHARE * CORES)  # seconds until a connection is worth its time


class Clock:
    """A clock that the tests advance; `worked` is processor time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.worked = 5.0

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def thread_time(self) -> float:
        return self.worked

    def work(self, seconds: float) -> None:
        self.now += seconds
        self.worked += seconds


class Receiver:
    """Takes batches, each for `price` seconds of processor time; fails if `is_broken`."""

    def __init__(self, clock: Clock, price: float = 0.0) -> None:
        self.clock, self.price = clock, price
        self.batches: list[list[TimedRow]] = []
        self.times: list[float] = []
        self.is_finished = False
        self.is_broken = False

    def log(self, rows: Sequence[TimedRow]) -> None:
        self.times.append(self.clock.now)
        if self.is_broken:
            raise OSError("http://user:secret@host/ does not answer\nand so on")
        self.clock.work(self.price)
        self.batches.append(list(rows))

    def finish(self) -> None:
        self.is_finished = True

    @property
    def rows(self) -> list[TimedRow]:
        return [row for batch in self.batches for row in batch]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return clock


def train(run: LiveRun, clock: Clock, epochs: int, seconds: float, end: bool = True) -> None:
    """Add a row per epoch and send whenever it is due; at the end send the rest."""
    sender = Sender([run], CORES)
    for epoch in range(1, epochs + 1):
        clock.now += seconds
        run.add([{"epoch": epoch, "val_log_loss": 0.5}])
        sender.send()
    if end:
        run.end()
    sender.send(rest=True)


def test_every_epoch_arrives_once_in_order_with_its_time(clock: Clock) -> None:
    receiver = Receiver(clock)
    train(LiveRun(lambda _: receiver), clock, 1000, 0.5)
    assert [row["epoch"] for _, row in receiver.rows] == list(range(1, 1001))
    assert [when for when, _ in receiver.rows] == [1000_000 + 500 * n for n in range(1, 1001)]
    assert receiver.is_finished
    assert len(receiver.batches) <= 1000 * 0.5 / INTERVAL + 1


@pytest.mark.parametrize("price", [0.001, 0.1, 1.0])
def test_sending_stays_within_its_share_of_processor_time(clock: Clock, price: float) -> None:
    receiver = Receiver(clock, price)

    def connect(started: int) -> Receiver:
        clock.work(CONNECTING)
        return receiver

    train(LiveRun(connect), clock, 5000, 0.5)
    regular, when = receiver.batches[:-1], receiver.times[-1] - 1000.0  # the last batch is sent in any case
    assert len(regular) * price + CONNECTING <= SHARE * CORES * when + price
    assert len(regular) > 1
    gaps = [later - earlier for earlier, later in zip(receiver.times, receiver.times[1:-1], strict=False)]
    assert all(gap >= INTERVAL for gap in gaps)


def test_a_training_too_short_for_a_connection_is_left_to_sync(clock: Clock) -> None:
    started: list[int] = []

    def connect(when: int) -> Receiver:
        started.append(when)
        return Receiver(clock)

    train(LiveRun(connect), clock, 100, 0.99 * FIRST / 100)
    assert started == []
    train(LiveRun(connect), clock, 100, 1.05 * FIRST / 100)
    assert len(started) == 1


def test_a_run_is_finished_once_its_training_is_over(clock: Clock) -> None:
    receivers = [Receiver(clock), Receiver(clock)]
    over, unfinished = (LiveRun(lambda _, receiver=receiver: receiver) for receiver in receivers)  # type: ignore[misc]
    sender = Sender([over, unfinished], CORES)
    for run in (over, unfinished):
        run.add([{"epoch": 1}])
    clock.now += FIRST
    sender.send()
    over.end()
    for _ in range(3):
        clock.now += FIRST
        sender.send()
    sender.send(rest=True)
    assert [receiver.is_finished for receiver in receivers] == [True, False]
    assert [len(receiver.batches) for receiver in receivers] == [2, 1]


def test_a_thread_sends_the_rest_when_the_context_ends(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INTERVAL", "CONNECTING"):
        monkeypatch.setattr(live, name, 0.0)
    receiver = Receiver(clock)
    run = LiveRun(lambda _: receiver)
    with live.sending([run]):
        run.add([{"epoch": 1}])
        run.end()
    assert [row["epoch"] for _, row in receiver.rows] == [1]
    assert receiver.is_finished


def test_finished_runs_are_not_sent_again(clock: Clock) -> None:
    asked: list[int] = []
    train(LiveRun(asked.append), clock, 10, FIRST)  # type: ignore[arg-type]
    assert len(asked) == 1


def test_a_failure_costs_one_warning_and_ends_sending(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(clock)
    run = LiveRun(lambda _: receiver)
    sender = Sender([run, LiveRun(lambda _: receiver)], CORES)
    for epoch in range(20):
        clock.now += FIRST
        receiver.is_broken = epoch > 5
        run.add([{"epoch": epoch + 1}])
        sender.send()
    run.end()
    sender.send(rest=True)
    assert len(receiver.batches) == 6
    assert len(receiver.times) == 7
    assert not receiver.is_finished
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "\n" not in record.getMessage()
    assert "secret" not in record.getMessage()

"""Curves on their way: batches, the budget of time, and giving up."""

import logging
from collections.abc import Iterator

import pytest

from overfitting import live
from overfitting.live import INTERVAL, SHARE, LiveRun
from overfitting.mirror import Point


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    time = monotonic


class Receiver:
    """Takes batches at a price in seconds, and fails when told."""

    def __init__(self, clock: Clock, price: float = 0.0) -> None:
        self.clock, self.price = clock, price
        self.batches: list[list[Point]] = []
        self.times: list[float] = []
        self.is_finished = False
        self.is_broken = False

    def log(self, points: list[Point]) -> None:
        self.times.append(self.clock.now)
        if self.is_broken:
            raise OSError("http://user:secret@host/ does not answer\nand so on")
        self.clock.now += self.price
        self.batches.append(points)

    def finish(self) -> None:
        self.is_finished = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    monkeypatch.setattr(live, "_given_up", False)
    return clock


def train(run: LiveRun, clock: Clock, epochs: int, seconds: float) -> None:
    run.on_train_begin()
    for epoch in range(epochs):
        clock.now += seconds
        run.on_epoch_end(epoch, {"train_log_loss": 1.0, "val_log_loss": 0.5, "epoch": epoch + 1, "other": 3.0})
    run.on_train_end()


def test_every_epoch_arrives_once_in_order(clock: Clock) -> None:
    receiver = Receiver(clock)
    train(LiveRun(lambda _: receiver), clock, 100, 0.5)
    sent = [point for batch in receiver.batches for point in batch]
    assert [(name, step) for name, _, _, step in sent] == [
        (name, epoch) for epoch in range(1, 101) for name in ("train_log_loss", "val_log_loss")
    ]
    assert [milliseconds for _, _, milliseconds, _ in sent[::2]] == [1000_000 + 500 * n for n in range(1, 101)]
    assert receiver.is_finished
    assert len(receiver.batches) <= 100 * 0.5 / INTERVAL + 1


@pytest.mark.parametrize("price", [0.001, 0.1, 1.0])
def test_sending_takes_no_more_than_its_share(clock: Clock, price: float) -> None:
    receiver = Receiver(clock, price)
    train(LiveRun(lambda _: receiver), clock, 5000, 0.5)
    live_batches = len(receiver.batches) - 1  # the last one is due in any case
    assert live_batches * price <= SHARE * (receiver.times[-1] - 1000.0) + price
    assert all(
        later - earlier >= INTERVAL for earlier, later in zip(receiver.times, receiver.times[1:-1], strict=False)
    )


def test_a_short_training_does_not_connect(clock: Clock) -> None:
    def connect(started: int) -> Receiver:
        raise AssertionError

    train(LiveRun(connect), clock, 10, INTERVAL / 20)
    assert not live._given_up


def test_the_run_begins_when_the_training_does(clock: Clock) -> None:
    started = []

    def connect(when: int) -> Receiver:
        started.append(when)
        return Receiver(clock)

    train(LiveRun(connect), clock, 10, INTERVAL)
    assert started == [1000_000]


def test_known_work_is_not_sent(clock: Clock) -> None:
    asked = []
    train(LiveRun(lambda started: asked.append(started)), clock, 10, INTERVAL)
    assert len(asked) == 1


def test_a_failure_ends_in_one_warning_and_silence(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(clock)
    run = LiveRun(lambda _: receiver)
    run.on_train_begin()
    for epoch in range(20):
        clock.now += INTERVAL
        receiver.is_broken = epoch > 5
        run.on_epoch_end(epoch, {"val_log_loss": 0.5})
    run.on_train_end()
    train(LiveRun(lambda _: receiver), clock, 10, INTERVAL)  # the next seed in the same process
    assert len(receiver.batches) == 6
    assert len(receiver.times) == 7
    assert not receiver.is_finished
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "\n" not in record.getMessage()
    assert "secret" not in record.getMessage()

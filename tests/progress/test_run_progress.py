"""How far trainings are: the best loss, and the time that is left."""

import pytest

from overfitting.progress.run_progress import RunProgress, seconds_left


def run(epoch: int, seconds: float = 1.0, epochs: int = 100, over: bool = False) -> RunProgress:
    """A run that needs `seconds` per epoch, looked at after each."""
    found = RunProgress("l2", 0, epochs, is_over=over)
    for n in range(1, epoch + 1):
        found.add([{"epoch": n, "val_log_loss": 0.5 + abs(n - 3) / 100}], now=seconds * n)
    return found


def test_the_best_loss_is_the_lowest_so_far():
    found = RunProgress("l2", 0, 100)
    for epoch, loss in enumerate([0.7, 0.5, 0.6], start=1):
        found.add([{"epoch": epoch, "val_log_loss": loss}], now=epoch)
    assert (found.epoch, found.best) == (3, 0.5)


def test_a_slow_first_epoch_does_not_count():
    found = RunProgress("l2", 0, 100)
    found.add([{"epoch": 1, "val_log_loss": 0.7}], now=60.0)
    assert seconds_left([found]) is None
    found.add([{"epoch": n, "val_log_loss": 0.7} for n in range(2, 11)], now=64.5)
    assert seconds_left([found]) == 45.0


def test_a_smaller_run_that_waits_counts_less():
    waiting = RunProgress("tiny", 0, 100, size=1)
    trains = run(40)
    trains.size = 10
    assert seconds_left([trains, waiting]) == 60.0 + 100 * 0.1


@pytest.mark.parametrize(
    ("runs", "seconds"),
    [
        ([], None),
        ([RunProgress("l2", 0, 100)], None),
        ([run(40)], 60.0),
        ([run(100, over=True)], 0.0),
        ([run(40), run(80)], 60.0),  # side by side: the longer one
        ([run(40), run(80), RunProgress("l2", 2, 100)], 100.0),  # a third waits: 60 + 20 + 100, by two
        ([run(40), run(80), *(RunProgress("l2", n, 100) for n in range(2, 5))], 190.0),
        ([run(40, over=True), run(40, 2.0), RunProgress("l2", 2, 100)], 270.0),  # 120 + 100 x median(1, 2)
    ],
)
def test_time_is_left_for_those_that_train_and_those_that_wait(runs, seconds):
    assert seconds_left(runs) == seconds

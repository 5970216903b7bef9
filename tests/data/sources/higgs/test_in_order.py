"""Work in threads: order, bounds, errors and early stops."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overfitting.data.sources.higgs.in_order import AHEAD, in_order


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def numbers(error_at: int | None = None) -> Iterator[int]:
    for number in range(100):
        if number == error_at:
            raise OSError(f"item {number}")
        yield number


def fails_at(*bad: int) -> Callable[[int], int]:
    def square(number: int) -> int:
        time.sleep(0.001 if number % 3 else 0.004)  # later items overtake earlier ones
        if number in bad:
            raise ValueError(f"result {number}")
        return number * number

    return square


@settings(max_examples=20)
@given(items=st.lists(st.integers(0, 200), max_size=30), threads=st.integers(1, 5))
def test_results_have_the_order_of_the_items(items: list[int], threads: int) -> None:
    assert list(in_order(fails_at(), items, threads)) == [item * item for item in items]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_items_are_read_at_most_a_few_ahead(threads: int) -> None:
    items = numbers()
    results = in_order(fails_at(), items, threads)
    assert next(results) == 0
    assert next(items) == AHEAD * threads
    results.close()


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(
    ("bad", "error_at", "expected"),
    [
        ((7,), None, "result 7"),
        ((7, 8), None, "result 7"),
        ((), 7, "item 7"),
        ((6,), 7, "result 6"),
        ((7,), 7, "item 7"),
        ((99,), None, "result 99"),
    ],
)
def test_first_error_in_the_order_of_the_items(
    bad: tuple[int, ...], error_at: int | None, expected: str, threads: int
) -> None:
    results = in_order(fails_at(*bad), numbers(error_at), threads)
    good = int(expected.split()[1])
    assert list(itertools.islice(results, good)) == [number * number for number in range(good)]
    with pytest.raises((ValueError, OSError), match=f"^{expected}$"):
        next(results)


def test_stages_close_together() -> None:
    first = in_order(fails_at(), numbers(), 1)
    second = in_order(fails_at(), first, 3)
    assert next(second) == 0
    second.close()
    first.close()
    assert list(first) == list(second) == []


def test_interrupt_passes_through() -> None:
    def interrupted() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_order(fails_at(), interrupted(), 2))

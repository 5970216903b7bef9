"""Work on a stream in threads, with results in the order of the stream."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AHEAD = 2  # items per thread that are read before their turn

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Generator[Result, None, None]:
    """Yield `function(item)` for each item, computed in threads that end with the generator.

    The caller's thread reads the items. An error, of `items` or of `function`, is raised in its place in the order.
    """

    def submitted() -> Iterator[Future[Result]]:
        try:
            for item in items:
                yield pool.submit(function, item)
        except Exception as error:
            failed: Future[Result] = Future()
            failed.set_exception(error)
            yield failed

    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for future in submitted():
            pending.append(future)
            if len(pending) == AHEAD * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

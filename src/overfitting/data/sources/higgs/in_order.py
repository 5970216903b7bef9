"""Work on a stream in threads, with results in the order of the stream."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AHEAD = 2  # items per thread that are read before their turn

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_order(
    function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int
) -> Generator[_Result, None, None]:
    """Yield `function(item)` for each item, computed in threads that end with the generator.

    The caller's thread reads the items. An error, of `items` or of `function`, is raised in its place in the order.
    """

    def submitted() -> Iterator[Future[_Result]]:
        try:
            for item in items:
                yield pool.submit(function, item)
        except Exception as error:
            failed: Future[_Result] = Future()
            failed.set_exception(error)
            yield failed

    pending: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for future in submitted():
            pending.append(future)
            if len(pending) == AHEAD * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

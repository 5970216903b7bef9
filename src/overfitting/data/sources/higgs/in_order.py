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
    """Yield `function(item)` for each item, computed by `threads` threads, at most `AHEAD` items per thread at a time.

    Items are read in the thread of the caller. The first error in the order of the items is raised, from `items` or
    from `function`, and no thread is left once the generator is closed or has ended.
    """
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[_Result]] = deque()
        try:
            for future in _submitted(pool, function, items):
                pending.append(future)
                if len(pending) == AHEAD * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _submitted(
    pool: ThreadPoolExecutor, function: Callable[[_Item], _Result], items: Iterable[_Item]
) -> Iterator[Future[_Result]]:
    """Submit each item; an error of `items` becomes the last future, so that errors of earlier items come first."""
    try:
        for item in items:
            yield pool.submit(function, item)
    except Exception as error:
        failed: Future[_Result] = Future()
        failed.set_exception(error)
        yield failed

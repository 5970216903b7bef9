"""Processes that train side by side, and fair timing of several contestants."""

import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import psutil
from engines import DropoutLayers, KerasFit, Ours, Products
from peers import Jax, Torch

REPEATS = 5
CORES = psutil.cpu_count(logical=False) or os.cpu_count() or 1
ENGINES: dict[str, Callable[[Any], Any]] = {
    "ours": Ours,
    "keras": KerasFit,
    "products": Products,
    "dropout": DropoutLayers,
    "torch": Torch,
    "jax": Jax,
}


class Team:
    """Processes of one engine: side by side, one per core with one thread each, or one process with all threads."""

    def __init__(self, engine: str, side_by_side: bool = True) -> None:
        context = multiprocessing.get_context("spawn")
        self.size = CORES if side_by_side else 1
        self._ends = []
        for core in range(self.size):
            end, other = context.Pipe()
            pinned = core if side_by_side and engine in ("torch", "jax") else None
            context.Process(
                target=serve, args=(other, engine, 1 if side_by_side else None, pinned), daemon=True
            ).start()
            self._ends.append(end)

    def call(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method in every process; return the answers."""
        return self.each(method, [arguments] * self.size)

    def each(self, method: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
        """Call a method in every process, each with its own arguments; return the answers."""
        for end, own in zip(self._ends, arguments, strict=True):
            end.send((method, own))
        return [end.recv() for end in self._ends]

    def seconds(self, epochs: int) -> float:
        """Seconds per epoch and network."""
        return max(self.call("run", epochs)) / epochs / self.size

    def stop(self) -> None:
        """End all processes."""
        for end in self._ends:
            end.send(None)


@contextmanager
def team(engine: str, side_by_side: bool = True) -> Iterator[Team]:
    """A team that ends with the `with` block."""
    made = Team(engine, side_by_side)
    try:
        yield made
    finally:
        made.stop()


def interleaved(contestants: dict[str, Callable[[], float]], repeats: int = REPEATS) -> dict[str, float]:
    """Median of each contestant's values; contestants are called in turn, `repeats` times."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, measure in contestants.items():
            found[name].append(measure())
    return {name: median(values) for name, values in found.items()}


def serve(connection: Connection, engine: str, threads: int | None, core: int | None) -> None:
    """Run one engine in this process: answer each (method, arguments) until None arrives. `core` pins the process."""
    warnings.simplefilter("ignore")
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    made = ENGINES[engine](threads)
    while (message := connection.recv()) is not None:
        method, arguments = message
        connection.send(getattr(made, method)(*arguments))

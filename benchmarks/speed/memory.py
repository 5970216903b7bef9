"""Peak memory of one epoch on a large table, in a separate process."""

import multiprocessing
import threading
from typing import Any

import psutil
from team import ENGINES


def peak_private_bytes(engine: str, variant: dict[str, Any], rows: dict[str, str]) -> int:
    """Peak private memory (USS, bytes) of an engine while it prepares and trains one epoch, minus that after start-up.

    Unmodified pages of a memory-mapped file do not count, because the system can reclaim them at any time.
    """
    context = multiprocessing.get_context("spawn")
    end, other = context.Pipe()
    context.Process(target=measure, args=(other, engine, variant, rows), daemon=True).start()
    return int(end.recv())


def measure(connection: Any, engine: str, variant: dict[str, Any], rows: dict[str, str]) -> None:
    """In the new process: send the peak minus the memory held before the rows were loaded."""
    process = psutil.Process()

    def private() -> int:
        """Anonymous memory, which excludes unmodified pages of files."""
        return sum(region.anonymous for region in process.memory_maps())

    made = ENGINES[engine](1)
    # the first network includes what TensorFlow sets up once
    made.prepare(variant, {**rows, "train": rows["validation"]}, {})
    before, peak, over = private(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.01):
            peak = max(peak, private())

    thread = threading.Thread(target=watch)
    thread.start()
    made.prepare(variant, rows, {})
    made.run(1)
    over.set()
    thread.join()
    connection.send(max(peak, private()) - before)

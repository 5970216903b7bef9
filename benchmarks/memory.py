"""Peak memory of one epoch on a large table, in a process of its own."""

import multiprocessing
import threading
from typing import Any

import psutil


def peak_private_bytes(engine: str, variant: dict[str, Any], rows: dict[str, str]) -> int:
    """Most memory that an engine holds for itself while it prepares and trains, beyond its start-up.

    Private memory (USS): pages of a memory-mapped file are the system's, and can be had back at any time.
    """
    context = multiprocessing.get_context("spawn")
    end, other = context.Pipe()
    context.Process(target=measure, args=(other, engine, variant, rows), daemon=True).start()
    return int(end.recv())


def measure(connection: Any, engine: str, variant: dict[str, Any], rows: dict[str, str]) -> None:
    """The process: send the peak less what was there before the rows."""
    from engines import ENGINES

    process = psutil.Process()

    def private() -> int:
        """Anonymous memory alone: pages of a file that were not written to are not counted."""
        return sum(region.anonymous for region in process.memory_maps())

    made = ENGINES[engine](1)
    # the first network pays for what TensorFlow sets up once
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

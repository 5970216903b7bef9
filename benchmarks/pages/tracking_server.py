"""Measure whether 1,000 other runs slow down logging to an MLflow server over PostgreSQL, for docs/mlflow.md.

    python -m benchmarks.pages.tracking_server

Two servers take turns: an empty one, and one with 1,000 runs. Each logs one training: the run is created, 60 epochs
arrive in batches of five, and the run is finished. Prints both medians and their ratio; 1 means no slower.
"""

import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from overfitting.tracking.child_runs import epoch_points
from overfitting.tracking.store import Store
from tests.builders.mlflow_files import SETTINGS, curve
from tests.builders.mlflow_server import postgres, tracking_server

RUNS, REPETITIONS, EPOCHS, AT_ONCE = 1000, 15, 60, 5
COMPARISON = "measured"


def log(store: Store, number: int) -> float:
    """Log one training; return the seconds that it took."""
    identity = {"variant": "l2", "seed": str(number), "repeat": "0", "fingerprint": f"run {number}"}
    rows = [(1000 * epoch, {"epoch": epoch, **curve(epoch, 0)}) for epoch in range(1, EPOCHS + 1)]
    begun = time.perf_counter()
    run = store.begin(identity, SETTINGS, COMPARISON, 0)
    assert run
    for start in range(0, EPOCHS, AT_ONCE):
        store.log(run, epoch_points(rows[start : start + AT_ONCE]))
    store.finish(run, "FINISHED")
    return time.perf_counter() - begun


def main() -> None:
    """Fill one of two servers, then measure both in turns."""
    with ExitStack() as stack:
        stores = []
        for name in ("empty", "filled"):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"overfitting-{name}-")))
            database = stack.enter_context(postgres())
            stores.append(Store(folder, stack.enter_context(tracking_server(database, folder / "artifacts"))))
        filled = stores[1]
        for number in range(RUNS):
            log(filled, -1 - number)
        for store in stores:
            log(store, RUNS)  # includes setup that happens once
        seconds: dict[Store, list[float]] = {store: [] for store in stores}
        for number in range(REPETITIONS):
            for store in stores:
                seconds[store].append(log(store, number))
    alone, among = (statistics.median(seconds[store]) for store in stores)
    print(f"logging one training, median of {REPETITIONS}: {alone:.3f} s in an empty server, {among:.3f} s beside")
    print(f"{RUNS:,} runs; ratio {alone / among:.2f}")


if __name__ == "__main__":
    main()

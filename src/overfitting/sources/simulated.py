"""HIGGS-like events made at run time: collisions by Pythia 8, jets by FastJet, a detector in a few numbers.

Events are made in shards of fixed size, each a function of (seed, label, index) alone, so that neither the number of
processes nor the number of rows changes an event: more rows with the same seed contain the fewer.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import math
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from overfitting.config import SimulatedData
from overfitting.errors import UserError
from overfitting.events import LABEL, NAMES, table_schema, write_table
from overfitting.sources.collisions import collide
from overfitting.sources.detector import Detector, observe

SIGNAL_SHARE = 0.53  # of HIGGS: 5,829,123 of 11,000,000 rows
SHARD_EVENTS = 2000  # collisions, before selection; part of what determines the events
SELECTED_SHARE = 0.19  # roughly, of collisions; plans the work, and changes no event
METADATA_KEY = "overfitting"  # of the Parquet file: where its rows come from, as JSON
CITATION = (
    "Simulated by the project `overfitting` with Pythia 8.3 (C. Bierlich et al., SciPost Phys. Codebases 8, 2022) and "
    "FastJet 3 (M. Cacciari, G. P. Salam, G. Soyez, Eur. Phys. J. C 72, 1896, 2012), after the processes of HIGGS "
    "(P. Baldi, P. Sadowski, D. Whiteson, Nature Communications 5, 4308, 2014). HIGGS-like: not HIGGS."
)
PACKAGES = ("pythia8mc", "fastjet", "awkward", "vector")


def shard(seed: int, label: int, index: int) -> NDArray[np.float32]:
    """The events (n, 28) that pass the selection in shard `index` of class `label` (1 = signal).

    Even shards have the lepton from the positive W, odd ones from the negative.
    """
    collision_rng, detector_rng = np.random.default_rng([seed, index, label]).spawn(2)
    truth = collide(bool(label), bool(index % 2), SHARD_EVENTS, collision_rng)
    return observe(truth, detector_rng)


def first_rows(
    pool: Executor, workers: int, seed: int, label: int, rows: int, done: Callable[[int], None]
) -> NDArray[np.float32]:
    """The first `rows` events of class `label`, (rows, 28); `done` hears how many each shard brought."""
    parts: list[NDArray[np.float32]] = []
    pending: deque[Future[NDArray[np.float32]]] = deque()
    missing, index = rows, 0
    while missing > 0:
        useful = math.ceil(missing / (SHARD_EVENTS * SELECTED_SHARE))
        while len(pending) < min(useful, 2 * workers):
            pending.append(pool.submit(shard, seed, label, index))
            index += 1
        part = pending.popleft().result()[:missing]
        parts.append(part)
        missing -= len(part)
        done(len(part))
    for future in pending:
        future.cancel()
    return np.concatenate(parts)


def simulate(rows: int, seed: int, processes: int | None = None) -> NDArray[np.float32]:
    """`rows` events, label first, in random order: (rows, 29). `processes` None takes one a core.

    Raises UserError where Pythia or FastJet are not installed.
    """
    _require_packages()
    workers = processes or os.cpu_count() or 1
    signal = round(SIGNAL_SHARE * rows)
    parts = []
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(workers, mp_context=context, initializer=_mute) as pool,
        _progress(rows) as done,
    ):
        for label, wanted in ((1, signal), (0, rows - signal)):
            if wanted:
                features = first_rows(pool, workers, seed, label, wanted, done)
                parts.append(np.column_stack([np.full(len(features), label, np.float32), features]))
    return np.random.default_rng(seed).permutation(np.concatenate(parts))


def _require_packages() -> None:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"data=simulated needs Pythia 8 and FastJet, but {', '.join(missing)} cannot be imported; "
            "run `pip install 'overfitting[simulate]'`, or use the events that come with the project: data=bundled"
        )


def _mute() -> None:
    """Send a worker's standard output nowhere: FastJet prints a banner there; errors go to standard error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of new rows: moves a bar on a terminal, else prints ten plain lines."""
    console = Console(stderr=True)
    made = 0

    def line(new: int) -> None:
        nonlocal made
        before, made = made, made + new
        if before * 10 // rows < made * 10 // rows:
            console.print(f"simulated {made:,} of {rows:,} events", highlight=False)

    if not console.is_terminal:
        yield line
        return
    with Progress(console=console) as bar:
        task = bar.add_task("simulating events", total=rows)
        yield lambda new: bar.advance(task, new)


def provenance(rows: int, seed: int) -> dict[str, Any]:
    """What determines simulated events, beside this package's code; no digest yet."""
    return {
        "source": "simulated",
        "licence": "CC0-1.0",
        "citation": CITATION,
        "rows": rows,
        "columns": [LABEL, *NAMES],
        "seed": seed,
        "shard_events": SHARD_EVENTS,
        "detector": asdict(Detector()),
        "generators": {name: importlib.metadata.version(name) for name in (*PACKAGES, "numpy")},
    }


def digest(table: NDArray[np.float32]) -> str:
    """SHA-256 of a table's values: little-endian float32, row by row, the label first."""
    return hashlib.sha256(np.ascontiguousarray(table, dtype="<f4").tobytes()).hexdigest()


def fetch(config: SimulatedData, destination: Path) -> dict[str, Any]:
    """Simulate `config.rows` events into the Parquet file `destination`; return where they come from.

    The same facts are kept in the file's own metadata. Raises UserError where the extra `simulate` is missing.
    """
    table = simulate(config.rows, config.seed, config.processes)
    facts = {**provenance(config.rows, config.seed), "sha256": digest(table)}
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in table.T], schema=table_schema())
    write_table(destination, [batch], metadata={METADATA_KEY: json.dumps(facts)})
    return facts

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
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overfitting.base.errors import UserError
from overfitting.base.progress_bar import Tracker, track
from overfitting.config.schema import SimulatedData
from overfitting.data.columns import NAMES, table_schema, write_table
from overfitting.data.sources.simulated.collisions import collide
from overfitting.data.sources.simulated.detector import Detector, observe

SIGNAL_SHARE = 0.53  # of HIGGS: 5,829,123 of 11,000,000 rows
SHARD_EVENTS = 2000  # collisions, before selection; part of what determines the events
SELECTED_SHARE = 0.23  # roughly, of collisions; plans the work, and changes no event
BUNDLED, BUNDLED_ROWS, BUNDLED_SEED = Path("data/bundled/higgs-like.parquet"), 60_000, 0
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
    pool: Executor, workers: int, seed: int, label: int, rows: int, progress: Tracker
) -> NDArray[np.float32]:
    """The first `rows` events of class `label`, (rows, 28), from shards made in `pool`."""
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
        progress.advance(len(part))
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
    wanted = [(1, signal), (0, rows - signal)]
    # forked workers would inherit the locks of this process's threads
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_mute)
    with pool, track(rows, "Simulating", "events") as progress:
        parts = [
            np.column_stack([np.full(count, label), first_rows(pool, workers, seed, label, count, progress)])
            for label, count in wanted
            if count
        ]
    table = np.concatenate(parts).astype(np.float32)
    return np.random.default_rng(seed).permutation(table)


def _require_packages() -> None:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"data=simulated needs Pythia 8 and FastJet, but {', '.join(missing)} cannot be imported; "
            "run `pip install --editable '.[simulate]'`, or use the events that come with the project: data=bundled"
        )


def _mute() -> None:
    """Send a worker's standard output nowhere: FastJet prints a banner there; errors go to standard error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _provenance(table: NDArray[np.float32], seed: int) -> dict[str, Any]:
    return {
        "source": "simulated",
        "licence": "CC0 1.0",
        "citation": CITATION,
        "rows": len(table),
        "columns": list(NAMES),
        "seed": seed,
        "shard_events": SHARD_EVENTS,
        "generators": {name: importlib.metadata.version(name) for name in (*PACKAGES, "numpy")},
        "detector": asdict(Detector()),
        "sha256": digest(table),
        "sha256_of": "the table as little-endian float32, row by row, the label first",
    }


def digest(table: NDArray[np.float32]) -> str:
    """SHA-256 of the values of a table (rows, 1 + features), whatever file they come in."""
    return hashlib.sha256(np.ascontiguousarray(table, dtype="<f4").tobytes()).hexdigest()


def fetch(config: SimulatedData, destination: Path) -> dict[str, Any]:
    """Simulate `config.rows` events into the Parquet file `destination`; return where they come from.

    The same facts are kept in the file, as JSON under METADATA_KEY. Raises UserError without the extra `simulate`.
    """
    table = simulate(config.rows, config.seed, config.processes)
    facts = _provenance(table, config.seed)
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in table.T], schema=table_schema())
    write_table(destination, [batch], metadata={METADATA_KEY: json.dumps(facts)})
    return facts


def write_bundled(path: Path = BUNDLED) -> dict[str, Any]:
    """Simulate the events that are committed with the project; return where they come from."""
    config = SimulatedData(source="simulated", rows=BUNDLED_ROWS, seed=BUNDLED_SEED, processes=None)
    return fetch(config, path)

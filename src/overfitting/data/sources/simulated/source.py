"""HIGGS-like events simulated at run time: collisions by Pythia 8, jets by FastJet, then a parametrised detector.

Events are simulated in shards of fixed size. A shard depends on (seed, label, index) only, so the number of processes
changes no event, and a larger table contains the events of a smaller one with the same seed.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import math
import multiprocessing
import os
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overfitting.base.errors import UserError
from overfitting.base.progress_bar import Tracker, track
from overfitting.config.sources import SimulatedData
from overfitting.data.columns import LABEL, NAMES
from overfitting.data.events import table_schema, write_table
from overfitting.data.manifest import Provenance
from overfitting.data.sources.simulated.collisions import collide
from overfitting.data.sources.simulated.detector import Detector, observe

SIGNAL_SHARE = 0.53  # of HIGGS: 5,829,123 of 11,000,000 rows
SHARD_EVENTS = 2000  # collisions before selection; another number gives other events
SELECTED_SHARE = 0.23  # approximate, of collisions; used to plan the work, changes no event
BUNDLED = Path("data/bundled/higgs-like.parquet")
POOL_ROWS, POOL_SEED = 105_000, 0
HELD_OUT_ROWS, HELD_OUT_SEED = 20_000, 1  # test rows, simulated after all defaults had been chosen
FEW_VALUES = [name for name in (LABEL, *NAMES) if name == LABEL or name.endswith("btag")]  # columns
METADATA_KEY = "overfitting"  # in the Parquet file: the origin of its rows, as JSON
CITATION = (
    "Simulated by the project `overfitting` with Pythia 8.3 (C. Bierlich et al., SciPost Phys. Codebases 8, 2022) and "
    "FastJet 3 (M. Cacciari, G. P. Salam, G. Soyez, Eur. Phys. J. C 72, 1896, 2012), after the processes of HIGGS "
    "(P. Baldi, P. Sadowski, D. Whiteson, Nature Communications 5, 4308, 2014). HIGGS-like: not HIGGS."
)
PACKAGES = ("pythia8mc", "fastjet", "awkward", "vector")


def shard(seed: int, label: int, index: int) -> NDArray[np.float32]:
    """Selected events (n, 28) of shard `index` of class `label` (1 = signal).

    The lepton comes from the positive W in even shards, from the negative W in odd ones.
    """
    collision_rng, detector_rng = np.random.default_rng([seed, index, label]).spawn(2)
    truth = collide(bool(label), bool(index % 2), SHARD_EVENTS, collision_rng)
    return observe(truth, detector_rng)


def first_rows(pool: Executor, seed: int, label: int, rows: int, progress: Tracker) -> NDArray[np.float32]:
    """The first `rows` events of class `label`, (rows, 28); `pool` simulates the shards."""
    parts, index = [np.empty((0, len(NAMES)), np.float32)], 0
    while (missing := rows - sum(map(len, parts))) > 0:
        count = math.ceil(missing / (SHARD_EVENTS * SELECTED_SHARE))
        for part in pool.map(partial(shard, seed, label), range(index, index + count)):
            parts.append(part[:missing])
            missing -= len(parts[-1])
            progress.advance(len(parts[-1]))
        index += count
    return np.concatenate(parts)


def simulate(rows: int, seed: int, processes: int | None = None) -> NDArray[np.float32]:
    """Simulate `rows` events in random order, (rows, 29) with the label first; `processes` None is one per core.

    Raises:
        UserError: Pythia or FastJet is not installed.
    """
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        raise UserError(
            f"data=simulated needs Pythia 8 and FastJet, but {', '.join(absent)} cannot be imported; "
            "run `pip install --editable '.[simulate]'`, or use the events in the repository: data=bundled"
        )
    signal, parts = round(SIGNAL_SHARE * rows), []
    # spawned, because forked workers would inherit the locks of this process's threads
    pool = ProcessPoolExecutor(processes or os.cpu_count(), multiprocessing.get_context("spawn"), initializer=_mute)
    with pool, track(rows, "Simulating", "events") as progress:
        for label, count in ((1, signal), (0, rows - signal)):
            parts.append(np.column_stack([np.full(count, label), first_rows(pool, seed, label, count, progress)]))
    return np.random.default_rng(seed).permutation(np.concatenate(parts).astype(np.float32))


def _mute() -> None:
    """Discard the standard output of a worker, where FastJet prints a banner; errors go to standard error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def fetch(config: SimulatedData, destination: Path) -> Provenance:
    """Simulate `config.rows` events into the Parquet file `destination`, which stores its provenance as metadata.

    Raises:
        UserError: the extra `simulate` is not installed.
    """
    return _write(simulate(config.rows, config.seed, config.processes), config.seed, destination)


def write_bundled(path: Path = BUNDLED) -> Provenance:
    """Simulate the events that are committed with the project: for the pool, then those that only become test rows."""
    table = np.concatenate([simulate(POOL_ROWS, POOL_SEED), simulate(HELD_OUT_ROWS, HELD_OUT_SEED)])
    return _write(table, POOL_SEED, path, held_out=HELD_OUT_ROWS, held_out_seed=HELD_OUT_SEED)


def digest(table: NDArray[np.float32]) -> str:
    """SHA-256 of the values of a table (rows, 1 + features), independent of the file format."""
    return hashlib.sha256(np.ascontiguousarray(table, dtype="<f4").tobytes()).hexdigest()


def _write(table: NDArray[np.float32], seed: int, path: Path, **more: int) -> Provenance:
    """Write simulated events as a small Parquet file, which holds their provenance as metadata."""
    facts = {
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
        **more,
    }
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in table.T], schema=table_schema())
    write_table(path, [batch], metadata={METADATA_KEY: json.dumps(facts)}, few_values=FEW_VALUES)
    return Provenance.model_validate(facts)

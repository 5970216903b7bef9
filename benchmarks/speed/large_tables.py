"""Seconds and memory of the stages `download` and `preprocess` on large generated tables."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip
from pyarrow import csv
from tables import FOLDER, events_project, higgs_file

from overfitting.config.composition import compose_config
from overfitting.data.columns import LABEL, NAMES
from overfitting.data.events import table_schema
from overfitting.data.sources.higgs import source

PREPROCESS = """
import re, sys, time
from overfitting.config.composition import compose_config
from overfitting.stages import preprocess
config = compose_config(sys.argv[1:])
began = time.perf_counter()
preprocess.run(config)
taken = time.perf_counter() - began
# not ru_maxrss, which begins with the memory of the parent process
print(taken, 1024 * int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]))
"""


def reading_seconds(rows: int) -> dict[str, Callable[[], float]]:
    """Ways to read a HIGGS file: this project's, whole or its first lines, and `isal` with Arrow's streaming reader."""
    path = higgs_file(rows)

    def ours(*overrides: str) -> None:
        config = compose_config(["data=higgs", f"data.path={path}", *overrides])
        source.fetch(config.data, FOLDER / "events.parquet")

    def arrow(types: pa.Schema | None) -> None:
        reading = csv.ReadOptions(column_names=[LABEL, *NAMES])
        converting = csv.ConvertOptions(column_types=types)
        with (
            igzip.open(path) as file,
            csv.open_csv(file, read_options=reading, convert_options=converting) as reader,
        ):
            assert sum(batch.num_rows for batch in reader) == rows

    return {
        "ours": lambda: seconds(lambda: ours("data.rows=null")),
        "lines": lambda: seconds(lambda: ours(f"data.rows={rows}")),
        "arrow": lambda: seconds(lambda: arrow(None)),
        "arrow float32": lambda: seconds(lambda: arrow(table_schema())),
    }


def preprocess_seconds_and_memory(root: Path, rows: int, peaks: list[float]) -> float:
    """Seconds of stage `preprocess` in a process of its own, whose peak memory (RSS, MB) is added to `peaks`."""
    project = events_project(rows)
    for name in ("conf", "params.yaml"):
        if not (project / name).exists():
            (project / name).symlink_to(root / name)
    split = {"train": rows * 7 // 10, "validation": rows // 10, "test": rows // 10, "search": 0}
    overrides = [f"split.{name}={size}" for name, size in split.items()]
    command = [sys.executable, "-c", PREPROCESS, *overrides]
    output = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout
    taken, peak = map(float, output.splitlines()[-1].split())
    peaks.append(peak / 1e6)
    return taken


def saving_seconds(rows: int) -> float:
    """Seconds to read the rows into one array and save it, without checks, shuffling or scaling."""
    project = events_project(rows)

    def save() -> None:
        table = pq.read_table(project / "data/raw/events.parquet", columns=list(NAMES))
        np.save(project / "plain.npy", np.column_stack([column.to_numpy() for column in table.columns]))

    return seconds(save)


def seconds(work: Callable[[], None]) -> float:
    """Seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

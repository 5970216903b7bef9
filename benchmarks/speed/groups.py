"""Groups of rows: each function measures this project against something else and returns its rows by name.

`project` is a scratch project with prepared rows, `variants` the settings of each variant.
"""

import itertools
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from arrays import ROOT, TRAIN_ROWS, VALIDATION_ROWS, prepared, scratch, tiled
from engines import BATCH
from large_tables import preprocess_seconds_and_memory, reading_seconds, saving_seconds
from memory import peak_private_bytes
from overhead import EPOCHS, nothing_to_do, showing
from rich.console import Console
from team import CORES, Team, interleaved, team
from verdict import time_to_verdict

TUTORIAL = ("tiny", "small", "medium", "large", "l2", "dropout", "l2_dropout")
SEEDS = [0, 1]
BFLOAT16 = {"precision": "mixed_bfloat16"}

Row = dict[str, Any]  # ours, reference, unit, ratio
Variants = Mapping[str, dict[str, Any]]
say = Console(stderr=True).print


def lower_is_better(ours: float, reference: float, unit: str) -> Row:
    return {"ours": ours, "reference": reference, "unit": unit, "ratio": reference / ours}


def epochs_for(variant: dict[str, Any]) -> int:
    """Number of epochs that take about a second."""
    return 2 if max(variant["hidden_units"]) > 100 else 25


def epoch_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """Seconds per epoch and seed against plain Keras: each variant, and the seven of the tutorial together."""
    rows, found = prepared(project), {}
    low: dict[str, float] = {}
    with team("ours") as ours, team("ours") as bfloat, team("keras", side_by_side=False) as keras:
        for name, variant in variants.items():
            ours.call("prepare", variant, rows, {})
            bfloat.call("prepare", variant, rows, BFLOAT16)
            keras.call("prepare", variant, rows, {})
            epochs = epochs_for(variant)
            teams = {"ours": ours, "keras": keras, "bfloat": bfloat}
            times = interleaved({engine: partial(of.seconds, epochs) for engine, of in teams.items()})
            found[f"epoch/{name}"] = lower_is_better(times["ours"], times["keras"], "s per epoch and seed")
            low[name] = times["bfloat"]
            say(name, times)
    total = {part: sum(found[f"epoch/{name}"][part] for name in TUTORIAL) for part in ("ours", "reference")}
    found["epoch/all"] = lower_is_better(**total, unit="s per epoch of all seven")
    low_total = sum(low[name] for name in TUTORIAL)
    found["epoch/all_bfloat16"] = lower_is_better(low_total, total["reference"], "s per epoch of all seven")
    return found


def peak_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """A whole epoch of `large` against its matrix products alone, on all cores."""
    large, rows = variants["large"], prepared(project)
    widths = [28, *large["hidden_units"], 1]
    weights = [a * b for a, b in itertools.pairwise(widths)]
    trained = 2 * TRAIN_ROWS * (3 * sum(weights) - weights[0])  # the input needs no gradient
    operations = trained + 2 * VALIDATION_ROWS * sum(weights)
    products = 60 * 3 * 2 * BATCH * large["hidden_units"][0] ** 2
    with team("ours") as ours, team("products") as bare:
        for contestant in (ours, bare):
            contestant.call("prepare", large, rows, {})
        rates = interleaved(
            {
                "ours": lambda: operations / ours.seconds(2) / 1e9,
                "bare": lambda: products / bare.seconds(2) / 1e9,
            }
        )
    share = rates["ours"] / rates["bare"]
    return {"peak/large": {"ours": rates["ours"], "reference": rates["bare"], "unit": "GFLOP/s", "ratio": share}}


def setting_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """Optional settings on against off: bfloat16 products, XLA, and streaming of a table that fits in memory."""
    found, rows = {}, prepared(project)
    cases = {
        **{f"bfloat16/{name}": (name, BFLOAT16) for name in ("medium", "large", "dropout")},
        **{f"xla/{name}": (name, {"jit_compile": True}) for name in ("tiny", "medium", "large", "dropout")},
    }
    with team("ours") as on, team("ours") as off:
        for row, (name, settings) in cases.items():
            found[row] = versus_default(on, off, variants[name], rows, settings, epochs_for(variants[name]))
        for size, label in ((100_000, "100k"), (1_000_000, "1M")):
            large_rows = tiled(project, size)
            epochs = 1_000_000 // size
            settings = {"streaming": True}
            found[f"streaming/{label}"] = versus_default(on, off, variants["medium"], large_rows, settings, epochs)
    return found


def versus_default(
    on: Team, off: Team, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any], epochs: int
) -> Row:
    """Settings on (ours) against off (reference)."""
    on.call("prepare", variant, rows, settings)
    off.call("prepare", variant, rows, {})
    times = interleaved({"on": lambda: on.seconds(epochs), "off": lambda: off.seconds(epochs)})
    return lower_is_better(times["on"], times["off"], "s per epoch and seed")


def dropout_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """Four dropout layers of 512 units, forward and backward, against `keras.layers.Dropout`."""
    variant = variants["dropout"]
    with team("dropout") as ours, team("dropout") as keras:
        ours.call("prepare", variant, {}, {"ours": True})
        keras.call("prepare", variant, {}, {"ours": False})
        times = interleaved({"ours": lambda: ours.seconds(3) / 20, "keras": lambda: keras.seconds(3) / 20})
    return {"dropout/layers": lower_is_better(times["ours"], times["keras"], "s per step of four layers")}


def peer_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """PyTorch and JAX, each in its faster arrangement: one process with all threads, or one process per core."""
    found, rows = {}, prepared(project)
    with team("ours") as ours:
        for engine in ("torch", "jax"):
            with team(engine) as apart, team(engine, side_by_side=False) as alone:
                for name in ("large", "dropout"):
                    for contestant in (ours, apart, alone):
                        contestant.call("prepare", variants[name], rows, {})
                    times = interleaved(
                        {
                            "ours": lambda: ours.seconds(2),
                            "apart": lambda: apart.seconds(2),
                            "alone": lambda: alone.seconds(2),
                        }
                    )
                    best = min(times["apart"], times["alone"])
                    found[f"{engine}/{name}"] = lower_is_better(times["ours"], best, "s per epoch and seed")
                    say(engine, name, times)
    return found


def growth_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """Seconds per 10,000 rows of large tables against a table of 10,000; peak memory against plain Keras."""
    found = {}
    with team("ours") as small, team("ours") as grown:
        for name, sizes in (("medium", (100_000, 1_000_000)), ("large", (100_000,))):
            small.call("prepare", variants[name], prepared(project), {})
            for size in sizes:
                grown.call("prepare", variants[name], tiled(project, size), {})
                times = interleaved(
                    {"grown": partial(grown.seconds, 1), "small": partial(small.seconds, epochs_for(variants[name]))}
                )
                per_10k = times["grown"] / (size // TRAIN_ROWS)
                row = lower_is_better(per_10k, times["small"], "s per 10,000 rows")
                found[f"growth/{name}_{size // 1000}k"] = row
    large_rows = tiled(project, 1_000_000)
    bytes_used = {engine: peak_private_bytes(engine, variants["tiny"], large_rows) for engine in ("ours", "keras")}
    row = lower_is_better(bytes_used["ours"] / 1e6, bytes_used["keras"] / 1e6, "MB beyond start-up, 1 M rows")
    return {**found, "growth/memory_1000k": row}


def read_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """Stage `download` on a local HIGGS file of 1,000,000 rows against `isal` and Arrow's streaming reader alone."""
    times = interleaved(reading_seconds(1_000_000))
    return {
        "read/higgs": lower_is_better(times["ours"], times["arrow"], "s, 1 M rows"),
        "read/higgs_lines": lower_is_better(times["lines"], times["arrow"], "s, 1 M rows"),
        "read/higgs_float32": lower_is_better(times["ours"], times["arrow float32"], "s, 1 M rows"),
    }


def preprocess_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """Stage `preprocess` against the plainest way to write an array, and its memory against the table's size."""
    found = {}
    for rows in (1_000_000, 4_000_000):
        peaks: list[float] = []
        times = interleaved(
            {
                "ours": partial(preprocess_seconds_and_memory, ROOT, rows, peaks),
                "plain": partial(saving_seconds, rows),
            },
            repeats=3,
        )
        name = f"{rows // 1000}k"
        found[f"preprocess/time_{name}"] = lower_is_better(times["ours"], times["plain"], "s")
        found[f"preprocess/memory_{name}"] = lower_is_better(max(peaks), rows * 29 * 4 / 1e6, "MB of peak memory")
    return found


def verdict_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """Seconds from prepared rows to trained models: this project's defaults against the tutorial's protocol."""
    with scratch({"seeds": SEEDS, "preprocessing": {"scaling": "none"}}) as raw:
        chosen = {name: variants[name] for name in TUTORIAL}
        return time_to_verdict(project, prepared(project), prepared(raw), chosen, SEEDS, say)


def overhead_rows(project: Path, variants: Variants) -> dict[str, Row]:
    """Cost of the progress display, and of `dvc repro` with nothing to do."""
    seeds = list(range(CORES))
    journals = [project / f"runs/large/{seed}/history.csv" for seed in seeds]
    ways = {"progress": partial(showing, project, "large", seeds), "off": nullcontext}
    with team("ours") as trainers:
        trainers.call("prepare", variants["large"], prepared(project), {})
        times = interleaved({name: partial(followed, trainers, journals, way) for name, way in ways.items()})
    found = {"progress": lower_is_better(times["progress"], times["off"], f"s to train large, {CORES} seeds")}
    with nothing_to_do(ROOT) as commands:
        times = interleaved(commands)
    return {**found, "nothing_to_do": lower_is_better(times["repro"], times["status"], "s of dvc repro, dvc status")}


def followed(trainers: Team, journals: list[Path], way: Callable[[], Any]) -> float:
    """Seconds for EPOCHS epochs of every trainer while `way` follows their journals."""
    began = time.perf_counter()
    with way():
        trainers.each("run_with_journal", [(EPOCHS, path) for path in journals])
    return time.perf_counter() - began


GROUPS = {
    "epoch": epoch_rows,
    "peak": peak_rows,
    "settings": setting_rows,
    "dropout": dropout_rows,
    "peers": peer_rows,
    "overhead": overhead_rows,
    "growth": growth_rows,
    "read": read_rows,
    "preprocess": preprocess_rows,
    "verdict": verdict_rows,
}

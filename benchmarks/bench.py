"""Speed and memory, as ratios measured side by side in one run -> results/bench.json and docs/benchmarks.md.

    make bench                               all rows, about an hour on two cores
    python benchmarks/bench.py epoch peak    the rows that start so; the others stay as they were

Contestants take turns, at least REPEATS times each, and medians are compared. A ratio above 1 means that ours is
better. Networks that the cores train side by side count: two seeds in 1.2 s are 0.6 s an epoch. Nothing else should run
on the machine meanwhile.
"""

import argparse
import dataclasses
import itertools
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from engines import BATCH, serve
from memory import peak_private_bytes
from overhead import EPOCHS, nothing_to_do, watchers
from rich.console import Console
from verdict import time_to_verdict

from overfitting.cli.scratch import copy_project, reproduce
from overfitting.config.composition import compose_variants

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results/bench.json"
PAGE = ROOT / "docs/benchmarks.md"
REPEATS = 5
CORES = psutil.cpu_count(logical=False) or os.cpu_count() or 1
TUTORIAL = ("tiny", "small", "medium", "large", "l2", "dropout", "l2_dropout")
TRAIN_ROWS, VALIDATION_ROWS = 10_000, 1_000  # the tutorial's
SEEDS = [0, 1]
BFLOAT16 = {"precision": "mixed_bfloat16"}

Row = dict[str, Any]
say = Console(stderr=True).print


class Team:
    """Processes of one engine that work side by side: one a core with one thread each, or one alone with all."""

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
        """What each process answers."""
        return self.each(method, [arguments] * self.size)

    def each(self, method: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
        """What each process answers to arguments of its own."""
        for end, own in zip(self._ends, arguments, strict=True):
            end.send((method, own))
        return [end.recv() for end in self._ends]

    def seconds(self, epochs: int) -> float:
        """Seconds an epoch and network."""
        return max(self.call("run", epochs)) / epochs / self.size

    def stop(self) -> None:
        """End the processes."""
        for end in self._ends:
            end.send(None)


@contextmanager
def team(engine: str, side_by_side: bool = True) -> Iterator[Team]:
    """A team for the length of a `with`."""
    made = Team(engine, side_by_side)
    try:
        yield made
    finally:
        made.stop()


def interleaved(contestants: dict[str, Callable[[], float]], repeats: int = REPEATS) -> dict[str, float]:
    """Medians of what the contestants return, each called in turn."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, measure in contestants.items():
            found[name].append(measure())
    return {name: median(values) for name, values in found.items()}


def lower_is_better(ours: float, reference: float, unit: str) -> Row:
    return {"ours": ours, "reference": reference, "unit": unit, "ratio": reference / ours}


def epochs_for(variant: dict[str, Any]) -> int:
    """As many as take about a second."""
    return 2 if max(variant["hidden_units"]) > 100 else 25


def epoch_rows(data: Path, variants: dict[str, dict[str, Any]]) -> dict[str, Row]:
    """Seconds an epoch and seed against plain Keras, for every variant and for the tutorial's seven."""
    rows, found = prepared(data), {}
    low: dict[str, float] = {}
    with team("ours") as ours, team("ours") as bfloat, team("keras", side_by_side=False) as keras:
        for name, variant in variants.items():
            ours.call("prepare", variant, rows, {})
            bfloat.call("prepare", variant, rows, BFLOAT16)
            keras.call("prepare", variant, rows, {})
            epochs = epochs_for(variant)
            times = interleaved(
                {
                    "ours": lambda: ours.seconds(epochs),  # noqa: B023
                    "keras": lambda: keras.seconds(epochs),  # noqa: B023
                    "bfloat": lambda: bfloat.seconds(epochs),  # noqa: B023
                }
            )
            found[f"epoch/{name}"] = lower_is_better(times["ours"], times["keras"], "s an epoch and seed")
            low[name] = times["bfloat"]
            say(name, times)
    total = {part: sum(found[f"epoch/{name}"][part] for name in TUTORIAL) for part in ("ours", "reference")}
    found["epoch/all"] = lower_is_better(**total, unit="s an epoch of all seven")
    low_total = sum(low[name] for name in TUTORIAL)
    found["epoch/all_bfloat16"] = lower_is_better(low_total, total["reference"], "s an epoch of all seven")
    return found


def peak_rows(data: Path, variants: dict[str, dict[str, Any]]) -> dict[str, Row]:
    """`large`, its whole epoch, against the bare products at its layers' shapes, on all cores."""
    large, rows = variants["large"], prepared(data)
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


def setting_rows(data: Path, variants: dict[str, dict[str, Any]]) -> dict[str, Row]:
    """What the optional settings do: bfloat16 products, XLA, and streaming where the table would fit."""
    found, rows = {}, prepared(data)
    cases = {
        **{f"bfloat16/{name}": (name, BFLOAT16) for name in ("medium", "large", "dropout")},
        **{f"xla/{name}": (name, {"jit_compile": True}) for name in ("tiny", "medium", "large", "dropout")},
    }
    with team("ours") as on, team("ours") as off:
        for row, (name, settings) in cases.items():
            found[row] = versus_default(on, off, variants[name], rows, settings, epochs_for(variants[name]))
        for size, label in ((100_000, "100k"), (1_000_000, "1M")):
            large_rows = tiled(data, size)
            epochs = 1_000_000 // size
            settings = {"streaming": True}
            found[f"streaming/{label}"] = versus_default(on, off, variants["medium"], large_rows, settings, epochs)
    return found


def versus_default(
    on: Team, off: Team, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any], epochs: int
) -> Row:
    """A setting on (ours) against off (reference)."""
    on.call("prepare", variant, rows, settings)
    off.call("prepare", variant, rows, {})
    times = interleaved({"on": lambda: on.seconds(epochs), "off": lambda: off.seconds(epochs)})
    return lower_is_better(times["on"], times["off"], "s an epoch and seed")


def dropout_rows(data: Path, variants: dict[str, dict[str, Any]]) -> dict[str, Row]:
    """Four dropout layers of 512 units, forward and backward, against `keras.layers.Dropout`."""
    variant = variants["dropout"]
    with team("dropout") as ours, team("dropout") as keras:
        ours.call("prepare", variant, {}, {"ours": True})
        keras.call("prepare", variant, {}, {"ours": False})
        times = interleaved({"ours": lambda: ours.seconds(3) / 20, "keras": lambda: keras.seconds(3) / 20})
    return {"dropout/layers": lower_is_better(times["ours"], times["keras"], "s a step of four layers")}


def peer_rows(data: Path, variants: dict[str, dict[str, Any]]) -> dict[str, Row]:
    """PyTorch and JAX, whichever way they are faster: one process with all threads, or one a core."""
    found, rows = {}, prepared(data)
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
                    found[f"{engine}/{name}"] = lower_is_better(times["ours"], best, "s an epoch and seed")
                    say(engine, name, times)
    return found


def growth_rows(data: Path, variants: dict[str, dict[str, Any]]) -> dict[str, Row]:
    """Seconds for 10,000 rows at 100 k and 1 M rows against the same at 10 k; memory against plain Keras."""
    found = {}
    with team("ours") as small, team("ours") as grown:
        for name, sizes in (("medium", (100_000, 1_000_000)), ("large", (100_000,))):
            small.call("prepare", variants[name], prepared(data), {})
            for size in sizes:
                grown.call("prepare", variants[name], tiled(data, size), {})
                factor, epochs = size // TRAIN_ROWS, 1
                times = interleaved(
                    {
                        "grown": lambda: grown.seconds(epochs) / factor,  # noqa: B023
                        "small": lambda: small.seconds(epochs_for(variants[name])),  # noqa: B023
                    }
                )
                row = lower_is_better(times["grown"], times["small"], "s for 10,000 rows")
                found[f"growth/{name}_{size // 1000}k"] = row
    large_rows = tiled(data, 1_000_000)
    bytes_used = {engine: peak_private_bytes(engine, variants["tiny"], large_rows) for engine in ("ours", "keras")}
    row = lower_is_better(bytes_used["ours"] / 1e6, bytes_used["keras"] / 1e6, "MB beyond start-up, 1 M rows")
    return {**found, "growth/memory_1000k": row}


def verdict_rows(data: Path, variants: dict[str, dict[str, Any]]) -> dict[str, Row]:
    """Seconds from the prepared rows to trained models: this project's defaults against the tutorial's protocol."""
    with scratch({"seeds": SEEDS, "preprocessing": {"scaling": "none"}}) as raw:
        chosen = {name: variants[name] for name in TUTORIAL}
        return time_to_verdict(data, prepared(data), prepared(raw), chosen, SEEDS, say)


def overhead_rows(data: Path, variants: dict[str, dict[str, Any]]) -> dict[str, Row]:
    """What logging, progress display and a `dvc repro` with nothing to do cost."""
    found = {}
    seeds = list(range(CORES))
    journals = [data / f"runs/large/{seed}/history.csv" for seed in seeds]
    with team("ours") as trainers, watchers(data, "large", seeds) as ways:
        trainers.call("prepare", variants["large"], prepared(data), {})
        for way in ("mlflow", "progress"):
            times = interleaved(
                {name: lambda name=name: followed(trainers, journals, ways[name]) for name in (way, "off")}
            )
            found[way] = lower_is_better(times[way], times["off"], f"s of training large, {CORES} seeds")
    with nothing_to_do(ROOT) as commands:
        times = interleaved(commands)
    return {**found, "nothing_to_do": lower_is_better(times["repro"], times["status"], "s of dvc repro, dvc status")}


def followed(trainers: Team, journals: list[Path], way: Callable[[], Any]) -> float:
    """Seconds of EPOCHS epochs of each trainer, their journals followed in that way."""
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
    "verdict": verdict_rows,
}


@contextmanager
def scratch(settings: dict[str, Any]) -> Iterator[Path]:
    """A scratch copy of the project with prepared rows."""
    with tempfile.TemporaryDirectory(prefix="overfitting-bench-") as folder:
        copy_project(ROOT, Path(folder), settings)
        if reproduce(Path(folder), "preprocess"):
            sys.exit("the rows could not be prepared")
        yield Path(folder)


def prepared(data: Path) -> dict[str, str]:
    """Where the arrays of the rows begin, by part; of the validation rows the tutorial's number."""
    folder = data / "data/prepared"
    for part in ("features", "labels"):
        few = folder / f"few_{part}.npy"
        if not few.exists():
            np.save(few, np.load(folder / f"validation_{part}.npy")[:VALIDATION_ROWS])
    return {"train": str(folder / "train"), "validation": str(folder / "few"), "test": str(folder / "test")}


def tiled(data: Path, size: int) -> dict[str, str]:
    """The training rows repeated to `size`."""
    rows = prepared(data)
    target = data / f"tiled_{size}"
    for part in ("features", "labels"):
        array = np.load(f"{rows['train']}_{part}.npy")
        if not Path(f"{target}_{part}.npy").exists():
            np.save(f"{target}_{part}.npy", np.resize(array, (size, *array.shape[1:])))
    return {**rows, "train": str(target)}


def page(found: dict[str, Row]) -> str:
    """docs/benchmarks.md."""
    lines = ["| row | ours | reference | unit | ratio |", "|---|---|---|---|---|"]
    lines += [
        f"| `{name}` | {row['ours']:.4g} | {row['reference']:.4g} | {row['unit']} | {row['ratio']:.2f} |"
        for name, row in found.items()
    ]
    return "\n".join(lines)


def write(found: dict[str, Row]) -> None:
    """Merge the rows into results/bench.json, and put the table on the page."""
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    merged = {**known, **found}
    RESULTS.write_text(json.dumps(merged, indent=2) + "\n")
    begin, end = "<!-- table -->\n", "<!-- /table -->"
    text = PAGE.read_text()
    before, rest = text.split(begin)
    PAGE.write_text(f"{before}{begin}{page(merged)}\n{end}{rest.split(end)[1]}")


def machine() -> str:
    """What it was measured on."""
    return f"{CORES} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, Python {platform.python_version()}"


def main() -> None:
    """Measure the groups that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", help=f"some of {', '.join(GROUPS)} (default: all)")
    chosen = parser.parse_args().groups or list(GROUPS)
    if unknown := set(chosen) - set(GROUPS):
        parser.error(f"unknown group {', '.join(sorted(unknown))}; expected some of {', '.join(GROUPS)}")
    say(machine())
    variants = {name: dataclasses.asdict(config.variant) for name, config in compose_variants().items()}
    with scratch({"seeds": SEEDS}) as data:
        for name in chosen:
            started = time.monotonic()
            found = GROUPS[name](data, variants)
            write(found)
            say(f"{name}: {time.monotonic() - started:.0f} s")
            for row, values in found.items():
                figures = "  ".join(f"{values[key]:10.4g}" for key in ("ours", "reference", "ratio"))
                print(f"{row:24} {figures}  {values['unit']}")


if __name__ == "__main__":
    main()

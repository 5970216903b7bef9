"""What MLflow is to show of the files under runs/: names, parameters, points, data. No MLflow in here."""

import csv
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from overfitting.base import files

CURVES = ("train_log_loss", "val_log_loss", "train_accuracy", "val_accuracy", "learning_rate", "penalty")

Point = tuple[str, float, int, int]  # name, value, milliseconds since 1970, step


@dataclass(frozen=True)
class Run:
    """A finished training under runs/, and what `evaluate` measured of it (empty: not yet)."""

    folder: Path
    summary: dict[str, Any]
    measured: dict[str, float]
    locked: str | None  # hash of the variant's output in dvc.lock, where it is there

    @property
    def identity(self) -> dict[str, str]:
        """The tags that find a run; the variant counts, since two names may stand for one configuration."""
        return {key: str(self.summary[key]) for key in ("variant", "seed", "fingerprint")}

    @property
    def tags(self) -> dict[str, str]:
        """The identity, and what the run was made of and into."""
        locked = {"dvc_lock": self.locked} if self.locked else {}
        return {**self.identity, **locked, "data_hash": self.summary["data_fingerprint"]}

    @property
    def parameters(self) -> dict[str, Any]:
        """The configuration that was trained: `variant`, `training`."""
        return dict(self.summary["config"])

    @property
    def ended(self) -> int:
        """When the training ended, in milliseconds since 1970."""
        return int((self.folder / "summary.json").stat().st_mtime * 1000)

    @property
    def started(self) -> int:
        """When it started; the same as `ended`, less the seconds of all epochs."""
        return self.ended - int(self.summary["seconds"] * 1000)

    def curves(self) -> list[Point]:
        """All epochs, at the times when they ended."""
        found, elapsed = [], 0.0
        with (self.folder / "history.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                elapsed += float(row["seconds"])
                values = {name: float(row[name]) for name in CURVES}
                found += points(values, int(row["epoch"]), self.started + int(elapsed * 1000))
        return found

    def values(self) -> dict[str, float]:
        """What sums the run up, under names of its own: MLflow's table shows the last point of a curve."""
        best, last = self.summary["best"], self.summary["last"]
        weights = ("weight_norm", "near_zero_share", "near_zero_share_initial", "zero_share")
        names = ("best_epoch", "epochs", "parameters", "seconds", *weights)
        values = {
            **{f"best_{name}": value for name, value in best.items()},
            **{f"last_{name}": value for name, value in last.items()},
            "gap_best": best["val_log_loss"] - best["train_log_loss"],
            "gap_last": last["val_log_loss"] - last["train_log_loss"],
            **{name: self.summary.get(name) for name in names},
            **self.measured,
        }
        return {name: float(value) for name, value in values.items() if value is not None}


def read_results(root: Path) -> dict[str, Any]:
    """results/metrics.json, or nothing where there is none yet."""
    path = root / "results/metrics.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def read_runs(root: Path, results: Mapping[str, Any]) -> list[Run]:
    """All finished trainings under runs/."""
    summaries = {path.parent: json.loads(path.read_text()) for path in (root / "runs").rglob("summary.json")}
    locked = read_lock(root)
    return [
        Run(folder, summary, _measured(summary, results), locked.get(f"{files.RUNS}/{summary['variant']}"))
        for folder, summary in sorted(summaries.items())
    ]


def read_lock(root: Path) -> dict[str, str]:
    """Hashes of outputs by their paths, as dvc.lock has them; empty where there is none."""
    path = root / "dvc.lock"
    stages = yaml.safe_load(path.read_text())["stages"] if path.is_file() else {}
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}


def points(values: Mapping[str, float], step: int, milliseconds: int) -> list[Point]:
    """An epoch's values of the curves."""
    return [(name, float(values[name]), milliseconds, step) for name in CURVES if name in values]


def now(values: Mapping[str, float]) -> list[Point]:
    """Values that belong to no epoch. Their time is now: of several points MLflow shows the latest."""
    milliseconds = int(time.time() * 1000)
    return [(name, value, milliseconds, 0) for name, value in values.items()]


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Leaves of nested settings by dotted names, as text: `variant.l2`, `training.epochs`."""
    leaves: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            leaves |= flat(value, f"{prefix}{key}.")
        else:
            leaves[prefix + key] = _text(value)
    return leaves


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value)


def run_name(identity: Mapping[str, Any]) -> str:
    """Name of a child."""
    return f"{identity['variant']} · seed {identity['seed']}"


def dataset(data: Mapping[str, Any]) -> dict[str, str]:
    """Fields of MLflow's dataset: the prepared arrays, by their fingerprint."""
    texts = _categorical(data)
    columns = [
        {"type": "string" if name in texts else "float", "name": name, "required": True}
        for name in (*data["columns"], data["label"])
    ]
    rows = {name: data[name] for name in ("rows", "train_rows", "validation_rows", "test_rows")}
    return {
        "name": data["source"],
        "digest": data["fingerprint"][:36],
        "source_type": data["source"],
        "source": json.dumps({"source": data["source"], "sha256": data["sha256"]}),
        "schema": json.dumps({"mlflow_colspec": columns}),
        "profile": json.dumps(rows),
    }


def example(root: Path, data: str) -> pd.DataFrame | None:
    """Raw (unscaled) columns of a few validation rows; None where data/prepared/ is not of `data` (fingerprint)."""
    manifest, path = root / files.MANIFEST, root / files.EXAMPLE
    if not (manifest.is_file() and path.is_file()) or json.loads(manifest.read_text())["fingerprint"] != data:
        return None
    table = json.loads(path.read_text())
    found = pd.DataFrame(table["rows"], columns=table["columns"], dtype=object)
    texts = _categorical(json.loads(manifest.read_text()))
    return found.astype({name: np.float64 for name in table["columns"] if name not in texts})


def _categorical(data: Mapping[str, Any]) -> set[str]:
    """Columns of a table of one's own that hold text."""
    columns = data.get("table", {}).get("columns", [])
    return {column["name"] for column in columns if column["role"] == "categorical"}


def _measured(summary: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, float]:
    """Test metrics of this very run: results/ may be of an earlier one with the same variant and seed."""
    variant = results.get("variants", {}).get(summary["variant"])
    seeds = results.get("run", {}).get("seeds", [])
    if variant is None or "ensemble_of" in variant or summary["seed"] not in seeds:
        return {}
    index = seeds.index(summary["seed"])
    values = {name: found["seeds"][index] for name, found in variant.items() if "seeds" in (_mapping(found))}
    of_summary = (summary["best"]["val_log_loss"], summary["seconds"])
    of_results = (values["val_log_loss_best"], values["seconds"])
    if results["data"]["fingerprint"] != summary["data_fingerprint"]:
        return {}
    if not all(math.isclose(a, b, rel_tol=1e-4) for a, b in zip(of_summary, of_results, strict=True)):
        return {}
    return {name: value for name, value in values.items() if name.startswith("test_")}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

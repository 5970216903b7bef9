"""What MLflow shows of the files under runs/: names, parameters, curves, metrics and data. Imports no MLflow."""

import csv
import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import yaml

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.data.manifest import Manifest
from overfitting.evaluation.results import Metrics
from overfitting.training import identity
from overfitting.training.history import Row
from overfitting.training.summary import Durations, Settings, Summary

Point = tuple[str, float, int, int]  # metric, value, milliseconds since 1970, step (the epoch, or 0)
TimedRow = tuple[int, Row]  # end of the epoch in milliseconds since 1970, the epoch's row of the history

CURVES = ("train_log_loss", "val_log_loss", "train_accuracy", "val_accuracy", "learning_rate", "penalty")
IDENTITY = ("variant", "seed", "repeat", "fingerprint")  # the variant, too: two can have the same configuration
CHOSEN = ("seed", "repeat", "train_rows")  # numbers of a summary that are no results

_log = logging.getLogger(__name__)


def identify(run: Summary | identity.Run) -> dict[str, str]:
    """The tags that find a run in MLflow."""
    return {key: str(getattr(run, key)) for key in IDENTITY}


def name(tags: Mapping[str, str]) -> str:
    """Name of the run with these tags in MLflow's lists."""
    repeat = "" if tags["repeat"] == "0" else f" · repeat {tags['repeat']}"
    return f"{tags['variant']} · seed {tags['seed']}{repeat}"


@dataclass(frozen=True)
class Run:
    """A finished run under runs/, with its test metrics (empty before `evaluate`)."""

    folder: Path
    summary: Summary
    test_metrics: dict[str, float]
    locked: dict[str, str]  # tag with the hash of the variant's output in dvc.lock, if there is one
    durations: Durations | None  # None if not known, as after `dvc pull`

    @property
    def tags(self) -> dict[str, str]:
        """The identity, the data's fingerprint and the output's hash."""
        return {**identify(self.summary), **self.locked, "data_hash": self.summary.data_fingerprint}

    @property
    def network(self) -> Path:
        """File of the network with its early weights."""
        return self.folder / "early.keras"

    @property
    def ended(self) -> int:
        """End of the training, in milliseconds since 1970."""
        ended = self.durations.ended if self.durations else (self.folder / "summary.json").stat().st_mtime
        return int(ended * 1000)

    @property
    def started(self) -> int:
        """Start of the training, in milliseconds since 1970: `ended` minus the seconds of all epochs."""
        return self.ended - int(self.durations.seconds * 1000 if self.durations else 0)

    def curves(self) -> list[Point]:
        """Points of all epochs, each at the time when its epoch ended, or all at `ended` if that is not known."""
        with (self.folder / "history.csv").open(newline="") as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        elapsed = accumulate(self.durations.epochs if self.durations else [0.0] * len(rows))
        return epoch_points((self.started + int(end * 1000), row) for end, row in zip(elapsed, rows, strict=True))

    def metrics(self) -> dict[str, float]:
        """Summary metrics under their own names, because MLflow's table shows only the last point of a curve."""
        fits = {"early": self.summary.early.model_dump(), "late": self.summary.late.model_dump()}
        values = {
            **{f"{phase}_{name}": value for phase, fit in fits.items() for name, value in fit.items()},
            **{f"{phase}_gap": fit["val_log_loss"] - fit["train_log_loss"] for phase, fit in fits.items()},
            **{name: value for name, value in self.summary if name not in CHOSEN},
            **({"seconds": self.durations.seconds} if self.durations else {}),
            **self.test_metrics,
        }
        return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}


def read_metrics(root: Path) -> Metrics | None:
    """results/metrics.json; None before the first `evaluate`. Raises as `Metrics.read` does."""
    path = root / files.METRICS
    return Metrics.read(path) if path.is_file() else None


def read_runs(root: Path, metrics: Metrics | None) -> list[Run]:
    """All finished runs under runs/; runs that another version wrote are left out, with one warning."""
    tested = {  # a run of an earlier configuration, with another fingerprint, has no test metrics
        (variant, run.fingerprint): {**dict(run.early.items()), "test_log_loss_late": run.late["test_log_loss"]}
        for variant, training in (metrics.trained if metrics else {}).items()
        for run in training.runs
    }
    runs, problems, lock = [], [], read_lock(root)
    for path in sorted((root / files.RUNS).rglob("summary.json")):
        try:
            found = Summary.read(path)
        except UserError as error:
            problems.append(str(error))
            continue
        durations = identity.read_durations(path.parent, found.fingerprint)
        test_metrics = tested.get((found.variant, found.fingerprint), {})
        locked = lock.get(f"{files.RUNS}/{found.variant}", {})
        runs.append(Run(path.parent, found, test_metrics, locked, durations))
    if problems:
        _log.warning("MLflow does not show runs of another version (%d): %s", len(problems), problems[0])
    return runs


def read_lock(root: Path) -> dict[str, dict[str, str]]:
    """The tag with the hash of each output in dvc.lock, by path; empty without a dvc.lock."""
    path = root / "dvc.lock"
    stages = yaml.safe_load(path.read_text())["stages"] if path.is_file() else {}
    return {out["path"]: {"dvc_lock": out["md5"]} for stage in stages.values() for out in stage.get("outs", [])}


def epoch_points(rows: Iterable[TimedRow]) -> list[Point]:
    """Points of the curves that the rows have."""
    return [(name, float(row[name]), when, int(row["epoch"])) for when, row in rows for name in CURVES if name in row]


def current_points(values: Mapping[str, float]) -> list[Point]:
    """Points that belong to no epoch. They get the present time, because MLflow shows the latest of several points."""
    milliseconds = int(time.time() * 1000)
    return [(name, value, milliseconds, 0) for name, value in values.items()]


def parameters(settings: Settings) -> dict[str, str]:
    """The settings of a run as MLflow's parameters: `variant.l2`, `training.epochs`."""
    return flat(settings.model_dump())


def flat(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Leaves of nested values as text, by dotted names."""
    leaves: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            leaves |= flat(value, f"{prefix}{key}.")
        else:
            leaves[prefix + key] = _text(value)
    return leaves


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value)


def dataset(data: Manifest) -> dict[str, str]:
    """Fields of MLflow's dataset, which stands for the prepared arrays."""
    columns = [
        {"type": "string" if name in data.categorical else "float", "name": name, "required": True}
        for name in (*data.columns, data.label)
    ]
    return {
        "name": data.source,
        "digest": data.fingerprint[:36],
        "source_type": data.source,
        "source": json.dumps({"source": data.source, "sha256": data.sha256}),
        "schema": json.dumps({"mlflow_colspec": columns}),
        "profile": json.dumps(data.model_dump(include={"rows", "train_rows", "validation_rows", "test_rows"})),
    }

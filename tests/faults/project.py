"""A project so small that a stage takes a second: 300 rows of a user-supplied table, networks of two units."""

import os
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import yaml

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.cli.ending import explained
from overfitting.cli.scratch import copy_files
from tests.conftest import ROOT

SETTINGS: dict[str, Any] = {
    "choices": {"data": "csv", "preprocessing": "standard", "training": "smoke", "evaluation": "default"},
    "split": {"train": 100, "validation": 60, "test": 80, "search": 0, "resample": False},
    "seeds": [0],
    "repeats": {},
    "baselines": ["logistic_regression"],
    "variants": ["large", "l2"],
}
DATA = {"path": "data/own/rows.csv", "label": "label", "missing": "impute"}


def make(root: Path) -> None:
    """Write the project, of which no stage has run."""
    root.mkdir(parents=True, exist_ok=True)
    copy_files(ROOT, root)
    for unused in ("src", "data/bundled"):
        shutil.rmtree(root / unused)
    generator = np.random.default_rng(0)
    table = pd.DataFrame(generator.normal(size=(300, 3)), columns=["a", "b", "c"]).round(3)
    table["label"] = (table["a"] + generator.normal(size=300) > 0).astype(int)
    table["colour"] = generator.choice(["red", "green"], 300)
    table.to_csv(root / "data/own/rows.csv", index=False)
    (root / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    _merge(root / "conf/data/csv.yaml", DATA)
    _merge(root / "conf/training/smoke.yaml", {"epochs": 2, "batch_size": 50})
    for name in SETTINGS["variants"]:
        _merge(root / f"conf/variant/{name}.yaml", {"hidden_units": [2]})


def _merge(path: Path, values: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump({**(yaml.safe_load(path.read_text()) or {}), **values}))


def download() -> None:
    from overfitting.config.composition import compose_config
    from overfitting.stages import download as stage

    stage.run(compose_config())


def preprocess() -> None:
    from overfitting.config.composition import compose_config
    from overfitting.stages import preprocess as stage

    stage.run(compose_config())


def train() -> None:
    """All runs, one after another; a checkpoint after each epoch."""
    from overfitting.config.composition import compose_variants
    from overfitting.data.manifest import Manifest
    from overfitting.stages import train as stage
    from overfitting.training import checkpoint, identity

    configs = compose_variants([])
    stage.prepare(configs)
    with mock.patch.object(checkpoint.Checkpoint.__init__, "__defaults__", (0.0,)):
        for run in identity.plan(configs, Manifest.read(files.MANIFEST).fingerprint):
            stage.run(run)


def baseline() -> None:
    from overfitting.config.composition import compose_baselines
    from overfitting.data.manifest import Manifest
    from overfitting.evaluation.baselines import plan
    from overfitting.stages import baseline as stage

    for found in plan(compose_baselines(), Manifest.read(files.MANIFEST).fingerprint):
        stage.run(found)


def evaluate() -> None:
    from overfitting.config.composition import compose_config
    from overfitting.stages import evaluate as stage

    stage.run(compose_config())


def report() -> None:
    """The stage without MLflow, which has tests of its own."""
    from overfitting.config.composition import compose_config
    from overfitting.stages import report as stage

    with mock.patch.object(stage.sync, "sync_within"):
        stage.run(compose_config())


STAGES: dict[str, Callable[[], None]] = {
    "download": download,
    "preprocess": preprocess,
    "train": train,
    "baseline": baseline,
    "evaluate": evaluate,
    "report": report,
}
OUTPUTS = {
    "download": ("data/raw",),
    "preprocess": ("data/prepared",),
    "train": ("runs/large", "runs/l2"),
    "baseline": ("runs/baselines",),
    "evaluate": ("results/predictions.parquet", "results/curves.csv", "results/metrics.json", "results/summary"),
    "report": (
        "results/report.html",
        "results/report.zh.html",
        "results/report.md",
        "results/model-card.md",
        "results/figures",
    ),
}
UNHASHED = ("durations.json", "run.js")


def outputs(root: Path, stage: str) -> dict[str, bytes]:
    """Bytes of the files that DVC hashes as outputs of a stage (see .dvcignore)."""
    found = [path for name in OUTPUTS[stage] for path in (root / name, *(root / name).rglob("*")) if path.is_file()]
    kept = [path for path in found if path.name not in UNHASHED and ".partial" not in str(path)]
    return {str(path.relative_to(root)): path.read_bytes() for path in kept}


OK, CLEAR, TRACEBACK = 0, 2, 3


def ended(root: Path, work: Callable[[], None]) -> tuple[int, str]:
    """Run `work` in `root`: its exit status as the command line would have it, and the message."""
    os.chdir(root)
    try:
        work()
    except UserError as error:
        return CLEAR, str(error)
    except Exception as error:
        reason = explained(error)
        return (CLEAR, reason) if reason else (TRACEBACK, traceback.format_exc())
    return OK, ""

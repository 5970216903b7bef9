"""`make learning-curve`: the comparison with different numbers of training rows, each in a folder of its own."""

import shutil
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.cli import scratch
from overfitting.config.composition import compose_config
from overfitting.config.types import CHECKED, Count, Name, Seed
from overfitting.config.validation import read_checked
from overfitting.evaluation import learning_curve

FOLDER = Path("learning-curve")
SIZES = FOLDER / "sizes"  # the results by size
CURVE = FOLDER / "curve.json"


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Settings:
    """learning-curve/params.yaml, which explains each value."""

    rows: Annotated[tuple[Count, ...], Field(min_length=2)]
    steps: Count
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    variants: Annotated[tuple[Name, ...], Field(min_length=1)]
    baselines: Annotated[tuple[Name, ...], Field(min_length=1)]


def read_settings() -> Settings:
    """Read and check learning-curve/params.yaml; a UserError has one line per wrong key."""
    settings = read_checked(Settings, FOLDER / "params.yaml")
    if list(settings.rows) != sorted(set(settings.rows)):
        raise UserError(f"{FOLDER}/params.yaml: rows: got {list(settings.rows)}, expected growing numbers")
    return settings


def compare(rows: int) -> None:
    """Train and evaluate the variants with `rows` training rows per seed; finished runs are kept."""
    settings, config = read_settings(), compose_config()
    folder, results = FOLDER / "work" / str(rows), SIZES / str(rows)
    if not config.split.test:
        raise UserError("split.test: got 0, but all sizes need the same test rows; set their number in params.yaml")
    batch = min(config.training.batch_size, rows)
    own = {
        "split": {"train": rows, "validation": max(rows // 2, 1)},
        "training": {"batch_size": batch, "epochs": -(-settings.steps // (rows // batch))},
        "repeats": {},
        **{name: list(getattr(settings, name)) for name in ("seeds", "variants", "baselines")},
    }
    scratch.run_linked(Path(), folder, ("conf", "data/raw"), own, ("preprocess", "train-all", "evaluate"))
    results.mkdir(parents=True, exist_ok=True)
    for path in (files.METRICS, files.PREDICTIONS):
        shutil.copy(folder / path, results / path.name)


def collect() -> None:
    """Write the learning curve from the results of all sizes; print what the remedies are worth."""
    settings = read_settings()
    curve = learning_curve.collect({rows: SIZES / str(rows) for rows in settings.rows}, settings.steps)
    curve.write(CURVE)
    print("\n".join(learning_curve.sentences(curve)))

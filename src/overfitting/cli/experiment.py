"""Experiments of DVC: runs one of conf/experiment/ on the whole pipeline, and shows all in a narrow table."""

import csv
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from overfitting.base import files
from overfitting.base.repository import DVC, dvc
from overfitting.config.composition import compose_variants, experiment_file
from overfitting.config.reading import read_mapping

IDENTITY = ("Experiment", "rev", "typ", "Created", "parent")  # columns of DVC's table
DROPPED = r"State|Executor|src/|data/|runs|requirements/|results/[\w-]+\."  # columns of states and dependencies


def run(name: str, options: Sequence[str]) -> int:
    """Run `dvc exp run` with the settings of the experiment, and more `options`; return the exit status."""
    compose_variants([f"+experiment={name}"])
    changes = [argument for setting in settings(name) for argument in ("--set-param", setting)]
    return subprocess.run([*DVC, "exp", "run", "--name", name, *changes, *options], check=False).returncode


def settings(name: str) -> list[str]:
    """The settings of the experiment as overrides of params.yaml, such as `++training.epochs=16`."""
    return [f"++{key}={json.dumps(value)}" for key, value in _leaves(read_mapping(experiment_file(name)))]


def show() -> None:
    """Print what differs between the experiments: a column each, a row for each setting and metric."""
    rows = list(csv.DictReader(dvc("exp", "show", "--csv", "--only-changed", "--drop", DROPPED).splitlines()))
    shown = Table("", *(row["Experiment"] or row["rev"] for row in rows), box=None, pad_edge=False)
    for field in rows[0] if rows else ():
        if field not in IDENTITY:
            name = field.removeprefix(f"{files.SUMMARY}/").replace(".json:", " ")
            shown.add_row(name, *(row[field] for row in rows))
    Console().print(shown)


def _leaves(values: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{start}{key}.")
        else:
            yield f"{start}{key}", value

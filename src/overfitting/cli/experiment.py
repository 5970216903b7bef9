"""Runs an experiment of conf/experiment/ on the whole pipeline, as an experiment of DVC."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overfitting.base.repository import DVC
from overfitting.config.composition import compose_variants, experiment_file
from overfitting.config.reading import read_mapping


def run(name: str, options: Sequence[str]) -> int:
    """Run `dvc exp run` with the settings of the experiment, and more `options`; return the exit status.

    Raises:
        UserError: there is no such experiment, or it is wrong.
    """
    compose_variants([f"+experiment={name}"])
    changes = [argument for setting in settings(name) for argument in ("--set-param", setting)]
    return subprocess.run([*DVC, "exp", "run", "--name", name, *changes, *options], check=False).returncode


def settings(name: str) -> list[str]:
    """The settings of the experiment as overrides of params.yaml, such as `++training.epochs=16`."""
    return [f"++{key}={json.dumps(value)}" for key, value in _leaves(read_mapping(experiment_file(name)))]


def _leaves(values: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{start}{key}.")
        else:
            yield f"{start}{key}", value

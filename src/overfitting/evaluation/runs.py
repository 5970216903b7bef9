"""Runs of a variant: what `train` wrote for each seed and repeat, and the logits of the test rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.schema import Config, Variant
from overfitting.evaluation.metrics import RowMetric
from overfitting.evaluation.results import PHASES, Phase
from overfitting.training.identity import Run, plan
from overfitting.training.loss import Array
from overfitting.training.summary import Summary

T = TypeVar("T")

SHOWN = 5  # missing runs that a message names
PER_PROCESS = 20  # networks that are worth the time in which a process loads TensorFlow


@dataclass(frozen=True)
class Runs:
    """All runs of a variant. An ensemble has the logits of its members' runs and no runs of its own."""

    logits: Mapping[Phase, Array]  # (n_seeds, n_repeats, n_rows), of the test rows
    parameters: int
    summaries: Sequence[Sequence[Summary]] = ()  # by seed, then by repeat
    histories: Sequence[Sequence[pd.DataFrame]] = ()  # one row per epoch
    ensemble_of: str | None = None

    @property
    def repeats(self) -> int:
        """Networks per seed."""
        return int(self.logits["early"].shape[1])

    @property
    def first(self) -> Summary:
        """Summary of the first run."""
        return self.summaries[0][0]

    def ensemble(self, name: str) -> "Runs":
        """The ensemble that averages the logits of each seed's networks; `name` is their variant."""
        return Runs(self.logits, self.repeats * self.parameters, ensemble_of=name)

    def predictors(self, phase: Phase) -> Array:
        """Logits (n_seeds, n_predictors, n_rows): of each network, or of the one ensemble per seed."""
        logits = self.logits[phase]
        return logits.mean(axis=1, keepdims=True) if self.ensemble_of else logits

    def row_values(self, metric: RowMetric, labels: Array, phase: Phase) -> Array:
        """Row values (n_seeds, n_rows) of a metric, means over the networks of a seed."""
        values: Array = metric(labels, self.predictors(phase)).mean(axis=1)
        return values

    def by_seed(self, value: Callable[[Summary], float]) -> Array:
        """A value of the summaries (n_seeds,), means over the networks of a seed."""
        return np.array([np.mean([value(summary) for summary in of_seed]) for of_seed in self.summaries])


def read(configs: Mapping[str, Config], finished: Sequence[tuple[Run, Summary]]) -> dict[str, Runs]:
    """Runs of all variants, whose configurations are `configs`, with their logits of the test rows."""
    planned, summaries = zip(*finished, strict=True) if finished else ((), ())
    logits = predict([run.folder for run in planned])
    trained: dict[str, Runs] = {}
    for name, config in configs.items():
        own = [index for index, run in enumerate(planned) if run.variant == name]
        if not own:
            continue
        shape = (len(config.seeds), -1)
        histories = [pd.read_csv(planned[index].folder / "history.csv") for index in own]
        repeats = len(own) // len(config.seeds)
        trained[name] = Runs(
            {phase: logits[phase][own].reshape(*shape, logits[phase].shape[1]) for phase in PHASES},
            summaries[own[0]].parameters,
            _nested([summaries[index] for index in own], repeats),
            _nested(histories, repeats),
        )
    members = {name: config.variant.ensemble_of for name, config in configs.items()}
    return {
        name: trained[name] if member is None else trained[member].ensemble(member) for name, member in members.items()
    }


def _nested(values: Sequence[T], repeats: int) -> list[list[T]]:
    """Values by seed, then by repeat."""
    return [list(values[start : start + repeats]) for start in range(0, len(values), repeats)]


def failures(configs: Mapping[str, Config], data: str) -> dict[str, str]:
    """Why variants have no results, by name: a run of theirs, or of the variant that they average, failed.

    Raises:
        UserError: all variants failed.
    """
    found: dict[str, str] = {}
    for run in plan(configs, data):
        if reason := run.failure():
            found.setdefault(run.variant, f"seed {run.seed}: {reason}")
    members = {name: config.variant.ensemble_of for name, config in configs.items()}
    found |= {name: f"{member} failed" for name, member in members.items() if member in found}
    if len(found) == len(configs):
        listed = "".join(f"\n  {name}: {reason}" for name, reason in found.items())
        raise UserError(f"expected a variant to compare, but the trainings of all failed:{listed}")
    return found


def finished(configs: Mapping[str, Config], data: str) -> list[tuple[Run, Summary]]:
    """All runs of the variants with their summaries; `data` is the fingerprint of the prepared rows.

    Raises:
        UserError: a run is missing or damaged, or was trained with another configuration, other data or other code.
    """
    planned = plan(configs, data)
    found = [run.summary() for run in planned]
    missing = [run for run, summary in zip(planned, found, strict=True) if summary is None]
    if missing:
        named = ", ".join(_with_reason(run) for run in missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
        stages = " ".join(f"train@{name}" for name in dict.fromkeys(run.variant for run in missing))
        raise UserError(
            f"expected finished runs of this configuration, data and code; {len(missing)} of {len(planned)} are not: "
            f"{named}; train them again:\n  dvc repro --force --single-item {stages}"
        )
    return [(run, summary) for run, summary in zip(planned, found, strict=True) if summary]


def _with_reason(run: Run) -> str:
    """Name of a run that is not finished and, if it is known, why."""
    failed, damage = run.folder / files.ERROR, run.damage()
    if damage or not failed.is_file():
        return run.name + (f" ({damage} damaged)" if damage else "")
    lines = failed.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{run.name} ({lines[-1]})" if lines else run.name


def predict(folders: Sequence[Path]) -> dict[Phase, Array]:
    """Logits (n_runs, n_rows) of the test rows by the early and late networks in each folder."""
    processes = min(cpu_count(), -(-len(folders) // PER_PROCESS))
    shares = Parallel(processes)(delayed(_predict)(folders[first::processes]) for first in range(processes))
    logits: Array = np.empty((len(folders), *shares[0].shape[1:]), shares[0].dtype)
    for first, share in enumerate(shares):
        logits[first::processes] = share
    return {phase: logits[:, index] for index, phase in enumerate(PHASES)}


def _predict(folders: Sequence[Path]) -> Array:
    """Logits (n_runs, 2, n_rows)."""
    from overfitting.training import keras_file, network
    from overfitting.training.backend import start

    start(threads=1)
    features, _ = files.read_rows("test")
    models = ([keras_file.load(folder / f"{phase}.keras") for phase in PHASES] for folder in folders)
    logits = np.stack([[network.predict(model, features) for model in pair] for pair in models])
    if not np.isfinite(logits).all():
        wrong = folders[int(np.argwhere(~np.isfinite(logits))[0][0])]
        raise UserError(f"{wrong}: expected finite logits of the test rows; train the run again: remove that folder")
    return logits


def describe(runs: Runs) -> str:
    """How a variant differs from `large`, by the settings it was trained with."""
    if runs.ensemble_of:
        return f"mean of the logits of {runs.repeats} networks of {runs.ensemble_of} per seed, on the same rows"
    variant = Variant(**runs.first.config.variant)
    changed = variant.differences() or {"hidden_units": variant.hidden_units}
    return ", ".join(f"{key} {_text(value)}" for key, value in changed.items())


def arithmetic(runs: Iterable[Runs]) -> str:
    """Precision of the trainings, and whether XLA compiled them, such as `float32` or `mixed_bfloat16 with XLA`."""
    settings = [found.first.config.training for found in runs if found.summaries]
    return ", ".join(sorted({s["precision"] + (" with XLA" if s["jit_compile"] else "") for s in settings}))


def curves(runs: Mapping[str, Runs], seeds: Sequence[int]) -> pd.DataFrame:
    """Learning curves (results/curves.csv) of the first network of each seed."""
    histories = {
        (name, seed): histories[0]
        for name, found in runs.items()
        for seed, histories in zip(seeds, found.histories, strict=False)  # an ensemble has none
    }
    return pd.concat(histories, names=["variant", "seed"]).reset_index(["variant", "seed"])


def _text(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()

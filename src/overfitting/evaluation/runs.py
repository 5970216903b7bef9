"""Runs of a variant: what `train` wrote for each seed and repeat, and the logits of the test rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.schema import Config, Variant
from overfitting.evaluation.metrics import Judge
from overfitting.evaluation.results import PHASES, Fits, GapEpoch, Phase, RunScores, Training
from overfitting.training.identity import Run, plan
from overfitting.training.loss import Array
from overfitting.training.summary import Summary

SHOWN = 5  # missing runs that a message names
PER_PROCESS = 20  # networks that are worth the time in which a process loads TensorFlow
FITTED = ("train_log_loss", "val_log_loss", "weight_norm", "near_zero_share", "zero_share", "val_log_loss_pruned")


@dataclass(frozen=True)
class Runs:
    """All runs of a variant. An ensemble has the mean logits of its members' runs and no runs of its own."""

    logits: Mapping[Phase, Array]  # (n_seeds, n_predictors, n_rows), of the test rows by each network or ensemble
    networks: int  # per seed
    parameters: int
    summaries: Sequence[Sequence[Summary]] = ()  # by seed, then by repeat
    histories: Sequence[Sequence[pd.DataFrame]] = ()  # one row per epoch
    ensemble_of: str | None = None

    @property
    def first(self) -> Summary:
        """Summary of the first run."""
        return self.summaries[0][0]

    def ensemble(self, name: str) -> "Runs":
        """The ensemble that averages the logits of each seed's networks; `name` is their variant."""
        logits = {phase: of_phase.mean(axis=1, keepdims=True) for phase, of_phase in self.logits.items()}
        return Runs(logits, self.networks, self.networks * self.parameters, ensemble_of=name)

    def by_seed(self, field: str) -> Array:
        """A field of the summaries, such as `early.weight_norm` (n_seeds,): means over the networks of a seed."""
        value = attrgetter(field)
        return np.array([np.mean([value(summary) for summary in of_seed]) for of_seed in self.summaries])


def read(configs: Mapping[str, Config], finished: Sequence[tuple[Run, Summary]]) -> dict[str, Runs]:
    """Runs of all variants, whose configurations are `configs`, with their logits of the test rows."""
    logits = predict([run.folder for run, _ in finished])
    found: dict[str, Runs] = {}
    for name, config in configs.items():
        if config.variant.ensemble_of:
            continue
        own = [index for index, (run, _) in enumerate(finished) if run.variant == name]
        places = np.reshape(own, (len(config.seeds), -1))
        found[name] = Runs(
            {phase: of_phase[places] for phase, of_phase in logits.items()},
            places.shape[1],
            finished[own[0]][1].parameters,
            [[finished[index][1] for index in of_seed] for of_seed in places],
            [[pd.read_csv(finished[index][0].folder / "history.csv") for index in of_seed] for of_seed in places],
        )
    members = {name: config.variant.ensemble_of for name, config in configs.items()}
    return {name: found[member].ensemble(member) if member else found[name] for name, member in members.items()}


def failures(configs: Mapping[str, Config], data: str) -> dict[str, str]:
    """Why variants have no results, by name: a run of theirs, or of the variant that they average, failed.

    Raises:
        UserError: all variants failed.
    """
    found: dict[str, str] = {}
    for run in plan(configs, data):
        if reason := run.failure():
            found.setdefault(run.variant, f"seed {run.seed}: {reason}")
    for name, config in configs.items():
        if (member := config.variant.ensemble_of) in found:
            found[name] = f"{member} failed"
    if len(found) == len(configs):
        listed = "".join(f"\n  {name}: {reason}" for name, reason in found.items())
        raise UserError(f"expected a variant to compare, but the trainings of all failed:{listed}")
    return found


def finished(configs: Mapping[str, Config], data: str) -> list[tuple[Run, Summary]]:
    """All runs of the variants with their summaries; `data` is the fingerprint of the prepared rows.

    Raises:
        UserError: a run is missing or damaged, or was trained with another configuration, other data or other code.
    """
    found = [(run, run.summary()) for run in plan(configs, data)]
    missing = [run for run, summary in found if not summary]
    if missing:
        named = ", ".join(_with_reason(run) for run in missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
        stages = " ".join(f"train@{name}" for name in dict.fromkeys(run.variant for run in missing))
        raise UserError(
            f"expected finished runs of this configuration, data and code; {len(missing)} of {len(found)} are not: "
            f"{named}; train them again:\n  dvc repro --force --single-item {stages}"
        )
    return [(run, summary) for run, summary in found if summary]


def _with_reason(run: Run) -> str:
    """Name of a run that is not finished and, if it is known, why."""
    error, reason = run.folder / files.ERROR, run.damage()
    if reason:
        reason += " damaged"
    elif error.is_file():
        reason = "".join(error.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:])
    return f"{run.name} ({reason})" if reason else run.name


def predict(folders: Sequence[Path]) -> dict[Phase, Array]:
    """Logits (n_runs, n_rows) of the test rows by the early and late networks in each folder."""
    processes = min(cpu_count(), -(-len(folders) // PER_PROCESS))
    shares = Parallel(processes)(delayed(_predict)(folders[first::processes]) for first in range(processes))
    logits: Array = np.empty((len(folders), *shares[0].shape[1:]), shares[0].dtype)
    for first, share in enumerate(shares):
        logits[first::processes] = share
    return dict(zip(PHASES, logits.swapaxes(0, 1), strict=True))


def _predict(folders: Sequence[Path]) -> Array:
    """Logits (n_runs, 2, n_rows)."""
    from overfitting.training import keras_file, network
    from overfitting.training.backend import start

    start(threads=1)
    features, _ = files.read_rows("test")
    paths = [[folder / f"{phase}.keras" for phase in PHASES] for folder in folders]
    logits = np.stack([[network.predict(keras_file.load(path), features) for path in pair] for pair in paths])
    if not np.isfinite(logits).all():
        wrong = folders[int(np.argwhere(~np.isfinite(logits))[0][0])]
        raise UserError(f"{wrong}: expected finite logits of the test rows; train the run again: remove that folder")
    return logits


def describe(runs: Runs) -> str:
    """How a variant differs from `large`, by the settings it was trained with."""
    if runs.ensemble_of:
        return f"mean of the logits of {runs.networks} networks of {runs.ensemble_of} per seed, on the same rows"
    variant = Variant(**runs.first.config.variant)
    changed = variant.differences() or {"hidden_units": variant.hidden_units}
    texts = {key: "-".join(map(str, v)) if isinstance(v, tuple) else str(v).lower() for key, v in changed.items()}
    return ", ".join(f"{key} {text}" for key, text in texts.items())


def training(runs: Runs, judge: Judge) -> Training:
    """Training results of a variant that is trained; values of a seed are means over its repeats."""
    gaps = [first_gap(of_seed[0], judge.evaluation.gap) for of_seed in runs.histories]
    median = float(np.median([np.inf if epoch is None else epoch for epoch in gaps]))  # None is later than all others
    scored = tuple(
        RunScores(
            seed=summary.seed,
            repeat=summary.repeat,
            fingerprint=summary.fingerprint,
            early=judge.scores(runs.logits["early"][index, repeat], index),
            late=judge.scores(runs.logits["late"][index, repeat], index),
        )
        for index, of_seed in enumerate(runs.summaries)
        for repeat, summary in enumerate(of_seed)
    )
    return Training(
        runs=scored,
        train_rows=runs.first.train_rows,
        best_epoch=judge.over_seeds(runs.by_seed("best_epoch")),
        epochs=judge.over_seeds(runs.by_seed("epochs")),
        early=_fits(runs, judge, "early"),
        late=_fits(runs, judge, "late"),
        near_zero_share_initial=judge.over_seeds(runs.by_seed("near_zero_share_initial")),
        gap_epoch=GapEpoch(median=median if np.isfinite(median) else None, seeds=tuple(gaps)),
    )


def _fits(runs: Runs, judge: Judge, phase: Phase) -> Fits:
    fitted = {field: runs.by_seed(f"{phase}.{field}") for field in FITTED}
    histograms = [getattr(summary, phase).weight_histogram for of_seed in runs.summaries for summary in of_seed]
    return Fits(
        gap=judge.interval(judge.losses(runs.logits[phase]) - fitted["train_log_loss"][:, None]),
        weight_histogram=tuple(np.mean(histograms, axis=0).round(6).tolist()),
        **{field: judge.over_seeds(values) for field, values in fitted.items()},
    )


def first_gap(history: pd.DataFrame, size: float) -> int | None:
    """First epoch, counted from 1, whose validation log loss exceeds its training log loss by more than `size`."""
    passed = np.flatnonzero(history["val_log_loss"].to_numpy() - history["train_log_loss"].to_numpy() > size)
    return int(passed[0]) + 1 if passed.size else None


def arithmetic(runs: Iterable[Runs]) -> str:
    """Precision of the trainings, and whether XLA compiled them, such as `float32` or `mixed_bfloat16 with XLA`."""
    settings = [found.first.config.training for found in runs if found.summaries]
    return ", ".join(sorted({s["precision"] + (" with XLA" if s["jit_compile"] else "") for s in settings}))


def curves(runs: Mapping[str, Runs], seeds: Sequence[int]) -> pd.DataFrame:
    """Learning curves (results/curves.csv) of the first network of each seed."""
    first = {
        (name, seeds[index]): of_seed[0]
        for name, found in runs.items()
        for index, of_seed in enumerate(found.histories)
    }
    return pd.concat(first, names=["variant", "seed"]).reset_index(["variant", "seed"])

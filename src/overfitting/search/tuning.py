"""Searches for strengths (`make tune`): train and validate on rows that no reported run sees (`split.search`).

A search is not a stage, because it takes long and chooses what people then commit. Its results, results/tuning.csv and
conf/variant/tuned/, are inputs of the pipeline.
"""

import io
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from filelock import FileLock, Timeout
from joblib import Parallel, delayed
from optuna.trial import FrozenTrial
from rich.console import Console

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.fingerprint import fingerprint
from overfitting.config.composition import compose_config, section
from overfitting.config.schema import Config
from overfitting.data.manifest import Manifest
from overfitting.data.replicates import search_sample
from overfitting.search.space import Choices, Searches, Space, Values, read_searches, rounded
from overfitting.search.study import LOSSES, Evaluate, Study
from overfitting.training.identity import Code
from overfitting.training.remedies import REMEDIES

STORAGE = Path("tuning/journal.log")
VARIANTS = Path("conf/variant/tuned")


def run(arguments: Sequence[str]) -> None:
    """Run the searches that `arguments` name, by default all, with the overrides among them.

    Raises:
        UserError: an unknown search, values that a variant cannot have, or another search that is running.
    """
    settings = read_searches()
    own = [argument for argument in arguments if "=" in argument]
    names = [argument for argument in arguments if argument not in own] or list(settings.searches)
    _check(names, settings, own)
    if not files.MANIFEST.is_file():
        raise UserError(f"expected {files.MANIFEST}, which the stage preprocess writes; run `dvc repro preprocess`")
    STORAGE.parent.mkdir(exist_ok=True)
    try:  # searches share a storage, a table and all cores; a killed search frees the lock
        with FileLock(STORAGE.with_name("lock"), timeout=0):
            for name in names:
                _search(name, settings, own)
    except Timeout:
        raise UserError("another search is running in this folder; wait for it or stop it") from None


def _check(names: Sequence[str], settings: Searches, own: Sequence[str]) -> None:
    """Compose the ends of every range, so that a mistake is reported before any training."""
    for override in own:
        if not override.lstrip("+").startswith(("training=", "training.", "variant.")):
            raise UserError(
                f"{override}: expected overrides of `training` or `variant.`; trials, seeds and ranges are in "
                "conf/search.yaml, and rows are those of `dvc repro preprocess`"
            )
    for name in names:
        if name not in settings.searches:
            raise UserError(f"unknown search {name!r}; expected some of {', '.join(settings.searches)}")
        for field, space in settings.searches[name].items():
            for value in space.choices if isinstance(space, Choices) else (space.low, space.high):
                _compose(own, {field: value})


def _compose(own: Sequence[str], values: Values) -> Config:
    """Configuration of the network `large` under overrides, with `values` in its variant."""
    stated = [f"variant.{name}={'null' if value is None else str(value).lower()}" for name, value in values.items()]
    return compose_config(["variant=large", *own, *stated])


def _search(name: str, settings: Searches, own: Sequence[str]) -> None:
    """Run the trials of a search that have no result yet, print one line per trial, and write what was found."""
    base, data, space = _compose(own, {}), Manifest.read(files.MANIFEST).fingerprint, settings.searches[name]
    identity = fingerprint(
        space=repr(space),
        budget=settings.trials,
        seeds=settings.seeds,
        training=section(base, "train")["training"],
        data=data,
        code=Code.read().fingerprint(REMEDIES.keys() & {*space, *base.variant.strengths}),
        **base.variant.differences(),
    )
    study = Study(STORAGE, f"{name}-{identity}", space, settings.trials)
    _run_trials(name, study, partial(_evaluate, own, settings.seeds), settings.trials)
    best = study.best()
    shared = {"search": name, "seeds": len(settings.seeds), "epochs": base.training.epochs, "data": data}
    rows = [{**shared, **_row(trial), "chosen": trial.number == best.number} for trial in study.trials()]
    _write_table(name, rows, settings.searches)
    header = (
        f"# @package variant\n# {name}: the best of {settings.trials} trials of "
        f"`{shlex.join(['python', '-m', 'overfitting', 'tune', name, *own])}`,\n"
        f"# by validation log loss: {best.value:.4f}. Tried: conf/search.yaml; all trials: results/tuning.csv.\n"
    )
    differences = _compose(own, rounded(best.params)).variant.differences()
    lines = [f"{field}: {_yaml(value)}" for field, value in differences.items()] or ["{}"]
    files.write_text(VARIANTS / f"{name}.yaml", header + "\n".join(lines) + "\n")
    print(f"{name}: {', '.join(lines)} -> {VARIANTS / name}.yaml")


def _run_trials(name: str, study: Study, evaluate: Evaluate, budget: int) -> None:
    console = Console(file=sys.stderr, markup=False, highlight=False, soft_wrap=True)
    known, started = study.trials(), time.monotonic()
    console.print(f"{name}: {len(known)} of {budget} trials are finished")
    losses = [trial.value for trial in known if trial.value is not None]
    for count, trial in enumerate(study.run(evaluate), len(known) + 1):
        result = "diverged"
        if trial.value is not None:
            losses.append(trial.value)
            result = f"validation log loss {trial.value:.4f}; best {min(losses):.4f}"
        if count < budget:
            seconds = (time.monotonic() - started) * (budget - count) / (count - len(known))
            result += f"; about {timedelta(seconds=round(seconds))} left"
        values = ", ".join(f"{field} {value}" for field, value in rounded(trial.params).items())
        console.print(f"{name} {count}/{budget}: {values}: {result}")


def _evaluate(own: Sequence[str], seeds: Sequence[int], batch: Sequence[Values]) -> Iterator[tuple[int, list[float]]]:
    """Yield (index, validation log losses per seed) of each trial of a `batch`, as soon as its seeds are trained."""
    configs = [_compose(own, values) for values in batch]
    jobs = [(index, config, seed) for index, config in enumerate(configs) for seed in seeds]
    workers = Parallel(min(len(jobs), os.cpu_count() or 1), return_as="generator_unordered")
    found: dict[int, dict[int, float]] = {index: {} for index in range(len(batch))}
    for index, seed, loss in workers(delayed(_train)(*job) for job in jobs):
        found[index][seed] = loss
        if len(found[index]) == len(seeds):
            yield index, [found[index][seed] for seed in seeds]


def _train(index: int, config: Config, seed: int) -> tuple[int, int, float]:
    """The `index`, the seed, and the lowest validation log loss of that run; NaN if it diverged."""
    from overfitting.training import backend, loop, rows
    from overfitting.training.epoch import Spec

    backend.start(threads=1)
    backend.tf.get_logger().setLevel("ERROR")  # TensorFlow warns a process that compiles many networks
    data = rows.read(search_sample(Manifest.read(files.MANIFEST), seed))
    try:
        trained = loop.train(Spec(config.variant, config.training, seed), data)
    except loop.DivergedError:
        return index, seed, float("nan")
    return index, seed, trained.outcome.early.val_log_loss


def _row(trial: FrozenTrial) -> Values:
    losses = trial.user_attrs.get(LOSSES, [])
    return {
        "trial": trial.number,
        **rounded(trial.params),
        "val_log_loss": None if trial.value is None else round(trial.value, 6),
        "val_log_loss_std": round(float(np.std(losses, ddof=1)), 6) if len(losses) > 1 else None,
        "state": trial.state.name.lower(),
    }


def _write_table(name: str, rows: Sequence[Values], searches: Mapping[str, Space]) -> None:
    """Write the trials of a search into results/tuning.csv, in place of earlier trials of that search."""
    # read as text, so that rows of other searches stay as they are
    text = files.read_text(files.TUNING) if files.TUNING.exists() else "search\n"
    known = pd.read_csv(io.StringIO(text), dtype=str)
    known = known[(known["search"] != name) & known["search"].isin(list(searches))]
    table = pd.concat([known.astype(object), pd.DataFrame(rows, dtype=object)])
    table = table.sort_values("search", key=lambda column: column.map([*searches].index), kind="stable")
    fields = dict.fromkeys(field for space in searches.values() for field in space)
    last = ["val_log_loss", "val_log_loss_std", "state", "data", "chosen"]
    columns = ["search", "trial", "seeds", "epochs", *fields, *last]
    files.write_text(files.TUNING, table.reindex(columns=columns).to_csv(index=False))


def _yaml(value: Any) -> str:
    """A value as YAML; 1.0e-05, because YAML reads 1e-05 as text."""
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True).splitlines()[0]

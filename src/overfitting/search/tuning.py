"""Searches for strengths (`make tune`): train and validate on rows that no reported run sees (`split.search`).

A search is not a stage, because it takes long and chooses what people then commit. Its results, results/tuning.csv and
conf/variant/tuned/, are inputs of the pipeline.
"""

import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from joblib import Parallel, delayed
from rich.console import Console

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.fingerprint import fingerprint
from overfitting.config.composition import compose_config, section
from overfitting.config.schema import Config
from overfitting.data.manifest import Manifest
from overfitting.data.replicates import search_sample
from overfitting.search.records import write_table, write_variant
from overfitting.search.space import Searches, Values, overrides, read_searches, rounded
from overfitting.search.study import Study
from overfitting.search.study import run as run_study
from overfitting.training.identity import Code
from overfitting.training.remedies import REMEDIES

STORAGE = Path("tuning/journal.log")


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
    console = Console(file=sys.stderr, markup=False, highlight=False, soft_wrap=True)
    with _alone():
        for name in names:
            _search(name, settings, own, console)


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
            for value in space.ends():
                _compose(own, {field: value})


def _compose(own: Sequence[str], values: Values) -> Config:
    return compose_config(["variant=large", *own, *overrides(values)])


@contextmanager
def _alone() -> Iterator[None]:
    """Allow one search at a time: they share a storage, a table and all cores. A killed search frees the lock."""
    STORAGE.parent.mkdir(exist_ok=True)
    try:
        with FileLock(STORAGE.with_name("lock"), timeout=0):
            yield
    except Timeout:
        raise UserError("another search is running in this folder; wait for it or stop it") from None


def _search(name: str, settings: Searches, own: Sequence[str], console: Console) -> None:
    base, data = _compose(own, {}), Manifest.read(files.MANIFEST).fingerprint
    what = {
        "space": repr(settings.searches[name]),
        "budget": settings.trials,
        "seeds": settings.seeds,
        "training": section(base, "train")["training"],
        "data": data,
        "code": Code.read().fingerprint(REMEDIES.keys() & {*settings.searches[name], *base.variant.strengths}),
        **base.variant.differences(),
    }
    study = Study(STORAGE, f"{name}-{fingerprint(**what)}", settings.searches[name], settings.trials)
    _run_trials(name, study, partial(_evaluate, own, settings.seeds), settings, console)
    best = study.best()
    write_table(name, study.trials(), best.number, settings, {"epochs": base.training.epochs, "data": data})
    command = shlex.join(["python", "-m", "overfitting", "tune", name, *own])
    write_variant(name, _compose(own, rounded(best.params)), best, settings.trials, command)


def _run_trials(name: str, study: Study, evaluate: Any, settings: Searches, console: Console) -> None:
    """Run the trials of a study that have no result yet; print one line per trial."""
    budget, known, started = settings.trials, study.trials(), time.monotonic()
    console.print(f"{name}: {len(known)} of {budget} trials are finished")
    losses = [trial.value for trial in known if trial.value is not None]
    for count, trial in enumerate(run_study(study, evaluate), len(known) + 1):
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

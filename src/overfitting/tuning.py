"""`make tune`: searches train on the training rows, are judged on validation rows, and leave a table and variants.

It is no stage: it takes long and chooses what people then commit. What it leaves, results/tuning.csv and the files of
conf/variant/tuned/, are inputs of the pipeline.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from rich.console import Console

from overfitting import files
from overfitting.composition import compose_config, section
from overfitting.config import Config
from overfitting.errors import UserError
from overfitting.fingerprint import code_fingerprint, fingerprint
from overfitting.scaling import Scaling
from overfitting.search import Searches, Study, Values, answer, overrides, read_searches, rounded

STORAGE = Path("tuning/journal.log")
COCKTAIL = "cocktail"
USAGE = """usage: python -m overfitting tune [SEARCH ...] [key=value ...]

Runs the searches of conf/search.yaml (all, or those that are named) on the prepared rows, a trial a core.
What is finished is kept in tuning/: a search that was killed goes on where it was, a finished one is not run again.
Writes results/tuning.csv, conf/variant/tuned/SEARCH.yaml and conf/variant/cocktail.yaml.
Overrides hold for all trials: training.epochs=30, say."""


def run(arguments: Sequence[str]) -> None:
    """Run the searches that `arguments` name, with its overrides.

    Raises:
        UserError: an unknown search, or values that a variant cannot have.
    """
    settings = read_searches()
    own = [argument for argument in arguments if "=" in argument]
    names = [argument for argument in arguments if argument not in own] or list(settings.searches)
    _check(names, settings, own)
    if not files.MANIFEST.is_file():
        raise UserError(f"expected {files.MANIFEST}, which the stage preprocess writes; run `dvc repro preprocess`")
    console = Console(file=sys.stderr, markup=False, highlight=False, soft_wrap=True)
    for name in names:
        _search(name, settings, own, console)


def _check(names: Sequence[str], settings: Searches, own: Sequence[str]) -> None:
    """Compose the ends of every range, so that a mistake is told before any training."""
    for name in names:
        if name not in settings.searches:
            raise UserError(f"unknown search {name!r}; expected some of {', '.join(settings.searches)}")
        for field, space in settings.searches[name].items():
            for value in space.ends():
                compose_config([*own, "variant=large", *overrides({field: value})])


def _search(name: str, settings: Searches, own: Sequence[str], console: Console) -> None:
    base = compose_config([*own, "variant=large"])
    data = files.read_json(files.MANIFEST)["fingerprint"]
    what = {
        "space": repr(settings.searches[name]),
        "budget": settings.budget(name),
        "seeds": settings.seeds,
        "training": section(base, "train")["training"],
        "data": data,
        "code": code_fingerprint("overfitting.training"),
    }
    study = Study(STORAGE, f"{name}-{fingerprint(**what)}", settings.searches[name], settings.budget(name))
    known = len(study.trials())
    if known:
        console.print(f"{name}: {known} of {settings.budget(name)} trials are known")
    best = min((trial.value for trial in study.trials() if trial.value is not None), default=float("inf"))
    for count, trial in enumerate(answer(study, partial(_evaluate, own, settings.seeds)), known + 1):
        loss = trial["val_log_loss"]
        best = min(best, np.inf if loss is None else loss)
        values = ", ".join(f"{field} {trial[field]}" for field in settings.searches[name])
        result = "diverged" if loss is None else f"validation log loss {loss:.4f}"
        console.print(f"{name} {count}/{settings.budget(name)}: {values}: {result}; best {best:.4f}")
    _write_table(name, study, settings, base, data)
    _write_variant(name, study, settings)


def _evaluate(own: Sequence[str], seeds: Sequence[int], batch: Sequence[Values]) -> Iterator[tuple[int, float | None]]:
    """Mean validation log loss of each of the `batch`, as soon as it is known; None where a training diverged."""
    configs = [compose_config([*own, "variant=large", *overrides(values)]) for values in batch]
    jobs = [(index, config, seed) for index, config in enumerate(configs) for seed in seeds]
    workers = Parallel(min(len(jobs), os.cpu_count() or 1), return_as="generator_unordered")
    found: dict[int, list[float | None]] = {index: [] for index in range(len(batch))}
    for index, loss in workers(delayed(_train)(*job) for job in jobs):
        found[index].append(loss)
        if len(found[index]) == len(seeds):
            losses = [loss for loss in found[index] if loss is not None]
            yield index, float(np.mean(sorted(losses))) if len(losses) == len(seeds) else None


def _train(index: int, config: Config, seed: int) -> tuple[int, float | None]:
    """The `index` that it was given, and the lowest validation log loss of one training."""
    from overfitting import backend, training
    from overfitting.stages.train import train_rows

    backend.start(threads=1)
    backend.tf.get_logger().setLevel("ERROR")  # a process that trains many networks is told that it compiles many
    rows, validation = (training.Rows(*files.read_rows(name)) for name in ("train", "validation"))
    rows = rows.first(train_rows(config, files.read_json(files.MANIFEST)))
    scaling = Scaling(**files.read_json(files.SCALING))
    try:
        trained = training.train(config.variant, config.training, rows, validation, seed, scaling=scaling)
    except training.DivergedError:
        return index, None
    return index, trained.summary["best"]["val_log_loss"]


def _write_table(name: str, study: Study, settings: Searches, base: Config, data: str) -> None:
    """Put the trials of a search into results/tuning.csv, in place of its earlier ones."""
    chosen = study.best().number
    rows = [
        {
            "search": name,
            "trial": trial.number,
            "seeds": len(settings.seeds),
            "epochs": base.training.epochs,
            **rounded(trial.params),
            "val_log_loss": None if trial.value is None else round(trial.value, 6),
            "state": trial.state.name.lower(),
            "data": data,
            "chosen": trial.number == chosen,
        }
        for trial in study.trials()
    ]
    known = pd.read_csv(files.TUNING) if files.TUNING.is_file() else pd.DataFrame(columns=["search"])
    order = {search: place for place, search in enumerate(settings.searches)}
    known = known[(known["search"] != name) & known["search"].isin(list(order))]
    table = pd.concat([known, pd.DataFrame(rows)]) if len(known) else pd.DataFrame(rows)
    table = table.sort_values("search", key=lambda column: column.map(order), kind="stable")
    fields = [field for space in settings.searches.values() for field in space]
    last = ["val_log_loss", "state", "data", "chosen"]
    columns = ["search", "trial", "seeds", "epochs", *dict.fromkeys(fields), *last]
    files.RESULTS.mkdir(exist_ok=True)
    table.reindex(columns=columns).to_csv(files.TUNING, index=False)


def _write_variant(name: str, study: Study, settings: Searches) -> None:
    """Write the chosen trial as a variant: what differs from large, headed by where it comes from."""
    best = study.best()
    standard = section(compose_config(["variant=large"]), "train")["variant"]
    values = {field: value for field, value in rounded(best.params).items() if value != standard[field]}
    folder = Path("conf/variant") if name == COCKTAIL else Path("conf/variant/tuned")
    package = [] if name == COCKTAIL else ["# @package variant"]
    header = [
        *package,
        f"# {name}: the best of {settings.budget(name)} trials of `python -m overfitting tune {name}`,",
        f"# by validation log loss: {best.value:.4f}. Tried: conf/search.yaml; all trials: results/tuning.csv.",
    ]
    lines = [f"{field}: {_yaml(value)}" for field, value in values.items()] or ["{}"]
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*header, *lines]) + "\n")
    print(f"{name}: {', '.join(lines)} -> {path}")


def _yaml(value: Any) -> str:
    """A value that YAML reads as it is: 1.0e-05, since 1e-05 is text to it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and "e" in repr(value):
        mantissa, exponent = f"{value:e}".split("e")
        return f"{float(mantissa)!r}e{int(exponent):+03d}"
    return str(value)

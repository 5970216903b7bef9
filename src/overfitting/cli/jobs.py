"""Trains runs and fits baselines side by side: fixes each job first, lets Hydra start all that are missing, longest
first, and checks at the end for failures and edits.
"""

import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.cli import parents
from overfitting.cli.errors import explained
from overfitting.config.composition import compose_baselines, compose_config, compose_variants
from overfitting.config.schema import Config
from overfitting.data.manifest import Manifest
from overfitting.evaluation import baselines
from overfitting.evaluation.baselines import Baseline
from overfitting.progress.watcher import WatchedRun, watching
from overfitting.stages import baseline as baseline_stage
from overfitting.stages import train as train_stage
from overfitting.tracking import sync
from overfitting.training import identity
from overfitting.training.identity import Run
from overfitting.training.remedies import check_variants

NOT_SHARED = ("variant=", "variant.", "baseline=", "baseline.", "seed=")  # overrides that do not hold for every job

MLFLOW_SHARE = 0.02  # of the time that the jobs took may go into MLflow
MLFLOW_SECONDS = 10.0  # that bringing MLflow up to date takes; jobs too short for that leave it to `report`

Launch = Callable[[Sequence[str], Callable[[DictConfig], None]], None]


@dataclass(frozen=True)
class Plan:
    """What the arguments ask for: `overrides`, the variants and baselines with their configuration, and the data."""

    overrides: Sequence[str]
    variants: Mapping[str, Config]
    baselines: Mapping[str, Config]
    data: str  # fingerprint of the prepared rows

    @classmethod
    def of(cls, arguments: Sequence[str], stage: str | None = None) -> "Plan":
        """The plan of the stage `train` or `baseline` with these arguments, or of both stages.

        Raises:
            UserError: the configuration is wrong, or the prepared data does not support every variant.
        """
        overrides = [argument for argument in arguments if not argument.startswith("-")]
        compared, manifest = compose_variants(overrides), Manifest.read(files.MANIFEST)
        check_variants({name: config.variant for name, config in compared.items()}, manifest)
        data = manifest.fingerprint
        if stage is None:
            return cls(overrides, compared, compose_baselines(overrides), data)
        group = "variant" if stage == "train" else "baseline"
        chosen = _chosen(group, overrides)
        return cls(overrides, chosen, {}, data) if stage == "train" else cls(overrides, {}, chosen, data)

    @cached_property
    def runs(self) -> list[Run]:
        """All runs, finished or not."""
        return identity.plan(self.variants, self.data)

    @cached_property
    def fits(self) -> list[Baseline]:
        """All baselines, finished or not."""
        return baselines.plan(self.baselines, self.data)

    def missing(self) -> dict[str, Run | Baseline]:
        """What is not finished, by folder, longest first.

        Baselines follow the longest runs: a worker's first job should load TensorFlow, because joblib takes its memory
        for a leak if a later job does, and replaces the worker.
        """
        runs = sorted((run for run in self.runs if not run.is_over()), key=_cost, reverse=True)
        fits = [fit for fit in self.fits if not fit.fitted()]
        longest = [run for run in runs if _cost(run) == _cost(runs[0])]
        found: list[Run | Baseline] = [*longest, *fits, *runs[len(longest) :]]
        return {job.folder.as_posix(): job for job in found}

    @property
    def names(self) -> dict[str, str]:
        """Name of each run and baseline, by fingerprint."""
        return {run.fingerprint: run.name for run in self.runs} | {fit.fingerprint: fit.name for fit in self.fits}


def run(arguments: Sequence[str], launch: Launch, stage: str | None = None) -> None:
    """Make the runs and baselines that the arguments choose and that are not finished.

    Everything that determines a result is fixed here, before the code that computes is loaded, and handed to the
    workers. So an edit meanwhile changes no result; at the end it is an error. If a job fails, the others go on.

    Args:
        arguments: overrides and options, in Hydra's grammar.
        launch: starts Hydra with arguments and the function that it calls for each job.
        stage: `train` or `baseline`; None for all runs and baselines of the comparison.

    Raises:
        UserError: as `Plan.of`; or a job failed, or something changed meanwhile.
    """
    plan = Plan.of(arguments, stage)
    train_stage.prepare(plan.variants)
    missing = plan.missing()
    for run in plan.runs:
        if damage := run.damage():
            print(f"{run.name}: {damage} damaged or missing, so it is trained again", file=sys.stderr, flush=True)
    killed, began = None, time.monotonic()
    with watching([WatchedRun(run) for run in plan.runs], plan.fits):
        if missing:
            # joblib replaces a worker that grew by 300 MB, as it may from job to job
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
            killed = _launch(launch, _with_jobs(arguments, missing), missing)
    seconds = MLFLOW_SHARE * (time.monotonic() - began)
    if seconds > MLFLOW_SECONDS and Path(".dvc").is_dir():  # nobody opens the MLflow of another command's folder
        sync.sync_within(seconds)
    _check_finished(missing, killed)
    _check_unchanged(plan, Plan.of(arguments, stage))


def _chosen(group: str, overrides: Sequence[str]) -> dict[str, Config]:
    """Configurations of the variants or baselines that are named: several, as in `variant=tiny,small`."""
    own = [override for override in overrides if not override.startswith(f"{group}=")]
    defaults = OmegaConf.load("conf/config.yaml").defaults
    names = next(item[group] for item in defaults if group in item)
    for override in overrides:
        if override.startswith(f"{group}="):
            names = override.removeprefix(f"{group}=")
    return {name: compose_config([*own, f"{group}={name}"]) for name in names.split(",")}


def _cost(run: Run) -> int:
    """Grows with the time that a run takes."""
    return run.size * run.config.training.epochs


def _with_jobs(arguments: Sequence[str], missing: Mapping[str, object]) -> list[str]:
    """Hydra's arguments for a sweep over the jobs that are missing; a job already holds the variant and the seed."""
    kept = [argument for argument in arguments if not argument.startswith((*NOT_SHARED, "--multirun", "-m"))]
    return ["--multirun", *kept, f"job={','.join(missing)}"]


def _launch(launch: Launch, arguments: Sequence[str], missing: Mapping[str, Run | Baseline]) -> str | None:
    """Start Hydra; returns a sentence if a fault of the machine, such as a worker's death, ended it."""
    try:
        launch(arguments, _job(missing))
    except Exception as error:
        if reason := explained(error):
            return reason
        raise
    return None


def _job(missing: Mapping[str, Run | Baseline]) -> Callable[[DictConfig], None]:
    """The function that Hydra calls for each job, here or in a worker process, which receives all jobs with it."""
    starter = os.getpid()

    def job(composed: DictConfig) -> None:
        if os.getppid() == starter:
            parents.end_with(starter)
        found = missing[composed.job]
        found.folder.mkdir(parents=True, exist_ok=True)
        files.remove(found.folder / files.ERROR)
        try:
            if Manifest.read(files.MANIFEST).fingerprint != found.data:
                raise UserError("the prepared data changed after the stage started; start the stage again")
            train_stage.run(found) if isinstance(found, Run) else baseline_stage.run(found)
        except Exception as error:  # the other jobs go on, and the process that started them says what failed
            text = str(error) if isinstance(error, UserError) else explained(error) or traceback.format_exc()
            try:
                files.write_text(found.folder / files.ERROR, text)
            except OSError:  # a full disk, for example
                print(f"{found.name}: {text}", file=sys.stderr, flush=True)

    return job


def _check_finished(missing: Mapping[str, Run | Baseline], killed: str | None) -> None:
    """Name the jobs that failed, and why; `killed` says why all ended early."""
    failed = [job for job in missing.values() if not (job.is_over() if isinstance(job, Run) else job.fitted())]
    if failed:
        started = [job for job in failed if job.folder.is_dir()] if killed else failed
        listed = "\n  ".join(f"{job.name}: {_reason(job.folder / files.ERROR)}" for job in started)
        first = f"{killed}\n" if killed else ""
        raise UserError(f"{first}{len(failed)} of {len(missing)} jobs failed, the others are finished:\n  {listed}")


def _reason(file: Path) -> str:
    if not file.is_file():
        return "its worker ended without a result"
    text = file.read_text(encoding="utf-8", errors="replace").strip()
    return f"{text.splitlines()[-1]} (traceback: {file})" if text.startswith("Traceback") else text


def _check_unchanged(before: Plan, after: Plan) -> None:
    """Check that the files still describe what was made, because DVC records the files as they are now."""
    changed = [name for fingerprint, name in before.names.items() if fingerprint not in after.names]
    if changed or len(after.names) != len(before.names):
        raise UserError(
            f"configuration, data or source code changed while the stage ran ({', '.join(changed) or 'seeds'}); "
            "the results are those of the start, so run the stage again"
        )

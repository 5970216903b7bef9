"""Trains runs and fits baselines side by side: fixes each job first, lets Hydra start all that are missing, longest
first, and checks at the end for failures and edits.
"""

import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from omegaconf import DictConfig

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.fingerprint import fingerprint
from overfitting.cli.ending import end_with, explained
from overfitting.config.composition import choice, combinations, compose_baselines, compose_config, compose_variants
from overfitting.config.schema import Config
from overfitting.data import replicates
from overfitting.data.manifest import Manifest
from overfitting.evaluation.baselines import FOLDER as BASELINES
from overfitting.evaluation.baselines import Baseline
from overfitting.evaluation.baselines import plan as plan_baselines
from overfitting.progress.watcher import watching
from overfitting.stages import baseline as baseline_stage
from overfitting.stages import train as train_stage
from overfitting.tracking import sync
from overfitting.training import identity
from overfitting.training.identity import Code, Run
from overfitting.training.remedies import check_variants

HYDRA = ("hydra", "+hydra", "++hydra", "~hydra")  # starts of overrides of Hydra itself
MULTIRUN = {"--multirun", "-m"}
IDENTIFYING = ("variant=", "baseline=", "seed=")  # overrides that only choose among the runs of the comparison
LABEL = 120  # characters of a folder's name

MLFLOW_SHARE = 0.02  # of the time that the jobs took may go into MLflow
MLFLOW_SECONDS = 10.0  # that bringing MLflow up to date takes; jobs too short for that leave it to `report`

Launch = Callable[[Sequence[str], Callable[[DictConfig], None]], None]
Jobs = Mapping[str, Run | Baseline]  # by folder


@dataclass(frozen=True)
class Plan:
    """Runs and baselines that the arguments ask for, finished or not.

    What params.yaml and conf/ state goes to runs/. Every other run gets a folder that is named after the overrides, in
    outputs/ or, for a sweep, in multirun/, so that training by hand never replaces the results of the comparison.
    """

    compared: dict[str, Config]  # variants of the comparison that are asked for
    runs: list[Run]
    fits: list[Baseline]

    @classmethod
    def of(cls, arguments: Sequence[str], stage: str | None = None) -> "Plan":
        """The plan of the stage `train` or `baseline` with these arguments in Hydra's grammar, or of both stages.

        Raises:
            UserError: the configuration is wrong, or the prepared data does not support every variant.
        """
        overrides = [argument for argument in arguments if not argument.startswith("-")]
        sweep = combinations([override for override in overrides if not override.startswith(HYDRA)])
        compared, wanted = compose_variants(), [_configurations(chosen, stage) for chosen in sweep]
        manifest, code, plan = Manifest.read(files.MANIFEST), Code.read(), cls({}, [], [])
        place = _place(overrides, is_sweep=len(sweep) > 1 or bool(MULTIRUN & set(arguments)))
        for chosen, (variants, baselines) in zip(sweep, wanted, strict=True):
            check_variants({name: config.variant for name, config in {**compared, **variants}.items()}, manifest)
            own = sorted(override for override in chosen if not override.startswith(IDENTIFYING))
            is_compared = not own and _are_listed(variants, baselines, next(iter(compared.values())))
            root = place / _label(own)
            plan.runs.extend(identity.plan(variants, manifest.fingerprint, code, files.RUNS if is_compared else root))
            plan.fits.extend(plan_baselines(baselines, manifest.fingerprint, BASELINES if is_compared else root))
            plan.compared.update(variants if is_compared else {})
        replicates.check_classes(manifest, sorted({run.seed for run in plan.runs}))
        return plan

    def missing(self) -> dict[str, Run | Baseline]:
        """What is not finished, by folder, longest first.

        Baselines follow the longest runs: a worker's first job should load TensorFlow, because joblib takes its memory
        for a leak if a later job does, and replaces the worker.
        """
        runs = sorted((run for run in self.runs if not run.is_over()), key=_cost, reverse=True)
        longest = sum(_cost(run) == _cost(runs[0]) for run in runs)
        fits = [fit for fit in self.fits if not fit.fitted()]
        ordered: list[Run | Baseline] = [*runs[:longest], *fits, *runs[longest:]]
        return {job.folder.as_posix(): job for job in ordered}

    def names(self) -> dict[str, str]:
        """Name of each run and baseline, by fingerprint."""
        return {run.fingerprint: run.name for run in self.runs} | {fit.fingerprint: fit.name for fit in self.fits}


def run(arguments: Sequence[str], launch: Launch, stage: str | None = None) -> None:
    """Make the runs and baselines that the arguments choose and that are not finished; `launch` starts Hydra.

    Everything that determines a result is fixed here, before the code that computes is loaded, and handed to the
    workers. So an edit meanwhile changes no result; at the end it is an error. If a job fails, the others go on.

    Raises:
        UserError: as `Plan.of`; or a job failed, or something changed meanwhile.
    """
    plan = Plan.of(arguments, stage)
    train_stage.prepare(plan.compared)
    missing = plan.missing()
    for run in plan.runs:
        if damage := run.damage():
            print(f"{run.name}: {damage} damaged or missing, so it is trained again", file=sys.stderr, flush=True)
    killed, began = None, time.monotonic()
    with watching(plan.runs, plan.fits):
        if missing:
            killed = _sweep(missing, arguments, launch)
    seconds = MLFLOW_SHARE * (time.monotonic() - began)
    if seconds > MLFLOW_SECONDS and Path(".dvc").is_dir():  # nobody opens the MLflow of another command's folder
        sync.sync_within(seconds)
    _check_finished(missing, killed)
    _check_unchanged(plan, Plan.of(arguments, stage))
    if lines := list(_elsewhere(plan)):
        print("\n".join(["not part of the comparison, so not in runs/:", *lines]))


def _configurations(chosen: Sequence[str], stage: str | None) -> tuple[dict[str, Config], dict[str, Config]]:
    """Configurations of the variants and of the baselines that overrides without sweeps ask for, by name."""
    if stage is None:
        return compose_variants(chosen), compose_baselines(chosen)
    found = {choice("variant" if stage == "train" else stage, chosen): compose_config(chosen)}
    return (found, {}) if stage == "train" else ({}, found)


def _place(overrides: Sequence[str], is_sweep: bool) -> Path:
    """Folder of the runs that are not part of the comparison: Hydra's default for it, or the one that is stated."""
    key, default = ("hydra.sweep.dir=", "multirun") if is_sweep else ("hydra.run.dir=", "outputs")
    stated = [override.removeprefix(key) for override in overrides if override.startswith(key)]
    return Path([default, *stated][-1])


def _are_listed(variants: Mapping[str, Config], baselines: Mapping[str, Config], compared: Config) -> bool:
    """Whether params.yaml lists these variants and baselines, and their seeds."""
    seeds = {found.seed for found in variants.values()} <= {None, *compared.seeds}
    return seeds and variants.keys() <= set(compared.variants) and baselines.keys() <= set(compared.baselines)


def _label(overrides: Sequence[str]) -> str:
    """The overrides as the name of a folder."""
    label = re.sub(r"[^\w.,=+~\[\]{}-]", "_", ",".join(overrides))
    return label if len(label) <= LABEL else f"{label[:LABEL]}-{fingerprint(overrides=overrides)}"


def _cost(run: Run) -> int:
    """Grows with the time that a run takes."""
    return run.size * run.config.training.epochs


def _elsewhere(plan: Plan) -> Iterator[str]:
    """Lines on the runs and baselines outside the comparison: their folders and mean validation log losses."""
    losses: dict[Path, list[float]] = {}
    for run in plan.runs:
        if run.root != files.RUNS and (summary := run.summary()):
            losses.setdefault(run.root / run.variant, []).append(summary.early.val_log_loss)
    for folder, found in sorted(losses.items(), key=lambda item: fmean(item[1])):
        mean = f", mean of {len(found)} runs" if len(found) > 1 else ""
        yield f"  {folder}: validation log loss {fmean(found):.4f}{mean}"
    yield from (f"  {fit.folder}" for fit in plan.fits if fit.root != BASELINES)


def _sweep(missing: Jobs, arguments: Sequence[str], launch: Launch) -> str | None:
    """Let Hydra sweep over the jobs; returns a sentence if a fault of the machine, as a worker's death, ended it."""
    # joblib replaces a worker that grew by 300 MB, as it may from job to job
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    kept = [argument for argument in arguments if argument.startswith((*HYDRA, "-")) and argument not in MULTIRUN]
    chosen = "job=" + ",".join(f"'{name}'" for name in missing)  # a job already holds its configuration
    try:
        launch(["--multirun", *kept, chosen], _job(missing))
    except Exception as error:
        if reason := explained(error):
            return reason
        raise
    return None


def _job(missing: Jobs) -> Callable[[DictConfig], None]:
    """The function that Hydra calls for each job, here or in a worker process, which receives all jobs with it."""
    starter = os.getpid()

    def job(composed: DictConfig) -> None:
        if os.getppid() == starter:
            end_with(starter)
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


def _check_finished(missing: Jobs, killed: str | None) -> None:
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


def _check_unchanged(*plans: Plan) -> None:
    """Check that the files still describe what was made, because DVC records the files as they are now."""
    before, after = (plan.names() for plan in plans)
    changed = [name for fingerprint, name in before.items() if fingerprint not in after]
    if changed or len(after) != len(before):
        raise UserError(
            f"configuration, data or source code changed while the stage ran ({', '.join(changed) or 'seeds'}); "
            "the results are those of the start, so run the stage again"
        )

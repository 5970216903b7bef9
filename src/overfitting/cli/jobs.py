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
from overfitting.cli import parents
from overfitting.cli.errors import explained
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
GROUPS = {"train": "variant", "baseline": "baseline"}
IDENTIFYING = ("variant=", "baseline=", "seed=")  # overrides that only choose among the runs of the comparison
LABEL = 120  # characters of a folder's name

MLFLOW_SHARE = 0.02  # of the time that the jobs took may go into MLflow
MLFLOW_SECONDS = 10.0  # that bringing MLflow up to date takes; jobs too short for that leave it to `report`

Launch = Callable[[Sequence[str], Callable[[DictConfig], None]], None]


@dataclass(frozen=True)
class Plan:
    """Runs and baselines that the arguments ask for, finished or not.

    What params.yaml and conf/ state goes to runs/. Every other run gets a folder that is named after the overrides, in
    outputs/ or, for a sweep, in multirun/, so that training by hand never replaces the results of the comparison.
    """

    compared: Mapping[str, Config]  # variants of the comparison that are asked for
    runs: Sequence[Run]
    fits: Sequence[Baseline]

    @classmethod
    def of(cls, arguments: Sequence[str], stage: str | None = None) -> "Plan":
        """The plan of the stage `train` or `baseline` with these arguments, or of both stages.

        Raises:
            UserError: the configuration is wrong, or the prepared data does not support every variant.
        """
        overrides = [argument for argument in arguments if not argument.startswith("-")]
        sweep = combinations([override for override in overrides if not override.startswith(HYDRA)])
        compared, wanted = compose_variants(), [_configurations(chosen, stage) for chosen in sweep]
        manifest, code = Manifest.read(files.MANIFEST), Code.read()
        place = _place(overrides, is_sweep=len(sweep) > 1 or bool(MULTIRUN & set(arguments)))
        runs, fits, asked = list[Run](), list[Baseline](), dict[str, Config]()
        for chosen, (variants, baselines) in zip(sweep, wanted, strict=True):
            check_variants({name: config.variant for name, config in {**compared, **variants}.items()}, manifest)
            root = _root(chosen, variants, baselines, compared, place)
            runs += identity.plan(variants, manifest.fingerprint, code, root or files.RUNS)
            fits += plan_baselines(baselines, manifest.fingerprint, root or BASELINES)
            asked |= {} if root else variants
        replicates.check_classes(manifest, sorted({run.seed for run in runs}))
        return cls(asked, runs, fits)

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
    train_stage.prepare(plan.compared)
    missing = plan.missing()
    for run in plan.runs:
        if damage := run.damage():
            print(f"{run.name}: {damage} damaged or missing, so it is trained again", file=sys.stderr, flush=True)
    killed, began = None, time.monotonic()
    with watching(plan.runs, plan.fits):
        if missing:
            # joblib replaces a worker that grew by 300 MB, as it may from job to job
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
            killed = _launch(launch, _with_jobs(arguments, missing), missing)
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
    config, name = compose_config(chosen), choice(GROUPS[stage], chosen)
    return ({name: config}, {}) if stage == "train" else ({}, {name: config})


def _place(overrides: Sequence[str], is_sweep: bool) -> Path:
    """Folder of the runs that are not part of the comparison: Hydra's default for it, or the one that is stated."""
    key, default = ("hydra.sweep.dir", "multirun") if is_sweep else ("hydra.run.dir", "outputs")
    stated = [value for name, _, value in (override.partition("=") for override in overrides) if name == key]
    return Path(stated[-1] if stated else default)


def _root(
    chosen: Sequence[str],
    variants: Mapping[str, Config],
    baselines: Mapping[str, Config],
    compared: Mapping[str, Config],
    place: Path,
) -> Path | None:
    """None if params.yaml and conf/ state these runs; else the folder in `place` that the overrides name."""
    own = sorted(override for override in chosen if not override.startswith(IDENTIFYING))
    config = next(iter(compared.values()))
    seeds = {found.seed for found in variants.values()} - {None, *config.seeds}
    if not own and not seeds and variants.keys() <= compared.keys() and baselines.keys() <= set(config.baselines):
        return None
    label = re.sub(r"[^\w.,=+~\[\]{}-]", "_", ",".join(own))
    short = label if len(label) <= LABEL else f"{label[:LABEL]}-{fingerprint(overrides=own)}"
    return place / short


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


def _with_jobs(arguments: Sequence[str], missing: Mapping[str, object]) -> list[str]:
    """Hydra's arguments for a sweep over the jobs that are missing; a job already holds its configuration."""
    kept = [argument for argument in arguments if argument.startswith((*HYDRA, "-")) and argument not in MULTIRUN]
    return ["--multirun", *kept, "job=" + ",".join(f"'{name}'" for name in missing)]


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

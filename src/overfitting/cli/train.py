"""Trains variants: fixes every run first, lets Hydra run the jobs side by side, and checks at the end for edits."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config, compose_variants, validate
from overfitting.config.schema import Config
from overfitting.data.manifest import Manifest
from overfitting.progress.watcher import WatchedRun, watching
from overfitting.stages import train as stage
from overfitting.tracking import live
from overfitting.tracking.child_runs import Identity
from overfitting.training.identity import Run, comparison_fingerprint, plan
from overfitting.training.remedies import check_variants

Job = Callable[[DictConfig], None]


def run(arguments: Sequence[str], configs: Mapping[str, Config], launch: Callable[[Sequence[str], Job], None]) -> None:
    """Train the variants and seeds that the arguments choose.

    Everything that determines a result is fixed here, before the training code is loaded, and handed to the workers. So
    an edit during the training changes no run; at the end it fails the stage.

    Args:
        arguments: overrides and options, in Hydra's grammar.
        configs: every variant of the comparison, composed with the overrides.
        launch: starts Hydra with arguments and the function that it calls for each job.

    Raises:
        UserError: the prepared data does not support every variant, or something changed while the stage ran.
    """
    manifest = Manifest.read(files.MANIFEST)
    check_variants({name: config.variant for name, config in configs.items()}, manifest)
    overrides = [argument for argument in arguments if not argument.startswith("-")]
    chosen = _chosen(overrides)
    runs = plan(chosen, manifest.fingerprint)
    stage.prepare(chosen)
    observers = [_observer(run, overrides, configs) for run in runs]
    watched = [WatchedRun(run, observer) for run, observer in zip(runs, observers, strict=True)]
    sent = [observer for run, observer in zip(watched, observers, strict=True) if not run.progress.is_over]
    with live.sending(sent), watching(watched):
        launch(_with_all_seeds(arguments), _job(runs))
    _check_unchanged(runs, overrides)


def _chosen(overrides: Sequence[str]) -> dict[str, Config]:
    """Configurations of the variants to train: several if Hydra sweeps over them, as in `variant=tiny,small`."""
    own = [override for override in overrides if not override.startswith("variant=")]
    defaults = OmegaConf.load("conf/config.yaml").defaults
    names = next(item["variant"] for item in defaults if "variant" in item)
    for override in overrides:
        if override.startswith("variant="):
            names = override.removeprefix("variant=")
    # Hydra reports a name without a file
    found = [name for name in names.split(",") if Path(f"conf/variant/{name}.yaml").is_file()]
    return {name: compose_config([*own, f"variant={name}"]) for name in found}


def _observer(run: Run, overrides: Sequence[str], configs: Mapping[str, Config]) -> live.LiveRun:
    """Sends the history of a run to MLflow, below the comparison of all variants."""

    def comparison() -> str:
        is_changed = any(override.startswith("variant.") for override in overrides)
        compared = compose_variants(shared(overrides)) if is_changed else configs
        return comparison_fingerprint(compared, run.data)

    return live.live_run(Identity(run.variant, run.seed, run.fingerprint), run.settings, comparison)


def shared(overrides: Sequence[str]) -> list[str]:
    """The overrides that apply to every variant and seed."""
    own = ("variant=", "variant.", "seed=")
    return [override for override in overrides if not override.startswith(own)]


def _with_all_seeds(arguments: Sequence[str]) -> list[str]:
    """Hydra's arguments for a sweep over all seeds, unless they set one."""
    return [*arguments] if any(argument.startswith("seed=") for argument in arguments) else ["--multirun", *arguments]


def _job(runs: Sequence[Run]) -> Job:
    """The function that Hydra calls for each job, here or in a worker process, which receives the runs with it."""
    by_name = {(run.variant, run.seed): run for run in runs}

    def job(composed: DictConfig) -> None:
        name = HydraConfig.get().runtime.choices["variant"], validate(composed).seed
        if name in by_name:  # an ensemble has no runs
            stage.run(by_name[name])

    return job


def _check_unchanged(runs: Sequence[Run], overrides: Sequence[str]) -> None:
    """Check that the files still describe the runs that were trained, because DVC records the files as they are now."""
    after = plan(_chosen(overrides), Manifest.read(files.MANIFEST).fingerprint)
    known = {run.fingerprint for run in after}
    changed = [f"{run.variant} seed {run.seed}" for run in runs if run.fingerprint not in known]
    if changed or len(after) != len(runs):
        raise UserError(
            f"configuration, data or source code changed while the stage ran ({', '.join(changed) or 'seeds'}); "
            "the runs are those of the start, so run the stage again"
        )

"""Prepares a multirun of trainings: which variants and seeds it trains, shown and logged while they train."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path

from omegaconf import OmegaConf

from overfitting.base import files
from overfitting.config.composition import compose_config, compose_variants
from overfitting.config.schema import Config
from overfitting.progress import watcher
from overfitting.training import identity, requirements


def with_all_seeds(arguments: Sequence[str]) -> list[str]:
    """Hydra's arguments for a sweep over all seeds, unless they set one."""
    return [*arguments] if any(argument.startswith("seed=") for argument in arguments) else ["--multirun", *arguments]


def watching(overrides: Sequence[str], configs: Mapping[str, Config]) -> AbstractContextManager[None]:
    """Show and log the seeds that Hydra is about to train.

    Args:
        overrides: of the command line.
        configs: every compared variant, composed with `overrides`.

    Raises:
        UserError: the prepared data does not support every variant.
    """
    manifest = files.read_json(files.MANIFEST)
    requirements.check_variants(configs, manifest)
    data = manifest["fingerprint"]
    is_changed = any(override.startswith("variant.") for override in overrides)
    compared = compose_variants(shared(overrides)) if is_changed else configs
    name = cache(lambda: identity.comparison_fingerprint(compared, data))
    own = [override for override in overrides if not override.startswith("variant=")]
    chosen = {variant: compose_config([*own, f"variant={variant}"]) for variant in _chosen(overrides)}
    trainings = [
        watcher.Training(config, variant, seed, data, name)
        for variant, config in chosen.items()
        if not config.variant.ensemble_of
        for seed in (config.seeds if config.seed is None else [config.seed])
    ]
    return watcher.watching(trainings)


def shared(overrides: Sequence[str]) -> list[str]:
    """The overrides that apply to every variant and seed."""
    own = ("variant=", "variant.", "seed=")
    return [override for override in overrides if not override.startswith(own)]


def _chosen(overrides: Sequence[str]) -> list[str]:
    """Names of the variants to train: several if Hydra sweeps over them, as in `variant=tiny,small`."""
    defaults = OmegaConf.load("conf/config.yaml").defaults
    names = next(item["variant"] for item in defaults if "variant" in item)
    for override in overrides:
        if override.startswith("variant="):
            names = override.removeprefix("variant=")
    # Hydra reports a name without a file
    return [name for name in names.split(",") if Path(f"conf/variant/{name}.yaml").is_file()]

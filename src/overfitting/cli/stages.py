"""Runs a stage through Hydra, which takes overrides and options such as `--multirun`, `--cfg job` and `--help`."""

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from overfitting.base.errors import UserError
from overfitting.cli.errors import fail
from overfitting.config.composition import clear_errors, compose_variants, validate
from overfitting.config.schema import SECTIONS

SHOWING = ("-h", "--h", "-c", "--cfg", "-i", "--info", "-s", "--shell")  # Hydra's options that only print


def run(stage: str, summary: str, arguments: Sequence[str]) -> None:
    """Check the configuration of every variant before any work; then let Hydra run the stage.

    Args:
        stage: a module of `overfitting.stages`.
        summary: a sentence for the stage's help.
        arguments: overrides and options, in Hydra's grammar.

    Raises:
        UserError: the configuration is wrong, or an input is missing.
    """
    watching: AbstractContextManager[None] = nullcontext()
    if not any(argument.startswith(SHOWING) for argument in arguments):
        overrides = [argument for argument in arguments if not argument.startswith("-")]
        configs = compose_variants(overrides)
        if stage == "train":
            from overfitting.cli import train

            watching = train.watching(overrides, configs)
            arguments = train.with_all_seeds(arguments)
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then raises errors instead of printing them
    job = [f"hydra.job.name={stage}", f"hydra.help.header='{_header(stage, summary)}'"]
    # Hydra refuses an override after an option's value, and overrides that are not side by side
    sys.argv = [f"overfitting {stage}", *job, *sorted(arguments, key=lambda argument: not _is_override(argument))]
    with clear_errors(), watching:
        hydra.main(version_base="1.3", config_path=str(Path("conf").resolve()), config_name="config")(run_job)()
    sys.stdout.flush()  # a pipe whose reader has left fails here, where click handles it


def run_job(composed: DictConfig) -> None:
    """Run the stage that Hydra's job is named after, in this process or in a worker."""
    chosen = HydraConfig.get()
    config = validate(composed)
    stage = importlib.import_module(f"overfitting.stages.{chosen.job.name}")
    if chosen.job.name == "train":
        stage.run(config, chosen.runtime.choices["variant"])
        return
    try:
        stage.run(config)
    except UserError as error:
        fail(chosen.job.name, error)  # an exception would make Hydra print a second message


def _is_override(argument: str) -> bool:
    return "=" in argument and not argument.startswith("-")


def _header(stage: str, summary: str) -> str:
    """First line of a stage's help: its purpose, and the part of the configuration that it reads."""
    return f"Stage {stage}: {summary} Reads from the configuration: {', '.join(SECTIONS[stage]) or 'nothing'}."

"""Runs a stage through Hydra, which takes overrides and options such as `--multirun`, `--cfg job` and `--help`."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import hydra
from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf

from overfitting.base.errors import UserError
from overfitting.cli.ending import fail
from overfitting.config.composition import choices, compose_config, compose_variants, section
from overfitting.config.schema import SECTIONS, Variant
from overfitting.config.strengths import STRENGTHS
from overfitting.config.validation import clear_errors, validate

SHOWING = ("-h", "--h", "-c", "--cfg", "-i", "--info", "-s", "--shell")  # Hydra's options that only print

LOCK = Path(".dvc/tmp/stage.lock")  # held while a stage works in this folder; the system frees it if the stage dies


def run(stage: str, summary: str, arguments: Sequence[str]) -> None:
    """Check the configuration of every variant before any work; then let Hydra run a module of `overfitting.stages`.

    Raises:
        UserError: the configuration is wrong, an input is missing, or the configuration changed meanwhile.
    """
    launch = partial(_launch, stage, summary)
    if any(argument.startswith(SHOWING) for argument in arguments):
        launch(arguments, lambda composed: None)
        return
    with _alone(stage):
        if stage in ("train", "baseline"):
            from overfitting.cli import jobs

            jobs.run(arguments, launch, stage)
            return
        overrides = [argument for argument in arguments if not argument.startswith("-")]
        before = next(iter(compose_variants(overrides).values()))
        launch(arguments, partial(_job, stage))
        if section(compose_config(overrides), stage) != section(before, stage):
            raise UserError("the configuration changed while the stage ran, so run the stage again")


def run_missing(arguments: Sequence[str]) -> None:
    """Train all runs and fit all baselines that are not finished; arguments and errors as in `run`."""
    from overfitting.cli import jobs

    with _alone("train-all"):
        jobs.run(arguments, partial(_launch, "train", ""))


@contextmanager
def _alone(command: str) -> Iterator[None]:
    """Wait until no other stage works in this folder, so that two never write the same files."""
    if not LOCK.parents[1].is_dir():  # a folder of another command
        yield
        return
    LOCK.parent.mkdir(exist_ok=True)
    lock = FileLock(LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f"overfitting {command}: waiting for another stage in this folder", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _launch(stage: str, summary: str, arguments: Sequence[str], job: Callable[[DictConfig], None]) -> None:
    """Start Hydra, which calls `job` with the composed configuration, here or in worker processes."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then raises errors instead of printing them
    header = f"Stage {stage}: {summary} Reads from the configuration: {', '.join(SECTIONS[stage]) or 'nothing'}."
    own = [f"hydra.job.name={stage}", f"hydra.help.header='{header}'", *choices(arguments)]
    # Hydra refuses an override after an option's value, and overrides that are not side by side
    ordered = sorted(arguments, key=lambda argument: argument.startswith("-") or "=" not in argument)
    sys.argv = [f"overfitting {stage}", *own, *ordered]
    with clear_errors():
        hydra.main(version_base="1.3", config_path=str(Path("conf").resolve()), config_name="config")(job)()
    sys.stdout.flush()  # a pipe whose reader has left fails here, where click handles it


def _job(stage: str, composed: DictConfig) -> None:
    config = validate(composed)
    try:
        importlib.import_module(f"overfitting.stages.{stage}").run(config)
    except UserError as error:
        fail(stage, error)  # an exception would make Hydra print a second message


def explain(stage: str) -> str:
    """One line per key of the configuration that a stage reads, from the texts beside the fields of the schema."""
    config, lines = compose_config(), list[str]()
    for name in SECTIONS[stage]:
        value = getattr(config, name, None)
        fields = getattr(type(value), "__pydantic_fields__", {})
        lines += [f"{name}.{key}: {field.description}" for key, field in fields.items() if field.description]
        if isinstance(value, Variant):
            lines += [f"{name}.{key}: {strength.about} Off: {strength.off}." for key, strength in STRENGTHS.items()]
    return "\n".join(lines) or "(this stage reads no settings)"


OmegaConf.register_new_resolver("explain", explain, replace=True)  # conf/config.yaml calls it for a stage's help

"""The command line: `python -m overfitting STAGE [Hydra overrides]`."""

import importlib
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from overfitting.base.errors import UserError
from overfitting.config.composition import clear_errors, compose_config, compose_variants, validate
from overfitting.config.schema import SECTIONS, Config

STAGES = {
    "download": "fetch the events of the chosen source",
    "preprocess": "check, split and scale them",
    "train": "train all seeds of a variant: train variant=l2",
    "evaluate": "measure every run on the test rows and compare",
    "report": "write the page, the tables and the figures",
}
COMMANDS = {
    "ui": "bring MLflow up to date with the files and open it on 127.0.0.1",
    "smoke": "run the whole pipeline on tiny settings in a scratch copy",
    "events": "simulate the bundled events anew",
    "tune": "search for the strengths of remedies on validation rows: tune l2 dropout",
    "readme": "write the verdict and the ranking of results/ into README.md and README.zh-CN.md",
    "changes": "what this branch changes against a base, as Markdown: changes main; --check fails as its check does",
    "comment": "post the output of `changes` on a pull request, or in place of the last: comment 12 comment.md",
    "verdict": "print the verdict of results/ and where the page is",
    "completion": 'let bash complete all this: eval "$(overfitting completion)"',
}
HELP = {"-h", "--help"}
SHOWING = ("-h", "--h", "-c", "--cfg", "-i", "--info", "-s", "--shell")  # options with which no work is done
CHECK = "--check"  # of `changes`


def main() -> None:
    """Run a stage or a command; a user's mistake ends in its message and exit status 2."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in HELP:
        print(_help())
        return
    try:
        _dispatch(name, arguments)
    except UserError as error:
        _fail(name, error)
    except BrokenPipeError:
        if not HELP & set(arguments):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # who reads the help, such as `head`, has enough of it
    except KeyboardInterrupt:
        print(f"overfitting {name}: interrupted; started again, it goes on from what is finished", file=sys.stderr)
        sys.exit(130)


def _fail(name: str, error: UserError) -> NoReturn:
    print(f"overfitting {name}: {error}", file=sys.stderr)
    sys.exit(2)


def _dispatch(name: str, arguments: list[str]) -> None:
    if name in STAGES:
        _run_stage(name, arguments)
    elif name in COMMANDS:
        _run_command(name, arguments)
    else:
        raise UserError(f"unknown command; expected one of {', '.join([*STAGES, *COMMANDS])}")


def _run_command(name: str, arguments: list[str]) -> None:
    if name != "tune" and HELP & set(arguments):
        print(f"usage: python -m overfitting {name}: {COMMANDS[name]}")
        return
    match name:
        case "ui":
            from overfitting.tracking import sync

            sync.serve(Path(), port=int(os.environ.get("PORT", "5000")))
        case "smoke":
            from overfitting.cli import scratch

            sys.exit(scratch.run(Path()))
        case "events":
            from overfitting.data.sources.simulated import source as simulated

            simulated.write_bundled()
        case "tune":
            from overfitting.search import tuning

            print(tuning.USAGE) if HELP & set(arguments) else tuning.run(arguments)
        case "readme":
            from overfitting.base import files
            from overfitting.evaluation.results import Metrics
            from overfitting.report import readme

            readme.update(Metrics.read(files.METRICS))
        case "changes":
            from overfitting.review import comment

            bases = [argument for argument in arguments if argument != CHECK]
            text, problems = comment.describe(bases[0] if bases else "main")
            print(text, end="")
            sys.exit(bool(problems) and CHECK in arguments)
        case "comment":
            from overfitting.review import github

            if len(arguments) != 2:
                raise UserError(
                    f"expected the number of a pull request and a file, got {' '.join(arguments) or 'none'}"
                )
            github.post(arguments[0], Path(arguments[1]))
        case "verdict":
            from overfitting.base import files
            from overfitting.evaluation.results import Metrics
            from overfitting.report import tables

            print(tables.conclusion(Metrics.read(files.METRICS)))
        case "completion":
            from overfitting.cli import completion

            print(completion.script(STAGES, COMMANDS), end="")


def _run_stage(name: str, arguments: list[str]) -> None:
    """Check the whole configuration, every variant of it, before any work; then let Hydra run the stage."""
    overrides = [argument for argument in arguments if not argument.startswith("-")]
    only_shows = any(argument.startswith(SHOWING) for argument in arguments)
    watching: AbstractContextManager[None] = nullcontext()
    if not only_shows:
        configs = compose_variants(overrides)
        if name == "train":
            watching = _watching(overrides, configs)
            if not any(argument.startswith("seed=") for argument in overrides):
                arguments = ["--multirun", *arguments]
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then raises instead of printing, and main() prints once
    named = [f"hydra.job.name={name}", f"hydra.help.header='{_about(name)}'"]
    # overrides first and together, since Hydra refuses what follows the value of an option
    sys.argv = [f"overfitting {name}", *named, *sorted(arguments, key=lambda argument: not _is_override(argument))]
    with clear_errors(), watching:
        hydra.main(version_base="1.3", config_path=str(Path("conf").resolve()), config_name="config")(run_job)()


def run_job(composed: DictConfig) -> None:
    """What Hydra calls, here or in a worker process: the stage that the job is named after."""
    chosen = HydraConfig.get()
    config = validate(composed)
    stage = importlib.import_module(f"overfitting.stages.{chosen.job.name}")
    if chosen.job.name == "train":
        stage.run(config, chosen.runtime.choices["variant"])
        return
    try:
        stage.run(config)
    except UserError as error:
        _fail(chosen.job.name, error)


def _watching(overrides: list[str], configs: dict[str, Config]) -> AbstractContextManager[None]:
    """Show and log the seeds that Hydra is about to train; `configs` of all variants have the same overrides."""
    from overfitting.base import files
    from overfitting.progress import watcher
    from overfitting.training import identity, requirements

    manifest = files.read_json(files.MANIFEST)
    requirements.check_variants(configs, manifest)
    data = manifest["fingerprint"]
    shared = _shared(overrides)
    compared = compose_variants(shared) if any(item.startswith("variant.") for item in overrides) else configs
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


def _chosen(overrides: list[str]) -> list[str]:
    """Names of the variants that are to be trained: several where Hydra sweeps over them, `variant=tiny,small`."""
    defaults = OmegaConf.load("conf/config.yaml").defaults
    names = next(item["variant"] for item in defaults if "variant" in item)
    for override in overrides:
        if override.startswith("variant="):
            names = override.removeprefix("variant=")
    # what is no file is left to Hydra and its message
    return [name for name in names.split(",") if Path(f"conf/variant/{name}.yaml").is_file()]


def _shared(overrides: list[str]) -> list[str]:
    """The overrides that hold for every variant and seed."""
    own = ("variant=", "variant.", "seed=")
    return [override for override in overrides if not override.startswith(own)]


def _is_override(argument: str) -> bool:
    return "=" in argument and not argument.startswith("-")


def _about(stage: str) -> str:
    """The head of a stage's help: what it does, and which part of the configuration it reads."""
    what, reads = STAGES[stage], ", ".join(SECTIONS[stage]) or "none of it"
    return f"Stage {stage}: {what}. It reads of the configuration: {reads}."


def _help() -> str:
    commands = {**STAGES, **COMMANDS}
    lines = [f"  {name:<11} {what}" for name, what in commands.items()]
    return "\n".join(
        [
            "usage: python -m overfitting COMMAND [key=value ...]",
            "",
            *lines,
            "",
            "COMMAND --help shows the configuration that a stage can be given; `dvc repro` runs all stages.",
        ]
    )

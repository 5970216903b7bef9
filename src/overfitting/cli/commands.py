"""The command line: stages of the pipeline, which take Hydra overrides, and other commands.

Each command imports its wing only when it runs, so that help and completion answer at once.
"""

import sys
from pathlib import Path
from typing import Any

import click

from overfitting.cli import completion
from overfitting.cli.ending import end_with_dvc
from overfitting.cli.group import STAGES, Commands


def main() -> None:
    """Run the command line with the arguments of this process; a stage ends with the DVC that started it."""
    end_with_dvc()
    cli.main(sys.argv[1:] or ["--help"], prog_name=completion.PROGRAM)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="`dvc repro` runs all stages. `overfitting STAGE --help` shows the configuration that a stage accepts.",
)
@click.version_option(package_name="overfitting", message="%(prog)s %(version)s")
def cli() -> None:
    """Measure what prevents overfitting: run one stage of the pipeline, or a command around it."""


def _add_stage(name: str, summary: str) -> None:
    """Add a command that leaves its arguments, `--help` too, to Hydra."""

    @cli.command(name, help=summary, add_help_option=False, context_settings={"ignore_unknown_options": True})
    @click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=completion.overrides)
    def run(overrides: tuple[str, ...]) -> None:
        from overfitting.cli import stages

        stages.run(name, summary, overrides)


for _name, _summary in STAGES.items():
    _add_stage(_name, _summary)


@cli.command("train-all", context_settings={"ignore_unknown_options": True})
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=completion.overrides)
def train_all(overrides: tuple[str, ...]) -> None:
    """Train all missing runs and baselines, side by side.

    Longest first, in one sweep of Hydra; `hydra.launcher.n_jobs=4` sets the number of workers (default: one per core).
    Finished ones are kept. Afterwards `dvc repro` finds everything finished and records it.
    """
    from overfitting.cli import stages

    stages.run_missing(overrides)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", shell_complete=completion.experiments)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[DVC OPTION]...")
def experiment(name: str, options: tuple[str, ...]) -> None:
    """Run an experiment of conf/experiment/.

    It changes params.yaml and runs the pipeline as `dvc exp run` does, which also gets the options: --queue only queues
    it.
    """
    from overfitting.cli import experiment as experiments

    sys.exit(experiments.run(name, options))


@cli.command()
def experiments() -> None:
    """Compare the experiments of DVC.

    Shows the settings and metrics that differ.
    """
    from overfitting.cli import experiment as found

    found.show()


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=5000, envvar="PORT", show_default=True, show_envvar=True)
def ui(port: int) -> None:
    """Open MLflow, which follows the files.

    It listens on 127.0.0.1 and shows finished runs within seconds, and running ones live.
    """
    from overfitting.tracking import server

    server.serve(Path(), port=port)


@cli.command()
def sync() -> None:
    """Bring MLflow up to date with the files."""
    from overfitting.tracking import live

    sys.exit(0 if live.bring_up_to_date() else 1)


@cli.command()
def demo() -> None:
    """Run a small comparison in demo/.

    Four variants on 2,000 training rows, in about two minutes.
    """
    from overfitting.cli import scratch

    scratch.demo()


@cli.command("try")
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--label", metavar="COLUMN", help="Column with two values (default: the only one that fits).")
@click.option("--positive", metavar="VALUE", help="Its value that counts as 1 (default: true, yes, 1, or the rarer).")
@click.option("--drop", multiple=True, metavar="COLUMN", help="Column to leave out; can be repeated.")
@click.option("--categorical", multiple=True, metavar="COLUMN", help="Column to read as categories; can be repeated.")
@click.option("--name", help="Name of the file in conf/data/ (default: that of the table).")
@click.option("--run/--no-run", "is_run", default=True, help="Run the pipeline, or write the settings only.")
def try_table(table: Path, name: str | None, is_run: bool, **given: Any) -> None:
    """Compare on your own table, CSV or Parquet.

    Chooses label, columns, split and budget, says so, and writes them to params.yaml and conf/data/NAME.yaml. Then it
    does what `make repro` does.
    """
    from overfitting.cli import own_table

    own_table.run(table, name, is_run, **given)


@cli.command()
def smoke() -> None:
    """Run the whole pipeline on tiny settings in a scratch copy."""
    from overfitting.cli import scratch

    sys.exit(scratch.smoke())


@cli.command()
def verify() -> None:
    """Reproduce the commit in a clone and compare the outputs.

    The clone has no cache. Outputs are compared by hash; on another kind of processor or with other library versions
    metrics are compared, within the tolerances of docs/reproducibility.md. Exits with status 1 if the results differ.
    """
    from overfitting.cli import verify as verification

    sys.exit(verification.run())


@cli.command()
def events() -> None:
    """Simulate the bundled events again."""
    from overfitting.data.sources.simulated import source

    source.write_bundled()


@cli.command("learning-curve")
@click.argument("rows", type=click.IntRange(min=1), required=False)
def learning_curve(rows: int | None) -> None:
    """Measure what more data is worth.

    With ROWS: compare the variants with that number of training rows. Without: compute the curve over all sizes. `make
    learning-curve` does both for all sizes of learning-curve/params.yaml.
    """
    from overfitting.cli import sizes

    sizes.compare(rows) if rows else sizes.collect()


@cli.command()
@click.argument("arguments", nargs=-1, metavar="[SEARCH]... [key=value]...", shell_complete=completion.searches)
def tune(arguments: tuple[str, ...]) -> None:
    """Search for the strengths of remedies.

    Trains and validates on rows that no reported run sees. Runs the named searches of conf/search.yaml (default: all),
    one trial per core. Overrides of the training and of the network hold for all trials: training.epochs=30.

    Finished trials are kept in tuning/: a killed search resumes, and a finished one does not run again. Writes
    results/tuning.csv and conf/variant/tuned/SEARCH.yaml.
    """
    from overfitting.search import tuning

    tuning.run(arguments)


@cli.command()
def readme() -> None:
    """Write the verdict and the ranking into both READMEs."""
    from overfitting.cli import resolve as conflicts

    conflicts.write_pages()


@cli.command()
@click.argument("base", default="main")
@click.option("--check", is_flag=True, help="Exit with status 1 if a stage failed or a result got worse.")
def changes(base: str, check: bool) -> None:
    """Print, as Markdown, what this branch changes against BASE.

    BASE is a commit or a branch (default: main).
    """
    from overfitting.review import comment

    text, problems = comment.describe(base)
    click.echo(text, nl=False)
    sys.exit(check and bool(problems))


@cli.command()
def resolve() -> None:
    """Settle a merge's conflicts in computed files.

    Then computes these files again: dvc.lock, results/ and the tables of the READMEs. It trains no variant that a
    branch has trained, if DVC's cache or remote has it.
    """
    from overfitting.cli import resolve as conflicts

    conflicts.run()


@cli.command()
def verdict() -> None:
    """Print the verdict of results/ and the path of the page."""
    from overfitting.report import answers

    click.echo(answers.conclusion(*answers.read()))


@cli.command("completion")
@click.argument("shell", type=click.Choice(completion.SHELLS), default=completion.current_shell)
def print_completion(shell: str) -> None:
    """Print the script for completion with TAB.

    In bash and zsh: eval "$(overfitting completion)". In fish: overfitting completion | source. The default SHELL is
    the one that the variable SHELL names.
    """
    click.echo(completion.script(cli, shell), nl=False)

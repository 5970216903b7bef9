"""The command line: stages of the pipeline, which take Hydra overrides, and other commands.

Each command imports its wing only when it runs, so that help and completion answer at once.
"""

import difflib
import pkgutil
import sys
from pathlib import Path
from typing import Any

import click

from overfitting.base.errors import UserError
from overfitting.cli import completion
from overfitting.cli.ending import end_with_dvc, explained, fail

STAGES = {
    "download": "Fetch the events of the chosen source.",
    "preprocess": "Check, split and scale the events.",
    "train": "Train all seeds of a variant: train variant=l2.",
    "baseline": "Fit a baseline: baseline baseline=random_forest.",
    "evaluate": "Measure all runs on the test rows, compare the variants.",
    "report": "Write the page, the tables and the figures.",
}


def main() -> None:
    """Run the command line with the arguments of this process; a stage ends with the DVC that started it."""
    end_with_dvc()
    cli.main(sys.argv[1:] or ["--help"], prog_name=completion.PROGRAM)


class Commands(click.Group):
    """Lists stages apart from other commands, and reports a user's mistake in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of definition."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the two lists of the help."""
        limit = formatter.width - max(map(len, self.commands)) - 6
        rows = [(name, command.get_short_help_str(limit)) for name, command in self.commands.items()]
        with formatter.section("Stages, which take Hydra overrides"):
            formatter.write_dl([row for row in rows if row[0] in STAGES])
        with formatter.section("Other commands"):
            formatter.write_dl([row for row in rows if row[0] not in STAGES])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown name ends in a suggestion and the list of names."""
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            similar = difflib.get_close_matches(name, self.commands, n=1)
            hint = f"; did you mean {similar[0]}?" if similar else ""
            fail(name, f"unknown command; expected one of {', '.join(self.commands)}{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `UserError` or a fault of the machine exits with status 2, Ctrl-C with 130."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            fail(str(ctx.invoked_subcommand), error)
        except (BrokenPipeError, click.ClickException):
            raise
        except Exception as error:
            if reason := explained(error):
                fail(str(ctx.invoked_subcommand), reason)
            raise
        except KeyboardInterrupt:
            name = ctx.invoked_subcommand
            click.echo(f"overfitting {name}: interrupted; finished work is kept, the same command resumes", err=True)
            sys.exit(130)


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


def _add(name: str, function: str, text: str) -> None:
    """Add a command without arguments: a function of this wing, which returns an exit status or None."""
    cli.command(name, help=text)(lambda: sys.exit(pkgutil.resolve_name(f"overfitting.cli.{function}")()))


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


_add(
    "experiments",
    "experiment:show",
    "Compare the experiments of DVC.\n\nShows the settings and metrics that differ.",
)


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


_add(
    "demo",
    "scratch:demo",
    "Run a small comparison in demo/.\n\nFour variants on 2,000 training rows, in about two minutes.",
)


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


_add("smoke", "scratch:smoke", "Run the whole pipeline on tiny settings in a scratch copy.")
_add(
    "verify",
    "verify:run",
    "Reproduce the commit in a clone and compare the outputs.\n\n"
    "The clone has no cache. Outputs are compared by hash; on another kind of processor or with other library versions "
    "metrics are compared, within the tolerances of docs/reproducibility.md. Exits with status 1 if the results "
    "differ.",
)


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


_add("readme", "resolve:write_pages", "Write the verdict and the ranking into both READMEs.")


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


_add(
    "resolve",
    "resolve:run",
    "Settle a merge's conflicts in computed files.\n\n"
    "Then computes these files again: dvc.lock, results/ and the tables of the READMEs. It trains no variant that a "
    "branch has trained, if DVC's cache or remote has it.",
)


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

"""The group of all commands: lists stages apart, suggests names, and ends a mistake or a fault in one line."""

import difflib
import sys
from typing import Any

import click

from overfitting.base.errors import UserError
from overfitting.cli.ending import explained, fail

STAGES = {
    "download": "Fetch the events of the chosen source.",
    "preprocess": "Check, split and scale the events.",
    "train": "Train all seeds of a variant: train variant=l2.",
    "baseline": "Fit a baseline: baseline baseline=random_forest.",
    "evaluate": "Measure all runs on the test rows, compare the variants.",
    "report": "Write the page, the tables and the figures.",
}


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

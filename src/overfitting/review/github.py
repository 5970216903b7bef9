"""The comment on a pull request: its mark, its length, and where it is posted."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from overfitting.base import files
from overfitting.base.errors import UserError

MARK = "<!-- overfitting: what this pull request changes -->"
LIMIT = 65_536  # characters of a comment on GitHub; bytes are counted here, which are never fewer
LINE = 2_000  # characters of a line


@dataclass(frozen=True)
class Section:
    """A part of the comment; the first lines of a table stay where others are `left_out`."""

    title: str
    lines: Sequence[str]
    folded: bool = False
    left_out: int = 0

    def text(self) -> str:
        """As Markdown."""
        lines = [line if len(line) <= LINE else f"{line[:LINE]} …" for line in self.lines]
        if self.left_out:
            lines += ["", f"*{self.left_out} more lines are left out: GitHub takes no longer comment.*"]
        if self.folded:
            return "\n".join([f"<details><summary>{self.title}</summary>", "", *lines, "", "</details>"])
        return "\n".join([f"### {self.title}", "", *lines])

    def shortened(self) -> "Section":
        """Half as many lines."""
        kept = len(self.lines) // 2
        return replace(self, lines=self.lines[:kept], left_out=self.left_out + len(self.lines) - kept)


def assemble(headline: str, sections: Sequence[Section], limit: int = LIMIT) -> str:
    """The whole comment; where it would pass `limit` bytes, the longest sections lose their last lines."""
    parts = list(sections)
    while True:
        text = "\n\n".join([MARK, f"**{headline[:LINE]}**", *(part.text() for part in parts), _report()]) + "\n"
        if len(text.encode()) <= limit:
            return text
        longest = max(range(len(parts)), key=lambda index: len(parts[index].text()))
        parts[longest] = parts[longest].shortened()


def post(number: str, path: Path) -> None:
    """Post the file as comment on the pull request of that `number`, or in place of what was posted before.

    The earlier comment is known by its mark and by being a bot's, whatever others wrote since. `gh` finds the token in
    GH_TOKEN; the repository is GITHUB_REPOSITORY.

    Raises:
        UserError: the file is no such comment, or GitHub refused.
    """
    if not path.is_file() or not path.read_text(encoding="utf-8").startswith(MARK):
        raise UserError(f"expected the output of `make pr-report` in {path}")
    comments = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues/{number}/comments"
    pages = json.loads(_gh("--paginate", "--slurp", f"{comments}?per_page=100"))
    ours = [found for page in pages for found in page if _is_ours(found)]
    target = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues/comments/{ours[0]['id']}" if ours else comments
    _gh("--method", "PATCH" if ours else "POST", target, "--field", f"body=@{path}")


def _is_ours(found: Mapping[str, Any]) -> bool:
    return found["body"].startswith(MARK) and found["user"]["type"] == "Bot"


def _gh(*arguments: str) -> str:
    try:
        done = subprocess.run(["gh", "api", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError("expected GitHub's command line, gh, on PATH") from None
    if done.returncode:
        raise UserError(f"gh api {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def _report() -> str:
    """Where the full report is: an artifact of the run that GitHub tells of, otherwise a file."""
    if "GITHUB_RUN_ID" not in os.environ:
        return f"The full report: `{files.RESULTS}/report.html`"
    run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format(**os.environ)
    return f"The full report is in the artifact `results` of [this run]({run}#artifacts), with all figures and numbers."

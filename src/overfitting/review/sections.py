"""The comment on a pull request as Markdown: its sections, kept below the length that GitHub allows."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from overfitting.base import files

LIMIT = 65_536  # bytes of a comment; GitHub counts characters, which are never more
LINE = 2_000  # characters per line


@dataclass(frozen=True)
class Section:
    """A part of the comment."""

    title: str
    lines: Sequence[str]
    folded: bool = False
    left_out: int = 0  # number of lines that were cut off the end

    def text(self) -> str:
        """The section as Markdown."""
        lines = [line if len(line) <= LINE else f"{line[:LINE]} …" for line in self.lines]
        if self.left_out:
            lines += ["", f"*{self.left_out} more lines are left out, because GitHub limits the length of comments.*"]
        if self.folded:
            return "\n".join([f"<details><summary>{self.title}</summary>", "", *lines, "", "</details>"])
        return "\n".join([f"### {self.title}", "", *lines])

    def halved(self) -> "Section":
        """The section with the first half of its lines, so that a table keeps its head."""
        kept = len(self.lines) // 2
        return replace(self, lines=self.lines[:kept], left_out=self.left_out + len(self.lines) - kept)


def assemble(headlines: Sequence[str], sections: Sequence[Section], limit: int = LIMIT) -> str:
    """The whole comment. Above `limit` bytes, the longest sections lose their last lines."""
    parts, top = list(sections), "  \n".join(f"**{line[:LINE]}**" for line in headlines)
    while True:
        text = "\n\n".join([top, *(part.text() for part in parts), _report()]) + "\n"
        if len(text.encode()) <= limit:
            return text
        longest = max(range(len(parts)), key=lambda index: len(parts[index].text()))
        parts[longest] = parts[longest].halved()


def _report() -> str:
    """Link to the full report: an artifact in a run of GitHub Actions, a file otherwise."""
    if "GITHUB_RUN_ID" not in os.environ:
        return f"The full report: `{files.RESULTS}/report.html`"
    run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format(**os.environ)
    return f"The full report is in the artifact `results` of [this run]({run}#artifacts), with all figures and numbers."

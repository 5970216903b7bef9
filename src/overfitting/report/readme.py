"""The computed part of README.md and README.zh-CN.md: verdict, ranking and details."""

from collections.abc import Mapping
from pathlib import Path

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.markdown import table
from overfitting.evaluation.language import Language, speaking, translated
from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import Metrics
from overfitting.report import tables
from overfitting.report.answers import answers, in_language

PAGES: dict[Path, Language] = {Path("README.md"): "en", Path("README.zh-CN.md"): "zh"}


def update(metrics: Metrics, curve: LearningCurve | None) -> None:
    """Write the answers, the table and the details of `metrics` into both pages."""
    for page, contents in computed(metrics, curve).items():
        files.write_text(page, updated(page.read_text(encoding="utf-8"), contents))


def computed(metrics: Metrics, curve: LearningCurve | None = None) -> dict[Path, dict[str, str]]:
    """Text between the markers of each page; `table` stands between `<!-- table -->` and `<!-- /table -->`."""
    found = {}
    for page, language in PAGES.items():
        with speaking(language):
            spoken = in_language(metrics)
            header, rows = tables.ranking(spoken, tables.SHORT)
            header, *rows = ([translated(cell) for cell in line] for line in (header, *rows))
            found[page] = {
                "verdict": "\n>\n".join(f"> {answer}" for answer in answers(spoken, curve)),
                "table": table(header, rows),
                "details": "\n".join(f"- {sentence}" for sentence in spoken.verdict.details),
            }
    return found


def updated(text: str, contents: Mapping[str, str]) -> str:
    """The page `text` with `contents` between its markers.

    Raises:
        UserError: a marker is missing.
    """
    for mark, content in contents.items():
        before, found, rest = text.partition(f"<!-- {mark} -->\n")
        _, closed, after = rest.partition(f"<!-- /{mark} -->")
        if not closed:
            raise UserError(f"README: expected the lines <!-- {mark} --> and <!-- /{mark} -->")
        text = f"{before}{found}{content}\n{closed}{after}"
    return text

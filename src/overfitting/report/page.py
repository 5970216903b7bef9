"""The page, its Markdown twin and the figures, from results/metrics.json and the curves."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from overfitting.base import files
from overfitting.base.markdown import table
from overfitting.evaluation.formats import listed
from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.evaluation.verdict import in_words
from overfitting.report import model_card, size_tables, tables
from overfitting.report.answers import answers
from overfitting.report.figures import svg
from overfitting.report.figures.drawing import COLOURS, Picture
from overfitting.report.figures.pictures import pictures

TITLE = "What prevents overfitting?"
SECTIONS = {  # after the figures
    "numbers": "More numbers",
    "columns": "The columns",
    "run": "How it was run",
    "reproduce": "Reproduce it",
}


def write(
    metrics: Metrics,
    curves: pd.DataFrame,
    destination: Path,
    tuning: pd.DataFrame | None = None,
    curve: LearningCurve | None = None,
) -> None:
    """Write report.html, report.md, model-card.md and figures/ (PNG and SVG); the same input gives the same bytes.

    `curves` and `tuning` are results/curves.csv and results/tuning.csv; `curve` is the learning curve.
    """
    drawn = pictures(metrics, curves, tuning, curve)
    folder = destination / "figures"
    for picture in drawn:
        for kind in ("png", "svg"):
            files.write_bytes(folder / f"{picture.name}.{kind}", svg.render(picture.figure, kind, picture.name))
    files.write_text(destination / "report.html", _html(metrics, drawn, curve))
    files.write_text(destination / files.MODEL_CARD.name, model_card.card(metrics))
    files.write_text(destination / "report.md", _markdown(metrics, drawn, curve))


def write_run(destination: Path, seconds: Mapping[str, Sequence[float]], commit: str | None) -> None:
    """Write run.js beside the page, which shows it: what differs between two runs of the same comparison.

    `seconds` are those of each variant's runs; `commit` is that of the code. Neither DVC nor git sees this file.
    """
    times = ", ".join(f"{name} {np.mean(found):.3g}" for name, found in seconds.items())
    rows = {"commit": commit, "seconds per seed": times}
    content = {"rows": [row for row in rows.items() if row[1]], "commit": commit.split()[0] if commit else None}
    files.write_text(destination / "run.js", f"const run = {json.dumps(content, indent=2)};\n")


def headline(metrics: Metrics) -> str:
    """The answer in a few words, for the title of the page."""
    if len(metrics.run.seeds) < 2 or REFERENCE not in metrics.variants:
        return f"{len(metrics.variants)} variants compared"
    stopped = ["early stopping"] if metrics.early_stopping and metrics.early_stopping.status == "better" else []
    late = [*stopped, *(in_words(name) for name in metrics.with_status("late", "better"))]
    if not late:
        has_none = metrics.early_stopping and metrics.early_stopping.status in ("equivalent", "worse")
        return "the large network does not overfit here" if has_none else "nothing shown so far"
    return listed(late if len(late) <= 3 else [*late[:3], f"{len(late) - 3} more"])


def _html(metrics: Metrics, drawn: Sequence[Picture], curve: LearningCurve | None) -> str:
    environment = Environment(
        loader=PackageLoader("overfitting.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    classes: dict[str, str] = {}
    drawings = {picture.name: svg.inline(picture, classes) for picture in drawn}
    return environment.get_template("report.html.j2").render(
        title=f"{TITLE} {headline(metrics)}",
        answers=answers(metrics, curve),
        details=metrics.verdict.details,
        figures=drawn,
        drawings=drawings,
        colours=COLOURS,
        classes="\n".join(f".{name} {{{style}}}" for style, name in classes.items()),
        ranking=tables.ranking(metrics),
        definitions=tables.definitions(metrics),
        blocks=[row[tables.ranking(metrics)[0].index("block")] for row in tables.ranking(metrics)[1]],
        trained=len(metrics.variants),
        variants=tables.variants(metrics),
        size_tables=_size_tables(curve),
        more=tables.more(metrics),
        columns=tables.columns(metrics.data),
        column_notes=tables.column_notes(metrics.data),
        how=tables.how(metrics),
        sections=SECTIONS,
    )


def _size_tables(curve: LearningCurve | None) -> list[tables.Cells]:
    return [size_tables.losses(curve), size_tables.worths(curve)] if curve else []


def _markdown(metrics: Metrics, drawn: Sequence[Picture], curve: LearningCurve | None) -> str:
    parts = [f"# {TITLE}", *answers(metrics, curve)]
    parts += ["## Results", tables.ranking_markdown(metrics)]
    for picture in drawn:
        if picture.name != "forest":
            parts.append(f"## {picture.title}")
        parts += [f"![{picture.alternative}](figures/{picture.name}.png)", picture.caption]
        if picture.name == "sizes":
            parts += [table(*cells) for cells in _size_tables(curve)]
        if picture.name == "forest":
            parts.append("\n".join(f"- {sentence}" for sentence in metrics.verdict.details))
            parts.append("\n".join(f"- *{name}*: {meaning}" for name, meaning in tables.definitions(metrics).items()))
    parts += ["## The variants", table(*tables.variants(metrics))]
    parts += [f"## {SECTIONS['numbers']}", table(*tables.more(metrics))]
    parts += [f"## {SECTIONS['columns']}", table(*tables.columns(metrics.data)), tables.column_notes(metrics.data)]
    parts += [f"## {SECTIONS['run']}", table(["", ""], tables.how(metrics))]
    parts += [f"## {SECTIONS['reproduce']}", "`make repro`, in a clone of the repository."]
    return "\n\n".join(part for part in parts if part) + "\n"

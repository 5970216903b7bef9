"""The page, its Markdown twin and the figures, from results/metrics.json and the curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from overfitting.base.markdown import table
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.report import columns, tables
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


class Figure(TypedDict):
    """A picture as the template shows it; `drawings` are SVG elements."""

    name: str
    title: str
    caption: str
    alternative: str
    drawings: list[str]
    panels: bool
    key: dict[str, str]  # name of the page's colour by meaning
    labels: tuple[str, str]


def write(
    metrics: Metrics,
    curves: pd.DataFrame,
    destination: Path,
    tuning: pd.DataFrame | None = None,
    commit: str | None = None,
) -> None:
    """Write report.html, report.md and figures/ (PNG and SVG); the same input gives the same bytes.

    Args:
        metrics: results/metrics.json.
        curves: results/curves.csv.
        destination: folder to write into.
        tuning: results/tuning.csv, if there is one.
        commit: of the code. Only report.html states it, because the other files are committed themselves.
    """
    drawn = pictures(metrics, curves, tuning)
    folder = destination / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    for picture in drawn:
        for kind in ("png", "svg"):
            (folder / f"{picture.name}.{kind}").write_bytes(svg.render(picture.figure, kind, picture.name))
    (destination / "report.html").write_text(_html(metrics, drawn, commit), encoding="utf-8")
    (destination / "report.md").write_text(_markdown(metrics, drawn), encoding="utf-8")


def headline(metrics: Metrics) -> str:
    """The answer in a few words, for the title of the page."""
    best, ranking = metrics.verdict.best, metrics.verdict.ranking
    if len(metrics.run.seeds) < 2:
        return f"{ranking[0]}, on one seed"
    if REFERENCE in best:
        return "nothing, measurably"
    few = best if len(best) <= 3 else [*best[:2], f"{len(best) - 2} more"]
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} and {few[-1]}"


def _html(metrics: Metrics, drawn: Sequence[Picture], commit: str | None) -> str:
    environment = Environment(
        loader=PackageLoader("overfitting.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    figures = [_figure(picture) for picture in drawn]
    drawings, classes = svg.share_styles([drawing for item in figures for drawing in item["drawings"]])
    remaining = iter(drawings)
    for item in figures:
        item["drawings"] = [next(remaining) for _ in item["drawings"]]
    return environment.get_template("report.html.j2").render(
        title=f"{TITLE} {headline(metrics)}",
        sentence=metrics.verdict.sentence,
        details=metrics.verdict.details,
        figures=figures,
        classes=classes,
        header=tables.header(metrics),
        ranking=tables.ranking(metrics),
        definitions=tables.definitions(metrics),
        groups={name: found.group for name, found in metrics.variants.items()},
        variants=tables.variants(metrics),
        more=tables.more(metrics),
        columns=columns.columns(metrics.data),
        column_notes=columns.notes(metrics.data),
        how=tables.how(metrics, commit),
        commit=commit.split()[0] if commit else None,
        sections=SECTIONS,
    )


def _figure(picture: Picture) -> Figure:
    alone = [(picture.figure, picture.name, picture.alternative)]
    panels = [
        (panel.figure, f"{picture.name}-{index}", panel.alternative) for index, panel in enumerate(picture.panels, 1)
    ]
    return {
        "name": picture.name,
        "title": picture.title,
        "caption": picture.caption,
        "alternative": picture.alternative,
        "drawings": [svg.inline(*drawing) for drawing in panels or alone],
        "panels": bool(panels),
        "key": {meaning: COLOURS[colour] for meaning, colour in picture.key.items()},
        "labels": picture.labels,
    }


def _markdown(metrics: Metrics, drawn: Sequence[Picture]) -> str:
    parts = [f"# {TITLE}", metrics.verdict.sentence]
    parts.append("\n".join(f"- {sentence}" for sentence in metrics.verdict.details))
    parts += ["## Ranking", tables.ranking_markdown(metrics)]
    parts.append("\n".join(f"- *{name}*: {meaning}" for name, meaning in tables.definitions(metrics).items()))
    for picture in drawn:
        if picture.name != "forest":
            parts.append(f"## {picture.title}")
        parts += [f"![{picture.alternative}](figures/{picture.name}.png)", picture.caption]
    parts += ["## The variants", table(*tables.variants(metrics))]
    parts += [f"## {SECTIONS['numbers']}", table(*tables.more(metrics))]
    parts += [f"## {SECTIONS['columns']}", table(*columns.columns(metrics.data))]
    parts.append(columns.notes(metrics.data))
    parts += [f"## {SECTIONS['run']}", table(["", ""], tables.how(metrics))]
    parts += [f"## {SECTIONS['reproduce']}", "`make repro`, in a clone of the repository."]
    return "\n\n".join(part for part in parts if part) + "\n"

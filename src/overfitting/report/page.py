"""The page, its Markdown twin and the figures, from results/metrics.json and the curves."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from overfitting.base import files
from overfitting.base.markdown import table
from overfitting.evaluation.formats import in_words, listed
from overfitting.evaluation.language import Language, say, speaking, translated
from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.report import explorer, model_card, tables
from overfitting.report.advice import advice
from overfitting.report.answers import answers, in_language
from overfitting.report.figures import svg
from overfitting.report.figures.drawing import Picture
from overfitting.report.figures.pictures import pictures

TITLE = "What prevents overfitting?"
NAMES: dict[Language, str] = {"en": "report.html", "zh": "report.zh.html"}  # each links to the other
SECTIONS = {  # after the figures
    "numbers": "More numbers",
    "columns": "The columns",
    "run": "How it was run",
    "reproduce": "Reproduce it",
}
SCRIPTS = ("plot.js", "page.js")  # Observable Plot, and what draws with it
LIVE = ("forest", "curves", "calibration")  # figures that the script draws instead
STATUSES = ("better", "worse", "equivalent")  # that have a colour


def write(
    metrics: Metrics,
    curves: pd.DataFrame,
    destination: Path,
    tuning: pd.DataFrame | None = None,
    curve: LearningCurve | None = None,
) -> None:
    """Write the page in both languages, report.md, the model card and the figures; the same input gives the same bytes.

    `curves` and `tuning` are results/curves.csv and results/tuning.csv; `curve` is the learning curve.
    """
    for language, name in NAMES.items():
        with speaking(language):
            drawn, spoken = pictures(metrics, curves, tuning, curve), in_language(metrics)
            files.write_text(destination / name, _html(spoken, drawn, curve, curves, language))
        if language == "en":
            files.write_text(destination / "report.md", _markdown(metrics, drawn, curve))
            files.write_text(destination / files.MODEL_CARD.name, model_card.card(metrics))
            for picture in drawn:
                for kind in ("png", "svg"):
                    path = destination / "figures" / f"{picture.name}.{kind}"
                    files.write_bytes(path, svg.render(picture.figure, kind, picture.name))


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
        return say("{count} variants compared", count=len(metrics.variants))
    stopped = metrics.early_stopping and metrics.early_stopping.status == "better"
    late = [translated("early stopping")] if stopped else []
    late += [in_words(name) for name in metrics.with_status("late", "better")]
    if not late:
        has_none = metrics.early_stopping and metrics.early_stopping.status in ("equivalent", "worse")
        return say("the large network does not overfit here" if has_none else "nothing shown so far")
    return listed(late if len(late) <= 3 else [*late[:3], say("{count} more", count=len(late) - 3)])


def _html(
    metrics: Metrics, drawn: Sequence[Picture], curve: LearningCurve | None, curves: pd.DataFrame, language: Language
) -> str:
    environment = Environment(
        loader=PackageLoader("overfitting.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    classes: dict[str, str] = {}
    drawings = {picture.name: svg.inline(picture, classes) for picture in drawn}
    header, rows = tables.ranking(metrics)
    data = json.dumps(explorer.content(metrics, curves), ensure_ascii=False, separators=(",", ":"))
    return environment.get_template("report.html.j2").render(
        say=say,
        t=translated,
        language=language,
        others={code: name for code, name in NAMES.items() if code != language},
        title=f"{translated(TITLE)} {headline(metrics)}",
        answers=answers(metrics, curve),
        advice=advice(metrics, curve),
        details=metrics.verdict.details,
        figures=drawn,
        live=LIVE,
        drawings=drawings,
        classes="\n".join(f".{name} {{{style}}}" for style, name in classes.items()),
        ranking=(header, rows),
        phases={tables.LATE: "late", tables.EARLY: "early"},
        statuses={translated(status): status for status in STATUSES},
        confidences=[level.confidence for level in metrics.levels],
        run=metrics.run,
        definitions=tables.definitions(metrics),
        blocks=[row[header.index("block")] for row in rows],
        trained=len(metrics.variants),
        variants=tables.variants(metrics),
        size_tables=_size_tables(curve),
        more=tables.more(metrics),
        columns=tables.columns(metrics.data),
        column_notes=tables.column_notes(metrics.data),
        how=tables.how(metrics),
        sections=SECTIONS,
        data=data.replace("<", "\\u003c"),
        scripts=[(resources.files(__package__) / "templates" / name).read_text(encoding="utf-8") for name in SCRIPTS],
    )


def _size_tables(curve: LearningCurve | None) -> list[tables.Cells]:
    return [tables.losses_by_size(curve), tables.worths(curve)] if curve else []


def _markdown(metrics: Metrics, drawn: Sequence[Picture], curve: LearningCurve | None) -> str:
    parts = [f"# {TITLE}", *answers(metrics, curve)]
    parts += ["## So what should I do?", "\n".join(f"- {sentence}" for sentence in advice(metrics, curve))]
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

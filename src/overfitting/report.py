"""The page, the tables and the figures, from results/metrics.json and the curves."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from rich import box
from rich.table import Table

from overfitting.errors import UserError
from overfitting.figures import Picture, pictures
from overfitting.statistics import PRIMARY, REFERENCE

HEADER = (
    "rank",
    "variant",
    "test log loss",
    "difference to large",
    "p (Holm)",
    "AUC",
    "accuracy",
    "gap",
    "best epoch",
    "group",
)
AGAINST_LARGE = ("difference to large", "p (Holm)")
TERMINAL = ("variant", "test log loss", "difference to large", "AUC", "gap", "group")
DEFINITIONS = {
    "difference to large": "of test log loss, paired by seed and row; negative is better",
    "gap": "validation minus training log loss at the best → at the last epoch",
    "best epoch": "with the lowest validation log loss, of the epochs trained",
    "group": "best: not distinguishable from the first; better, tied, worse: against large",
}
MORE = {
    "parameters": "parameters",
    "test_brier": "Brier score",
    "test_calibration_error": "calibration error",
    "rise_after_best": "rise after best",
    "weight_norm": "weight norm",
    "near_zero_share": "share of |w| < 0.001",
    "seconds": "seconds a seed",
}


def write(metrics: Mapping[str, Any], curves: pd.DataFrame, destination: Path) -> None:
    """Write report.html, report.md and figures/ (PNG and SVG) into `destination`; the same input, the same bytes."""
    drawn = pictures(metrics, curves)
    folder = destination / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    vector = [_render(picture, "svg") for picture in drawn]
    for picture, svg in zip(drawn, vector, strict=True):
        (folder / f"{picture.name}.png").write_bytes(_render(picture, "png"))
        (folder / f"{picture.name}.svg").write_bytes(svg)
    (destination / "report.html").write_text(_html(metrics, drawn, vector), encoding="utf-8")
    (destination / "report.md").write_text(_markdown(metrics, drawn), encoding="utf-8")


def ranking_table(metrics: Mapping[str, Any]) -> Table:
    """The ranking for a terminal."""
    table = Table(title="Ranking by test log loss", title_justify="left", box=box.SIMPLE_HEAD)
    shown = [name for name in TERMINAL if name in header(metrics)]
    for name in shown:
        table.add_column(name, justify="left" if name in ("variant", "group") else "right", no_wrap=True)
    for row in ranking(metrics):
        cells = dict(zip(header(metrics), row, strict=True))
        table.add_row(*(cells[name] for name in shown))
    return table


def header(metrics: Mapping[str, Any]) -> list[str]:
    """Names of the ranking's columns: `HEADER`, without the comparison to `large` where it did not run."""
    return [name for name in HEADER if name not in AGAINST_LARGE or REFERENCE in metrics["variants"]]


def ranking(metrics: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the ranking under `header`, best first."""
    rows = (_row(rank, name, metrics["variants"][name]) for rank, name in enumerate(metrics["verdict"]["ranking"], 1))
    return [[row[name] for name in header(metrics)] for row in rows]


def ranking_markdown(metrics: Mapping[str, Any]) -> str:
    """The ranking as a Markdown table."""
    return _table(header(metrics), ranking(metrics))


def update_readme(text: str, metrics: Mapping[str, Any]) -> str:
    """README with the verdict and the ranking of `metrics` between its markers, such as `<!-- table -->`.

    Raises:
        UserError: the markers are not there.
    """
    for mark, content in (("verdict", f"> {metrics['verdict']['sentence']}"), ("table", ranking_markdown(metrics))):
        before, found, rest = text.partition(f"<!-- {mark} -->\n")
        _, closed, after = rest.partition(f"<!-- /{mark} -->")
        if not found or not closed:
            raise UserError(f"README.md: expected the lines <!-- {mark} --> and <!-- /{mark} -->")
        text = f"{before}{found}{content}\n{closed}{after}"
    return text


def _row(rank: int, name: str, found: Mapping[str, Any]) -> dict[str, str]:
    difference = (found["difference_to_large"] or {}).get(PRIMARY)
    cells = (
        str(rank),
        name,
        _number(found[PRIMARY]),
        "" if difference is None else _number(difference, signed=True),
        "" if difference is None else _p_value(difference["p_holm"]),
        f"{found['test_auc']['mean']:.4f}",
        f"{found['test_accuracy']['mean']:.1%}",
        f"{found['gap_best']['mean']:.3f} → {found['gap_last']['mean']:.3f}",
        f"{found['best_epoch']['mean']:.0f} of {found['epochs']['mean']:.0f}",
        found["group"],
    )
    return dict(zip(HEADER, cells, strict=True))


def _number(found: Mapping[str, Any], signed: bool = False) -> str:
    sign = "+" if signed else ""
    mean = f"{found['mean']:{sign}.4f}"
    if found["ci_low"] is None:
        return mean
    return f"{mean} ({found['ci_low']:{sign}.4f} to {found['ci_high']:{sign}.4f})"


def _p_value(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _more(metrics: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for name in metrics["verdict"]["ranking"]:
        found = metrics["variants"][name]
        values = (found[key] if key == "parameters" else found[key]["mean"] for key in MORE)
        rows.append(
            [name, *(f"{value:,}" if isinstance(value, int) else f"{value:#.4g}".rstrip(".") for value in values)]
        )
    return rows


def _definitions(metrics: Mapping[str, Any]) -> dict[str, str]:
    """What the ranking's columns mean, and what is not as usual."""
    found = {name: DEFINITIONS[name] for name in DEFINITIONS if name in header(metrics)}
    if REFERENCE not in metrics["variants"]:
        found["group"] = "best: not distinguishable from the first; worse: all others"
    arithmetic = metrics["run"]["arithmetic"]
    return found if arithmetic == "float32" else {**found, "arithmetic": f"{arithmetic}, not float32 alone"}


def _how(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    data, run = metrics["data"], metrics["run"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return [
        ("data", f"{data['source']}, {data['rows']:,} rows, {len(data['columns'])} columns; {data['licence']}"),
        ("data SHA-256", data["sha256"]),
        ("citation", data["citation"]),
        (
            "rows",
            f"training {data['train_rows']:,}, validation {data['validation_rows']:,}, test {data['test_rows']:,}",
        ),
        (
            "scaling",
            f"{data['scaling']}, learned from the training rows; {data['duplicates_dropped']:,} duplicates dropped",
        ),
        ("seeds", ", ".join(map(str, run["seeds"]))),
        ("training", f"conf/training/{run['training']}.yaml"),
        ("arithmetic", run["arithmetic"]),
        ("versions", versions),
        ("fingerprint", run["fingerprint"]),
    ]


def _html(metrics: Mapping[str, Any], drawn: list[Picture], vector: list[bytes]) -> str:
    environment = Environment(
        loader=PackageLoader("overfitting", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    figures = [(picture, base64.b64encode(svg).decode()) for picture, svg in zip(drawn, vector, strict=True)]
    return environment.get_template("report.html.j2").render(
        sentence=metrics["verdict"]["sentence"],
        figures=figures,
        header=header(metrics),
        definitions=_definitions(metrics),
        ranking=ranking(metrics),
        groups={name: found["group"] for name, found in metrics["variants"].items()},
        more_header=["variant", *MORE.values()],
        more=_more(metrics),
        how=_how(metrics),
    )


def _markdown(metrics: Mapping[str, Any], drawn: list[Picture]) -> str:
    parts = ["# What prevents overfitting?", metrics["verdict"]["sentence"], ranking_markdown(metrics)]
    parts.append("\n".join(f"- *{name}*: {meaning}" for name, meaning in _definitions(metrics).items()))
    for picture in drawn:
        parts.append(f"![{picture.alternative}](figures/{picture.name}.png)")
        parts.append(picture.caption)
    parts += ["## More numbers", _table(["variant", *MORE.values()], _more(metrics))]
    parts += ["## How it was run", _table(["", ""], [list(row) for row in _how(metrics)])]
    parts.append("Reproduce it with `make repro`.")
    return "\n\n".join(parts) + "\n"


def _table(header: list[str] | tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _render(picture: Picture, kind: str) -> bytes:
    """Bytes of a figure, without dates and random names, so that they follow from the numbers."""
    target = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": picture.name, "svg.fonttype": "path"}):
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        picture.figure.savefig(target, format=kind, dpi=160, metadata=metadata)
    return target.getvalue()

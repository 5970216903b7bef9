"""Strength paths: what searches for the strength of a remedy found, from results/tuning.csv."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.ticker import MaxNLocator

from overfitting.evaluation.statistics import REFERENCE
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import BLUE, GREY, SOFT, VERMILION, Picture

LOSS = "val_log_loss"
# what a row of results/tuning.csv says besides the values that a search varies
ABOUT = {"search", "trial", "seeds", "epochs", LOSS, f"{LOSS}_std", "state", "data", "chosen"}
SIZE = (3.0, 2.4)  # inches
RATES = ("dropout",)  # shares of 1, on a linear axis however small
WIDE = 20  # largest over smallest strength from which on an axis is logarithmic


@drawing.styled
def strength_paths(metrics: Mapping[str, Any], tuning: pd.DataFrame | None) -> Picture | None:
    """Validation log loss by strength, a panel a search; None where no search was on this data."""
    searches = _searches(metrics, tuning)
    if not searches:
        return None
    large = metrics["variants"].get(REFERENCE, {}).get(f"{LOSS}_best", {}).get("mean")

    def draw(axes: Axes, name: str) -> None:
        note = _search(axes, searches[name], large)
        drawing.title(axes, name, note)

    said = {name: _in_words(name, rows) for name, rows in searches.items()}
    panels = [drawing.single(name, draw, said[name], SIZE) for name in searches]
    figure = drawing.grid(list(searches), draw, shared=False)
    caption = (
        "Too weak and too strong are both worse, where a path is lowest in its middle. The ring is the trial chosen. "
        + ("The dashed line is large. " if large is not None else "")
        + "Triangles at the top edge are worse than the axis shows; hollow points were ended early. These validation "
        "rows also chose, so that the lowest is a little too good: the ranking is on test rows."
    )
    alternative = " ".join(said.values())
    key = {"trial": BLUE, "chosen": VERMILION, **({"large": GREY} if large is not None else {})}
    return Picture("strengths", "Strengths", figure, caption, alternative, panels, key)


def _searches(metrics: Mapping[str, Any], tuning: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Finished trials of each search on the data of `metrics`."""
    if tuning is None:
        return {}
    rows = tuning[(tuning["data"].astype(str) == str(metrics["data"].get("fingerprint"))) & tuning[LOSS].notna()]
    found = {}
    for name, trials in rows.groupby("search", sort=False):
        chosen = trials["chosen"].astype(str).str.lower() == "true"
        found[str(name)] = trials.assign(chosen=chosen).sort_values("trial")
    return found


def _fields(rows: pd.DataFrame) -> list[str]:
    """Columns that a search varies: those with more than one value."""
    return [str(column) for column in rows if column not in ABOUT and rows[column].nunique() > 1]


def _search(axes: Axes, rows: pd.DataFrame, large: float | None) -> str:
    """One strength: a path. Two: a plane, the loss as colour. More, or no numbers: the best so far. Returns which."""
    fields, bounds = _fields(rows), _bounds(rows, large)
    numbers = all(pd.api.types.is_numeric_dtype(rows[field]) for field in fields)
    if len(fields) == 2 and numbers:
        _plane(axes, rows, fields, bounds)
        return "colour: validation log loss"
    if len(fields) == 1 and numbers:
        strength = rows[fields[0]]
        _scale(axes, "x", strength)
        axes.set_xlabel(fields[0])
    else:
        strength = pd.Series(np.arange(1, len(rows) + 1), rows.index)
        axes.step(strength, rows[LOSS].cummin(), where="post", color=BLUE, linewidth=1, alpha=0.6)
        axes.set_xlabel("trial")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _trials(axes, strength, rows, bounds)
    if large is not None:
        axes.axhline(large, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.set(ylabel="validation log loss", ylim=bounds)
    return "" if len(fields) == 1 else f"line: best so far; {len(fields)} values vary"


def _trials(axes: Axes, strength: pd.Series, rows: pd.DataFrame, bounds: tuple[float, float]) -> None:
    beyond, ended = rows[LOSS] > bounds[1], _ended(rows)
    for shown, face in ((~beyond & ~ended, BLUE), (~beyond & ended, drawing.PAPER)):
        axes.plot(strength[shown], rows[LOSS][shown], "o", color=BLUE, markerfacecolor=face, markersize=3)
    top = np.full(int(beyond.sum()), bounds[1])
    axes.plot(strength[beyond], top, "^", color=BLUE, markersize=4, clip_on=False)
    if f"{LOSS}_std" in rows:
        axes.errorbar(strength, rows[LOSS], rows[f"{LOSS}_std"].fillna(0), fmt="none", ecolor=BLUE, elinewidth=0.5)
    best = rows["chosen"]
    ring: dict[str, Any] = {"markersize": 8, "markerfacecolor": "none", "markeredgewidth": 1.5, "zorder": 4}
    axes.plot(strength[best], rows[LOSS][best], "o", color=VERMILION, **ring)


def _plane(axes: Axes, rows: pd.DataFrame, fields: list[str], bounds: tuple[float, float]) -> None:
    y, x = fields
    levels = MaxNLocator(6).tick_values(*bounds)
    norm = BoundaryNorm(levels, 256, extend="max")
    axes.scatter(rows[x], rows[y], 22, rows[LOSS], norm=norm, cmap="viridis", edgecolors=SOFT, linewidths=0.4)
    best = rows["chosen"]
    axes.scatter(rows[x][best], rows[y][best], 80, "none", edgecolors=VERMILION, linewidths=1.5)
    axes.figure.colorbar(ScalarMappable(norm, "viridis"), ax=axes, fraction=0.2, pad=0.03, aspect=16)
    _scale(axes, "x", rows[x])
    _scale(axes, "y", rows[y])
    axes.set(xlabel=x, ylabel=y)


def _scale(axes: Axes, which: str, values: pd.Series) -> None:
    """A logarithmic axis for what spans decades."""
    if values.name in RATES or values.min() <= 0 or values.max() < WIDE * values.min():
        return
    axes.set(**{f"{which}scale": "log"})
    drawing.powers(axes.xaxis if which == "x" else axes.yaxis)


def _bounds(rows: pd.DataFrame, large: float | None) -> tuple[float, float]:
    """Limits of the loss that show three quarters of the trials, and large."""
    low, usual = float(rows[LOSS].min()), float(rows[LOSS].quantile(0.75))
    low, usual = min(low, large or low), max(usual, large or usual)
    high = min(float(rows[LOSS].max()), usual + 0.5 * (usual - low))
    margin = 0.08 * (max(high, usual) - low) or 0.01
    return low - margin, max(high, usual) + margin


def _ended(rows: pd.DataFrame) -> pd.Series:
    """Trials that were not trained to their end."""
    if "state" not in rows:
        return pd.Series(False, rows.index)
    return rows["state"].astype(str).str.lower() != "complete"


def _in_words(name: str, rows: pd.DataFrame) -> str:
    best = rows[rows["chosen"]]
    told = f"{name}: {len(rows)} trials, validation log loss {rows[LOSS].min():.4f} to {rows[LOSS].max():.4f}"
    if best.empty:
        return told + "."
    first = best.iloc[0]
    values = ", ".join(f"{field} {_value(first[field])}" for field in _fields(rows))
    return f"{told}; chosen: {values}, {first[LOSS]:.4f}."


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

"""Strengths: validation log loss by strength of a remedy, from the searches in results/tuning.csv."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.ticker import MaxNLocator

from overfitting.evaluation.colours import BLUE, GREY, VERMILION
from overfitting.evaluation.language import joined, say
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import SOFT, Picture

LOSS = "val_log_loss"
# columns of results/tuning.csv that are not strengths
ABOUT = {"search", "trial", "seeds", "epochs", LOSS, f"{LOSS}_std", "state", "data", "chosen"}
RATES = ("dropout",)  # between 0 and 1, so always on a linear axis
WIDE = 20  # ratio of largest to smallest strength from which an axis is logarithmic


@drawing.styled
def strengths(metrics: Metrics, tuning: pd.DataFrame | None) -> Picture | None:
    """One panel per search; None if there was no search on this data."""
    searches = _searches(metrics.data.fingerprint, tuning)
    if not searches:
        return None
    large = metrics.trained[REFERENCE].early.val_log_loss.mean if REFERENCE in metrics.trained else None

    def draw(axes: Axes, name: str) -> None:
        note = _search(axes, searches[name], large)
        drawing.title(axes, name, note)

    caption = joined(
        say(
            "A path that is lowest in its middle shows that a remedy can be too weak and too strong. The ring marks "
            "the chosen trial."
        ),
        say("The dashed line is large.") if large is not None else "",
        say(
            "Triangles at the top edge lie above the axis; hollow points are trials that were stopped early. Searches "
            "have rows of their own, so compare the losses of a panel with each other."
        ),
    )
    said = joined(*(_in_words(name, rows) for name, rows in searches.items()))
    return Picture("strengths", say("Strengths"), drawing.grid(list(searches), draw, shared=False), caption, said)


def _searches(data: str, tuning: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Finished trials of each search on the data with the fingerprint `data`."""
    if tuning is None:
        return {}
    rows = tuning[(tuning["data"].astype(str) == data) & tuning[LOSS].notna()]
    found = {}
    for name, trials in rows.groupby("search", sort=False):
        chosen = trials["chosen"].astype(str).str.lower() == "true"
        found[str(name)] = trials.assign(chosen=chosen).sort_values("trial")
    return found


def _fields(rows: pd.DataFrame) -> list[str]:
    """Strengths that a search varies: columns with more than one value."""
    return [str(column) for column in rows if column not in ABOUT and rows[column].nunique() > 1]


def _search(axes: Axes, rows: pd.DataFrame, large: float | None) -> str:
    """Draw a path for one strength, a plane for two, else the best loss so far; return a note that says which."""
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
    return "" if len(fields) == 1 else "line: best so far"


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
    """Make the axis `which` logarithmic if its values span decades."""
    if values.name in RATES or values.min() <= 0 or values.max() < WIDE * values.min():
        return
    axes.set(**{f"{which}scale": "log"})
    drawing.powers(axes.xaxis if which == "x" else axes.yaxis)


def _bounds(rows: pd.DataFrame, large: float | None) -> tuple[float, float]:
    """Limits of the loss axis that show three quarters of the trials, and large."""
    low, usual = float(rows[LOSS].min()), float(rows[LOSS].quantile(0.75))
    low, usual = min(low, large or low), max(usual, large or usual)
    high = min(float(rows[LOSS].max()), usual + 0.5 * (usual - low))
    margin = 0.08 * (max(high, usual) - low) or 0.01
    return low - margin, max(high, usual) + margin


def _ended(rows: pd.DataFrame) -> pd.Series:
    """True for each trial that was stopped early."""
    if "state" not in rows:
        return pd.Series(False, rows.index)
    return rows["state"].astype(str).str.lower() != "complete"


def _in_words(name: str, rows: pd.DataFrame) -> str:
    tried = say(
        "{name}: {count} trials, validation log loss {low:.4f} to {high:.4f}.",
        name=name, count=len(rows), low=rows[LOSS].min(), high=rows[LOSS].max(),
    )  # fmt: skip
    best = rows[rows["chosen"]]
    if best.empty:
        return tried
    values = ", ".join(f"{field} {_value(best.iloc[0][field])}" for field in _fields(rows))
    return joined(tried, say("Chosen: {values}, {loss:.4f}.", values=values, loss=best.iloc[0][LOSS]))


def _value(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

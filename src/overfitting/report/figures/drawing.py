"""Style and parts that all figures share: colours, panels, legends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from overfitting.evaluation import colours

SOFT, LINE, PAPER = "#5a6472", "#d8dde3", "#ffffff"
NAMES = "blue vermilion green grey purple amber teal red brown violet olive pink navy ink"
# their names on the page, which gives each a second value for dark screens
COLOURS = {getattr(colours, name.upper()): name for name in NAMES.split()}
COLOURS |= {SOFT: "soft", LINE: "line", PAPER: "paper"}
WIDTH = 5.4  # inches; narrow enough for the text to be readable on a phone
DASHED = (0, (4, 3))
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
TICKS = {"color": SOFT, "labelcolor": colours.INK, "labelsize": 8.5}
GROUPS: dict[str, dict[str, Any]] = {
    "axes": {"axisbelow": True, "edgecolor": SOFT, "facecolor": "none", "grid": True, "linewidth": 0.7, "titlesize": 9},
    "axes.spines": {"right": False, "top": False},
    "font": {"size": 9},
    "grid": {"color": LINE, "linewidth": 0.5},
    "legend": {"columnspacing": 1.4, "fontsize": 8.5, "frameon": False, "handletextpad": 0.5},
    "text": {"color": colours.INK, "parse_math": False},  # names may contain $
    "xtick": TICKS,
    "ytick": TICKS,
}
STYLE: Any = {f"{group}.{key}": value for group, values in GROUPS.items() for key, value in values.items()}
styled = mpl.rc_context(STYLE | {"axes.labelcolor": colours.INK, "axes.labelsize": 9})  # decorates what draws a figure


@dataclass(frozen=True)
class Picture:
    """A figure, drawn once for all languages, with its texts in the reader's language."""

    name: str  # of its files, and anchor on the page
    title: str  # in English
    figure: Figure
    texts: Callable[[], tuple[str, str]]

    @property
    def caption(self) -> str:
        """What to look for."""
        return self.texts()[0]

    @property
    def alternative(self) -> str:
        """Text for readers who cannot see the figure."""
        return self.texts()[1]


def row(height: float, panels: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side that share their rows; `height` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, list(figure.subplots(1, panels, sharey=True, squeeze=False).flat)


def grid(number: int, labels: tuple[str, str] = ("", ""), shared: bool = True) -> tuple[Figure, list[Axes]]:
    """A figure with that many panels; `shared` axes have common `labels` of x and y."""
    columns = min(3 if shared else 2, number)
    rows = -(-number // columns)
    tall = 0.8 + (1.5 if shared else 2.3) * rows
    figure = Figure(figsize=(WIDTH, tall), layout="constrained" if shared else None)
    panels = list(figure.subplots(rows, columns, sharex=shared, sharey=shared, squeeze=False).flat)
    if not shared:  # a layout engine cannot fit colour bars and labels of many panels
        figure.subplots_adjust(0.65 / WIDTH, 0.5 / tall, 1 - 0.1 / WIDTH, 1 - 0.95 / tall, 0.45, 0.6)
    for place, axes in enumerate(panels):
        axes.set_visible(place < number)
        axes.tick_params(labelsize=8)
        if place >= number - columns:  # the lowest panel of each column, even if the last row is not full
            axes.tick_params(labelbottom=True)
    figure.supxlabel(labels[0], fontsize=9)
    figure.supylabel(labels[1], fontsize=9)
    return figure, panels[:number]


def title(axes: Axes, name: str, note: str = "") -> None:
    """Write the name of a panel, shortened if it does not fit, and a note below it."""
    short = shortened(name, 30)
    size = min(9, 130 / len(short), 180 / max(1, len(note)))  # a title wider than its axes would squeeze them
    axes.set_title(f"{short}\n{note}" if note else short, fontsize=size)


def shortened(name: str, length: int) -> str:
    """The name, cut off if it has more than `length` characters."""
    return name if len(name) <= length else f"{name[: length - 1]}…"


def listing(values: Mapping[str, float], digits: int = 4) -> str:
    """Names and values in words, such as `l2 0.5500, large 0.5600`."""
    return ", ".join(f"{name} {value:.{digits}f}" for name, value in values.items())


def legend(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """Draw the legend above the axes, where it covers no data."""
    handles, labels = axes.get_legend_handles_labels()
    place: Any = "outside upper center" if figure.get_layout_engine() else "upper center"
    figure.legend(handles, labels, loc=place, ncols=columns)


def log_labels(axis: Axis, written: Callable[[float], str] = "{:,.0f}".format) -> None:
    """Label the major ticks of a logarithmic axis alone, by default as 1,000 instead of 10³."""
    axis.set_major_formatter(lambda value, _: written(value))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())


def power(exponent: float) -> str:
    """10 to the power of the rounded `exponent`, as text: 10⁻³."""
    return f"10{str(round(exponent)).translate(SUPERSCRIPT)}" if round(exponent) else "1"

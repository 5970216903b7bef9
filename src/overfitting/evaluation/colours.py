"""A colour for each variant, the same on the page and in MLflow."""

import itertools
from collections.abc import Iterable

from overfitting.evaluation.results import REFERENCE

# Okabe and Ito (2008): colour-blind readers can distinguish the first ones
BLUE, VERMILION, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#767676"
PURPLE, AMBER = "#a3568a", "#b07d00"
TEAL, RED, BROWN, VIOLET = "#0f8b8d", "#c1272d", "#7a5230", "#6a51a3"
OLIVE, PINK, NAVY = "#6b7a00", "#d6559b", "#2b4a8b"
INK = "#1b1f24"
VARIANTS = (VERMILION, BLUE, GREEN, PURPLE, AMBER, TEAL, RED, VIOLET, BROWN, OLIVE, PINK, NAVY, GREY)


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour per name, one after the other; ink for `large`."""
    others = itertools.cycle(VARIANTS)
    return {name: INK if name == REFERENCE else next(others) for name in names}

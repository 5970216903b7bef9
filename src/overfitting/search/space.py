"""Types of conf/search.yaml: the searches, and the values that each one tries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from overfitting.config.types import CHECKED, Count, Flag, Name, Real, Seed
from overfitting.config.validation import read_checked

PATH = Path("conf/search.yaml")

Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Range:
    """Numbers from `low` to `high`."""

    low: Real
    high: Real
    log: Flag = False

    @model_validator(mode="after")
    def _is_a_range(self) -> "Range":
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError(f"expected low < high, and low > 0 with log; got {self.low} to {self.high}")
        return self

    def evenly(self, count: int) -> list[float]:
        """`count` values from `low` to `high`, rounded to four digits."""
        spaced = np.geomspace if self.log else np.linspace
        return [float(f"{value:.4g}") for value in spaced(self.low, self.high, count)]

    def distribution(self) -> BaseDistribution:
        """The values as Optuna takes them."""
        return FloatDistribution(self.low, self.high, log=self.log)


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Choices:
    """One of several values."""

    choices: Annotated[tuple[bool | int | float | str | None, ...], Field(min_length=2)]

    def distribution(self) -> BaseDistribution:
        """The values as Optuna takes them."""
        return CategoricalDistribution(self.choices)


Space = Annotated[dict[Name, Range | Choices], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Searches:
    """conf/search.yaml."""

    trials: Count  # of each search
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]  # of each trial
    searches: Annotated[dict[Name, Space], Field(min_length=1)]


def read_searches(path: Path = PATH) -> Searches:
    """Read and check conf/search.yaml; a UserError has one line per wrong key."""
    return read_checked(Searches, path)


def rounded(values: Mapping[str, Any]) -> Values:
    """Values with four significant digits, as they are trained and written."""
    return {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in values.items()}

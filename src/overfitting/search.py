"""Searches for strengths of remedies: what conf/search.yaml says, and what Optuna's study of a search knows.

A study is a file that survives a kill at any point: what was asked and not answered is asked again, and no answer is
asked for twice. Trials are drawn in batches of a fixed size, from a generator that depends on the number of trials
before, so that neither kills nor the number of workers change what is tried.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import optuna
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from overfitting.config import Count, Flag, Name, Real, Seed
from overfitting.errors import UserError

PATH = Path("conf/search.yaml")
BATCH = 4  # trials that are drawn before any of them is known
FIRST_BATCHES = 2  # drawn without looking at what is known
_CHECKED = ConfigDict(extra="forbid")

Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
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

    def ends(self) -> tuple[Any, ...]:
        """What is checked before it is tried."""
        return self.low, self.high

    def evenly(self, count: int) -> list[float]:
        """`count` values from `low` to `high`, rounded to four digits."""
        spaced = np.geomspace if self.log else np.linspace
        return [float(f"{value:.4g}") for value in spaced(self.low, self.high, count)]

    def distribution(self) -> optuna.distributions.BaseDistribution:
        """The same for Optuna."""
        return optuna.distributions.FloatDistribution(self.low, self.high, log=self.log)


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Choices:
    """One of several values."""

    choices: Annotated[tuple[bool | float | str | None, ...], Field(min_length=2)]

    def ends(self) -> tuple[Any, ...]:
        """What is checked before it is tried."""
        return self.choices

    def distribution(self) -> optuna.distributions.BaseDistribution:
        """The same for Optuna."""
        return optuna.distributions.CategoricalDistribution(self.choices)


Space = dict[Name, Range | Choices]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Searches:
    """conf/search.yaml: `trials` of each search, unless `more_trials` names it; `seeds` of a trial."""

    trials: Count
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    searches: dict[Name, Space]
    more_trials: dict[Name, Count] = Field(default_factory=dict)

    def budget(self, name: str) -> int:
        """Trials of the search `name`."""
        return self.more_trials.get(name, self.trials)


def read_searches(path: Path = PATH) -> Searches:
    """Read and check conf/search.yaml.

    Raises:
        UserError: a line for each wrong key.
    """
    try:
        return TypeAdapter(Searches).validate_python(yaml.safe_load(path.read_text()))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: {error}") from None
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, found['loc']))}: {found['msg']}; got {found['input']!r}" for found in error.errors()
        ]
        raise UserError(f"{path}:\n" + "\n".join(lines)) from None


class Study:
    """A search in `storage`, a file; `name` stands for all that determines its trials."""

    def __init__(self, storage: Path, name: str, space: Space, budget: int, seed: int = 0) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space, self._budget, self._seed = space, budget, seed
        storage.parent.mkdir(parents=True, exist_ok=True)
        journal = JournalStorage(JournalFileBackend(str(storage)))
        self._study = optuna.create_study(storage=journal, study_name=name, load_if_exists=True)

    def trials(self) -> list[FrozenTrial]:
        """Trials that are over, in the order in which they were drawn; their values are `trial.params`."""
        return [trial for trial in self._study.get_trials() if trial.state.is_finished()]

    def batches(self) -> Iterator[list[FrozenTrial]]:
        """Trials to answer with `tell`, a batch at a time, until the budget is spent; first those left by a kill."""
        while True:
            left = self._study.get_trials(states=[TrialState.RUNNING])
            drawn = len(self._study.get_trials(states=[TrialState.RUNNING, TrialState.COMPLETE, TrialState.FAIL]))
            if not left and drawn >= self._budget:
                return
            full = min(self._budget, BATCH * (-(-drawn // BATCH) if left else drawn // BATCH + 1))
            for number in range(drawn, full):
                self._draw(number)
            yield self._study.get_trials(states=[TrialState.RUNNING])

    def tell(self, number: int, value: float | None) -> None:
        """The value of a trial; None: it failed."""
        if value is None:
            self._study.tell(number, state=TrialState.FAIL)
        else:
            self._study.tell(number, value)

    def best(self) -> FrozenTrial:
        """The trial with the lowest value.

        Raises:
            UserError: all trials failed.
        """
        try:
            return self._study.best_trial
        except ValueError:
            raise UserError(f"search {self._study.study_name}: no trial came to an end; lower what it tries") from None

    def _draw(self, number: int) -> None:
        """Ask for one more trial: the next on the path of a single range, else what the sampler proposes."""
        name, space = next(iter(self._space.items()))
        if len(self._space) == 1 and isinstance(space, Range):
            self._study.enqueue_trial({name: space.evenly(self._budget)[number]})
        self._study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=FIRST_BATCHES * BATCH, multivariate=True, constant_liar=True, seed=self._seed + number
        )
        self._study.ask({name: space.distribution() for name, space in self._space.items()})


def rounded(values: Mapping[str, Any]) -> Values:
    """Values as they are trained and written: four digits of a number are enough."""
    return {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in values.items()}


def overrides(values: Mapping[str, Any]) -> list[str]:
    """The values as Hydra's overrides of a variant."""
    return [f"variant.{name}={'null' if value is None else str(value).lower()}" for name, value in values.items()]


def answer(
    study: Study, evaluate: Callable[[Sequence[Values]], Iterator[tuple[int, float | None]]]
) -> Iterator[Values]:
    """Answer all trials of a study; yield what came of each. `evaluate` gives (index, value) of a batch."""
    for batch in study.batches():
        for index, value in evaluate([rounded(trial.params) for trial in batch]):
            study.tell(batch[index].number, value if value is None or math.isfinite(value) else None)
            yield {**rounded(batch[index].params), "val_log_loss": value, "trial": batch[index].number}

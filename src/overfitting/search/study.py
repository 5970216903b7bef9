"""Studies of Optuna: the trials that were proposed, and their results.

A study is a file that survives a kill at any point. A trial without a result runs again, and no trial runs twice,
because it is written with all its values as one line. Trials are proposed in batches of a fixed size, by a generator
that depends on the number of earlier trials. So neither kills nor the number of workers change the trials.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from filelock import FileLock
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.search.space import Range, Space, Values, rounded

BATCH = 4  # trials that are proposed before any of them has a result
FIRST_BATCHES = 2  # proposed without regard to earlier results
LOSSES = "losses"  # attribute of a trial: its loss per seed

Evaluate = Callable[[Sequence[Values]], Iterator[tuple[int, Sequence[float]]]]  # (index, loss per seed)


class Study:
    """A search whose trials are in the file `storage`; `name` identifies everything that determines its trials.

    A search over one range tries evenly spaced values, all known from the start. For others a sampler proposes.
    """

    def __init__(self, storage: Path, name: str, space: Space, budget: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        (field, only), *others = space.items()
        self._line = [{field: x} for x in only.evenly(budget)] if isinstance(only, Range) and not others else []
        self._distributions = {field: values.distribution() for field, values in space.items()}
        self._budget, self._batch = budget, budget if self._line else BATCH
        storage.parent.mkdir(parents=True, exist_ok=True)
        _mend(storage)
        lock: Any = FileLock(f"{storage}.lock")  # the kernel frees it after a kill; Optuna's own are files, which stay
        journal = JournalStorage(JournalFileBackend(str(storage), lock))
        self._study = optuna.create_study(storage=journal, study_name=name, load_if_exists=True)

    def trials(self) -> list[FrozenTrial]:
        """Finished trials, in the order in which they were proposed; their values are `trial.params`."""
        return [trial for trial in self._study.get_trials() if trial.state.is_finished()]

    def run(self, evaluate: Evaluate) -> Iterator[FrozenTrial]:
        """Run the trials that have no result until the budget is spent, and yield each with its result.

        The result is the mean of the losses. If one of them is not finite, the trial failed.
        """
        while batch := self.next_batch():
            for index, losses in evaluate([rounded(trial.params) for trial in batch]):
                number = batch[index].number
                if all(map(math.isfinite, losses)):
                    Trial(self._study, batch[index]._trial_id).set_user_attr(LOSSES, list(losses))
                    yield self._study.tell(number, float(np.mean(losses)))
                else:
                    yield self._study.tell(number, state=TrialState.FAIL)

    def next_batch(self) -> list[FrozenTrial]:
        """Trials that a kill interrupted, or else newly proposed ones; none once the budget is spent."""
        drawn, is_interrupted = len(self._study.get_trials()), bool(self._running())
        batches = math.ceil(drawn / self._batch) if is_interrupted else drawn // self._batch + 1
        for number in range(drawn, min(self._budget, self._batch * batches)):
            values = self._line[number] if self._line else self._propose(number)
            trial = create_trial(state=TrialState.RUNNING, params=values, distributions=self._distributions)
            self._study.add_trial(trial)
        return self._running()

    def best(self) -> FrozenTrial:
        """The trial with the lowest value; UserError if all trials failed."""
        try:
            return self._study.best_trial
        except ValueError:
            raise UserError(
                f"search {self._study.study_name}: every trial diverged; lower its range in conf/search.yaml"
            ) from None

    def _running(self) -> list[FrozenTrial]:
        return self._study.get_trials(states=[TrialState.RUNNING])

    def _propose(self, seed: int) -> Values:
        """Values that a sampler draws, given all earlier trials."""
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=FIRST_BATCHES * BATCH, multivariate=True, constant_liar=True, seed=seed
        )
        draft = optuna.create_study(sampler=sampler)
        draft.add_trials(self._study.get_trials())
        return draft.ask(self._distributions).params


def _mend(journal: Path) -> None:
    """Drop an incomplete last line, which a crash of the machine leaves."""
    if journal.is_file() and not (content := journal.read_bytes()).endswith(b"\n"):
        files.write_bytes(journal, content[: content.rfind(b"\n") + 1])

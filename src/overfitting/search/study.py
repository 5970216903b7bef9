"""What Optuna knows of a search: trials that were drawn, and what came of them.

A study is a file that survives a kill at any point: what was asked and not answered is asked again, and no answer is
asked for twice, since a trial is written with all its values as one line. Trials are drawn in batches of a fixed size,
from a generator that depends on the number of trials before, so that neither kills nor the number of workers change
what is tried.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import optuna
from filelock import FileLock
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from overfitting.base.errors import UserError
from overfitting.search.space import Range, Space, Values, rounded

BATCH = 4  # trials that are drawn before any of them is known
FIRST_BATCHES = 2  # drawn without looking at what is known
LOSSES = "losses"  # of a trial, a loss a seed


class _Lock(JournalFileOpenLock):
    """Of the journal. The kernel frees it when its holder is killed; Optuna's own are files, which stay."""

    def __init__(self, journal: Path) -> None:
        self._lock = FileLock(f"{journal}.lock")

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Let the next one write."""
        self._lock.release()


class Study:
    """A search in `storage`, a file; `name` stands for all that determines its trials.

    A search of one range walks it evenly, and knows all its trials from the start. Others are left to a sampler.
    """

    def __init__(self, storage: Path, name: str, space: Space, budget: int, seed: int = 0) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        (field, only), *others = space.items()
        self._path = [{field: x} for x in only.evenly(budget)] if isinstance(only, Range) and not others else []
        self._distributions = {field: values.distribution() for field, values in space.items()}
        self._budget, self._seed, self._batch = budget, seed, budget if self._path else BATCH
        storage.parent.mkdir(parents=True, exist_ok=True)
        _mend(storage)
        journal = JournalStorage(JournalFileBackend(str(storage), _Lock(storage)))
        self._study = optuna.create_study(storage=journal, study_name=name, load_if_exists=True)

    def trials(self) -> list[FrozenTrial]:
        """Trials that are over, in the order in which they were drawn; their values are `trial.params`."""
        return [trial for trial in self._study.get_trials() if trial.state.is_finished()]

    def batches(self) -> Iterator[list[FrozenTrial]]:
        """Trials to answer with `tell`, a batch at a time, until the budget is spent; first those left by a kill."""
        while True:
            left = self._study.get_trials(states=[TrialState.RUNNING])
            drawn = len(self._study.get_trials())
            if not left and drawn >= self._budget:
                return
            full = min(self._budget, self._batch * (-(-drawn // self._batch) if left else drawn // self._batch + 1))
            for number in range(drawn, full):
                self._study.add_trial(self._draw(number))
            yield self._study.get_trials(states=[TrialState.RUNNING])

    def tell(self, trial: FrozenTrial, losses: Sequence[float]) -> FrozenTrial:
        """What came of a trial, a loss a seed. Their mean is its value; it failed if one of them is no number."""
        if not all(map(math.isfinite, losses)):
            return self._study.tell(trial.number, state=TrialState.FAIL)
        Trial(self._study, trial._trial_id).set_user_attr(LOSSES, list(losses))
        return self._study.tell(trial.number, float(np.mean(losses)))

    def best(self) -> FrozenTrial:
        """The trial with the lowest value.

        Raises:
            UserError: all trials failed.
        """
        try:
            return self._study.best_trial
        except ValueError:
            raise UserError(f"search {self._study.study_name}: no trial came to an end; lower what it tries") from None

    def _draw(self, number: int) -> FrozenTrial:
        """One more trial: the next on the path, else what the sampler proposes, in view of all trials before."""
        values = self._path[number] if self._path else self._propose(self._seed + number)
        return create_trial(state=TrialState.RUNNING, params=values, distributions=self._distributions)

    def _propose(self, seed: int) -> Values:
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=FIRST_BATCHES * BATCH, multivariate=True, constant_liar=True, seed=seed
        )
        draft = optuna.create_study(sampler=sampler)
        draft.add_trials(self._study.get_trials())
        return draft.ask(self._distributions).params


def _mend(journal: Path) -> None:
    """Drop a last line that a machine did not come to the end of when it went down."""
    if journal.is_file() and not (content := journal.read_bytes()).endswith(b"\n"):
        journal.write_bytes(content[: content.rfind(b"\n") + 1])


def answer(
    study: Study, evaluate: Callable[[Sequence[Values]], Iterator[tuple[int, Sequence[float]]]]
) -> Iterator[FrozenTrial]:
    """Answer all trials of a study, and yield each when it is over. `evaluate` gives (index, losses) of a batch."""
    for batch in study.batches():
        for index, losses in evaluate([rounded(trial.params) for trial in batch]):
            yield study.tell(batch[index], losses)

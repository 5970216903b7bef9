"""Studies of Optuna: the trials that were proposed, and their results.

A study is a file that survives a kill at any point. A trial without a result runs again, and no trial runs twice,
because it is written with all its values as one line. Trials are proposed in batches of a fixed size, by a generator
that depends on the number of earlier trials. So neither kills nor the number of workers change the trials.
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

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.search.space import Range, Space, Values, rounded

BATCH = 4  # trials that are proposed before any of them has a result
FIRST_BATCHES = 2  # proposed without regard to earlier results
LOSSES = "losses"  # attribute of a trial: its loss per seed


class _Lock(JournalFileOpenLock):
    """Lock of the journal, which the kernel frees when its holder is killed; Optuna's locks are files, which stay."""

    def __init__(self, journal: Path) -> None:
        self._lock = FileLock(f"{journal}.lock")

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Let others write."""
        self._lock.release()


class Study:
    """A search whose trials are in the file `storage`; `name` identifies everything that determines its trials.

    A search over one range tries evenly spaced values, all known from the start. For others a sampler proposes.
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
        """Finished trials, in the order in which they were proposed; their values are `trial.params`."""
        return [trial for trial in self._study.get_trials() if trial.state.is_finished()]

    def batches(self) -> Iterator[list[FrozenTrial]]:
        """Yield batches of trials to `tell` about, until the budget is spent; first those that a kill interrupted."""
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
        """Report the losses of a trial, one per seed. Their mean is its value; if one is not finite, it failed."""
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
            raise UserError(
                f"search {self._study.study_name}: every trial diverged; lower its range in conf/search.yaml"
            ) from None

    def _draw(self, number: int) -> FrozenTrial:
        """Propose one more trial: the next evenly spaced value, or what the sampler draws given all earlier trials."""
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
    """Drop an incomplete last line, which a crash of the machine leaves."""
    if journal.is_file() and not (content := journal.read_bytes()).endswith(b"\n"):
        files.write_bytes(journal, content[: content.rfind(b"\n") + 1])


def run(
    study: Study, evaluate: Callable[[Sequence[Values]], Iterator[tuple[int, Sequence[float]]]]
) -> Iterator[FrozenTrial]:
    """Run all trials of a study and yield each with its result; `evaluate` yields (index, losses) of a batch."""
    for batch in study.batches():
        for index, losses in evaluate([rounded(trial.params) for trial in batch]):
            yield study.tell(batch[index], losses)

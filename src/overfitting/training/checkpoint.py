"""What a killed run needs to go on where it was, in one file beside its history."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overfitting.training.backend import keras

INTERVAL = 60.0  # seconds between two checkpoints; one of the large network takes some 30 ms


@dataclass(frozen=True)
class State:
    """A run in progress: after the last epoch of `history`, with the best epoch's weights in `selection`."""

    model: keras.Model
    optimizer: keras.Optimizer
    selection: keras.callbacks.EarlyStopping
    history: list[dict[str, float]]


class Checkpoint:
    """Saves a run every `interval` seconds to `path`, and restores it into a new process to the same result.

    `fingerprint` says which run it is; the checkpoint of another one is not restored. What a user's callbacks hold is
    not part of it.
    """

    def __init__(self, path: Path, fingerprint: str, interval: float = INTERVAL) -> None:
        self._path, self._fingerprint, self._interval = path, fingerprint, interval
        self._last = time.monotonic()

    def save_when_due(self, state: State) -> None:
        """Save, if the last time is long enough ago."""
        if time.monotonic() - self._last < self._interval:
            return
        optimizer: dict[str, np.ndarray] = {}
        state.optimizer.save_own_variables(optimizer)
        chosen = state.selection
        facts = {
            "fingerprint": self._fingerprint,
            "history": state.history,
            "selection": {"best": float(chosen.best), "best_epoch": chosen.best_epoch, "wait": chosen.wait},
        }
        saved: dict[str, Any] = {
            "facts": json.dumps(facts),
            **_numbered("model", state.model.get_weights()),
            **_numbered("best", chosen.best_weights),
            **{f"optimizer_{name}": value for name, value in optimizer.items()},
        }
        partial = self._path.with_suffix(".partial.npz")  # a name that np.savez leaves as it is
        np.savez(partial, **saved)
        partial.replace(self._path)
        self._last = time.monotonic()

    def restore(self, state: State) -> None:
        """Bring a run that has just begun to where the checkpoint was taken; without one of this run, do nothing."""
        if not self._path.is_file():
            return
        with np.load(self._path) as saved:
            facts = json.loads(str(saved["facts"]))
            if facts["fingerprint"] != self._fingerprint:
                return
            state.model.set_weights(_in_order("model", saved))
            state.optimizer.load_own_variables(
                {name.removeprefix("optimizer_"): saved[name] for name in saved if name.startswith("optimizer_")}
            )
            state.selection.best_weights = _in_order("best", saved)
        for name, value in facts["selection"].items():
            setattr(state.selection, name, value)
        state.history[:] = facts["history"]

    def remove(self) -> None:
        """Delete the file: the run is over."""
        self._path.unlink(missing_ok=True)


def _numbered(name: str, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{name}_{index}": array for index, array in enumerate(arrays)}


def _in_order(name: str, saved: np.lib.npyio.NpzFile) -> list[np.ndarray]:
    return [saved[f"{name}_{index}"] for index in range(sum(key.startswith(f"{name}_") for key in saved))]

"""Checkpoints, from which a killed run resumes: one file beside its history."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overfitting.base import files
from overfitting.training.backend import keras
from overfitting.training.history import Row

INTERVAL = 60.0  # seconds between two checkpoints; saving the large network takes 30 ms


@dataclass(frozen=True)
class State:
    """A run after the last epoch of `history`; `selection` holds the best epoch's weights, `seconds` are per epoch."""

    model: keras.Model
    optimizer: keras.Optimizer
    selection: keras.callbacks.EarlyStopping
    history: list[Row]
    seconds: list[float]


class Checkpoint:
    """Saves a run to `path` every `interval` seconds; a restored run ends with the same result.

    `fingerprint` identifies the run; the checkpoint of another run is not restored. The state of a user's callbacks is
    not saved.
    """

    def __init__(self, path: Path, fingerprint: str, interval: float = INTERVAL) -> None:
        self._path, self._fingerprint, self._interval = path, fingerprint, interval
        self._last = time.monotonic()

    def save_if_due(self, state: State) -> None:
        """Save if at least `interval` seconds have passed since the last save."""
        if time.monotonic() - self._last < self._interval:
            return
        optimizer: dict[str, np.ndarray] = {}
        state.optimizer.save_own_variables(optimizer)
        chosen = state.selection
        facts = {
            "fingerprint": self._fingerprint,
            "history": state.history,
            "seconds": state.seconds,
            "selection": {"best": float(chosen.best), "best_epoch": chosen.best_epoch, "wait": chosen.wait},
        }
        saved: dict[str, Any] = {
            "facts": json.dumps(facts),
            **_numbered("model", state.model.get_weights()),
            **_numbered("best", chosen.best_weights),
            **{f"optimizer_{name}": value for name, value in optimizer.items()},
        }
        with files.replacing(self._path) as partial, partial.open("wb") as file:
            np.savez(file, **saved)
        self._last = time.monotonic()

    def restore(self, state: State) -> None:
        """Restore a run that has just begun; without a checkpoint of this run, do nothing."""
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
        state.seconds[:] = facts["seconds"]

    def remove(self) -> None:
        """Delete the file, since the run is finished."""
        self._path.unlink(missing_ok=True)


def _numbered(name: str, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{name}_{index}": array for index, array in enumerate(arrays)}


def _in_order(name: str, saved: np.lib.npyio.NpzFile) -> list[np.ndarray]:
    return [saved[f"{name}_{index}"] for index in range(sum(key.startswith(f"{name}_") for key in saved))]

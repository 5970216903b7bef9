"""Checkpoints, from which a killed run resumes: one file beside its history."""

import hashlib
import io
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overfitting.base import files
from overfitting.base.records import Record
from overfitting.training.backend import keras
from overfitting.training.history import Row

INTERVAL = 60.0  # seconds between two checkpoints; saving the large network takes 30 ms
DIGEST_BYTES = 32  # of the SHA-256 behind the arrays

Arrays = dict[str, np.ndarray]


class Facts(Record):
    """What a checkpoint holds beside arrays."""

    fingerprint: str
    history: list[dict[str, int | float]]  # an epoch stays an int
    seconds: list[float]
    best: float
    best_epoch: int
    wait: int


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

    The file is NumPy's .npz, followed by its SHA-256. `fingerprint` identifies the run; the checkpoint of another run
    is not restored. The state of a user's callbacks is not saved.
    """

    def __init__(self, path: Path, fingerprint: str, interval: float = INTERVAL) -> None:
        self._path, self._fingerprint, self._interval = path, fingerprint, interval
        self._last = time.monotonic()

    def save_if_due(self, state: State) -> None:
        """Save if at least `interval` seconds have passed since the last save."""
        if time.monotonic() - self._last < self._interval:
            return
        chosen = state.selection
        facts = Facts(
            fingerprint=self._fingerprint,
            history=state.history,
            seconds=state.seconds,
            best=float(chosen.best),
            best_epoch=chosen.best_epoch,
            wait=chosen.wait,
        )
        saved: dict[str, Any] = {"facts": facts.model_dump_json(), **_arrays(state)}
        content = io.BytesIO()
        np.savez(content, **saved)
        files.write_bytes(self._path, content.getvalue() + hashlib.sha256(content.getbuffer()).digest())
        self._last = time.monotonic()

    def restore(self, state: State) -> None:
        """Restore a run that has just begun; without a checkpoint of this run, do nothing.

        A checkpoint that cannot be read is removed, with a line on standard error.
        """
        if not self._path.exists():
            return
        try:
            facts, saved = self._read(_arrays(state))
        except Exception as error:  # NumPy raises whatever a damaged file leads to
            print(f"{self._path}: unreadable, so the run starts anew ({error})", file=sys.stderr, flush=True)
            files.remove(self._path)
            return
        if facts.fingerprint != self._fingerprint:
            return
        state.model.set_weights(_in_order("model", saved))
        state.optimizer.load_own_variables(
            {name.removeprefix("optimizer_"): saved[name] for name in saved if name.startswith("optimizer_")}
        )
        chosen = state.selection
        chosen.best_weights = _in_order("best", saved)
        chosen.best, chosen.best_epoch, chosen.wait = facts.best, facts.best_epoch, facts.wait
        state.history[:] = facts.history
        state.seconds[:] = facts.seconds

    def _read(self, expected: Arrays) -> tuple["Facts", Arrays]:
        """Facts and arrays, which have the shapes of the `expected` ones if they are of this run."""
        content, digest = (whole := self._path.read_bytes())[:-DIGEST_BYTES], whole[-DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            raise ValueError("its SHA-256 is not that of its content")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            saved = {name: file[name] for name in file.files}
        facts = Facts.model_validate_json(str(saved.pop("facts")))
        shapes = [{name: (array.shape, array.dtype) for name, array in found.items()} for found in (expected, saved)]
        if facts.fingerprint == self._fingerprint and shapes[0] != shapes[1]:
            raise ValueError("its arrays do not fit the network")
        return facts, saved

    def remove(self) -> None:
        """Delete the file, since the run is finished."""
        self._path.unlink(missing_ok=True)


def _arrays(state: State) -> Arrays:
    """Weights and state of the optimizer; the best weights, which are those of the network before the first epoch."""
    optimizer: Arrays = {}
    state.optimizer.save_own_variables(optimizer)
    weights = state.model.get_weights()
    best = weights if state.selection.best_weights is None else state.selection.best_weights
    return {
        **_numbered("model", weights),
        **_numbered("best", best),
        **{f"optimizer_{name}": np.asarray(value) for name, value in optimizer.items()},
    }


def _numbered(name: str, arrays: list[np.ndarray]) -> Arrays:
    return {f"{name}_{index}": array for index, array in enumerate(arrays)}


def _in_order(name: str, saved: Arrays) -> list[np.ndarray]:
    return [saved[f"{name}_{index}"] for index in range(sum(key.startswith(f"{name}_") for key in saved))]

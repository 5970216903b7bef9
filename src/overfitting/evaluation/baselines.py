"""Baselines, which are shown for scale and never ranked: what identifies each, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.fingerprint import code_digests, fingerprint, library_versions, read_matching
from overfitting.base.records import Record
from overfitting.config.composition import section
from overfitting.config.schema import Config
from overfitting.data.manifest import Manifest
from overfitting.data.replicates import sample

ENGINE = "overfitting.evaluation.classifiers"  # whose code counts for every baseline
LIBRARIES = ("scikit-learn", "scipy", "numpy")  # whose versions can change what a baseline computes
LOGITS = "logits.npy"
FOLDER = files.RUNS / "baselines"


class Fitted(Record):
    """runs/baselines/<name>/baseline.json, which says that a baseline is finished."""

    has_checksum: ClassVar[bool] = True

    fingerprint: str
    train_rows: int
    files: dict[str, str]  # SHA-256 of logits.npy


class Prediction(NamedTuple):
    """Logits (n_seeds, n_rows) of the test rows by a baseline that was trained on `train_rows` rows."""

    logits: NDArray[np.float64]
    train_rows: int
    fingerprint: str


@dataclass(frozen=True)
class Baseline:
    """A baseline to fit with all seeds: everything that determines its logits, fixed before it is fitted."""

    name: str
    config: Config
    data: str  # fingerprint of the prepared rows
    fingerprint: str
    root: Path = FOLDER  # another folder if it is not part of the comparison

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.root / self.name

    def fitted(self) -> Fitted | None:
        """What the finished baseline says of itself; None if it is not finished, is damaged, or is another one."""
        found = read_matching(Fitted, self.folder / "baseline.json", self.fingerprint)
        return found if found and not files.damaged(self.folder, found.files) else None

    def prediction(self) -> Prediction:
        """What the finished baseline predicts for the test rows.

        Raises:
            UserError: it is not finished, or belongs to another configuration, other data or other code.
        """
        fitted = self.fitted()
        if fitted is None:
            raise UserError(
                f"{self.folder}: expected the baseline of this configuration, data and code; "
                f"fit it again:\n  dvc repro --force --single-item baseline@{self.name}"
            )
        return Prediction(np.load(self.folder / LOGITS, allow_pickle=False), fitted.train_rows, self.fingerprint)

    def fit(self) -> None:
        """Fit the baseline and write its logits, unless its folder holds it finished."""
        if self.fitted():
            return
        from overfitting.evaluation.classifiers import predict  # planning needs none of scikit-learn

        manifest, settings, logits = Manifest.read(files.MANIFEST), self.config.baseline, []
        (features, labels), (test, _) = files.read_rows("pool"), files.read_rows("test")
        for seed in self.config.seeds:
            train, validation = ((features[chosen], labels[chosen]) for chosen in sample(manifest, seed))
            logits.append(predict(settings, seed, train, validation, test))
        files.remove(self.folder)
        with files.replacing(self.folder / LOGITS) as partial, partial.open("wb") as file:
            np.save(file, np.stack(logits))
        # last, because it says that the baseline is finished
        Fitted(
            fingerprint=self.fingerprint,
            train_rows=min(manifest.train_rows, settings.rows),
            files={LOGITS: files.file_digest(self.folder / LOGITS)},
        ).write(self.folder / "baseline.json")


def plan(configs: Mapping[str, Config], data: str, root: Path = FOLDER) -> list[Baseline]:
    """The baselines of `configs`, by name; `data` is the fingerprint of the prepared rows."""
    code, libraries = code_digests(ENGINE), library_versions(*LIBRARIES)
    found = []
    for name, config in configs.items():
        own = fingerprint(settings=section(config, "baseline"), data=data, code=code, libraries=libraries)
        found.append(Baseline(name, config, data, own, root))
    return found

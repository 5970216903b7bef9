"""Baselines: scikit-learn classifiers trained on the same rows, shown for scale and never ranked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.fingerprint import code_digests, fingerprint, library_versions, read_matching
from overfitting.base.records import Record
from overfitting.config.composition import section
from overfitting.config.schema import Config, Model
from overfitting.data.manifest import Manifest

Rows = tuple[np.ndarray, np.ndarray]  # scaled features (n_rows, n_features), labels (n_rows,)
Logits = NDArray[np.float64]

LIBRARIES = ("scikit-learn", "scipy", "numpy")  # whose versions can change what a baseline computes
FOLDER = files.RUNS / "baselines"
SMALLEST = 1e-6  # probability; a forest may predict 0, whose log loss is infinite if the label is 1


class Fitted(Record):
    """runs/baselines/<name>/baseline.json, which says that a baseline is finished."""

    fingerprint: str
    train_rows: int


class Prediction(NamedTuple):
    """Logits (n_seeds, n_rows) of the test rows by a baseline that was trained on `train_rows` rows."""

    logits: Logits
    train_rows: int
    fingerprint: str


@dataclass(frozen=True)
class Baseline:
    """A baseline to fit with all seeds: everything that determines its logits, fixed before it is fitted."""

    name: str
    config: Config
    data: str  # fingerprint of the prepared rows
    fingerprint: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return FOLDER / self.name

    def fitted(self) -> Fitted | None:
        """What the finished baseline says of itself; None if it is not finished, or if its folder holds another one."""
        return read_matching(Fitted, self.folder / "baseline.json", self.fingerprint)

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
        return Prediction(np.load(self.folder / "logits.npy"), fitted.train_rows, self.fingerprint)

    def fit(self) -> None:
        """Fit the baseline and write its logits, unless its folder holds it finished."""
        if self.fitted():
            return
        from threadpoolctl import threadpool_limits

        manifest, settings = Manifest.read(files.MANIFEST), self.config.baseline
        count = min(settings.rows, manifest.train_rows)  # without the spare rows
        features, labels = files.read_rows("train")
        validation, (test, _) = files.read_rows("validation"), files.read_rows("test")
        with threadpool_limits(1):  # sums over several threads would differ in their last digits
            logits = predict(settings.model, self.config.seeds, (features[:count], labels[:count]), validation, test)
        self.folder.mkdir(parents=True, exist_ok=True)
        np.save(self.folder / "logits.npy", logits)
        # last, because it says that the baseline is finished
        Fitted(fingerprint=self.fingerprint, train_rows=count).write(self.folder / "baseline.json")


def plan(configs: Mapping[str, Config], data: str) -> list[Baseline]:
    """The baselines of `configs`, by name; `data` is the fingerprint of the prepared rows."""
    code, libraries = code_digests(__name__), library_versions(*LIBRARIES)
    return [
        Baseline(
            name,
            config,
            data,
            fingerprint(settings=section(config, "baseline"), data=data, code=code, libraries=libraries),
        )
        for name, config in configs.items()
    ]


def predict(model: Model, seeds: Sequence[int], train: Rows, validation: Rows, test: np.ndarray) -> Logits:
    """Logits (n_seeds, n_rows) of the `test` features (n_rows, n_features) by a `model` trained on `train`.

    Gradient boosting stops early on the log loss of the `validation` rows, as the networks do. Boosting and logistic
    regression do not depend on the seed.
    """
    # imported here, because planning needs none of it
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    models: Iterable[Any]
    if model == "random_forest":
        models = (RandomForestClassifier(200, min_samples_leaf=5, random_state=seed).fit(*train) for seed in seeds)
    elif model == "logistic_regression":
        models = [LogisticRegression(max_iter=1000).fit(*train)]
    else:
        boosting = HistGradientBoostingClassifier(
            learning_rate=0.05, max_iter=1000, early_stopping=True, n_iter_no_change=20, random_state=0
        )
        models = [boosting.fit(*train, X_val=validation[0], y_val=validation[1])]
    signal = np.clip([found.predict_proba(test)[:, 1] for found in models], SMALLEST, 1 - SMALLEST)
    logits: Logits = np.log(signal) - np.log1p(-signal)
    return np.repeat(logits, len(seeds) // len(logits), axis=0)

"""Computes the baselines: classifiers of scikit-learn."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from overfitting.config.schema import Baseline

Rows = tuple[np.ndarray, np.ndarray]  # scaled features (n_rows, n_features), labels (n_rows,)
Logits = NDArray[np.float64]

SMALLEST = 1e-6  # probability; a forest may predict 0, whose log loss is infinite if the label is 1


def predict(settings: Baseline, seeds: Sequence[int], train: Rows, validation: Rows, test: np.ndarray) -> Logits:
    """Logits (n_seeds, n_rows) of the `test` features (n_rows, n_features) by a classifier trained on `train`.

    Gradient boosting stops early on the log loss of the `validation` rows, as the networks do. Boosting and logistic
    regression do not depend on the seed.
    """
    model, train = settings.model, (train[0][: settings.rows], train[1][: settings.rows])
    with threadpool_limits(1):  # sums over several threads would differ in their last digits
        models: Iterable[ClassifierMixin]
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

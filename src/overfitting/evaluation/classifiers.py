"""Computes the baselines: classifiers of scikit-learn."""

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


def predict(settings: Baseline, seed: int, train: Rows, validation: Rows, test: np.ndarray) -> Logits:
    """Logits (n_rows,) of the `test` features (n_rows, n_features) by a classifier trained on the seed's `train` rows.

    Gradient boosting stops early on the log loss of the `validation` rows, as the networks do.
    """
    model, train = settings.model, (train[0][: settings.rows], train[1][: settings.rows])
    with threadpool_limits(1):  # sums over several threads would differ in their last digits
        found: ClassifierMixin
        if model == "random_forest":
            found = RandomForestClassifier(200, min_samples_leaf=5, random_state=seed).fit(*train)
        elif model == "logistic_regression":
            found = LogisticRegression(max_iter=1000).fit(*train)
        else:
            boosting = HistGradientBoostingClassifier(
                learning_rate=0.05, max_iter=1000, early_stopping=True, n_iter_no_change=20, random_state=seed
            )
            found = boosting.fit(*train, X_val=validation[0], y_val=validation[1])
        signal = np.clip(found.predict_proba(test)[:, 1], SMALLEST, 1 - SMALLEST)
    logits: Logits = np.log(signal) - np.log1p(-signal)
    return logits

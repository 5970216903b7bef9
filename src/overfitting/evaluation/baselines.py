"""What the networks are held against: classifiers of scikit-learn on the same rows, never ranked among the remedies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from overfitting.config.schema import Reference
from overfitting.evaluation.metrics import Array

Rows = tuple[np.ndarray, np.ndarray]  # scaled features (n_rows, n_features), labels (n_rows,)

SMALLEST = 1e-6  # probability; a forest may be certain, and then its log loss is not finite


def reference_logits(name: Reference, seeds: Sequence[int], train: Rows, validation: Rows, test: np.ndarray) -> Array:
    """Logits (n_seeds, n_rows) of the `test` features by the classifier `name`, fitted to the rows `train`.

    Gradient boosting stops by the log loss of the `validation` rows, as the networks do. It and the logistic regression
    do not depend on the seed.
    """
    if name == "random_forest":
        forests = (_forest(seed).fit(*train) for seed in seeds)
        # several jobs would add the trees' votes up in an order of chance, and so with other last digits each time
        return np.stack([_logits(forest.set_params(n_jobs=1), test) for forest in forests])
    if name == "logistic_regression":
        model: Any = LogisticRegression(max_iter=1000).fit(*train)
    else:
        model = _boosting().fit(*train, X_val=validation[0], y_val=validation[1])
    return np.repeat(_logits(model, test)[None], len(seeds), axis=0)


def _forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(200, min_samples_leaf=5, random_state=seed, n_jobs=-1)


def _boosting() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=1000, early_stopping=True, n_iter_no_change=20, random_state=0
    )


def _logits(model: Any, features: np.ndarray) -> Array:
    signal = np.clip(model.predict_proba(features)[:, 1], SMALLEST, 1 - SMALLEST)
    return np.log(signal) - np.log1p(-signal)

"""Baselines: scikit-learn classifiers trained on the same rows, shown for scale and never ranked."""

from collections.abc import Iterable, Sequence

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from overfitting.config.schema import Baseline
from overfitting.training.loss import Array

Rows = tuple[np.ndarray, np.ndarray]  # scaled features (n_rows, n_features), labels (n_rows,)

SMALLEST = 1e-6  # probability; a forest may predict 0, whose log loss is infinite if the label is 1


def baseline_logits(name: Baseline, seeds: Sequence[int], train: Rows, validation: Rows, test: np.ndarray) -> Array:
    """Logits (n_seeds, n_rows) of the `test` features (n_rows, n_features) by the baseline `name`, trained on `train`.

    Gradient boosting stops early on the log loss of the `validation` rows, as the networks do. Boosting and logistic
    regression do not depend on the seed.
    """
    models: Iterable[ClassifierMixin]
    if name == "random_forest":
        forests = (RandomForestClassifier(200, min_samples_leaf=5, random_state=seed, n_jobs=-1) for seed in seeds)
        # several jobs would add the trees' votes in a random order, so the last digits would differ each time
        models = (forest.fit(*train).set_params(n_jobs=1) for forest in forests)
    elif name == "logistic_regression":
        models = [LogisticRegression(max_iter=1000).fit(*train)]
    else:
        boosting = HistGradientBoostingClassifier(
            learning_rate=0.05, max_iter=1000, early_stopping=True, n_iter_no_change=20, random_state=0
        )
        models = [boosting.fit(*train, X_val=validation[0], y_val=validation[1])]
    signal = np.clip([model.predict_proba(test)[:, 1] for model in models], SMALLEST, 1 - SMALLEST)
    logits: Array = np.log(signal) - np.log1p(-signal)
    return np.repeat(logits, len(seeds) // len(logits), axis=0)

"""The model that MLflow keeps: raw columns in, probabilities of signal out.

MLflow stores this file beside the weights and runs it where they are loaded, so it imports nothing of this package.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class ScoringModel(PythonModel):
    """Scales columns as in training and applies the network; artifacts: `model` (.keras) and `scaling` (JSON)."""

    def load_context(self, context: Any) -> None:
        """Read the network and the scaling learned from the training rows."""
        import keras  # here, since MLflow also runs this file when it stores the model

        self.model = keras.models.load_model(context.artifacts["model"], compile=False)
        self.scaling = json.loads(Path(context.artifacts["scaling"]).read_text())

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """Probability of signal (n_rows,) of raw, unscaled rows; columns are found by name, others are ignored."""
        scaling = {name: np.array(values) for name, values in self.scaling.items()}
        # float32 first: so the training rows were kept
        columns = model_input[self.scaling["columns"]].to_numpy(np.float32).astype(np.float64)
        chosen = scaling["logarithm"]
        columns[:, chosen] = np.log(np.maximum(columns[:, chosen], scaling["floor"][chosen]))
        scaled = ((columns - scaling["mean"]) / scaling["deviation"]).astype(np.float32)
        logits = self.model.predict(scaled, batch_size=5000, verbose=0)[:, 0].astype(np.float64)
        return 1 / (1 + np.exp(-logits))


set_model(ScoringModel())

"""The model that MLflow stores: raw columns in, probability of signal out.

MLflow keeps this file beside the networks and runs it wherever the model is loaded, so it must not import this package.
"""

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class ScoringModel(PythonModel):
    """Scales columns as in training, applies the networks and averages their logits.

    Artifacts: `networks` (a folder of .keras files), `scaling` (JSON) and `scaling_code` (`data/scaling.py`). A table
    with categories or missing values adds `encoding` (JSON) and `encoding_code` (`data/encoding.py`), derived columns
    add `physics` and `physics_code`.
    """

    def load_context(self, context: Any) -> None:
        """Read the networks and the scaling learned from the training rows."""
        import keras  # here, because MLflow also runs this file when it stores the model

        paths = sorted(Path(context.artifacts["networks"]).glob("*.keras"))
        self.networks = [keras.models.load_model(path, compile=False) for path in paths]
        self.scaling = _load("Scaling", context.artifacts, "scaling")
        steps = [step for step in ("encoding", "physics") if step in context.artifacts]
        self.encoding = _load(steps[0].title(), context.artifacts, steps[0]) if steps else None

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """Probability of signal (n_rows,) of raw, unscaled rows. Columns are found by name, others are ignored."""
        if self.encoding:
            raw = self.encoding.apply(model_input)
        else:
            # float32, the type of the rows that the networks were trained on
            raw = model_input[self.scaling.columns].to_numpy(np.float32)
        scaled = self.scaling.apply(raw)
        logits = [network.predict(scaled, batch_size=5000, verbose=0)[:, 0] for network in self.networks]
        return 1 / (1 + np.exp(-np.mean(logits, axis=0, dtype=np.float64)))


def _load(name: str, artifacts: dict[str, str], artifact: str) -> Any:
    """An object of the class `name`, from the file with its code and the JSON with its fields."""
    # run_path, because an import could return another version that this process has loaded before
    loaded = runpy.run_path(artifacts[f"{artifact}_code"])[name]
    return loaded(**json.loads(Path(artifacts[artifact]).read_text()))


set_model(ScoringModel())

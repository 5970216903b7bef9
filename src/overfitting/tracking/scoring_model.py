"""The model that MLflow keeps: raw columns in, probabilities of signal out.

MLflow stores this file beside the networks and runs it where they are loaded, so it imports nothing of this package.
"""

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class ScoringModel(PythonModel):
    """Scales columns as for the training, applies the networks and averages their logits.

    Artifacts: `networks` (a folder of .keras files), `scaling` (JSON) and `scaling_code` (`data/scaling.py`); where
    categories or missing values are to be encoded, `encoding` (JSON) and `encoding_code` (`data/encoding.py`).
    """

    def load_context(self, context: Any) -> None:
        """Read the networks and the scaling learned from the training rows."""
        import keras  # here, since MLflow also runs this file when it stores the model

        paths = sorted(Path(context.artifacts["networks"]).glob("*.keras"))
        self.networks = [keras.models.load_model(path, compile=False) for path in paths]
        self.scaling = _made("Scaling", context.artifacts, "scaling")
        self.encoding = _made("Encoding", context.artifacts, "encoding") if "encoding" in context.artifacts else None

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """Probability of signal (n_rows,) of raw, unscaled rows; columns are found by name, others are ignored."""
        if self.encoding:
            raw = self.encoding.apply(model_input)
        else:
            # float32: so the rows were kept that it was trained on
            raw = model_input[self.scaling.columns].to_numpy(np.float32)
        scaled = self.scaling.apply(raw)
        logits = [network.predict(scaled, batch_size=5000, verbose=0)[:, 0] for network in self.networks]
        return 1 / (1 + np.exp(-np.mean(logits, axis=0, dtype=np.float64)))


def _made(name: str, artifacts: dict[str, str], artifact: str) -> Any:
    """An object of the class `name`, from its JSON and the file with its code."""
    # not imported by name: another version of it may be loaded in the same process
    made = runpy.run_path(artifacts[f"{artifact}_code"])[name]
    return made(**json.loads(Path(artifacts[artifact]).read_text()))


set_model(ScoringModel())

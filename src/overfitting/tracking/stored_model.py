"""Networks as a model that MLflow stores under a run: `scoring_model` and all that it needs."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from overfitting.base.files import ENCODING
from overfitting.tracking.store import Store, mlflow

CODE = Path(__file__).parents[1]
REQUIREMENTS = ("tensorflow", "keras", "numpy", "pandas")


def add(
    store: Store,
    run_id: str,
    name: str,
    parameters: Mapping[str, str],
    networks: Sequence[Path],
    scaling: Path,
    example: pd.DataFrame,
) -> str:
    """Store a model of a run, which takes raw columns as in `example` and gives probabilities; returns its id.

    Of several `networks` (runs/<variant>/<seed>/model.keras) the logits are averaged; `scaling` is
    data/prepared/scaling.json, beside which encoding.json lies where the columns are to be encoded.
    """
    model = store.client.create_logged_model(store.experiment, name, run_id, params=dict(parameters))
    with tempfile.TemporaryDirectory() as folder:
        artifacts = {
            "networks": str(_together(networks, Path(folder, "networks"))),
            "scaling": str(scaling),
            "scaling_code": str(CODE / "data/scaling.py"),
        }
        encoding = scaling.with_name(ENCODING.name)
        if encoding.is_file():
            artifacts |= {"encoding": str(encoding), "encoding_code": str(CODE / "data/encoding.py")}
        _save(Path(folder, "model"), artifacts, example, model)
        store.client.log_model_artifacts(model.model_id, str(Path(folder, "model")))
    store.client.finalize_logged_model(model.model_id, "READY")
    store.client.log_outputs(run_id, [mlflow().entities.LoggedModelOutput(model.model_id, 0)])
    return str(model.model_id)


def _save(folder: Path, artifacts: dict[str, str], example: pd.DataFrame, model: Any) -> None:
    models, types = mlflow().models, mlflow().types
    kinds = {name: "double" if is_numeric_dtype(column) else "string" for name, column in example.items()}
    inputs = types.Schema([types.ColSpec(kind, str(name)) for name, kind in kinds.items()])
    mlflow().pyfunc.save_model(
        folder,
        python_model=str(CODE / "tracking/scoring_model.py"),
        artifacts=artifacts,
        signature=models.ModelSignature(inputs, types.Schema([types.ColSpec("double", "probability")])),
        input_example=example,
        pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
        mlflow_model=models.Model(
            model_uuid=model.model_id,
            model_id=model.model_id,
            run_id=model.source_run_id,
            artifact_path=model.artifact_location,
        ),
    )


def _together(networks: Sequence[Path], folder: Path) -> Path:
    """Copies of the networks in one folder, which is created."""
    folder.mkdir()
    for path in networks:
        shutil.copyfile(path, folder / f"{path.parent.parent.name}-{path.parent.name}.keras")
    return folder

"""Stores networks in MLflow as a model that runs without this package: `scoring_model` and all that it needs."""

import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from overfitting.base import files
from overfitting.base.fingerprint import library_versions
from overfitting.data.manifest import Manifest
from overfitting.tracking.store import Store, mlflow

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.entities import Run as MlflowRun

CODE = Path(__file__).parents[1]
REQUIREMENTS = ("tensorflow", "keras", "numpy", "pandas")
# where TensorFlow without code for GPUs is a distribution of its own, as in pyproject.toml
PROCESSOR_ONLY = "sys_platform == 'linux' and platform_machine == 'x86_64'"
ELSEWHERE = "sys_platform != 'linux' or platform_machine != 'x86_64'"


def example(root: Path, data: str) -> pd.DataFrame | None:
    """Raw (unscaled) columns of a few validation rows; None unless data/prepared/ has the fingerprint `data`.

    Raises UserError if another version wrote data/prepared/.
    """
    manifest, path = root / files.MANIFEST, root / files.EXAMPLE
    if not (manifest.is_file() and path.exists()) or (prepared := Manifest.read(manifest)).fingerprint != data:
        return None
    table = files.read_json(files.prepared(path))
    found = pd.DataFrame(table["rows"], columns=table["columns"], dtype=object)
    return found.astype({name: np.float64 for name in table["columns"] if name not in prepared.categorical})


def add(
    store: Store,
    run: "MlflowRun",
    name: str,
    parameters: Mapping[str, str],
    networks: Sequence[Path],
    rows: pd.DataFrame,
    keep: Collection[str] = (),
) -> str:
    """Store a model of a run in MLflow; returns the model's id.

    The model averages the logits of `networks`, files runs/<variant>/<seed>/early.keras; `rows` are an `example` of its
    input. Models that an interrupted call left with the run are deleted: all but those with the ids `keep`.
    """
    store.delete_models(run, keep)
    model = store.client.create_logged_model(store.experiment, name, run.info.run_id, params=dict(parameters))
    artifacts = {"scaling": store.root / files.SCALING, "scaling_code": CODE / "data/scaling.py"}
    for file in (files.ENCODING, files.PHYSICS):
        if (store.root / file).is_file():
            artifacts |= {file.stem: store.root / file, f"{file.stem}_code": CODE / f"data/{file.stem}.py"}
    with tempfile.TemporaryDirectory() as folder:
        copies, saved = Path(folder, "networks"), Path(folder, "model")
        copies.mkdir()
        for path in networks:
            shutil.copyfile(path, copies / f"{path.parent.parent.name}-{path.parent.name}.keras")
        _save(saved, {"networks": copies, **artifacts}, rows, model)
        store.client.log_model_artifacts(model.model_id, str(saved))
    store.client.finalize_logged_model(model.model_id, "READY")
    store.client.log_outputs(run.info.run_id, [mlflow().entities.LoggedModelOutput(model.model_id, 0)])
    return str(model.model_id)


def _save(folder: Path, artifacts: Mapping[str, Path], rows: pd.DataFrame, model: "LoggedModel") -> None:
    models, types = mlflow().models, mlflow().types
    kinds = {name: "double" if is_numeric_dtype(column) else "string" for name, column in rows.items()}
    inputs = types.Schema([types.ColSpec(kind, str(name)) for name, kind in kinds.items()])
    mlflow().pyfunc.save_model(
        folder,
        python_model=str(CODE / "tracking/scoring_model.py"),
        artifacts={name: str(path) for name, path in artifacts.items()},
        signature=models.ModelSignature(inputs, types.Schema([types.ColSpec("double", "probability")])),
        input_example=rows,
        pip_requirements=_requirements(),
        mlflow_model=models.Model(
            model_uuid=model.model_id,
            model_id=model.model_id,
            run_id=model.source_run_id,
            artifact_path=model.artifact_location,
        ),
    )


def _requirements() -> list[str]:
    """Requirements of a stored model, with the distribution of TensorFlow that is installed here.

    MLflow looks for each one, and imports TensorFlow if its distribution has another name: five seconds and its notes.
    """
    versions = library_versions(*REQUIREMENTS)
    tensorflow = f"tensorflow=={versions.pop('tensorflow')}"
    chosen = [tensorflow]
    if any(distributions(name="tensorflow-cpu")):
        chosen = [f"{tensorflow.replace('==', '-cpu==')}; {PROCESSOR_ONLY}", f"{tensorflow}; {ELSEWHERE}"]
    return [*chosen, *(f"{name}=={version}" for name, version in versions.items())]

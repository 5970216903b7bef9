"""The best model of each comparison as a version in MLflow's registry; the alias `champion` marks the best version.

Models are chosen by validation log loss, so that the test log loss, which is stated beside it, stays a test.

The best model of every comparison is registered, even if an existing version is better: the versions then show the
history of the comparisons, each with its losses and a model that loads. The same model is registered once. It is
recognised by its measured losses, because two trainings with the same weights write different files.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from overfitting.base import files
from overfitting.base.fingerprint import fingerprint
from overfitting.evaluation.results import Metrics
from overfitting.tracking import child_runs, stored_model
from overfitting.tracking.child_runs import Run
from overfitting.tracking.store import Store
from overfitting.training.summary import Summary

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun
    from mlflow.entities.model_registry import ModelVersion

NAME = "overfitting"
ALIAS = "champion"
TESTED = {"test_log_loss", "test_auc"}  # measures of the champion on the test rows
COMPARED = {"variant", "fingerprint", "rows_hash", "val_log_loss"}  # tags by which versions are compared
DESCRIPTION = f"""The best model of each comparison: probability of signal from raw, unscaled columns.

Columns are found by name, others are ignored. The model needs only the packages in its `requirements.txt`:

```python
import mlflow

model = mlflow.pyfunc.load_model("models:/{NAME}@{ALIAS}")
model.predict(model.input_example)  # a DataFrame -> probability of signal per row
```

Each comparison adds its best model as a version. The alias `{ALIAS}` marks the version with the lowest validation
log loss among those of the data of the latest comparison. The test log loss was never used to choose.
"""

_log = logging.getLogger(__name__)


def register(store: Store, parent: "MlflowRun", metrics: Metrics, runs: Sequence[Run]) -> None:
    """Register the champion that results/ name under the MLflow run `parent`, and move the alias.

    Does nothing if one of the champion's files is missing or newer than the results, whose `runs` are given.
    """
    client, best = store.client, metrics.champion
    measured = {run.network.relative_to(store.root).as_posix(): run.summary for run in runs}
    rows = stored_model.example(store.root, metrics.data.fingerprint)
    if rows is None or not measured.keys() >= set(best.models):
        return
    tags = _tags(store.root, metrics)
    if tags["fingerprint"] not in {version.tags["fingerprint"] for version in _versions(store)}:
        _add(store, parent, metrics, [measured[path] for path in best.models], rows, tags)
    versions = _versions(store)
    own = next(version for version in versions if version.tags["fingerprint"] == tags["fingerprint"])
    same_rows = [version for version in versions if version.tags["rows_hash"] == own.tags["rows_hash"]]
    chosen = min(same_rows, key=lambda version: float(version.tags["val_log_loss"]))  # the oldest of equals
    if str(client.get_registered_model(NAME).aliases.get(ALIAS)) != str(chosen.version):
        client.set_registered_model_alias(NAME, ALIAS, str(chosen.version))
    if chosen is not own:
        found, other = _text(chosen), _text(own)
        _log.info("%s@%s is %s; the best model of this comparison, %s, is not better", NAME, ALIAS, found, other)


def _tags(root: Path, metrics: Metrics) -> dict[str, str]:
    """Tags that find the model in the registry and compare it.

    Losses can be compared on the same rows, however the columns are scaled. So `rows_hash` covers the source and the
    labels of the pool in their order.
    """
    best, data = metrics.champion, metrics.data
    losses = best.model_dump(include=TESTED | {"val_log_loss"})
    rounded = {name: f"{value:.6f}" for name, value in losses.items()}
    labels = files.file_digest(files.prepared(root / files.PREPARED / "pool_labels.npy"))
    return {
        "variant": best.variant,
        "data_hash": data.fingerprint,
        "fingerprint": fingerprint(variant=best.variant, data=data.fingerprint, **rounded),
        "rows_hash": fingerprint(source=data.sha256, labels=labels),
        **{name: repr(value) for name, value in losses.items()},
    }


def _versions(store: Store) -> "list[ModelVersion]":
    """Versions that this module registered, oldest first; those that people added under the same name lack the tags."""
    found = store.client.search_model_versions(f"name='{NAME}'")
    return sorted((item for item in found if item.tags.keys() >= COMPARED), key=lambda item: int(item.version))


def _text(version: "ModelVersion") -> str:
    loss = float(version.tags["val_log_loss"])
    return f"version {version.version} ({version.tags['variant']}, validation log loss {loss:.4f})"


def _add(
    store: Store,
    parent: "MlflowRun",
    metrics: Metrics,
    members: Sequence[Summary],
    rows: pd.DataFrame,
    tags: Mapping[str, str],
) -> None:
    """Store the model under the comparison's run, with its metrics, and make it a version."""
    client, best, run_id = store.client, metrics.champion, parent.info.run_id
    seeds = ", ".join(f"{member.seed}.{member.repeat}" if member.repeat else f"{member.seed}" for member in members)
    networks = [store.root / path for path in best.models]
    parameters = {**child_runs.parameters(members[0].config), "seeds": seeds}
    registered = {str(version.model_id) for version in client.search_model_versions(f"name='{NAME}'")}
    model = stored_model.add(store, parent, ALIAS, parameters, networks, rows, registered)
    store.log(parent, child_runs.current_points(best.model_dump(include=TESTED)), model=model)
    if not client.search_registered_models(f"name='{NAME}'"):
        client.create_registered_model(NAME, description=DESCRIPTION)
    # the address, because `models:/id` would be looked up in MLflow's global store instead of this one
    source = client.get_logged_model(model).artifact_location
    tags = {**tags, **({"commit": store.commit} if store.commit else {})}
    pages, card = f"#/experiments/{store.experiment}", store.root / files.MODEL_CARD
    parts = (
        f"{best.variant}, seed {seeds}: validation log loss {best.val_log_loss:.4f}, test log loss "
        f"{best.test_log_loss:.4f}, AUC {best.test_auc:.4f}.",
        metrics.variants[best.variant].description,
        f"The best model of [this comparison]({pages}/runs/{run_id}); [its metrics]({pages}/models/{model}).",
        card.read_text(encoding="utf-8") if card.is_file() else "",
    )
    text = "\n\n".join(part for part in parts if part)
    version = client.create_model_version(NAME, source, run_id, tags, description=text, model_id=model).version
    link = json.dumps([{"name": NAME, "version": version}])  # makes MLflow's page of the model show the version
    client.set_logged_model_tags(model, {"mlflow.modelVersions": link})

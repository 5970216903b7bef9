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
from typing import NamedTuple

import pandas as pd

from overfitting.base import files
from overfitting.base.files import file_digest
from overfitting.base.fingerprint import fingerprint
from overfitting.evaluation.results import Metrics
from overfitting.tracking import child_runs, stored_model
from overfitting.tracking.child_runs import Run
from overfitting.tracking.store import Store
from overfitting.training.summary import Summary

NAME = "overfitting"
ALIAS = "champion"
TESTED = {"test_log_loss", "test_auc"}  # measures of the champion on the test rows
LOSSES = TESTED | {"val_log_loss"}
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


class Version(NamedTuple):
    """A version in the registry, as far as versions are compared."""

    number: int
    variant: str
    fingerprint: str  # of variant, data and losses
    rows_hash: str  # of the rows that the loss was measured on
    val_log_loss: float

    def __str__(self) -> str:
        return f"version {self.number} ({self.variant}, validation log loss {self.val_log_loss:.4f})"


def best_version(versions: Sequence[Version], rows_hash: str) -> Version:
    """The version with the lowest loss on those rows, of which there must be one; the oldest of equals."""
    return min(
        (version for version in versions if version.rows_hash == rows_hash),
        key=lambda version: (version.val_log_loss, version.number),
    )


def register(store: Store, parent: str, metrics: Metrics, runs: Sequence[Run]) -> None:
    """Register the champion that results/ name under the MLflow run with the id `parent`, and move the alias.

    Does nothing if one of the champion's files is missing or newer than the results, whose `runs` are given.
    """
    measured = {(run.folder.relative_to(store.root) / "early.keras").as_posix(): run for run in runs}
    rows = stored_model.example(store.root, metrics.data.fingerprint)
    if rows is None or not measured.keys() >= set(metrics.champion.models):
        return
    tags = _tags(store.root, metrics)
    if tags["fingerprint"] not in {version.fingerprint for version in _versions(store)}:
        _add(store, parent, metrics, [measured[path].summary for path in metrics.champion.models], rows, tags)
    versions = _versions(store)
    own = next(version for version in versions if version.fingerprint == tags["fingerprint"])
    chosen = best_version(versions, own.rows_hash)
    if str(store.client.get_registered_model(NAME).aliases.get(ALIAS)) != str(chosen.number):
        store.client.set_registered_model_alias(NAME, ALIAS, str(chosen.number))
    if chosen != own:
        _log.info("%s@%s is %s; the best model of this comparison, %s, is not better", NAME, ALIAS, chosen, own)


def _tags(root: Path, metrics: Metrics) -> dict[str, str]:
    """Tags that find the model in the registry and compare it.

    Losses can be compared on the same rows, however the columns are scaled. So `rows_hash` covers the source and the
    labels of the pool in their order.
    """
    best, data = metrics.champion, metrics.data
    losses = metrics.champion.model_dump(include=LOSSES)
    rounded = {name: f"{value:.6f}" for name, value in losses.items()}
    labels = file_digest(files.prepared(root / files.PREPARED / "pool_labels.npy"))
    return {
        "variant": best.variant,
        "data_hash": data.fingerprint,
        "fingerprint": fingerprint(variant=best.variant, data=data.fingerprint, **rounded),
        "rows_hash": fingerprint(source=data.sha256, labels=labels),
        **{name: repr(value) for name, value in losses.items()},
    }


def _versions(store: Store) -> list[Version]:
    """Versions that this module registered; versions that people added under the same name lack the tags."""
    found = {int(item.version): item.tags for item in store.client.search_model_versions(f"name='{NAME}'")}
    return [
        Version(number, tags["variant"], tags["fingerprint"], tags["rows_hash"], float(tags["val_log_loss"]))
        for number, tags in sorted(found.items())
        if {"variant", "fingerprint", "rows_hash", "val_log_loss"} <= set(tags)
    ]


def _add(
    store: Store,
    parent: str,
    metrics: Metrics,
    members: Sequence[Summary],
    rows: pd.DataFrame,
    tags: Mapping[str, str],
) -> None:
    """Store the model under the comparison's run, with its metrics, and make it a version."""
    client, best = store.client, metrics.champion
    seeds = ", ".join(f"{member.seed}.{member.repeat}" if member.repeat else f"{member.seed}" for member in members)
    networks = [store.root / path for path in best.models]
    parameters = {**child_runs.parameters(members[0].config), "seeds": seeds}
    registered = {str(version.model_id) for version in client.search_model_versions(f"name='{NAME}'")}
    model = stored_model.add(store, parent, ALIAS, parameters, networks, rows, registered)
    store.log(parent, child_runs.current_points(metrics.champion.model_dump(include=TESTED)), model=model)
    if not client.search_registered_models(f"name='{NAME}'"):
        client.create_registered_model(NAME, description=DESCRIPTION)
    # the address, because `models:/id` would be looked up in MLflow's global store instead of this one
    source = client.get_logged_model(model).artifact_location
    tags = {**tags, **({"commit": store.commit} if store.commit else {})}
    pages = f"#/experiments/{store.experiment}"
    card = store.root / files.MODEL_CARD
    parts = (
        f"{best.variant}, seed {seeds}: validation log loss {best.val_log_loss:.4f}, test log loss "
        f"{best.test_log_loss:.4f}, AUC {best.test_auc:.4f}.",
        metrics.variants[best.variant].description,
        f"The best model of [this comparison]({pages}/runs/{parent}); [its metrics]({pages}/models/{model}).",
        card.read_text(encoding="utf-8") if card.is_file() else "",
    )
    text = "\n\n".join(part for part in parts if part)
    version = client.create_model_version(NAME, source, parent, tags, description=text, model_id=model).version
    link = json.dumps([{"name": NAME, "version": version}])  # makes MLflow's page of the model show the version
    client.set_logged_model_tags(model, {"mlflow.modelVersions": link})

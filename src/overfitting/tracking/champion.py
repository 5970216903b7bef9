"""The best model of each comparison as a version in MLflow's registry; the alias `champion` marks the best version.

The best model of every comparison is registered, even if an existing version is better: the versions then show the
history of the comparisons, each with its losses and a model that loads. The same model is registered once. It is
recognised by its measured losses, because two trainings with the same weights write different files.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from overfitting.base import files
from overfitting.base.fingerprint import file_digest, fingerprint
from overfitting.evaluation.results import Metrics
from overfitting.tracking import child_runs, stored_model
from overfitting.tracking.child_runs import Run
from overfitting.tracking.store import Store

NAME = "overfitting"
ALIAS = "champion"
DESCRIPTION = f"""The best model of each comparison: probability of signal from raw, unscaled columns.

Columns are found by name, others are ignored. The model needs only the packages in its `requirements.txt`:

```python
import mlflow

model = mlflow.pyfunc.load_model("models:/{NAME}@{ALIAS}")
model.predict(model.input_example)  # a DataFrame -> probability of signal per row
```

Each comparison adds its best model as a version. The alias `{ALIAS}` marks the version with the lowest test log loss
among those measured on the test rows of the latest comparison; losses on other rows cannot be compared with it.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """The best model of a comparison: one network, or several whose logits are averaged."""

    title: str
    about: str
    parameters: dict[str, str]
    networks: list[Path]
    metrics: dict[str, float]  # on the test rows
    tags: dict[str, str]  # find the model in the registry and compare it
    rows: pd.DataFrame  # an example of the input


class Version(NamedTuple):
    """A version in the registry, as far as versions are compared."""

    number: int
    variant: str
    fingerprint: str  # of variant, data and losses
    test_hash: str  # of the test rows that the loss was measured on
    test_log_loss: float

    def __str__(self) -> str:
        return f"version {self.number} ({self.variant}, test log loss {self.test_log_loss:.4f})"


def candidate(root: Path, metrics: Metrics, runs: Sequence[Run]) -> Candidate | None:
    """The champion that results/ name; None if one of its files is missing or newer than the results.

    Losses can be compared on the same test rows, however the columns are scaled. So `test_hash` covers the source and
    the test labels in their order.
    """
    best, data = metrics.champion, metrics.data
    rows = stored_model.example(root, data.fingerprint)
    measured = {run.network: run for run in runs if run.test_metrics}
    networks = [root / path for path in best.models]
    if rows is None or not all(path in measured for path in networks):
        return None
    members = [measured[path] for path in networks]
    seeds = ", ".join(str(run.summary.seed) for run in members)
    losses = {"test_log_loss": best.test_log_loss, "test_auc": best.test_auc}
    rounded = {name: f"{value:.6f}" for name, value in losses.items()}
    labels = file_digest(root / files.PREPARED / "test_labels.npy")
    return Candidate(
        title=f"{best.variant}, seed{'s' if len(members) > 1 else ''} {seeds}",
        about=metrics.variants[best.variant].description,
        parameters={**child_runs.parameters(members[0].summary.config), "seeds": seeds},
        networks=networks,
        metrics=losses,
        tags={
            "variant": best.variant,
            "data_hash": data.fingerprint,
            "fingerprint": fingerprint(variant=best.variant, data=data.fingerprint, **rounded),
            "test_hash": fingerprint(source=data.sha256, labels=labels),
            **{name: repr(value) for name, value in losses.items()},
        },
        rows=rows,
    )


def best_version(versions: Sequence[Version], test_hash: str) -> Version:
    """The version with the lowest loss on those test rows, of which there must be one; the oldest of equals."""
    return min(
        (version for version in versions if version.test_hash == test_hash),
        key=lambda version: (version.test_log_loss, version.number),
    )


def register(store: Store, parent: str, found: Candidate) -> None:
    """Register the best model of the comparison whose MLflow run has the id `parent`, and move the alias."""
    content = found.tags["fingerprint"]
    if content not in {version.fingerprint for version in _versions(store)}:
        _add(store, parent, found)
    versions = _versions(store)
    own = next(version for version in versions if version.fingerprint == content)
    chosen = best_version(versions, found.tags["test_hash"])
    if str(store.client.get_registered_model(NAME).aliases.get(ALIAS)) != str(chosen.number):
        store.client.set_registered_model_alias(NAME, ALIAS, str(chosen.number))
    if chosen != own:
        _log.info("%s@%s is %s; the best model of this comparison, %s, is not better", NAME, ALIAS, chosen, own)


def _versions(store: Store) -> list[Version]:
    """Versions that this module registered; versions that people added under the same name lack the tags."""
    found = {int(item.version): item.tags for item in store.client.search_model_versions(f"name='{NAME}'")}
    return [
        Version(number, tags["variant"], tags["fingerprint"], tags["test_hash"], float(tags["test_log_loss"]))
        for number, tags in sorted(found.items())
        if {"variant", "fingerprint", "test_hash", "test_log_loss"} <= set(tags)
    ]


def _add(store: Store, parent: str, found: Candidate) -> None:
    """Store the model under the comparison's run, with its metrics, and make it a version."""
    client = store.client
    model = stored_model.add(store, parent, ALIAS, found.parameters, found.networks, found.rows)
    store.log(parent, child_runs.current_points(found.metrics), model=model)
    if not client.search_registered_models(f"name='{NAME}'"):
        client.create_registered_model(NAME, description=DESCRIPTION)
    # the address, because `models:/id` would be looked up in MLflow's global store instead of this one
    source = client.get_logged_model(model).artifact_location
    tags = {**found.tags, **({"commit": store.commit} if store.commit else {})}
    text = _description(found, store.experiment, parent, model)
    version = client.create_model_version(NAME, source, parent, tags, description=text, model_id=model).version
    link = json.dumps([{"name": NAME, "version": version}])  # makes MLflow's page of the model show the version
    client.set_logged_model_tags(model, {"mlflow.modelVersions": link})


def _description(found: Candidate, experiment: str, run: str, model: str) -> str:
    pages = f"#/experiments/{experiment}"
    links = f"The best model of [this comparison]({pages}/runs/{run}); [its metrics]({pages}/models/{model})."
    scores = f"test log loss {found.metrics['test_log_loss']:.4f}, AUC {found.metrics['test_auc']:.4f}"
    parts = (f"{found.title}: {scores}.", found.about, links)
    return "\n\n".join(part for part in parts if part)

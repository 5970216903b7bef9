"""The best model of a comparison as a version in MLflow's registry, and which version is the champion.

Every comparison's best is registered, also one that is worse than what is there: the versions are then the history of
the comparisons, each with its losses and a model that loads, and cost no more than their files. The same one is not
registered twice. It is told by what it measured: the files of a network hold names and addresses that differ between
two trainings with the same weights.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from overfitting.base import files
from overfitting.base.fingerprint import file_digest, fingerprint
from overfitting.tracking import child_runs, stored_model
from overfitting.tracking.store import Store, commit

NAME = "overfitting"
ALIAS = "champion"
METRICS = ("test_log_loss", "test_auc")
DESCRIPTION = f"""The probability of signal, as the best model of a comparison gives it.

It takes raw, unscaled columns by their names, others are ignored, and needs no packages but those in its
`requirements.txt`:

```python
import mlflow

model = mlflow.pyfunc.load_model("models:/{NAME}@{ALIAS}")
model.predict(model.input_example)  # a DataFrame -> the probability of each row
```

Each comparison adds its best model as a version. The alias `{ALIAS}` is at the one with the lowest test log loss among
those measured on the test rows of the latest comparison; losses on other rows cannot be compared with it.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Champion:
    """The best model of a comparison: one network, or several whose logits are averaged.

    `metrics` are of the test rows; `example` holds raw columns; `tags` are what finds and compares it in the registry.
    """

    title: str
    about: str
    parameters: dict[str, Any]
    networks: list[Path]
    metrics: dict[str, float]
    tags: dict[str, str]
    example: pd.DataFrame


class Version(NamedTuple):
    """A version in the registry, as far as it is compared. `test_hash` names the rows that the loss was measured on."""

    number: int
    variant: str
    fingerprint: str
    test_hash: str
    test_log_loss: float

    def __str__(self) -> str:
        return f"version {self.number} ({self.variant}, test log loss {self.test_log_loss:.4f})"


def read(root: Path, results: Mapping[str, Any], runs: Sequence[child_runs.Run]) -> Champion | None:
    """The champion that results/ names; None where a part of it is not among the files as it was measured.

    Losses can be compared on the same test rows, however their columns were scaled: `test_hash` is of the source and of
    the labels, in their order.
    """
    named, data = results.get("champion"), results["data"]
    example = child_runs.example(root, data["fingerprint"])
    measured = {run.folder / "model.keras": run for run in runs if run.measured}
    networks = [root / path for path in named["models"]] if named else []
    if not named or example is None or not all(path in measured for path in networks):
        return None
    seeds = ", ".join(measured[path].identity["seed"] for path in networks)
    metrics = {name: float(named[name]) for name in METRICS}
    rounded = {name: f"{value:.6f}" for name, value in metrics.items()}
    labels = file_digest(root / files.PREPARED / "test_labels.npy")
    return Champion(
        title=f"{named['variant']}, seed{'s' if len(networks) > 1 else ''} {seeds}",
        about=results["variants"][named["variant"]].get("description", ""),
        parameters={**measured[networks[0]].parameters, "seeds": seeds},
        networks=networks,
        metrics=metrics,
        tags={
            "variant": named["variant"],
            "data_hash": data["fingerprint"],
            "fingerprint": fingerprint(variant=named["variant"], data=data["fingerprint"], **rounded),
            "test_hash": fingerprint(source=data["sha256"], labels=labels),
            **{name: repr(value) for name, value in metrics.items()},
        },
        example=example,
    )


def best(versions: Sequence[Version], test_hash: str) -> Version:
    """The version with the lowest loss on those test rows; of several the first, so that an equal one changes nothing.

    There must be one on those rows.
    """
    return min(
        (version for version in versions if version.test_hash == test_hash),
        key=lambda version: (version.test_log_loss, version.number),
    )


def register(store: Store, parent: str, champion: Champion) -> None:
    """Make the champion of the comparison whose run has the id `parent` a version, and let the alias follow."""
    content = champion.tags["fingerprint"]
    if content not in {version.fingerprint for version in _versions(store)}:
        _add(store, parent, champion)
    versions = _versions(store)
    own = next(version for version in versions if version.fingerprint == content)
    chosen = best(versions, champion.tags["test_hash"])
    if str(store.client.get_registered_model(NAME).aliases.get(ALIAS)) != str(chosen.number):
        store.client.set_registered_model_alias(NAME, ALIAS, str(chosen.number))
    if chosen != own:
        _log.info("%s@%s is %s; the best of this comparison, %s, is no better", NAME, ALIAS, chosen, own)


def _versions(store: Store) -> list[Version]:
    """Versions that this module registered, not those that people added under the same name."""
    found = {int(item.version): item.tags for item in store.client.search_model_versions(f"name='{NAME}'")}
    return [
        Version(number, tags["variant"], tags["fingerprint"], tags["test_hash"], float(tags["test_log_loss"]))
        for number, tags in sorted(found.items())
        if {"variant", "fingerprint", "test_hash", "test_log_loss"} <= set(tags)
    ]


def _add(store: Store, parent: str, champion: Champion) -> None:
    """Store the model under the comparison's run, with its metrics, and make it a version."""
    client, scaling = store.client, store.root / files.SCALING
    parameters = child_runs.flat(champion.parameters)
    model = stored_model.add(store, parent, ALIAS, parameters, champion.networks, scaling, champion.example)
    store.log(parent, child_runs.now(champion.metrics), model=model)
    if not client.search_registered_models(f"name='{NAME}'"):
        client.create_registered_model(NAME, description=DESCRIPTION)
    # its address, since `models:/id` would be looked up where MLflow's global setting points, not in this store
    source = client.get_logged_model(model).artifact_location
    tags, text = {**champion.tags, **commit(store.root)}, _description(champion, store.experiment, parent, model)
    version = client.create_model_version(NAME, source, parent, tags, description=text, model_id=model).version
    link = json.dumps([{"name": NAME, "version": version}])  # by it MLflow's page of the model shows the version
    client.set_logged_model_tags(model, {"mlflow.modelVersions": link})


def _description(champion: Champion, experiment: str, run: str, model: str) -> str:
    loss, auc = (champion.metrics[name] for name in METRICS)
    pages = f"#/experiments/{experiment}"
    links = f"[The comparison]({pages}/runs/{run}) that it is the best of; [its metrics]({pages}/models/{model})."
    parts = (f"{champion.title}: test log loss {loss:.4f}, AUC {auc:.4f}.", champion.about, links)
    return "\n\n".join(part for part in parts if part)

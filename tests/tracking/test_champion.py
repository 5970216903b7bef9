"""The best model in MLflow's registry: which versions exist, which one is champion, and use without this package."""

import json
import logging
import os
import subprocess
import sys
import sysconfig
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from overfitting.base import files
from overfitting.data.columns import NAMES, UNITS
from overfitting.data.manifest import Manifest
from overfitting.data.physics import Physics
from overfitting.data.preparation import fit_scaling
from overfitting.data.scaling import Scaling
from overfitting.tracking import stored_model, sync
from overfitting.tracking.address import tracking_uri
from overfitting.tracking.champion import ALIAS, DESCRIPTION, NAME
from overfitting.tracking.store import PARENT, Store, open_store
from tests.builders.mlflow_files import (
    COLUMNS,
    DATA,
    RAW,
    WARNINGS,
    empty_mlflow,
    write_prepared,
    write_results,
    write_run,
)
from tests.builders.training import collisions

pytestmark = WARNINGS

OTHER = DATA.model_copy(update={"fingerprint": "e" * 16, "sha256": "cd" * 32})
TESTED = {"test_log_loss": 0.55, "test_auc": 0.75}
LOSSES = {"val_log_loss": 0.5, **TESTED}
SCALED_OTHERWISE = DATA.model_copy(update={"fingerprint": "f" * 16})


@pytest.fixture
def root(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_mlflow(tmp_path, tmp_path_factory, monkeypatch)


def store_of(root: Path) -> Store:
    return open_store(root, tracking_uri(root))


def compare(root: Path, loss: float, comparison: str = "c" * 16, variant: str = "l2", data: Manifest = DATA) -> None:
    """Write and sync a comparison whose best model is seed 0 of `variant`, with that validation log loss."""
    write_run(root, variant, 0, f"{variant}{data.fingerprint}", data=data)
    write_prepared(root, data)
    write_results(root, comparison, [variant], [0], data, val_log_loss=loss)
    assert sync.sync(root)


def registered(root: Path) -> list[float]:
    """Validation log losses of the versions, oldest first."""
    found = {int(item.version): item.tags for item in store_of(root).client.search_model_versions(f"name='{NAME}'")}
    return [float(tags["val_log_loss"]) for _, tags in sorted(found.items())]


def champion(root: Path) -> float:
    """Validation log loss of the version with the alias."""
    return float(store_of(root).client.get_model_version_by_alias(NAME, ALIAS).tags["val_log_loss"])


def test_the_best_model_is_a_version_with_description_metrics_and_links(root: Path) -> None:
    compare(root, 0.5)
    client = store_of(root).client
    found = client.get_model_version_by_alias(NAME, ALIAS)
    [parent] = [run for run in store_of(root).search("") if PARENT not in run.data.tags]
    assert found.run_id == parent.info.run_id
    assert found.tags["variant"] == "l2"
    assert found.tags["data_hash"] == DATA.fingerprint
    assert {key: found.tags[key] for key in LOSSES} == {key: repr(value) for key, value in LOSSES.items()}
    assert "l2, seed 0" in found.description
    assert "l2: large, and more" in found.description
    assert client.get_registered_model(NAME).description == DESCRIPTION
    [output] = parent.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert found.source == model.artifact_location
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": NAME, "version": 1}]
    assert {metric.key: metric.value for metric in model.metrics} == TESTED
    assert parent.data.metrics["test_log_loss"] == 0.55
    assert "(#/models/overfitting)" in parent.data.tags["mlflow.note.content"]


def test_its_signature_and_example_have_raw_columns(root: Path) -> None:
    from mlflow.models import Model

    compare(root, 0.5)
    folder = Path(store_of(root).client.get_model_version_by_alias(NAME, ALIAS).source.removeprefix("file://"))
    stored = Model.load(folder)
    assert stored.get_input_schema().input_names() == COLUMNS
    assert stored.get_output_schema().input_names() == ["probability"]
    assert stored.load_input_example(str(folder)).to_numpy().tolist() == RAW


@pytest.mark.parametrize(
    ("loss", "variant", "expected"),
    [(0.49, "l2", 0.49), (0.51, "l2", 0.5), (0.5, "l1", 0.5)],
    ids=["better", "worse", "equal"],
)
def test_on_the_same_data_only_a_better_model_takes_the_alias(
    root: Path, caplog: pytest.LogCaptureFixture, loss: float, variant: str, expected: float
) -> None:
    compare(root, 0.5, "a" * 16)
    caplog.set_level(logging.INFO, "overfitting")
    compare(root, loss, "b" * 16, variant)
    assert registered(root) == [0.5, loss]
    assert champion(root) == expected
    stays = "overfitting@champion is version 1 (l2, validation log loss 0.5000); the best model of this comparison, "
    assert [message.startswith(stays) for message in caplog.messages] == ([] if loss < 0.5 else [True])


def test_the_same_model_is_registered_once(root: Path) -> None:
    compare(root, 0.5)
    (root / "runs/l2/0/early.keras").write_bytes(b"the same weights under other names")
    compare(root, 0.5 + 1e-9, "b" * 16)
    assert registered(root) == [0.5]


def test_losses_on_other_data_are_not_compared(root: Path) -> None:
    compare(root, 0.5)
    compare(root, 0.6, "b" * 16, data=OTHER)
    assert champion(root) == 0.6
    compare(root, 0.55)
    assert registered(root) == [0.5, 0.6, 0.55]
    assert champion(root) == 0.5


def test_the_same_rows_with_another_scaling_are_the_same_data(root: Path) -> None:
    compare(root, 0.5)
    compare(root, 0.6, "b" * 16, data=SCALED_OTHERWISE)
    assert champion(root) == 0.5
    compare(root, 0.4, "b" * 16, data=SCALED_OTHERWISE)
    assert champion(root) == 0.4


def test_a_deleted_version_no_longer_counts(root: Path) -> None:
    compare(root, 0.5, "a" * 16)
    compare(root, 0.6, "b" * 16)
    store_of(root).client.delete_model_version(NAME, "1")
    sync.sync(root)
    assert (registered(root), champion(root)) == ([0.6], 0.6)


def test_versions_that_people_added_do_not_count(root: Path) -> None:
    client = store_of(root).client
    client.create_registered_model(NAME)
    client.create_model_version(NAME, str(root))
    client.set_registered_model_alias(NAME, ALIAS, "1")
    compare(root, 0.5)
    assert champion(root) == 0.5


@pytest.mark.parametrize("missing", ["data/prepared/example.json", "runs/l2/1/summary.json"])
def test_nothing_is_registered_if_a_file_is_missing(root: Path, missing: str) -> None:
    for seed in (0, 1):
        write_run(root, "l2", seed, str(seed))
    write_prepared(root)
    write_results(root, "c" * 16, ["l2"], [0, 1], models=[f"runs/l2/{seed}/early.keras" for seed in (0, 1)])
    (root / missing).unlink()
    assert sync.sync(root)
    assert not registered(root)


def test_a_network_newer_than_the_results_is_not_registered(root: Path) -> None:
    write_run(root, "l2", 0, "0")
    write_prepared(root)
    write_results(root, "c" * 16, ["l2"], [0])
    write_run(root, "l2", 0, "1", seconds=9.0)
    assert sync.sync(root)
    assert not store_of(root).search("")


def test_without_a_registry_everything_else_is_there(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "ftp://nowhere")
    write_run(root, "l2", 0, "0")
    write_prepared(root)
    write_results(root, "c" * 16, ["l2"], [0])
    assert not sync.sync(root)
    [record] = caplog.records
    assert "not brought up to date" in record.getMessage()
    assert {run.info.status for run in store_of(root).search("")} == {"FINISHED"}
    assert len([run for run in store_of(root).search("") if "seed" in run.data.tags]) == 1


def write_networks(root: Path, scaling: Scaling, seeds: int) -> list[Any]:
    """Replace the invented networks by real ones."""
    import keras

    found = []
    for seed in range(seeds):
        keras.utils.set_random_seed(seed)
        layers = [keras.Input((len(scaling.features),)), keras.layers.Dense(8, "elu"), keras.layers.Dense(1)]
        found.append(keras.Sequential(layers))
        found[-1].save(root / f"runs/l2/{seed}/early.keras")
    return found


def evaluated(networks: list[Any], scaling: Scaling) -> np.ndarray:
    """Probabilities of the raw rows from the logits that `evaluate` computes."""
    features = scaling.apply(np.array(RAW, np.float32))
    logits = np.mean([np.asarray(network(features))[:, 0] for network in networks], axis=0, dtype=np.float64)
    return 1 / (1 + np.exp(-logits))


def compare_networks(root: Path, scaling: str, seeds: int) -> np.ndarray:
    """Sync a comparison on new data whose best model is an ensemble; returns its probabilities of the raw rows."""
    data = DATA.model_copy(update={"fingerprint": scaling, "sha256": scaling})
    for seed in range(seeds):
        write_run(root, "l2", seed, f"{scaling}{seed}", data=data)
    models = [f"runs/l2/{seed}/early.keras" for seed in range(seeds)]
    fitted = write_prepared(root, data, scaling)
    write_results(root, scaling, ["l2", "ensemble"], range(seeds), data, variant="ensemble", models=models)
    networks = write_networks(root, fitted, seeds)
    assert sync.sync(root)
    return evaluated(networks, fitted)


WITHOUT_US = """if True:
    import sys
    sys.path.append(sys.argv[1])  # python -S: no .pth files, and so no editable installs
    import importlib.util, json, mlflow, pandas
    assert importlib.util.find_spec("overfitting") is None
    columns, rows, *addresses = json.load(sys.stdin)
    table = pandas.DataFrame(rows, columns=columns)[columns[::-1]]
    for address in addresses:
        model = mlflow.pyfunc.load_model(address)
        found = [model.predict(part) for part in (table.assign(other=1.0), table[:1], model.input_example)]
        print(json.dumps([part.tolist() for part in found]))
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning:keras")
def test_models_give_the_probabilities_of_evaluate_without_this_package(root: Path) -> None:
    standard = compare_networks(root, "standard", seeds=1)
    [child] = [run for run in store_of(root).search("") if "seed" in run.data.tags]
    expected = {
        f"runs:/{child.info.run_id}/model": standard,
        f"models:/{NAME}/1": standard,
        f"models:/{NAME}/2": compare_networks(root, "piecewise", seeds=2),
        f"models:/{NAME}@{ALIAS}": compare_networks(root, "symmetry", seeds=3),
    }
    done = subprocess.run(
        [sys.executable, "-S", "-c", WITHOUT_US, sysconfig.get_paths()["purelib"]],
        input=json.dumps([COLUMNS, RAW, *expected]),
        cwd=root,
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, "MLFLOW_TRACKING_URI": tracking_uri(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for line, probabilities in zip(done.stdout.splitlines(), expected.values(), strict=True):
        for part in json.loads(line):
            np.testing.assert_allclose(part, probabilities[: len(part)], rtol=1e-6)


def test_a_model_derives_the_columns_of_collisions_itself(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    physics = Physics(list(NAMES), list(UNITS.values()))
    raw = pd.DataFrame(collisions(20), columns=NAMES)
    scaling = fit_scaling(physics.apply(raw), tuple(physics.features), "piecewise")
    stored: dict[str, Path] = {}
    monkeypatch.setattr(stored_model, "_save", lambda folder, artifacts, *_: (folder.mkdir(), stored.update(artifacts)))
    compare(root, 0.5)
    files.write_json(root / files.SCALING, scaling.as_dict())
    files.write_json(root / files.PHYSICS, physics.as_dict())
    run = store_of(root).search("")[0]
    stored_model.add(store_of(root), run, "model", {}, [], raw)
    assert stored["physics_code"] == stored_model.CODE / "data/physics.py"
    (root / "networks").mkdir()
    artifacts = {name: str(path) for name, path in stored.items()}
    context = SimpleNamespace(artifacts={**artifacts, "networks": root / "networks"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow complains about the type of an argument
        from overfitting.tracking.scoring_model import ScoringModel
    model = ScoringModel()
    model.load_context(context)
    model.networks = [SimpleNamespace(predict=lambda features, **_: features)]
    logits = scaling.apply(physics.apply(raw))[:, 0].astype(np.float64)
    np.testing.assert_allclose(model.predict(context, raw[[*reversed(NAMES)]]), 1 / (1 + np.exp(-logits)), rtol=1e-6)

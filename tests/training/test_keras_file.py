"""The files of networks: equal bytes for equal networks, read by plain Keras."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from overfitting.base.errors import UserError
from overfitting.config.schema import Variant
from overfitting.training import keras_file
from overfitting.training.network import build

REMEDIES = [
    {},
    {"l2": 0.001, "dropout": 0.5},
    {"noise": 0.1, "normalization": "batch", "max_norm": 2.0},
    {"normalization": "layer", "l1": 0.01, "dropout": 0.2},
]
SCRIPT = """
from pathlib import Path
from overfitting.config.schema import Variant
from overfitting.training import keras_file
from overfitting.training.network import build
import keras
junk = [keras.layers.Dense(3) for _ in range(7)], [object() for _ in range(1000)]  # other counters and addresses
for number, remedies in enumerate({remedies}):
    keras_file.save(build(Variant(hidden_units=(8, 8), **remedies), 5, seed=3), Path(str(number)))
"""


def test_equal_networks_have_equal_bytes_in_any_process(tmp_path):
    code = SCRIPT.replace("{remedies}", repr(REMEDIES))
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    for number, remedies in enumerate(REMEDIES):
        keras_file.save(build(Variant(hidden_units=(8, 8), **remedies), 5, seed=3), tmp_path / "here.keras")
        assert (tmp_path / "here.keras").read_bytes() == (tmp_path / str(number)).read_bytes()


@pytest.mark.parametrize("remedies", REMEDIES)
def test_keras_loads_the_file(tmp_path, remedies):
    network = build(Variant(hidden_units=(8, 8), **remedies), 5, seed=3)
    keras_file.save(network, tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    features = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    np.testing.assert_array_equal(network(features), loaded(features))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in network.layers]


def test_an_archive_states_no_time(tmp_path):
    keras_file.save(build(Variant(hidden_units=(8,)), 5, seed=3), tmp_path / "network.keras")
    with zipfile.ZipFile(tmp_path / "network.keras") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {keras_file.DATE}
        assert archive.namelist() == sorted(archive.namelist())


def code_in_a_lambda(path: Path) -> None:
    executed = str(path.with_name("executed"))
    layer = keras.layers.Lambda(lambda x: [Path(executed).touch(), x][1])
    keras.Sequential([keras.Input((5,)), layer]).save(path)
    path.with_name("executed").unlink(missing_ok=True)


def another_configuration(path: Path, **layer: object) -> None:
    """A network, one of whose layers is replaced in the file."""
    keras_file.save(build(Variant(hidden_units=(8,)), 5, seed=3), path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(entries["config.json"])
    config["config"]["layers"][1] = {"registered_name": None, "config": {}, **layer}
    entries["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def damaged(path: Path, change) -> None:
    keras_file.save(build(Variant(hidden_units=(8,)), 5, seed=3), path)
    path.write_bytes(change(path.read_bytes()))


DAMAGES = {
    "a Lambda layer": code_in_a_lambda,
    "a command": lambda path: another_configuration(
        path, module="os", class_name="system", config={"command": f"touch {path.with_name('executed')}"}
    ),
    "a saved graph": lambda path: another_configuration(
        path, module="keras.layers", class_name="TFSMLayer", config={"filepath": str(path.parent)}
    ),
    "an unknown layer": lambda path: another_configuration(path, module="keras.layers", class_name="Nothing"),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("<<<<<<< HEAD"),
    "truncated": lambda path: damaged(path, lambda content: content[:-100]),
    "half": lambda path: damaged(path, lambda content: content[: len(content) // 2]),
    "zeros": lambda path: damaged(path, lambda content: bytes(len(content))),
    "a folder": lambda path: path.mkdir(),
    "nothing": lambda path: None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_with_code_or_damage_is_refused_and_nothing_is_executed(tmp_path, damage):
    path = tmp_path / "runs/l2/0/early.keras"
    path.parent.mkdir(parents=True)
    DAMAGES[damage](path)
    with pytest.raises(UserError, match=r"(?s)early\.keras: expected a network without code.* train@l2$"):
        keras_file.load(path)
    assert not path.with_name("executed").exists()

"""The files of networks: equal bytes for equal networks, read by plain Keras."""

import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

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

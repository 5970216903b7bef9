"""Stage download: the configured source, and no other."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config
from overfitting.data.events import table_schema
from overfitting.data.manifest import Provenance
from overfitting.stages import download


def test_user_supplied_table(project):
    frame = pd.DataFrame({"a": [1, 2, 3], "y": [0, 1, 0], "b": [0.5, 1.5, 2.5]})
    frame.to_csv("mine.csv", index=False)
    download.run(compose_config(["data=csv", "data.path=mine.csv", "data.label=y"]))
    table = pq.read_table(files.EVENTS)
    assert table.schema.equals(table_schema(["a", "b"]))
    np.testing.assert_array_equal(table["label"].to_numpy(), [0, 1, 0])
    provenance = Provenance.read(files.PROVENANCE)
    assert provenance.source == "csv"
    assert provenance.rows == 3


def test_missing_source_is_an_error_and_no_other_source_is_used(project):
    with pytest.raises(UserError, match=r"mine\.csv"):
        download.run(compose_config(["data=csv", "data.path=mine.csv", "data.label=y"]))
    assert not files.EVENTS.exists()


def test_error_for_missing_bundled_events_names_the_other_sources(project):
    (project / "data/bundled/higgs-like.parquet").unlink(missing_ok=True)
    with pytest.raises(UserError, match=r"(?s)bundled.*simulated.*higgs.*csv"):
        download.run(compose_config())
    assert not files.EVENTS.exists()


def test_genuine_rows_from_a_path(project, higgs_sample):
    download.run(compose_config(["data=higgs", f"data.path={higgs_sample}", "data.rows=100"]))
    expected = np.loadtxt(higgs_sample, delimiter=",", dtype=np.float32, max_rows=100)
    table = pq.read_table(files.EVENTS)
    np.testing.assert_array_equal(np.column_stack([column.to_numpy() for column in table.columns]), expected)

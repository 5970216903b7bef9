import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import ks_2samp

from overfitting.base.errors import UserError
from overfitting.config.sources import BundledData
from overfitting.data.columns import COLUMNS, NAMES
from overfitting.data.events import table_schema
from overfitting.data.sources import bundled
from overfitting.data.sources.simulated import source
from tests.conftest import ROOT

COMMITTED = ROOT / source.BUNDLED


def config(path: Path) -> BundledData:
    return BundledData(source="bundled", path=str(path))


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    return pq.read_table(COMMITTED).to_pandas()


def test_committed_table_is_copied_with_its_provenance(tmp_path: Path) -> None:
    destination = tmp_path / "new" / "events.parquet"
    provenance = bundled.fetch(config(COMMITTED), destination)
    assert destination.read_bytes() == COMMITTED.read_bytes()
    assert [path.name for path in destination.parent.iterdir()] == ["events.parquet"]
    facts = provenance.model_extra or {}
    assert (provenance.source, facts["made_by"]) == ("bundled", "simulated")
    assert provenance.rows == source.POOL_ROWS + source.HELD_OUT_ROWS
    assert provenance.held_out == source.HELD_OUT_ROWS
    assert (facts["seed"], facts["held_out_seed"]) == (source.POOL_SEED, source.HELD_OUT_SEED)
    assert provenance.columns == NAMES
    assert "not HIGGS" in provenance.citation


def test_committed_table_is_small_and_clean(events: pd.DataFrame) -> None:
    assert COMMITTED.stat().st_size <= 10_000_000
    assert pq.read_schema(COMMITTED).equals(table_schema())
    assert len(events) == 125_000
    assert events["label"].sum() == 66_250
    assert np.isfinite(events).all(axis=None)
    assert not events.duplicated().any()
    assert (events[[column.name for column in COLUMNS if column.role in ("pt", "mass")]] > 0).all(axis=None)


def test_committed_table_is_in_random_order(events: pd.DataFrame) -> None:
    first, second = events[:20_000], events[20_000:]
    assert first["label"].mean() == pytest.approx(second["label"].mean(), abs=0.02)
    assert ks_2samp(first["m_bb"], second["m_bb"]).pvalue > 1e-3


def test_positive_columns_have_a_mean_near_1(events: pd.DataFrame) -> None:
    for column in COLUMNS:
        if column.role in ("pt", "mass", "btag"):
            assert events[column.name].mean() == pytest.approx(1.0, abs=0.12), column.name


def test_error_for_a_missing_file_names_the_other_sources_and_how_to_restore_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"found no such file.*git checkout.*make events") as caught:
        bundled.fetch(config(tmp_path / "none.parquet"), tmp_path / "events.parquet")
    assert all(f"data={source}" in str(caught.value) for source in ("bundled", "simulated", "higgs", "csv"))


def test_file_that_is_not_parquet_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "damaged.parquet"
    path.write_bytes(COMMITTED.read_bytes()[:1000])
    with pytest.raises(UserError, match="expected a Parquet file"):
        bundled.fetch(config(path), tmp_path / "events.parquet")


def test_other_columns_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"target": [0, 1], "x": [0.5, 1.5]}), path)
    with pytest.raises(UserError, match=r"expected float32 columns label, lepton_pt.*found target \(int64\).*data=csv"):
        bundled.fetch(config(path), tmp_path / "events.parquet")


def test_changed_values_are_an_error(tmp_path: Path) -> None:
    table = pq.read_table(COMMITTED)
    values = table["m_bb"].to_numpy().copy()
    values[17] += 1
    column = table.schema.get_field_index("m_bb")
    path = tmp_path / "changed.parquet"
    pq.write_table(table.set_column(column, table.schema.field(column), pa.array(values)), path)
    with pytest.raises(UserError, match="SHA-256 of its values"):
        bundled.fetch(config(path), tmp_path / "events.parquet")
    assert not (tmp_path / "events.parquet").exists()


def test_table_without_provenance_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "anonymous.parquet"
    pq.write_table(pq.read_table(COMMITTED).replace_schema_metadata(None), path)
    with pytest.raises(UserError, match="expected metadata with the origin of the rows"):
        bundled.fetch(config(path), tmp_path / "events.parquet")


@pytest.mark.parametrize("recorded", [b"", b"{", b"[]", b"{}", b'{"source": "simulated"}', b"null", b"\xff"])
def test_damaged_metadata_is_an_error(recorded: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged.parquet"
    table = pq.read_table(COMMITTED).replace_schema_metadata({source.METADATA_KEY: recorded})
    pq.write_table(table, path)
    with pytest.raises(UserError, match="metadata with the origin of the rows is damaged"):
        bundled.fetch(config(path), tmp_path / "events.parquet")


@pytest.mark.parametrize("name", [".", "/dev/null"])
def test_folder_or_device_in_the_place_of_the_file_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found no such file"):
        bundled.fetch(config(Path(name)), tmp_path / "events.parquet")


def test_path_is_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(COMMITTED, tmp_path / "mine.parquet")
    monkeypatch.chdir(tmp_path)
    provenance = bundled.fetch(config(Path("mine.parquet")), Path("events.parquet"))
    assert (provenance.model_extra or {})["path"] == "mine.parquet"


@pytest.mark.higgs
@pytest.mark.parametrize("label", [1, 0])
def test_distribution_of_each_column_is_close_to_that_in_higgs(
    label: int, events: pd.DataFrame, higgs_sample: Path
) -> None:
    genuine = pd.read_csv(higgs_sample, header=None, names=["label", *NAMES], dtype=np.float32)
    ours, theirs = (table[table["label"] == label] for table in (events, genuine))
    distances = [ks_2samp(ours[name], theirs[name]).statistic for name in NAMES]
    assert np.mean(distances) <= 0.035

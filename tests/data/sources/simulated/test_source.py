import importlib.util
import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from overfitting.base.errors import UserError
from overfitting.base.progress_bar import Tracker
from overfitting.config.sources import SimulatedData
from overfitting.data.columns import NAMES
from overfitting.data.events import table_schema
from overfitting.data.sources.simulated import source
from tests.conftest import ROOT


class Inline(Executor):
    """Runs each call immediately in this process, and counts the calls."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.submitted += 1
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future


def invented_shard(seed: int, label: int, index: int) -> np.ndarray:
    """300 to 400 rows that hold seed, label, index and row number."""
    rows = 300 + np.random.default_rng([seed, label, index]).integers(101)
    table = np.zeros((rows, 28), np.float32)
    table[:, 0], table[:, 1], table[:, 2], table[:, 3] = seed, label, index, np.arange(rows)
    return table


def first_rows(rows: int) -> tuple[np.ndarray, int]:
    pool = Inline()
    table = source.first_rows(pool, 3, 1, rows, Tracker(0, lambda done: None))
    return table, pool.submitted


@pytest.fixture
def fake_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "shard", invented_shard)


@pytest.mark.usefixtures("fake_shards")
class TestFirstRows:
    def test_shards_are_taken_in_order_and_the_last_is_cut(self) -> None:
        table, _ = first_rows(1000)
        expected = np.concatenate([invented_shard(3, 1, index) for index in range(4)])[:1000]
        np.testing.assert_array_equal(table, expected)

    def test_fewer_rows_are_the_first_of_more(self) -> None:
        np.testing.assert_array_equal(first_rows(700)[0], first_rows(5000)[0][:700])

    def test_few_shards_are_simulated_and_not_used(self) -> None:
        assert first_rows(1000)[1] <= 4

    def test_progress_counts_the_requested_rows(self) -> None:
        seen: list[int] = []
        source.first_rows(Inline(), 3, 1, 1000, Tracker(0, seen.append))
        assert seen == sorted(seen)
        assert seen[-1] == 1000


class TestFetch:
    config = SimulatedData(source="simulated", rows=1000, seed=3, processes=2)

    @pytest.fixture
    def table(self, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
        rng = np.random.default_rng(0)
        table = np.column_stack([rng.integers(0, 2, 1000), rng.random((1000, 28))]).astype(np.float32)
        monkeypatch.setattr(source, "simulate", lambda rows, seed, processes: table)
        return table

    def test_file_holds_the_table_and_its_provenance(self, table: np.ndarray, tmp_path: Path) -> None:
        provenance = source.fetch(self.config, tmp_path / "new" / "events.parquet")
        written = pq.read_table(tmp_path / "new" / "events.parquet")
        np.testing.assert_array_equal(np.column_stack([column.to_numpy() for column in written.columns]), table)
        assert written.schema.equals(table_schema())
        recorded = json.loads(written.schema.metadata[source.METADATA_KEY.encode()])
        assert recorded == provenance.model_dump(mode="json", exclude_none=True, exclude={"held_out", "events_sha256"})

    @pytest.mark.usefixtures("table")
    def test_provenance(self, tmp_path: Path) -> None:
        provenance = source.fetch(self.config, tmp_path / "events.parquet")
        facts = provenance.model_extra or {}
        assert provenance.source == "simulated"
        assert (provenance.rows, facts["seed"], provenance.columns) == (1000, 3, NAMES)
        assert set(facts["generators"]) >= {"pythia8mc", "fastjet"}
        assert "not HIGGS" in provenance.citation
        assert provenance.licence

    def test_digest_depends_on_values_only(self, table: np.ndarray) -> None:
        assert source.digest(table) == source.digest(np.asfortranarray(table.astype(">f4")))
        changed = table.copy()
        changed[0, 0] += 1
        assert source.digest(changed) != source.digest(table)


def test_error_without_pythia_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pythia8mc" else found(name))
    config = SimulatedData(source="simulated", rows=10, seed=0, processes=1)
    with pytest.raises(UserError, match=r"pythia8mc cannot be imported.*\.\[simulate\].*data=bundled"):
        source.fetch(config, tmp_path / "events.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.simulate
@pytest.mark.slow
def test_number_of_processes_does_not_change_the_events(tmp_path: Path) -> None:
    paths = []
    for processes in (1, 2):
        paths.append(tmp_path / f"{processes}.parquet")
        source.fetch(SimulatedData(source="simulated", rows=900, seed=0, processes=processes), paths[-1])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    labels = pq.read_table(paths[0])["label"].to_numpy()
    assert labels.sum() == round(0.53 * 900)
    assert labels[:90].std() > 0  # in random order


@pytest.mark.simulate
@pytest.mark.slow
@pytest.mark.parametrize("label", [1, 0])
def test_bundled_events_contain_the_first_shard_bit_for_bit(label: int) -> None:
    bundled = pq.read_table(ROOT / source.BUNDLED)
    rows = np.column_stack([column.to_numpy() for column in bundled.columns])
    parts = {source.POOL_SEED: rows[: source.POOL_ROWS], source.HELD_OUT_SEED: rows[source.POOL_ROWS :]}
    for seed, part in parts.items():
        known = {row.tobytes() for row in part[part[:, 0] == label, 1:]}
        again = source.shard(seed, label, 0)
        assert len(again) > 300
        assert sum(row.tobytes() in known for row in again) == len(again)

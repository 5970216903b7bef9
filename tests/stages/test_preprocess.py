"""Stage preprocess: from a table to arrays; encoding and scaling are learned from the pool alone."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config
from overfitting.data import preparation
from overfitting.data.columns import NAMES
from overfitting.data.events import table_schema, write_table
from overfitting.data.manifest import Example, Manifest, Provenance, TableReading
from overfitting.data.physics import Physics
from overfitting.data.preparation import fit_encoding, fit_scaling
from overfitting.stages import preprocess
from tests.builders.training import collisions

SPLIT = ("split.train=600", "split.validation=200", "split.test=150", "split.search=0", "training.batch_size=50")


@pytest.fixture
def table(project):
    generator = np.random.default_rng(0)
    columns = [generator.integers(0, 2, 1000), generator.lognormal(0, 1, 1000), generator.normal(5, 3, 1000)]
    return np.column_stack(columns).astype(np.float32)


def store(table: np.ndarray) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in table.T], schema=table_schema(["pt", "eta"]))
    write_table(files.EVENTS, [batch], table_schema(["pt", "eta"]))
    write_provenance(["pt", "eta"], len(table))


def write_provenance(columns: Sequence[str], rows: int, table: TableReading | None = None, held_out: int = 0) -> None:
    facts = {"source": "test", "licence": "-", "citation": "-", "sha256": "-", "sha256_of": "-"}
    more = {"table": table, "held_out": held_out, "events_sha256": files.file_digest(files.EVENTS)}
    Provenance(**facts, columns=tuple(columns), rows=rows, **more).write(files.PROVENANCE)


def run(*overrides: str) -> Manifest:
    preprocess.run(compose_config([*SPLIT, *overrides]))
    return Manifest.read(files.MANIFEST)


def test_the_pool_is_standardised_and_sets_are_disjoint(table):
    store(table)
    manifest = run()
    assert (manifest.pool_rows, manifest.train_rows, manifest.validation_rows, manifest.test_rows) == (
        850,
        600,
        200,
        150,
    )
    pool, labels = files.read_rows("pool")
    assert pool.dtype == labels.dtype == np.float32
    np.testing.assert_allclose(pool.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(pool.std(0), 1, atol=1e-5)
    assert files.read_json(files.SCALING)["logarithm"] == [True, False]
    rows = np.concatenate([files.read_rows(name)[0] for name in ("pool", "test")])
    assert len(np.unique(rows, axis=0)) == 1000


def test_scaling_does_not_depend_on_test_rows(table):
    store(table)
    run("preprocessing.shuffle_seed=null")
    before = files.read_json(files.SCALING)
    table[850:, 1:] *= 9
    store(table)
    run("preprocessing.shuffle_seed=null")
    assert files.read_json(files.SCALING) == before


def test_none_keeps_values_and_order(table):
    store(table)
    run("preprocessing=none")
    np.testing.assert_array_equal(files.read_rows("pool")[0], table[:850, 1:])
    np.testing.assert_array_equal(files.read_rows("pool")[1], table[:850, 0])
    np.testing.assert_array_equal(files.read_rows("test")[1], table[850:, 0])


def test_held_out_rows_become_the_test_rows(table):
    store(table)
    write_provenance(["pt", "eta"], len(table), held_out=100)
    manifest = run("preprocessing=none")
    assert (manifest.pool_rows, manifest.test_rows) == (900, 100)
    np.testing.assert_array_equal(files.read_rows("test")[0], table[900:, 1:])


def test_each_way_to_draw_samples_has_a_fingerprint_of_its_own(table):
    store(table)
    changes = ["split.train=601", "split.validation=201", "split.search=1", "split.resample=false"]
    assert len({run(*change).fingerprint for change in [(), *((change,) for change in changes)]}) == 5


def test_same_configuration_gives_the_same_bytes(table):
    store(table)
    first = run().fingerprint
    assert run().fingerprint == first
    assert run("preprocessing.shuffle_seed=1").fingerprint != first


def test_duplicates_are_dropped_refused_or_kept(table):
    table[500:520, 1:] = table[:20, 1:]
    store(table)
    assert run().duplicates_dropped == 20
    assert run("preprocessing.duplicates=keep").duplicates_dropped == 0
    with pytest.raises(UserError, match=r"20 rows have the features of an earlier row \(the first is row 501\)"):
        run("preprocessing.duplicates=refuse")


def test_error_for_a_wrong_value_comes_before_any_file_is_written(table):
    table[41, 2] = np.nan
    store(table)
    with pytest.raises(UserError, match=r"data/raw/events\.parquet: row 42, column eta: expected a finite number"):
        run()
    assert not Path(files.PREPARED).exists()


def test_test_rows_of_one_class_are_an_error_before_any_file_is_written(table):
    table[850:, 0] = 1
    store(table)
    with pytest.raises(UserError, match=r"split\.test: expected test rows of both classes, but all 150"):
        run("preprocessing.shuffle_seed=null")
    assert not Path(files.PREPARED).exists()


def test_example_has_raw_rows_of_the_pool(table):
    store(table)
    run("preprocessing.shuffle_seed=null")
    example = Example.read(files.EXAMPLE)
    assert example.columns == ("pt", "eta")
    np.testing.assert_array_equal(np.array(example.rows, np.float32), table[:3, 1:])


def test_symmetry_without_columns_of_collisions_is_an_error(table):
    store(table)
    with pytest.raises(UserError, match="preprocessing=symmetry: expected columns of collisions"):
        run("preprocessing=symmetry")


def store_collisions(rows: int) -> np.ndarray:
    raw = collisions(rows)
    columns = [pa.array(np.arange(rows) % 2, pa.float32()), *map(pa.array, raw.T)]
    write_table(files.EVENTS, [pa.RecordBatch.from_arrays(columns, schema=table_schema())])
    write_provenance(NAMES, rows)
    return raw


def test_columns_of_physics_are_derived_from_raw_ones_in_blocks_of_any_size(project, monkeypatch):
    raw = store_collisions(1000)
    manifest = run("preprocessing=physics", "preprocessing.shuffle_seed=null")
    whole = prepared_bytes()
    physics = Physics(**files.read_json(files.PHYSICS))
    assert manifest.columns == NAMES == tuple(physics.columns)
    derived = physics.apply(pd.DataFrame(raw, columns=NAMES))
    scaling = fit_scaling(derived[:850], tuple(physics.features), "piecewise")
    assert manifest.features == tuple(scaling.features)
    np.testing.assert_array_equal(files.read_rows("pool")[0], scaling.apply(derived[:850]))
    for block in (7, 300):
        monkeypatch.setattr(preparation, "BLOCK_ROWS", block)
        monkeypatch.setattr(preprocess, "BLOCK_ROWS", block)
        run("preprocessing=physics", "preprocessing.shuffle_seed=null")
        assert prepared_bytes() == whole


def test_physics_needs_columns_of_collisions_without_missing_values(table):
    store(table)
    with pytest.raises(UserError, match=r"derive=physics: expected columns of collisions.*there is no lepton_pt"):
        run("preprocessing=physics")
    store_collisions(1000)
    with pytest.raises(UserError, match=r"there is no lepton_eta; choose preprocessing=piecewise"):
        run("preprocessing=physics", "preprocessing.without=[eta]")


def test_columns_are_left_out_by_role(project):
    store_collisions(1000)
    manifest = run("preprocessing=piecewise")
    assert len(manifest.columns) == 28 - 6 - 5
    assert not [name for name in manifest.features if "phi" in name or "eta" in name]
    assert tuple(files.read_json(files.SCALING)["columns"]) == manifest.columns
    assert files.read_rows("pool")[0].shape == (850, len(manifest.features))
    with pytest.raises(UserError, match="which leaves none of the 28 columns"):
        run("preprocessing.without=[pt,eta,phi,btag,mass]")


def store_mixed(generator: np.random.Generator, rows: int) -> pd.DataFrame:
    """Write a table with numbers, text, missing values and repeated rows; return its features."""
    frame = pd.DataFrame(
        {
            "x": generator.lognormal(0, 1, rows).astype(np.float32),
            "colour": generator.choice(["red", "green", "blue", "pink"], rows, p=[0.5, 0.3, 0.15, 0.05]),
            "y": generator.normal(0, 1, rows).astype(np.float32),
        }
    )
    frame.loc[generator.random(rows) < 0.1, "y"] = np.nan
    frame.loc[generator.random(rows) < 0.1, "colour"] = None
    frame.loc[rows - 40 :] = frame.loc[:39].to_numpy()
    schema = pa.schema(
        [
            pa.field("label", pa.float32(), nullable=False),
            pa.field("x", pa.float32(), nullable=False),
            pa.field("colour", pa.string()),
            pa.field("y", pa.float32()),
        ]
    )
    table = pa.Table.from_pandas(frame.assign(label=np.float32(generator.integers(0, 2, rows))), schema, safe=False)
    write_table(files.EVENTS, table.to_batches(max_chunksize=170), schema)
    reading = TableReading(positive="1", negative="0", unlabelled_dropped=0, max_categories=2, units={})
    write_provenance(frame.columns, rows, table=reading)
    return frame


def prepared_bytes() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in files.PREPARED.iterdir()}


@pytest.mark.parametrize("scaling", ["standard", "piecewise", "none"])
@pytest.mark.parametrize("duplicates", ["drop", "keep"])
def test_files_do_not_depend_on_the_size_of_blocks(
    scaling: str, duplicates: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = store_mixed(np.random.default_rng(0), 1100)
    overrides = (f"preprocessing={scaling}", "preprocessing.shuffle_seed=5", f"preprocessing.duplicates={duplicates}")
    manifest = run(*overrides)
    whole = prepared_bytes()
    assert manifest.duplicates_dropped == (40 if duplicates == "drop" else 0)
    for block in (1, 7, 1000):
        monkeypatch.setattr(preparation, "BLOCK_ROWS", block)
        monkeypatch.setattr(preprocess, "BLOCK_ROWS", block)
        run(*overrides)
        assert prepared_bytes() == whole

    # the same rows, prepared at once
    usable = np.arange(1060 if duplicates == "drop" else 1100)
    order = np.random.default_rng(5).permutation(usable)
    encoding = fit_encoding(frame.iloc[order[:-150]], 2)
    encoded = encoding.apply(frame)
    scaled = fit_scaling(encoded[order[:-150]], tuple(encoding.features), scaling).apply(encoded)
    assert encoding.as_dict() == files.read_json(files.ENCODING)
    assert files.read_json(files.SCALING)["features"] == list(manifest.features)
    np.testing.assert_array_equal(files.read_rows("pool")[0], scaled[order[:-150]])
    np.testing.assert_array_equal(files.read_rows("test")[0], scaled[order[-150:]])


PEAK = """
import re, sys
from overfitting.config.composition import compose_config
from overfitting.stages import preprocess
preprocess.run(compose_config(sys.argv[1:]))
# not ru_maxrss, which begins with the memory of the parent process
print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("scaling", ["standard", "symmetry", "piecewise"])
def test_memory_grows_by_a_few_numbers_per_row(scaling: str, project: Path) -> None:
    peaks = []
    for rows in (200_000, 800_000):
        batches = (
            pa.RecordBatch.from_arrays(
                [pa.array(np.arange(20_000) % 2, pa.float32()), *map(pa.array, collisions(20_000, seed).T)],
                schema=table_schema(),
            )
            for seed in range(rows // 20_000)
        )
        write_table(files.EVENTS, batches, use_dictionary=False)
        write_provenance(NAMES, rows)
        split = [
            f"split.train={rows * 7 // 10}",
            f"split.validation={rows // 10}",
            f"split.test={rows}",
            "split.search=0",
        ]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, f"preprocessing={scaling}", *split],
            check=True,
            capture_output=True,
            text=True,
        )
        peaks.append(int(done.stdout.splitlines()[-1]) * 1024)
    assert (peaks[1] - peaks[0]) / 600_000 < 80  # bytes per row, of which a row of the table has 116

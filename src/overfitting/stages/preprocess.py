"""Stage preprocess: data/raw/events.parquet -> checked, scaled rows in data/prepared/, as pool and test rows."""

import numpy as np

from overfitting.base import files
from overfitting.config.schema import Config
from overfitting.data import test_rows
from overfitting.data.column_store import BLOCK_ROWS
from overfitting.data.description import describe, example, notes
from overfitting.data.events import read_events
from overfitting.data.manifest import Provenance
from overfitting.data.preparation import Prepared, prepare
from overfitting.data.replicates import check_classes


def run(config: Config) -> None:
    """Prepare the events and write arrays, scaling, encoding, example rows and manifest."""
    provenance = Provenance.read(files.PROVENANCE)
    if files.damaged(files.RAW, {files.EVENTS.name: provenance.events_sha256}):
        raise files.unusable(files.EVENTS, f"expected the table that {files.PROVENANCE} describes, by its SHA-256")
    events = read_events(files.EVENTS)
    prepared = prepare(events, config.split, config.preprocessing, provenance, files.PREPARED.parent)

    files.remove(files.PREPARED)
    for name, rows in vars(prepared.sets).items():
        _write_features(prepared, name)
        with files.replacing(files.PREPARED / f"{name}_labels.npy") as partial, partial.open("wb") as file:
            np.save(file, events.labels[rows])
    files.write_json(files.SCALING, prepared.scaling.as_dict())
    if prepared.encoding is not None:
        files.write_json(files.ENCODING, prepared.encoding.as_dict())
    if prepared.physics is not None:
        files.write_json(files.PHYSICS, prepared.physics.as_dict())
    example(events, prepared).write(files.EXAMPLE)
    digests = {path.name: files.file_digest(path) for path in sorted(files.PREPARED.iterdir())}
    manifest = describe(events, prepared, provenance, config, digests)
    manifest.write(files.MANIFEST)
    check_classes(manifest, config.seeds)
    test_rows.check_classes(manifest, config.seeds)

    sizes = f"pool {manifest.pool_rows:,}, test {manifest.test_rows:,}"
    print(f"rows: {sizes}; duplicates dropped: {manifest.duplicates_dropped:,} -> {files.PREPARED}")
    if manifest.table:
        print(*notes(manifest.table), sep="\n")


def _write_features(prepared: Prepared, name: str) -> None:
    """Write the scaled features of a set as an array that can be memory-mapped."""
    scaling, store = prepared.scaling, prepared.features[name]
    shape = (len(store), len(scaling.features))
    with files.replacing(files.PREPARED / f"{name}_features.npy") as partial, partial.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for start in range(0, len(store), BLOCK_ROWS):
            file.write(np.ascontiguousarray(scaling.apply(store[start : start + BLOCK_ROWS])).data)

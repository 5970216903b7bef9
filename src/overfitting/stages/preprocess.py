"""Stage preprocess: data/raw/events.parquet -> checked, split and scaled rows in data/prepared/."""

import numpy as np

from overfitting.base import files
from overfitting.base.fingerprint import file_digest, fingerprint
from overfitting.config.schema import Config
from overfitting.data.description import describe, example, notes
from overfitting.data.events import read_events
from overfitting.data.manifest import Provenance
from overfitting.data.preparation import Prepared, prepare
from overfitting.data.rows import Rows

PIECE_ROWS = 100_000  # scaled and written at a time, so that no second copy of a large table is in memory


def run(config: Config) -> None:
    """Prepare the events and write arrays, scaling, encoding, example rows and manifest."""
    events = read_events(files.EVENTS)
    provenance = Provenance.read(files.PROVENANCE)
    max_categories = provenance.table.max_categories if provenance.table else None
    prepared = prepare(events, config.split, config.preprocessing, max_categories)

    files.PREPARED.mkdir(parents=True, exist_ok=True)
    sets = prepared.sets
    _write(prepared, "train", np.concatenate([sets.train, sets.spare]))
    _write(prepared, "validation", sets.validation)
    _write(prepared, "test", sets.test)
    files.write_json(files.SCALING, prepared.scaling.as_dict())
    files.ENCODING.unlink(missing_ok=True)
    if prepared.encoding is not None:
        files.write_json(files.ENCODING, prepared.encoding.as_dict())
    example(prepared).write(files.EXAMPLE)
    arrays = {path.name: file_digest(path) for path in sorted(files.PREPARED.glob("*.npy"))}
    manifest = describe(prepared, provenance, config.preprocessing.scaling, fingerprint(**arrays))
    manifest.write(files.MANIFEST)

    sizes = ", ".join(f"{name} {rows.size:,}" for name, rows in vars(sets).items())
    print(f"rows: {sizes}; duplicates dropped: {manifest.duplicates_dropped:,} -> {files.PREPARED}")
    if manifest.table:
        print(*notes(manifest.table), sep="\n")


def _write(prepared: Prepared, name: str, rows: Rows) -> None:
    """Write features and labels of one set as arrays that can be memory-mapped."""
    scaling = prepared.scaling
    shape = (rows.size, len(scaling.features))
    path = files.PREPARED / f"{name}_features.npy"
    target = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, rows.size, PIECE_ROWS):
        piece = slice(start, start + PIECE_ROWS)
        target[piece] = scaling.apply(prepared.features[rows[piece]])
    target.flush()
    np.save(files.PREPARED / f"{name}_labels.npy", prepared.labels[rows])

"""Stage preprocess: data/raw/events.parquet -> checked, split and scaled rows in data/prepared/."""

from collections.abc import Sequence

import numpy as np

from overfitting.base import files
from overfitting.base.fingerprint import file_digest, fingerprint
from overfitting.config.schema import Config
from overfitting.data.column_store import BLOCK_ROWS
from overfitting.data.description import describe, example, notes
from overfitting.data.events import read_events
from overfitting.data.manifest import Provenance
from overfitting.data.preparation import Prepared, prepare


def run(config: Config) -> None:
    """Prepare the events and write arrays, scaling, encoding, example rows and manifest."""
    events = read_events(files.EVENTS)
    provenance = Provenance.read(files.PROVENANCE)
    max_categories = provenance.table.max_categories if provenance.table else None
    prepared = prepare(events, config.split, config.preprocessing, max_categories, files.PREPARED.parent)

    files.PREPARED.mkdir(parents=True, exist_ok=True)
    sets = prepared.sets
    for name, parts in {"train": ("train", "spare"), "validation": ("validation",), "test": ("test",)}.items():
        _write_features(prepared, name, parts)
        labels = [events.labels[getattr(sets, part)] for part in parts]
        np.save(files.PREPARED / f"{name}_labels.npy", np.concatenate(labels))
    files.write_json(files.SCALING, prepared.scaling.as_dict())
    files.ENCODING.unlink(missing_ok=True)
    if prepared.encoding is not None:
        files.write_json(files.ENCODING, prepared.encoding.as_dict())
    example(events, prepared).write(files.EXAMPLE)
    arrays = {path.name: file_digest(path) for path in sorted(files.PREPARED.glob("*.npy"))}
    manifest = describe(events, prepared, provenance, config.preprocessing.scaling, fingerprint(**arrays))
    manifest.write(files.MANIFEST)

    sizes = ", ".join(f"{name} {rows.size:,}" for name, rows in vars(sets).items())
    print(f"rows: {sizes}; duplicates dropped: {manifest.duplicates_dropped:,} -> {files.PREPARED}")
    if manifest.table:
        print(*notes(manifest.table), sep="\n")


def _write_features(prepared: Prepared, name: str, parts: Sequence[str]) -> None:
    """Write the scaled features of some sets, one after another, as one array that can be memory-mapped."""
    scaling = prepared.scaling
    stores = [prepared.features[part] for part in parts]
    shape = (sum(map(len, stores)), len(scaling.features))
    with (files.PREPARED / f"{name}_features.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for store in stores:
            for start in range(0, len(store), BLOCK_ROWS):
                np.ascontiguousarray(scaling.apply(store[start : start + BLOCK_ROWS])).tofile(file)

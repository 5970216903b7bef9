"""Stage preprocess: checked, split and scaled rows -> memory-mappable arrays in data/prepared/."""

from typing import Any

import numpy as np
import pyarrow.parquet as pq

from overfitting import files
from overfitting.config import Config
from overfitting.errors import UserError
from overfitting.events import LABEL
from overfitting.fingerprint import file_digest, fingerprint
from overfitting.preparation import check_rows, first_occurrences, fit_scaling, split_rows, without_roles
from overfitting.scaling import Scaling

EXAMPLE_ROWS = 3  # raw ones, that show what a stored model takes


def run(config: Config) -> None:
    """Check every row, divide the rows, learn the scaling from the training rows and write all three sets."""
    names, features, labels = _read_events()
    check_rows(features, labels, names, str(files.EVENTS))
    rows = _without_duplicates(features, config.preprocessing.duplicates)
    kept = without_roles(names, config.preprocessing.without)
    names, features = tuple(names[index] for index in kept), features[:, kept]
    split = split_rows(rows, config.split, config.preprocessing.shuffle_seed)
    scaling = fit_scaling(features[split["train"][: config.split.train]], names, config.preprocessing.scaling)

    files.PREPARED.mkdir(parents=True, exist_ok=True)
    for name, chosen in split.items():
        _write(name, features, labels, chosen, scaling)
    files.write_json(files.SCALING, scaling.as_dict())
    example = features[split["validation"][:EXAMPLE_ROWS]]
    files.write_json(files.EXAMPLE, {"columns": names, "rows": example.astype(np.float64).tolist()})
    sets = {**split, "train": split["train"][: config.split.train], "spare": split["train"][config.split.train :]}
    manifest = _manifest(names, labels, sets, len(labels) - rows.size)
    prepared = {"scaling": config.preprocessing.scaling, "features": scaling.features}
    files.write_json(files.MANIFEST, {**manifest, **prepared})
    sizes = ", ".join(f"{name} {chosen.size:,}" for name, chosen in sets.items())
    print(f"rows: {sizes}; duplicates dropped: {manifest['duplicates_dropped']:,} -> {files.PREPARED}")


def _read_events() -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    if not files.EVENTS.is_file():
        raise UserError(f"expected {files.EVENTS}, which the stage download writes; run `dvc repro`")
    table = pq.read_table(files.EVENTS)
    names = tuple(name for name in table.column_names if name != LABEL)
    features = np.empty((table.num_rows, len(names)), np.float32)
    for index, name in enumerate(names):
        features[:, index] = table[name].to_numpy()
    return names, features, table[LABEL].to_numpy().astype(np.float32)


def _without_duplicates(features: np.ndarray, duplicates: str) -> np.ndarray:
    """Indices of the rows to use.

    Raises:
        UserError: there are duplicates, and the configuration refuses them.
    """
    if duplicates == "keep":
        return np.arange(len(features))
    rows = first_occurrences(features)
    excess = len(features) - rows.size
    if excess and duplicates == "refuse":
        missing = np.setdiff1d(np.arange(len(features)), rows)[0] + 1
        raise UserError(
            f"{files.EVENTS}: {excess:,} rows have the features of an earlier row (the first is row {missing:,}); "
            "expected none, since preprocessing.duplicates is refuse; set it to drop or keep, or mend the data"
        )
    return rows


def _write(name: str, features: np.ndarray, labels: np.ndarray, rows: np.ndarray, scaling: Scaling) -> None:
    """Write one set in pieces, so that no second copy of a large table is held."""
    shape = (rows.size, len(scaling.features))
    path = files.PREPARED / f"{name}_features.npy"
    target = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, rows.size, 100_000):
        piece = slice(start, start + 100_000)
        target[piece] = scaling.apply(features[rows[piece]])
    target.flush()
    np.save(files.PREPARED / f"{name}_labels.npy", labels[rows])


def _manifest(names: tuple[str, ...], labels: np.ndarray, split: dict[str, np.ndarray], dropped: int) -> dict[str, Any]:
    provenance = files.read_json(files.PROVENANCE)
    arrays = {path.name: file_digest(path) for path in sorted(files.PREPARED.glob("*.npy"))}
    return {
        **{key: provenance[key] for key in ("source", "licence", "citation", "sha256")},
        "rows": len(labels),
        "columns": list(names),
        "label": LABEL,
        **{f"{name}_rows": int(rows.size) for name, rows in split.items()},
        **{f"{name}_signal_share": float(labels[rows].mean()) for name, rows in split.items() if rows.size},
        "duplicates_dropped": int(dropped),
        "fingerprint": fingerprint(**arrays),
    }

"""Stage preprocess: checked, split and scaled rows -> memory-mappable arrays in data/prepared/."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.fingerprint import file_digest, fingerprint
from overfitting.config.schema import Config
from overfitting.data.columns import LABEL
from overfitting.data.encoding import Encoding
from overfitting.data.preparation import (
    check_rows,
    first_occurrences,
    fit_encoding,
    fit_scaling,
    split_rows,
    without_roles,
)
from overfitting.data.scaling import Scaling

EXAMPLE_ROWS = 3  # raw ones, that show what a stored model takes


def run(config: Config) -> None:
    """Check every row, divide the rows, learn encoding and scaling from the training rows and write all three sets."""
    table, labels = _read_events()
    names, features = tuple(table.column_names), _numbers(table)
    raw = _own_columns(table)
    checked = features if raw is None else np.where(np.isnan(features), np.float32(0), features)
    check_rows(checked, labels, names, str(files.EVENTS))
    rows = _without_duplicates(features, config.preprocessing.duplicates)
    kept = without_roles(names, config.preprocessing.without)
    names, features = tuple(names[index] for index in kept), features[:, kept]
    table, raw = table.select(names), None if raw is None else raw[list(names)]
    split = split_rows(rows, config.split, config.preprocessing.shuffle_seed)
    train = split["train"][: config.split.train]
    encoded, encoding = names, None
    if raw is not None:
        encoding = fit_encoding(raw.iloc[train], files.read_json(files.PROVENANCE)["table"]["max_categories"])
        encoded, features = tuple(encoding.features), encoding.apply(raw)
        _check_distinct(encoded)
    scaling = fit_scaling(features[train], encoded, config.preprocessing.scaling)

    files.PREPARED.mkdir(parents=True, exist_ok=True)
    for name, chosen in split.items():
        _write(name, features, labels, chosen, scaling)
    files.write_json(files.SCALING, scaling.as_dict())
    example = split["validation"][:EXAMPLE_ROWS]
    _write_example(names, features[example] if raw is None else raw.iloc[example])
    _write_encoding(encoding)
    sets = {**split, "train": train, "spare": split["train"][config.split.train :]}
    manifest = _manifest(names, labels, sets, len(labels) - rows.size)
    prepared = {"scaling": config.preprocessing.scaling, "features": scaling.features}
    own = _own_table(table, encoding, raw, sets)
    files.write_json(files.MANIFEST, {**manifest, **prepared, **own})
    sizes = ", ".join(f"{name} {chosen.size:,}" for name, chosen in sets.items())
    print(f"rows: {sizes}; duplicates dropped: {manifest['duplicates_dropped']:,} -> {files.PREPARED}")
    for note in _notes(own):
        print(note)


def _read_events() -> tuple[pa.Table, np.ndarray]:
    """The raw columns, and the labels (n_rows,) float32."""
    if not files.EVENTS.is_file():
        raise UserError(f"expected {files.EVENTS}, which the stage download writes; run `dvc repro`")
    table = pq.read_table(files.EVENTS)
    return table.drop_columns(LABEL), table[LABEL].to_numpy().astype(np.float32)


def _numbers(table: pa.Table) -> np.ndarray:
    """All columns (n_rows, n_columns) float32; categories by their place in the order of appearance, null as NaN."""
    features = np.empty((table.num_rows, table.num_columns), np.float32)
    for index, column in enumerate(table.columns):
        if column.type == pa.string():
            column = column.combine_chunks().dictionary_encode().indices
        features[:, index] = column.to_numpy(zero_copy_only=False)
    return features


def _own_columns(table: pa.Table) -> pd.DataFrame | None:
    """The raw columns of a table that has to be encoded; None where all are numbers and none is missing."""
    if all(column.type != pa.string() and not column.null_count for column in table.columns):
        return None
    return table.to_pandas()


def _check_distinct(names: tuple[str, ...]) -> None:
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise UserError(f"two encoded columns are called {name!r}: rename the column, or the category, that says so")


def _write_example(names: tuple[str, ...], rows: np.ndarray | pd.DataFrame) -> None:
    if isinstance(rows, pd.DataFrame):
        plain = rows.astype(object).where(rows.notna(), None).to_numpy().tolist()
    else:
        plain = rows.astype(np.float64).tolist()
    files.write_json(files.EXAMPLE, {"columns": names, "rows": plain})


def _write_encoding(encoding: Encoding | None) -> None:
    files.ENCODING.unlink(missing_ok=True)
    if encoding is not None:
        files.write_json(files.ENCODING, encoding.as_dict())


def _own_table(
    table: pa.Table, encoding: Encoding | None, raw: pd.DataFrame | None, sets: dict[str, np.ndarray]
) -> dict[str, Any]:
    """What the manifest says of a table of one's own; nothing of other sources."""
    settings = files.read_json(files.PROVENANCE).get("table")
    if settings is None:
        return {}
    columns = [
        {"name": name, "role": "numeric", "unit": settings["units"].get(name), "missing": table[name].null_count}
        for name in table.column_names
    ]
    if encoding is not None and raw is not None:
        train = raw.iloc[sets["train"]]
        for column, categories in zip(columns, encoding.categories, strict=True):
            if categories is not None:
                known = train[column["name"]].dropna().unique()
                others = raw[column["name"]].dropna()
                unseen = int((~others.isin(known)).sum())
                facts = {"categories": len(known), "grouped": len(known) - len(categories), "unseen_rows": unseen}
                column |= {"role": "categorical", **facts}
    kept = ("positive", "negative", "unlabelled_dropped")
    return {"table": {**{key: settings[key] for key in kept}, "columns": columns}}


def _notes(own: dict[str, Any]) -> list[str]:
    """What people should know of how their table was read."""
    if not own:
        return []
    table = own["table"]
    notes = [f"label: 1 is {table['positive']}, 0 is {table['negative']}"]
    if table["unlabelled_dropped"]:
        notes.append(f"rows without a label dropped: {table['unlabelled_dropped']:,}")
    for column in table["columns"]:
        found = {
            "values missing, filled in": column["missing"],
            "categories of the training rows taken together as other": column.get("grouped", 0),
            "rows with a category that the training rows do not have": column.get("unseen_rows", 0),
        }
        notes += [f"{column['name']}: {count:,} {what}" for what, count in found.items() if count]
    return notes


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

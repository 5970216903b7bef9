"""What `preprocess` reports about the data: manifest, example rows and notes."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from overfitting.base.fingerprint import fingerprint
from overfitting.config.schema import Config
from overfitting.data.columns import LABEL
from overfitting.data.events import Events
from overfitting.data.manifest import Example, Manifest, Provenance, Table, TableColumn, TableReading
from overfitting.data.preparation import Prepared

EXAMPLE_ROWS = 3


def describe(
    events: Events, prepared: Prepared, provenance: Provenance, config: Config, files: Mapping[str, str]
) -> Manifest:
    """The manifest of prepared events; `files` are the SHA-256 digests of all other files, by name."""
    split, arrays = config.split, {name: digest for name, digest in files.items() if name.endswith(".npy")}
    sets, labels = prepared.sets, events.labels
    return Manifest(
        **provenance.model_dump(include={"source", "licence", "citation", "sha256"}),
        rows=len(labels),
        columns=prepared.columns,
        label=LABEL,
        train_rows=split.train,
        validation_rows=split.validation,
        test_rows=sets.test.size,
        search_rows=split.search,
        pool_rows=sets.pool.size,
        resample=split.resample,
        pool_signal_share=float(labels[sets.pool].mean()),
        test_signal_share=float(labels[sets.test].mean()),
        duplicates_dropped=prepared.duplicates_dropped,
        fingerprint=fingerprint(samples=[split.train, split.validation, split.search, split.resample], **arrays),
        files=dict(files),
        scaling=config.preprocessing.scaling,
        features=tuple(prepared.scaling.features),
        table=_table(events, prepared, provenance.table) if provenance.table else None,
    )


def example(events: Events, prepared: Prepared) -> Example:
    """The first `EXAMPLE_ROWS` rows of the pool, raw."""
    rows = pa.array(prepared.sets.pool[:EXAMPLE_ROWS])
    columns = [events.column(name).take(rows).to_pylist() for name in prepared.columns]
    return Example(columns=prepared.columns, rows=tuple(zip(*columns, strict=True)))


def notes(table: Table) -> list[str]:
    """Lines that tell the user how their table was read."""
    lines = [f"label: 1 is {table.positive}, 0 is {table.negative}"]
    if table.unlabelled_dropped:
        lines.append(f"rows without a label dropped: {table.unlabelled_dropped:,}")
    for column in table.columns:
        counts = {
            "missing values filled in": column.missing,
            "rare categories of the pool grouped as other": column.grouped,
            "rows with a category that only test rows have": column.unseen_rows,
        }
        lines += [f"{column.name}: {count:,} {what}" for what, count in counts.items() if count]
    return lines


def _table(events: Events, prepared: Prepared, reading: TableReading) -> Table:
    columns = []
    for index, name in enumerate(prepared.columns):
        values, kept = events.column(name), prepared.encoding.categories[index] if prepared.encoding else None
        known = values.drop_null()
        facts: dict[str, Any] = {"name": name, "unit": reading.units.get(name), "missing": values.null_count}
        if kept is None:
            columns.append(TableColumn(role="numeric", **facts))
            continue
        seen = pc.unique(values.take(pa.array(prepared.sets.pool)).drop_null())
        unseen = known.filter(pc.invert(pc.is_in(known, seen)))
        facts |= {"categories": len(seen), "grouped": len(seen) - len(kept), "unseen_rows": len(unseen)}
        columns.append(TableColumn(role="categorical", **facts))
    return Table(
        positive=reading.positive,
        negative=reading.negative,
        unlabelled_dropped=reading.unlabelled_dropped,
        columns=tuple(columns),
    )

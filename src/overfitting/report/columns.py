"""Table of the data's columns: role, unit and, for a user-supplied table, the results of `preprocess`."""

from collections.abc import Sequence

from overfitting.data.columns import COLUMNS
from overfitting.data.manifest import Manifest, TableColumn
from overfitting.evaluation.formats import NONE


def columns(data: Manifest) -> tuple[list[str], list[list[str]]]:
    """Header and rows, one row per raw column."""
    if data.table:
        return _of_table(data.table.columns)
    known = {column.name: column for column in COLUMNS}
    rows = [
        [name, known[name].role, known[name].unit] if name in known else [name, "other", NONE] for name in data.columns
    ]
    return ["column", "role", "unit"], rows


def _of_table(found: Sequence[TableColumn]) -> tuple[list[str], list[list[str]]]:
    header = ["column", "role", "unit", "missing", "categories", "unseen"]
    rows = []
    for column in found:
        categories = _count(column.categories)
        if column.grouped:
            categories += f", {column.grouped:,} of them grouped as other"
        unseen = _count(column.unseen_rows)
        rows.append([column.name, column.role, column.unit or NONE, f"{column.missing:,}", categories, unseen])
    return header, rows


def _count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def notes(data: Manifest) -> str:
    """Meaning of the label and of the table's numbers, or of the units if the columns are those of HIGGS."""
    if not data.table:
        return "Roles and units are those of HIGGS: positive quantities were divided by their mean."
    table = data.table
    dropped = f"{table.unlabelled_dropped:,}, dropped" if table.unlabelled_dropped else "none"
    return (
        f"Label: 1 is {table.positive}, 0 is {table.negative}; rows without a label: {dropped}. "
        "Missing: rows of the whole table without a value. Categories: number in the training rows. "
        "Unseen: rows with a category that does not occur in the training rows."
    )

"""The columns of the data as a table of the report: role, unit, and of a table of one's own what was made of them."""

from collections.abc import Mapping
from typing import Any

from overfitting.data.columns import COLUMNS

NONE = "–"  # where nothing applies


def columns(data: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows, one a raw column, of `data`, the manifest of data/prepared/."""
    if "table" in data:
        return _own(data["table"]["columns"])
    known = {column.name: column for column in COLUMNS}
    rows = [
        [name, known[name].role, known[name].unit] if name in known else [name, "other", NONE]
        for name in data["columns"]
    ]
    return ["column", "role", "unit"], rows


def _own(found: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    header = ["column", "role", "unit", "missing", "categories", "unseen"]
    rows = []
    for column in found:
        categories = f"{column['categories']:,}" if "categories" in column else NONE
        if column.get("grouped"):
            categories += f", {column['grouped']:,} of them together as other"
        unseen = f"{column['unseen_rows']:,}" if "unseen_rows" in column else NONE
        rows.append(
            [column["name"], column["role"], column["unit"] or NONE, f"{column['missing']:,}", categories, unseen]
        )
    return header, rows


def notes(data: Mapping[str, Any]) -> str:
    """What the label is and what the numbers mean; of data whose columns are known, what the units mean."""
    if "table" not in data:
        return "Roles and units are those of HIGGS: positive quantities were divided by their mean."
    table = data["table"]
    dropped = table["unlabelled_dropped"]
    return (
        f"Label: 1 is {table['positive']}, 0 is {table['negative']}; rows without one: "
        f"{f'{dropped:,}, dropped' if dropped else 'none'}. Missing: rows in the whole table. Categories: in the "
        "training rows. Unseen: rows with a category that the training rows do not have."
    )

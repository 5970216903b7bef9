"""The label of a table of one's own: which of its two values is the positive one."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from overfitting.base.errors import UserError
from overfitting.config.schema import CsvData
from overfitting.data.sources.table.numeric import as_text

_BOOLEANS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
SHOWN = 10  # values of a label that has more than two


def positive_value(found: Mapping[str, int], config: CsvData) -> str:
    """The value that counts as 1, of the label's values and the rows (from 1) where each came first.

    Raises:
        UserError: there are not two values, or what is configured is none of them, or nothing says which it is.
    """
    values = sorted(found, key=lambda value: found[value])
    if len(values) != 2:
        shown = ", ".join(values[:SHOWN]) + (", ..." if len(values) > SHOWN else "")
        third = f" (the third in data row {found[values[2]]})" if len(values) > 2 else ""
        raise UserError(
            f"{config.path}: expected two values in the label {config.label!r}, found "
            f"{f'{len(values)}{third}: {shown}' if values else 'no rows'}"
        )
    numbers = {value: number for value in values if isinstance(number := _meaning(value), float)}
    if config.positive is not None:
        wanted = _meaning(config.positive)
        for value in values:
            if value == str(config.positive) or _meaning(value) == wanted:
                return value
    elif len(set(numbers.values())) == 2:
        return max(numbers, key=lambda value: numbers[value])
    raise UserError(
        f"data.positive: expected {values[0]!r} or {values[1]!r}, the value of the label {config.label!r} that counts "
        f"as 1; got {'none' if config.positive is None else repr(config.positive)}"
    )


def zeros_and_ones(column: pa.Array, positive: str) -> pa.Array:
    """The label (n,) as float32: 1 where it is the positive value, 0 where it is the other, null where missing."""
    return pc.equal(as_text(column), positive).cast(pa.uint8()).cast(pa.float32())


def _meaning(value: Any) -> float | str:
    """A number, 1 and 0 for true and false, or the text itself."""
    text = str(value).strip()
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        return float(text)
    except ValueError:
        return text

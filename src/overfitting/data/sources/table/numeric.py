"""Columns of any type as float32: what becomes a number, and which value does not."""

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MISSING = frozenset({"", "?", "-", "na", "n/a", "nan", "<na>", "null", "none"})


def float32s(column: pa.Array) -> pa.Array:
    """The column (n,) as float32: numbers, booleans (1, 0), and text of numbers or of true and false only.

    What is not a number becomes null; what float32 cannot hold becomes infinite.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if is_text(column):
        return _from_text(column.cast(pa.string()))
    if pa.types.is_boolean(kind):
        return column.cast(pa.uint8()).cast(pa.float32())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float32(), safe=False)
    return pa.nulls(len(column), pa.float32())


def _from_text(column: pa.Array) -> pa.Array:
    text = pc.utf8_trim_whitespace(column)
    lower = pc.utf8_lower(text)
    if pc.all(pc.is_in(lower.drop_null(), pa.array(["true", "false"]))).as_py():
        return pc.equal(lower, "true").cast(pa.uint8()).cast(pa.float32())
    try:
        return text.cast(pa.float32())
    except pa.ArrowInvalid:
        return pc.if_else(pc.match_substring_regex(text, _NUMBER), text, None).cast(pa.float32())


def is_text(column: pa.Array) -> bool:
    """Whether the column holds text, as it is or by a dictionary."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def as_text(column: pa.Array) -> pa.Array:
    """The column (n,) as trimmed text, null where a value is missing.

    Raises:
        pyarrow.ArrowException: values of that type have no text.
    """
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.is_in(pc.utf8_lower(text), pa.array(sorted(_MISSING))), None, text)


def without_missing(column: pa.Array) -> pa.Array:
    """The column with null in place of all that stands for a missing value: NaN, an empty field, the usual words."""
    if is_text(column):
        return as_text(column)
    return pc.if_else(pc.is_nan(column), None, column) if pa.types.is_floating(column.type) else column


def first_unusable(values: pa.Array) -> int | None:
    """Index of the first null, NaN or infinite value."""
    index = pc.index(pc.fill_null(pc.is_finite(values), False), False).as_py()
    return None if index < 0 else index


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: null, NaN, an empty field or one of the usual words."""
    if isinstance(value, str):
        return value.strip().lower() in _MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))

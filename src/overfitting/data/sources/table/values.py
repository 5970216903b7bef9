"""Converts columns of any type to float32 or text; missing values become null."""

import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MISSING = ("", "-", "<na>", "?", "n/a", "na", "nan", "none", "null")  # in lower case


def float32s(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column (n,) as float32; text is converted if it is a number, or if all of it is true or false.

    Booleans become 1 and 0, other values null. Numbers beyond the range of float32 become infinite.
    """
    kind = column.type
    if is_text(column):
        return _from_text(column.cast(pa.string()))
    if pa.types.is_dictionary(kind):
        return float32s(column.cast(kind.value_type))
    if pa.types.is_boolean(kind):
        return column.cast(pa.uint8()).cast(pa.float32())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float32(), safe=False)
    return pa.nulls(len(column), pa.float32())


def _from_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.utf8_trim_whitespace(column)
    lower = pc.utf8_lower(text)
    if pc.all(pc.is_in(lower.drop_null(), pa.array(["true", "false"]))).as_py():
        return pc.equal(lower, "true").cast(pa.uint8()).cast(pa.float32())
    try:
        return text.cast(pa.float32())
    except pa.ArrowInvalid:
        return pc.if_else(pc.match_substring_regex(text, _NUMBER), text, None).cast(pa.float32())


def is_text(column: pa.ChunkedArray) -> bool:
    """Whether the column holds text, directly or by a dictionary."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return kind in (pa.string(), pa.large_string(), pa.string_view())


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column (n,) as trimmed text; missing values become null.

    Raises:
        pyarrow.ArrowException: values of this type cannot be written as text.
    """
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.is_in(pc.utf8_lower(text), pa.array(_MISSING)), None, text)


def text_or_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """As `as_text`, but null if values of this type cannot be written as text."""
    try:
        return as_text(column)
    except pa.ArrowException:
        return pa.chunked_array([pa.nulls(len(column), pa.string())])


def without_missing(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column (n,) with null for missing values: NaN, an empty field, or a word such as `NA`."""
    if is_text(column):
        return as_text(column)
    return pc.if_else(pc.is_nan(column), None, column) if pa.types.is_floating(column.type) else column

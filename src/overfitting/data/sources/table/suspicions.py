"""What the values of a column tell about it: identifiers, dates, numbers in another notation."""

import re
from collections.abc import Collection

FEW = 20  # rows below which values tell nothing
NEARLY_ALL = 0.9  # share of distinct values from which they identify rows
WHOLE = 2**24  # the whole numbers up to here are exact in float32
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4})( .*)?|\d{1,2}:\d{2}(:\d{2}.*)?"
)
_IDENTIFIER = re.compile(r"((^|[ _.-])([iI][dD]|index|uuid)|[a-z]I[dD])$")  # names of identifiers
_NOTATIONS = {
    "a percentage": re.compile(r"[+-]?\d+([.,]\d+)?\s*%"),
    "an amount of money": re.compile(r"[+-]?[$€£¥]\s*[+-]?\d[\d.,]*|[+-]?\d[\d.,]*\s*[$€£¥]"),
    "a number with separators of thousands": re.compile(r"[+-]?\d{1,3}([,' ]\d{3})+(\.\d+)?|[+-]?\d{1,3}(\.\d{3}){2,}"),
    "a number with a decimal comma": re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?"),
}


def of_text(values: Collection[str], rows: int) -> str:
    """Why the distinct `values` of a column with `rows` values cannot be used, and what to do; empty: they can."""
    example = next(iter(values), "")
    if values and all(map(_DATE.fullmatch, values)):
        return f"holds dates or times, such as {example!r}: write what matters as a number (year, days since an event)"
    if values and all(any(pattern.fullmatch(value) for pattern in _NOTATIONS.values()) for value in values):
        notation = next(notation for notation, pattern in _NOTATIONS.items() if pattern.fullmatch(example))
        return f"holds numbers, but {example!r} is {notation}: write digits and a point alone"
    if identifies(values, rows):
        return f"holds {len(values):,} different texts in {rows:,} rows, as {example[:60]!r}: nothing to learn from"
    return ""


def of_numbers(values: Collection[str], rows: int) -> str:
    """As `of_text`, for a column of numbers."""
    numbers = _whole_numbers(values, rows)
    if not numbers or max(map(abs, numbers)) <= WHOLE:
        return ""
    example = next(value for value, number in zip(values, numbers, strict=True) if abs(number) > WHOLE)
    return (
        f"looks like an identifier: {len(values):,} different whole numbers in {rows:,} rows, such as {example}, "
        "beyond the precision of float32 (16,777,216); if it is a quantity, rescale it to smaller numbers"
    )


def of_order(name: str, values: Collection[str], rows: int) -> str:
    """Why a column of numbers is likely to say which row it is, not what the row is like; empty: it is not."""
    numbers = _whole_numbers(values, rows)
    if not numbers or not (max(numbers) - min(numbers) == len(numbers) - 1 or _IDENTIFIER.search(name)):
        return ""
    return f"looks like a number of the row or an identifier: {len(values):,} different whole numbers in {rows:,} rows"


def _whole_numbers(values: Collection[str], rows: int) -> list[float]:
    """The values, if they are whole numbers that identify the rows."""
    if not identifies(values, rows) or not all(is_number(value) for value in values):
        return []
    numbers = [float(value) for value in values]
    return numbers if all(number.is_integer() for number in numbers) else []


def identifies(values: Collection[str], rows: int) -> bool:
    """Whether nearly every row has a value of its own."""
    return rows >= FEW and len(values) >= NEARLY_ALL * rows


def is_number(text: str) -> bool:
    """Whether Python reads the text as a finite number."""
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False

"""Bad and unusual tables, each with its expected outcome: a phrase of the one error, or how its columns are read."""

# ruff: noqa: E501 (tables with one case per entry)
import bz2
import csv
import datetime
import gzip
import io
import lzma
import re
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from overfitting.base.errors import UserError
from overfitting.config.sources import CsvData
from overfitting.data.columns import LABEL
from overfitting.data.sources.table.source import fetch

ROWS = 60
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.permutation(np.arange(ROWS) % 2).tolist()
X = RANDOM.normal(size=ROWS).round(3).tolist()
Columns = dict[str, list[Any]]
NUMBER, TEXT = "float", "string"


@dataclass(frozen=True)
class Case:
    name: str
    content: bytes
    expected: str | dict[str, str]  # a regular expression that the error matches, or the type of each feature
    file: str = "mine.csv"
    settings: dict[str, Any] = field(default_factory=dict)


def written(columns: Columns, **options: Any) -> str:
    """The columns as CSV; options as for `csv.writer`."""
    text = io.StringIO()
    writer = csv.writer(text, **{"lineterminator": "\n", **options})
    writer.writerows([list(columns), *zip(*columns.values(), strict=True)])
    return text.getvalue()


def plain(columns: Columns) -> bytes:
    return written(columns).encode()


def quoted(columns: Columns) -> bytes:
    return written(columns, quoting=csv.QUOTE_ALL, lineterminator="\r\n").encode()


def zipped(columns: Columns) -> bytes:
    return gzip.compress(plain(columns))


def parquet(columns: Columns) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


def text_parquet(columns: Columns) -> bytes:
    return parquet({name: [str(value) for value in values] for name, values in columns.items()})


def table(**columns: list[Any]) -> Columns:
    """A usable table with these further columns."""
    return {"x": X, **columns, "target": LABELS}


def each(value: Callable[[int], Any]) -> list[Any]:
    return [value(index) for index in range(ROWS)]


DAY = datetime.date(2024, 1, 1)
COLUMNS: dict[str, tuple[list[Any], str]] = {
    # numbers in another notation
    "thousands": (each(lambda i: f"{i + 1},000"), "'1,000' is a number with separators of thousands"),
    "thousands and point": (each(lambda i: f"{i % 7 + 1},234.5"), "separators of thousands"),
    "apostrophes": (each(lambda i: f"{i % 7 + 1}'000"), "separators of thousands"),
    "spaces between thousands": (each(lambda i: f"{i % 7 + 1} 000"), "separators of thousands"),
    "points between thousands": (each(lambda i: f"{i % 7 + 1}.000.000"), "separators of thousands"),
    "decimal comma": (each(lambda i: f"{i},5"), "'0,5' is a number with a decimal comma"),
    "negative decimal comma": (each(lambda i: f"-{i % 9},25"), "with a decimal comma"),
    "percent": (each(lambda i: f"{i}%"), "'0%' is a percentage"),
    "percent with point": (each(lambda i: f"{i % 5}.5 %"), "is a percentage"),
    "dollars": (each(lambda i: f"${i}"), r"'\$0' is an amount of money"),
    "euros": (each(lambda i: f"{i % 8} €"), "is an amount of money"),
    "pounds": (each(lambda i: f"£{i % 8}.50"), "is an amount of money"),
    "negative dollars": (each(lambda i: f"-${i % 8},000"), "is an amount of money"),
    # dates
    "iso dates": (each(lambda i: str(DAY + datetime.timedelta(i))), "holds dates or times, such as '2024-01-01'"),
    "few dates": (each(lambda i: f"2024-01-0{i % 3 + 1}"), "holds dates or times"),
    "times of day": (each(lambda i: f"12:{i:02}"), "holds dates or times"),
    "date and time": (each(lambda i: f"2024-01-01 12:00:{i:02}"), "holds dates or times"),
    "iso with T": (each(lambda i: f"2024-01-01T12:00:{i:02}Z"), "holds dates or times"),
    "american dates": (each(lambda i: f"{i % 12 + 1}/{i % 28 + 1}/2024"), "holds dates or times"),
    "german dates": (each(lambda i: f"{i % 28 + 1}.12.2024"), "holds dates or times"),
    "short years": (each(lambda i: f"{i % 28 + 1}-12-24"), "holds dates or times"),
    # identifiers
    "unique text": (each(lambda i: f"customer {i}"), "holds 60 different texts in 60 rows"),
    "addresses of mail": (each(lambda i: f"a{i}@example.org"), "different texts"),
    "hexadecimal keys": (each(lambda i: f"{i * 7919 + 2**40:x}z"), "different texts"),
    "free text": (each(lambda i: f"They said, {i} times, \"no\""), "different texts"),
    "nearly unique text": (each(lambda i: f"name {min(i, 55)}"), "holds 56 different texts"),
    "large identifiers": (each(lambda i: 10**9 + i), "looks like an identifier: .*1000000000, beyond"),
    "telephone numbers": (each(lambda i: 4930000000 + 7919 * i), "looks like an identifier"),
    "seconds since 1970": (each(lambda i: 1700000000 + 3600 * i), "looks like an identifier"),
    "large negative identifiers": (each(lambda i: -(2**25) - i), "looks like an identifier"),
    # the label again
    "the label": (LABELS, "tells the label in every row"),
    "the negation of the label": ([1 - y for y in LABELS], r"tells the label in every row \('0' for '1', '1' for '0'\)"),
    "the label in words": ([("no", "yes")[y] for y in LABELS], "tells the label"),
    "the label in other numbers": ([(3.5, -2.0)[y] for y in LABELS], "tells the label"),
    "the label as booleans": ([bool(y) for y in LABELS], "tells the label"),
    # values that cannot be used
    "an infinite value": ([*X[:-1], float("inf")], "expected a finite float32, got inf"),
    "a minus infinite value": ([float("-inf"), *X[1:]], "expected a finite float32, got -inf"),
    "a huge value": ([*X[:-1], 1e39], "expected a finite float32, got 1e"),
    "a missing value": ([*X[:5], float("nan"), *X[6:]], "the value is missing"),
    "only missing values": (each(lambda i: float("nan")), "the value is missing"),
    "a word among numbers": ([*map(str, X[:-1]), "red"], "expected a number, got 'red'"),
    "a question among numbers": ([*map(str, X[:-1]), "?"], "the value is missing"),
    "hexadecimal numbers": ([*map(str, X[:-1]), "0x1F"], "expected a number, got '0x1F'"),
    "one decimal comma": ([*map(str, X[:-1]), "0,5"], "expected a number, got '0,5'"),
    "one percentage": ([*map(str, X[:-1]), "5%"], "expected a number, got '5%'"),
    "one thousand": ([*map(str, X[:-1]), "1,000"], "expected a number, got '1,000'"),
    "underscores": ([*map(str, X[:-1]), "1_000"], "expected a number, got '1_000'"),
    "arabic digits": ([*map(str, X[:-1]), "٣"], "expected a number, got '٣'"),
}  # fmt: skip
GOOD: dict[str, tuple[list[Any], str]] = {
    "whole numbers": (each(lambda i: i % 7), NUMBER),
    "distinct whole numbers": (each(lambda i: i), NUMBER),
    "large whole numbers that repeat": (each(lambda i: 10**9 + i % 9), NUMBER),
    "large numbers with fractions": (each(lambda i: 10**8 + i + 0.5), NUMBER),
    "tiny numbers": (each(lambda i: f"{i + 1}e-30"), NUMBER),
    "numbers below float32": (each(lambda i: f"{i + 1}e-60"), NUMBER),
    "signs": (each(lambda i: f"+{i % 7}.5"), NUMBER),
    "points without digits": (each(lambda i: f"{i % 7}."), NUMBER),
    "spaces around": (each(lambda i: f"  {i % 7} "), NUMBER),
    "true and false": (each(lambda i: ("true", "FALSE")[i % 3 == 0]), NUMBER),
    "a constant": (each(lambda i: 3), NUMBER),
    "yes and no": (each(lambda i: ("yes", "no")[i % 3 == 0]), TEXT),
    "colours": (each(lambda i: ("red", "green", "blue")[i % 3]), TEXT),
    "words with commas": (each(lambda i: ("a, b", "c")[i % 3 == 0]), TEXT),
    "words with quotes": (each(lambda i: ('say "a"', "c")[i % 3 == 0]), TEXT),
    "words with line breaks": (each(lambda i: ("a\nb", "c")[i % 3 == 0]), TEXT),
    "letters of all kinds": (each(lambda i: ("Käse", "東京", "🎲")[i % 3]), TEXT),
    "codes with digits": (each(lambda i: ("A1", "B2", "3C")[i % 3]), TEXT),
    "ranges": (each(lambda i: ("10-20", "20-30", "30+")[i % 3]), TEXT),
    "half of the texts differ": (each(lambda i: f"town {i // 2}"), TEXT),
    "a text that is constant": (each(lambda i: "same"), TEXT),
    "nearly the label": ([*(str(y) for y in LABELS[:-1]), str(1 - LABELS[-1])], NUMBER),
}  # fmt: skip
BAD_FORMS = {"plain": plain, "quoted": quoted, "gzip": zipped, "parquet": parquet}
NAMES = {"plain": "mine.csv", "quoted": "mine.csv", "gzip": "mine.csv.gz", "parquet": "mine.parquet"}

CONTENTS = [
    *(Case(f"{name} ({form})", write(table(c=values)), rf"column 'c'.*{expected}", NAMES[form])
      for name, (values, expected) in COLUMNS.items() for form, write in BAD_FORMS.items()),
    *(Case(f"{name} ({form})", write(table(c=values)), {"x": NUMBER, "c": kind}, NAMES[form])
      for name, (values, kind) in GOOD.items() for form, write in BAD_FORMS.items()),
    *(Case(f"{name} (text in Parquet)", text_parquet(table(c=values)), rf"column 'c'.*{expected}", "mine.parquet")
      for name, (values, expected) in COLUMNS.items()),
]  # fmt: skip

TYPED = {
    "dates": (pa.array([DAY] * ROWS), "column 'c': expected a number, got datetime.date"),
    "times": (pa.array(each(lambda i: i), pa.timestamp("s")), "column 'c': expected a number, got"),
    "durations": (pa.array(each(lambda i: i), pa.duration("s")), "column 'c': expected a number, got"),
    "lists": (pa.array([[1, 2]] * ROWS), r"column 'c': expected a number, got \[1, 2\]"),
    "structures": (pa.array([{"a": 1}] * ROWS), r"column 'c': expected a number, got \{'a': 1\}"),
    "bytes": (pa.array([b"\xff"] * ROWS), "column 'c': expected a number, got b"),
    "nulls": (pa.nulls(ROWS), "column 'c': the value is missing"),
    "large text": (pa.array(["a", "b", "b"] * 20, pa.large_string()), {"x": NUMBER, "c": TEXT}),
    "a dictionary": (pa.array(["a", "b", "b"] * 20).dictionary_encode(), {"x": NUMBER, "c": TEXT}),
    "half precision": (pa.array(each(lambda i: np.float16(i % 5)), pa.float16()), {"x": NUMBER, "c": NUMBER}),
    "unsigned bytes": (pa.array(each(lambda i: i % 5), pa.uint8()), {"x": NUMBER, "c": NUMBER}),
    "identifiers of 64 bits": (pa.array(each(lambda i: 2**62 + i)), "column 'c': looks like an identifier"),
    "identifiers as float": (pa.array(each(lambda i: 1e9 + i)), "column 'c': looks like an identifier"),
    "nan": (pa.array([float("nan")] * ROWS), "column 'c': the value is missing"),
}  # fmt: skip
PARQUET = [
    Case(f"{name} in Parquet", parquet({"x": X, "c": values, "target": LABELS}), expected, "mine.parquet")
    for name, (values, expected) in TYPED.items()
]

WORDS = written(table(c=each(lambda i: ("Käse", "Brot", "Öl")[i % 3])))
TEXT_TABLE = written(table(c=each(lambda i: i % 5)))
SAME = {"x": NUMBER, "c": NUMBER}
ENCODINGS = [
    Case("UTF-8 with a mark", WORDS.encode("utf-8-sig"), {"x": NUMBER, "c": TEXT}),
    *(Case(name, WORDS.encode(name), rf"found {found}.*convert it: iconv") for name, found in [
        ("latin-1", "another encoding, such as Latin-1"), ("cp1252", "another encoding"), ("mac-roman", "another encoding"),
        ("utf-16", "UTF-16"), ("utf-32", "UTF-32")]),
    *(Case(name, WORDS.encode(name), "expected text in UTF-8, found binary") for name in ("utf-16-le", "utf-16-be", "utf-32-le")),
    Case("latin-1 in gzip", gzip.compress(WORDS.encode("latin-1")), "unpack it, convert it: iconv -f LATIN1 -t UTF-8 .*mine.csv >", "mine.csv.gz"),
    Case("utf-16 in gzip", gzip.compress(WORDS.encode("utf-16")), "found UTF-16; unpack it", "mine.csv.gz"),
    Case("latin-1 in a name", written({"x": X, "Größe": X, "target": LABELS}).encode("latin-1"), "such as Latin-1"),
    Case("latin-1 in the label", written({"x": X, "target": [("né", "mort")[y] for y in LABELS]}).encode("latin-1"), "such as Latin-1"),
    Case("a NUL byte", TEXT_TABLE.encode().replace(b"\n", b"\0\n", 3), "found binary"),
    Case("only NUL bytes", bytes(1000), "found binary"),
    Case("random bytes", np.random.default_rng(1).bytes(3000), "found"),
    Case("gzip that is called csv", gzip.compress(TEXT_TABLE.encode()), SAME, "mine.csv"),
    Case("gzip in parts", gzip.compress(TEXT_TABLE[:500].encode()) + gzip.compress(TEXT_TABLE[500:].encode()), SAME, "mine.csv.gz"),
    Case("gzip that is cut", gzip.compress(TEXT_TABLE.encode())[:-30], "mine.csv.gz: ", "mine.csv.gz"),
    Case("gzip that is damaged", gzip.compress(TEXT_TABLE.encode())[:100] + b"x" * 50, "mine.csv.gz: ", "mine.csv.gz"),
    Case("text that is called gzip", TEXT_TABLE.encode(), SAME, "mine.csv.gz"),
    Case("Parquet that is called csv", parquet(table(c=each(lambda i: i % 5))), SAME, "mine.csv"),
    Case("Parquet that is cut", parquet(table())[:-20], "mine.parquet: ", "mine.parquet"),
    Case("Parquet that is damaged", parquet(table())[:40] + bytes(200) + parquet(table())[240:], "mine.parquet: ", "mine.parquet"),
    Case("csv that is called parquet", TEXT_TABLE.encode(), SAME, "mine.parquet"),
    Case("bzip2", bz2.compress(TEXT_TABLE.encode()), SAME, "mine.csv.bz2"),
    Case("Zstandard", pa.compress(TEXT_TABLE.encode(), "zstd", asbytes=True), SAME, "mine.csv.zst"),
    Case("xz", lzma.compress(TEXT_TABLE.encode()), "found an xz archive", "mine.csv.xz"),
    Case("an old Excel workbook", b"\xd0\xcf\x11\xe0" + bytes(100), "found an Excel workbook", "mine.xls"),
    Case("a page of the web", b"<!DOCTYPE html>\n<html><body>404, not found</body></html>\n", "CSV parse error: .*Expected 1 columns, got 2"),
    Case("JSON", b'[{"x": 1, "target": 0},\n {"x": 2, "target": 1}]\n', "no such column|names|columns"),
    Case("a pointer of git-lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "no such column"),
]  # fmt: skip


def archive() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        file.writestr("mine.csv", TEXT_TABLE)
    return sink.getvalue()


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (x)")
    content = connection.serialize()
    connection.close()
    return content


ENCODINGS += [
    Case("a ZIP archive", archive(), "found an Excel workbook or another ZIP archive", "mine.zip"),
    Case("a database", database(), "found a database", "mine.db"),
]


def head(text: str, first: str) -> str:
    """The table with another first line."""
    return first + text[text.index("\n") :]


STRUCTURES = [
    *(Case(f"delimiter {mark!r}", written(table(), delimiter=mark).encode(), expected) for mark, expected in [
        (";", "columns are separated by commas, but here by ';'"), ("\t", r"but here by '\\t'"), ("|", r"but here by '\|'"),
        (" ", "no such column, only x target; columns are separated by commas"), (":", "columns are separated by commas")]),
    *(Case(f"lines end with {end!r}", written(table(c=each(lambda i: i % 5)), lineterminator=end).encode(), SAME) for end in ("\r\n", "\r", "\n\n")),
    *(Case(name, content.encode(), expected) for name, content, expected in [
        ("no last line break", TEXT_TABLE.rstrip("\n"), SAME),
        ("empty lines at the end", TEXT_TABLE + "\n\n\n", SAME),
        ("empty", "", "Empty CSV"), ("one line break", "\n", "Empty CSV|no such column|no name"), ("only spaces", "   \n", "no such column|no name"),
        ("names alone", "x,target\n", "found no rows"), ("names without a line break", "x,target", "Empty CSV file"),
        ("one row", "x,target\n1,0\n", "expected two values in the label 'target', found 1: 0"),
        ("the label alone", written({"target": LABELS}), "expected columns beside the label 'target', found none"),
        ("one column that is not the label", written({"x": X}), "no such column, only x"),
        ("no names", TEXT_TABLE.partition("\n")[2], "no such column.*the first line should name the columns"),
        ("a short row", TEXT_TABLE + "1,2\n", "Expected 3 columns, got 2"),
        ("a long row", TEXT_TABLE + "1,2,3,4\n", "Expected 3 columns, got 4"),
        ("a comma after every row", TEXT_TABLE.replace("\n", ",\n"), "column 4 has no name"),
        ("a comma after the names", head(TEXT_TABLE, "x,c,target,"), "Expected 4 columns, got 3"),
        ("a comment first", "# made by hand\n" + TEXT_TABLE, "Expected 1 columns|no such column"),
        ("a title first", "My table,,\n" + TEXT_TABLE, "has no name"),
        ("units in the second line", head(TEXT_TABLE, "x,c,target\nmm,kg,-"), "expected a number, got 'mm'"),
        ("names twice", head(TEXT_TABLE, "x,x,target"), "2 columns are called 'x'"),
        ("names that differ in spaces", head(TEXT_TABLE, "x, x ,target"), "2 columns are called 'x'"),
        ("the label twice", head(TEXT_TABLE, "target,c,target"), "2 columns are called 'target'"),
        ("names that differ in case", head(TEXT_TABLE, "C,c,target"), {"C": NUMBER, "c": NUMBER}),
        ("a name that is missing", head(TEXT_TABLE, ",c,target"), "column 1 has no name"),
        ("two names that are missing", head(TEXT_TABLE, ",,target"), "2 problems:.*column 1 has no name.*column 2 has no name"),
        ("the label in capitals", head(TEXT_TABLE, "x,c,Target"), "data.label=target: the file has no such column"),
        ("an index of pandas", head(TEXT_TABLE, "Unnamed: 0,c,target"), r"column 1 has no name, like an index that pandas wrote: .*leave it out \(data.drop: \['Unnamed: 0'\]\)"),
        ("a later index of pandas", head(TEXT_TABLE, "x,Unnamed: 12,target"), "column 2 has no name"),
        ("a reserved name", head(TEXT_TABLE, f"{LABEL},c,target"), "is reserved for the label"),
        ("a long name", head(TEXT_TABLE, f"{'x' * 3000},c,target"), {"x" * 3000: NUMBER, "c": NUMBER}),
        ("names with signs", head(TEXT_TABLE, "a=b.c/d,c,target"), {"a=b.c/d": NUMBER, "c": NUMBER}),
        ("a name with a line break", head(TEXT_TABLE, '"a\nb",c,target'), {"a\nb": NUMBER, "c": NUMBER}),
        ("a quote that stays open", TEXT_TABLE + '"1,2,0\n', "Expected 3 columns|quote|columns"),
        ("a quote within a value", TEXT_TABLE + '1,a"b,0\n', "expected a number, got 'a\"b'"),
        ("single quotes", written(table(), quotechar="'", quoting=csv.QUOTE_ALL), "no such column"),
        ("many columns", written({**{f"x{i}": X for i in range(300)}, "target": LABELS}), {f"x{i}": NUMBER for i in range(300)}),
        ("the names repeated within", TEXT_TABLE + TEXT_TABLE, "expected a number, got 'x'|expected two values in the label"),
        ("many short lines", "x,target\n" + "1\n" * 50, "Expected 2 columns, got 1"),
        ("several problems", written({"when": each(lambda i: f"2024-01-{i % 28 + 1:02}"), "name": each(lambda i: f"n{i}"), "again": LABELS,
            "share": each(lambda i: f"{i}%"), "target": LABELS}),
            "4 problems:.*'when': holds dates.*'name': holds 60.*'again': tells the label.*'share': holds numbers"),
        ("more problems than are listed", written({**{f"d{i}": ["2024-01-01"] * ROWS for i in range(30)}, "target": LABELS}), "30 problems:.*and 20 more"),
    ]),
]  # fmt: skip


def labelled(values: list[Any]) -> bytes:
    return plain({"x": [*X, *X][: len(values)], "target": values})


TWO = {"x": NUMBER}
LABELLED = [
    *(Case(f"label {name}", labelled(values), expected) for name, values, expected in [
        ("of one class", [1] * ROWS, "expected two values in the label 'target', found 1: 1"),
        ("of three classes", [0, 1, 2] * 20, r"found 3 \(the third in data row 3\)"), ("of many classes", list(range(ROWS)), r"found 60 .*\.\.\."),
        ("with fractions", X, "expected two values in the label"), ("in words", ["a", "b"] * 30, "data.positive: expected 'a' or 'b'"),
        ("yes and no", ["yes", "no"] * 30, TWO), ("true and false", ["True", "False"] * 30, TWO), ("-1 and 1", [-1, 1] * 30, TWO),
        ("1 and 2", [1, 2] * 30, TWO), ("0.0 and 1.0", [0.0, 1.0] * 30, TWO), ("in two spellings", ["1", "1.0", "0"] * 20, "found 3"),
        ("with spaces", [" 1", "0 "] * 30, TWO), ("that is missing once", ["", *LABELS[1:]], "data row 1, label 'target': the value is missing"),
        ("that is missing throughout", [""] * ROWS, "label 'target': the value is missing"), ("of dates", ["2024-01-01", "2024-01-02"] * 30, "data.positive"),
        ("with NA", ["NA", "0", "1"] * 20, "the value is missing"), ("yes and true", ["yes", "true"] * 30, "data.positive: expected 'yes' or 'true'"),
        ("with long texts", ["a" * 5000, "b" * 5000, "c"] * 20, "expected two values"), ("inf and 1", ["inf", "1"] * 30, TWO),
    ]),
    Case("labels of lists", parquet({"x": X, "target": [[1]] * ROWS}), "label 'target': expected text, numbers, or true and false, got list", "mine.parquet"),
    Case("labels of bytes", parquet({"x": X, "target": [b"\xff"] * ROWS}), "label 'target'|the label 'target'|UTF-8", "mine.parquet"),
]  # fmt: skip
DATES = table(c=COLUMNS["few dates"][0])
HOLES = table(c=[None, *each(lambda i: i % 5)[1:]])
SETTINGS = [
    Case(f"{name}", plain(columns), expected, settings=setting) for name, columns, setting, expected in [
        ("drop dates", DATES, {"drop": ("c",)}, TWO), ("drop nothing", DATES, {"drop": ()}, "holds dates"),
        ("drop an unknown column", DATES, {"drop": ("d",)}, r"data.drop: expected names of columns \(x, c\), got 'd'"),
        ("drop the label", DATES, {"drop": ("target",)}, "data.drop: expected names of columns"),
        ("drop everything", DATES, {"drop": ("x", "c")}, "expected columns beside the label"),
        ("drop an index", {"Unnamed: 0": each(lambda i: i), **table()}, {"drop": ("Unnamed: 0",)}, TWO),
        ("drop identifiers", table(c=COLUMNS["large identifiers"][0]), {"drop": ("c",)}, TWO),
        ("drop the label again", table(c=LABELS), {"drop": ("c",)}, TWO),
        ("drop what has holes", HOLES, {"drop": ("c",)}, TWO),
        ("drop a reserved name", {LABEL: X, **table()}, {"drop": (LABEL,)}, TWO),
        ("drop what is listed", DATES, {"drop": ("c",), "categorical": ("c",)}, r"data.categorical: expected names of columns \(x\), got 'c'"),
        ("few dates as categories", DATES, {"categorical": ("c",)}, {"x": NUMBER, "c": TEXT}),
        ("all dates as categories", table(c=COLUMNS["iso dates"][0]), {"categorical": ("c",)}, "column 'c'"),
        ("identifiers as categories", table(c=COLUMNS["large identifiers"][0]), {"categorical": ("c",)}, "column 'c': holds 60 different"),
        ("the label as categories", table(c=LABELS), {"categorical": ("c",)}, "tells the label"),
        ("few percentages as categories", table(c=each(lambda i: f"{i % 5}%")), {"categorical": ("c",)}, {"x": NUMBER, "c": TEXT}),
        ("mixed as categories", table(c=[*map(str, each(lambda i: i % 5)[1:]), "x"]), {"categorical": ("c",)}, {"x": NUMBER, "c": TEXT}),
        ("holes are imputed", HOLES, {"missing": "impute"}, {"x": NUMBER, "c": NUMBER}),
        ("only holes are imputed", table(c=[None] * ROWS), {"missing": "impute"}, "all values are missing"),
        ("dates with holes", table(c=["", *COLUMNS["iso dates"][0][1:]]), {"missing": "impute"}, "holds dates"),
        ("dates with holes are two problems", table(c=["", *COLUMNS["iso dates"][0][1:]]), {}, "2 problems:.*missing.*holds dates"),
        ("the label with holes", table(c=["", *LABELS[1:]]), {"missing": "impute"}, "tells the label"),
        ("unit of an unknown column", DATES, {"units": {"d": "mm"}}, "data.units: expected names of columns"),
        ("two unknown columns", table(), {"units": {"d": "mm"}, "categorical": ("e",)}, "2 problems:.*data.categorical.*data.units"),
        ("unlabelled rows are dropped", {"x": X, "target": ["", *LABELS[1:]]}, {"missing_labels": "drop"}, TWO),
        ("a positive value that is not there", table(), {"positive": 7}, "data.positive: expected '[01]' or '[01]'.*got 7"),
    ]
]  # fmt: skip
CASES = [*CONTENTS, *PARQUET, *ENCODINGS, *STRUCTURES, *LABELLED, *SETTINGS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_outcome(case: Case, tmp_path: Path) -> None:
    (tmp_path / case.file).write_bytes(case.content)
    config = CsvData(source="csv", path=str(tmp_path / case.file), label="target", **case.settings)
    events = tmp_path / "events.parquet"
    if isinstance(case.expected, dict):
        provenance = fetch(config, events)
        found = {column.name: str(column.type) for column in pq.read_schema(events)}
        assert found == {LABEL: "float", **case.expected}
        assert provenance.columns == tuple(case.expected)
        return
    with pytest.raises(UserError) as raised:
        fetch(config, events)
    assert re.search(case.expected, str(raised.value), re.DOTALL), str(raised.value)
    assert not events.exists()
    assert len(str(raised.value)) < 4000
    assert case.file in str(raised.value)


def test_corpus_is_large() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 200


def test_problems_in_later_blocks_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overfitting.data.sources.table.source.BLOCK_BYTES", 300)
    (tmp_path / "mine.csv").write_text(TEXT_TABLE * 1 + "1,x,0\n2,,1\n")
    with pytest.raises(
        UserError, match=r"(?s)2 problems:.*data row 62, column 'c': the value is.*data row 61, column 'c'"
    ):
        fetch(CsvData(source="csv", path=str(tmp_path / "mine.csv"), label="target"), tmp_path / "events.parquet")


CELLS = st.one_of(st.text(max_size=8), st.sampled_from(["", "0", "1", "1,5", '"', "\n", "\0", "nan", "inf", "2024-01-01", "1e400", "+5", "٣", "5%", "true"]))  # fmt: skip
SURROGATES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SURROGATES
@given(
    content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
)
@example(content=b"target,x\n+5,1\n")
@example(content=b"\xff\xfe")
@example(content=b"\x1f\x8b")
@example(content=b"PAR1")
def test_any_bytes_end_in_an_answer_or_one_clear_error(content: bytes, tmp_path: Path) -> None:
    attempt(content, tmp_path)


@SURROGATES
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=25),
    names=st.lists(CELLS, min_size=1, max_size=2),
    setting=st.sampled_from(
        [{}, {"missing": "impute", "missing_labels": "drop"}, {"categorical": ("a",), "missing": "impute"}]
    ),
)
def test_any_table_ends_in_an_answer_or_one_clear_error(rows: Any, names: Any, setting: Any, tmp_path: Path) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["target", *names], *rows])
    attempt(text.getvalue().encode("utf-8", "replace"), tmp_path, **setting)


@SURROGATES
@given(
    columns=st.lists(st.lists(CELLS, min_size=24, max_size=24), min_size=1, max_size=3),
    labels=st.lists(st.sampled_from(["0", "1"]), min_size=24, max_size=24),
)
def test_any_text_in_parquet_ends_in_an_answer_or_one_clear_error(columns: Any, labels: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame({f"c{index}": values for index, values in enumerate(columns)} | {"target": labels})
    attempt(frame.to_parquet(), tmp_path, missing="impute")


def attempt(content: bytes, folder: Path, **setting: Any) -> None:
    (folder / "mine").write_bytes(content)
    try:
        fetch(CsvData(source="csv", path=str(folder / "mine"), label="target", **setting), folder / "events.parquet")
    except UserError:
        return
    table = pq.read_table(folder / "events.parquet")
    assert set(table[LABEL].to_pylist()) == {0.0, 1.0}
    for column in table.columns:
        if column.type == pa.float32():
            assert np.isfinite(column.drop_null().to_numpy()).all()

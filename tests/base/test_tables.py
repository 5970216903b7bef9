"""CSV tables: what is no table, lacks a column or has text in the place of numbers is an error."""

import pytest

from overfitting.base.errors import UserError
from overfitting.base.tables import read_table


def test_a_table_is_read_with_text_as_text(tmp_path):
    path = tmp_path / "tuning.csv"
    path.write_text("search,trial,data\nl1,0,012\n")
    found = read_table(path, ["trial"], ["search", "data"])
    assert found.to_dict("records") == [{"search": "l1", "trial": 0, "data": "012"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a table in CSV"),
        (b"\xff\xfe\x00", "expected text in UTF-8"),
        (b"search\nl1\n", "trial is missing"),
        (b"<<<<<<< HEAD\nsearch,trial\nl1,0\n=======\n", "expected a table in CSV|is missing"),
        (b"search,trial\nl1,0\n=======,\nl1,zero\n", "expected numbers in the column trial"),
        (b'search,trial\nl1,"0\n', "expected a table in CSV|expected numbers"),
        (None, "which an earlier stage writes; run `dvc repro`"),
    ],
)
def test_anything_else_is_an_error(tmp_path, content, message):
    path = tmp_path / "results/curves.csv"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_table(path, ["trial"], ["search"])

"""Typed JSON files: what is written is read again, and nothing else."""

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overfitting.base.errors import UserError
from overfitting.base.records import Record


class Found(Record):
    has_checksum: ClassVar[bool] = True

    name: str
    values: tuple[float, ...]


@given(name=st.text(), values=st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_a_record_is_read_as_it_was_written(tmp_path_factory, name, values):
    path = tmp_path_factory.mktemp("records") / "found.json"
    found = Found(name=name, values=tuple(values))
    found.write(path)
    assert Found.read(path) == found


@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_changes_no_value_without_an_error(tmp_path_factory, place, bit):
    path = tmp_path_factory.mktemp("records") / "found.json"
    found = Found(name="large", values=(0.5, 12345.678, 1e-9))
    found.write(path)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    try:
        assert Found.read(path) == found  # a space that became another kind of space
    except UserError as error:
        assert "found.json" in str(error)  # noqa: PT017


@pytest.mark.parametrize("text", ["", "[]", "1", "{}", '{"name": "a", "values": []}', "<<<<<<< HEAD\n{}", "{" * 9999])
def test_what_no_stage_wrote_is_an_error(text):
    with pytest.raises(UserError, match=r"found\.json: expected the Found that this version writes; "):
        Found.parse(text, "found.json")

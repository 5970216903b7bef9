"""Fingerprints name what determines a result, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overfitting import fingerprint as module
from overfitting.fingerprint import code_fingerprint, fingerprint, imported_files

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES))
def test_the_order_of_keys_does_not_matter(value):
    assert fingerprint(value=value) == fingerprint(value=dict(reversed(value.items())))


def test_a_changed_value_changes_it():
    assert fingerprint(l2=0.001) != fingerprint(l2=0.0011)
    assert fingerprint(seed=0) != fingerprint(seed=None)
    assert fingerprint(seed=0) != fingerprint(seed=False)


def names(start):
    return {path.name for path in imported_files(start)}


def test_imports_are_followed_however_deep():
    assert {"training.py", "model.py", "config.py"} <= names("overfitting.training")
    assert "tracking.py" not in names("overfitting.training")
    assert {"train.py", "training.py", "journal.py"} <= names("overfitting.stages.train")
    assert "watch.py" not in names("overfitting.stages.train")  # a display determines no result


@pytest.fixture
def of(tmp_path, monkeypatch):
    """Fingerprint of a module of that text."""

    def write(text, name="module.py"):
        source = tmp_path / name
        source.write_text(text)
        monkeypatch.setattr(module, "imported_files", lambda _: (source,))
        return code_fingerprint("module")

    return write


def test_comments_and_docstrings_do_not_change_the_fingerprint_but_code_does(of):
    code = of("def f():\n    return 1\n")
    assert of("# one\n\ndef f():\n    return 1  # two\n") == code
    assert of('"""One."""\n\ndef f():\n    """Two."""\n    return 1\n') == code
    assert of("def f():\n    return 2\n") != code
    assert of("def f():\n    return 'One.'\n") != of("def f():\n    return 'Two.'\n")


def test_the_schema_does_not_count_since_its_values_do(of):
    assert of("x = 1\n", "config.py") == of("x = 2\n", "config.py")
    assert "config.py" in names("overfitting.training")

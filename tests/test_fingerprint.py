"""Fingerprints name what determines a result, and nothing else."""

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


def test_comments_do_not_change_the_fingerprint_but_code_does(tmp_path, monkeypatch):
    source = tmp_path / "module.py"
    monkeypatch.setattr(module, "imported_files", lambda name: (source,))
    found = []
    for text in ("x = 1\n", "x = 1  # one\n\n", "x = 2\n"):
        source.write_text(text)
        found.append(code_fingerprint("module"))
    assert found[0] == found[1] != found[2]

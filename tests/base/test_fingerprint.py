"""Fingerprints name what determines a result, and nothing else."""

from importlib.metadata import PackageNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overfitting.base import fingerprint as module
from overfitting.base.fingerprint import code_digests, fingerprint, imported_files, library_versions

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


@pytest.mark.parametrize("installed", ["tensorflow", "tensorflow-cpu"])
def test_the_version_of_tensorflow_has_one_name_whichever_distribution_is_installed(monkeypatch, installed):
    def version(name):
        if name not in ("keras", installed):
            raise PackageNotFoundError(name)
        return f"2 of {name.removesuffix('-cpu')}"

    monkeypatch.setattr(module, "version", version)
    assert library_versions("tensorflow", "keras") == {"tensorflow": "2 of tensorflow", "keras": "2 of keras"}
    with pytest.raises(PackageNotFoundError, match="numpy"):
        library_versions("numpy")


def names(start):
    return {path.name for path in imported_files(start)}


def test_imports_are_followed_however_deep():
    assert {"loop.py", "network.py", "schema.py"} <= names("overfitting.training.loop")
    assert "tracking.py" not in names("overfitting.training.loop")
    assert {"train.py", "loop.py", "history.py"} <= names("overfitting.stages.train")
    assert "watch.py" not in names("overfitting.stages.train")  # a display determines no result


@pytest.fixture
def of(tmp_path, monkeypatch):
    """Fingerprint of the code of some modules: their texts by their names."""

    def write(text, name="module.py", **others):
        texts = {name: text, **{f"{other}.py": content for other, content in others.items()}}
        sources = []
        for path, content in texts.items():
            source = tmp_path / path
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(content)
            sources.append(source)
        monkeypatch.setattr(module, "imported_files", lambda _: tuple(sources))
        return code_digests("module")

    return write


def test_comments_and_docstrings_do_not_change_the_fingerprint_but_code_does(of):
    code = of("def f():\n    return 1\n")
    assert of("# one\n\ndef f():\n    return 1  # two\n") == code
    assert of('"""One."""\n\ndef f():\n    """Two."""\n    return 1\n') == code
    assert of("def f():\n    return 2\n") != code
    assert of("def f():\n    return 'One.'\n") != of("def f():\n    return 'Two.'\n")


def test_moving_a_module_changes_nothing(of):
    before = of("import overfitting.a\nfrom overfitting.b import f\nimport math\nprint(f(math.pi))\n", "one.py")
    after = of("from overfitting.wing.b import f\nimport math\nprint(f(math.pi))\n", "wing/two.py")
    assert before == after
    assert of("from overfitting.wing.b import f\nimport cmath as math\nprint(f(math.pi))\n") != before


def test_an_import_inside_a_function_does_not_count_and_its_body_does(of):
    code = of("def f():\n    from overfitting.a import g\n    return g()\n")
    assert of("def f():\n    from overfitting.b import g\n    return g()\n") == code
    assert of("def f():\n    from overfitting.b import g\n    return g() + 1\n") != code


def test_two_modules_of_the_same_name_both_count(of):
    assert of("x = 1\n", "a/module.py", **{"b/module": "x = 2\n"}) != of(
        "x = 3\n", "a/module.py", **{"b/module": "x = 2\n"}
    )
    assert of("x = 1\n", "a/module.py", **{"b/module": "x = 1\n"}) != of("x = 1\n", "a/module.py")


def test_the_configuration_does_not_count_because_its_values_do(tmp_path, monkeypatch):
    schema, other = tmp_path / "config" / "schema.py", tmp_path / "data" / "schema.py"
    schema.parent.mkdir()
    other.parent.mkdir()
    monkeypatch.setattr(module, "_UNCOUNTED", {tmp_path / "config"})
    monkeypatch.setattr(module, "imported_files", lambda _: (schema, other))

    def code(of_schema, of_other):
        schema.write_text(of_schema)
        other.write_text(of_other)
        return code_digests("module")

    assert code("x = 1\n", "") == code("x = 2\n", "")
    assert code("", "x = 1\n") != code("", "x = 2\n")  # only a name like that of the schema

"""What a stored model requires."""

from importlib.metadata import version

from packaging.requirements import Requirement

from overfitting.tracking import stored_model


def test_requirements_name_installed_distributions_so_that_mlflow_imports_none_of_them():
    held = [
        found for found in map(Requirement, stored_model._requirements()) if not found.marker or found.marker.evaluate()
    ]
    assert {it.name.removesuffix("-cpu") for it in held} == set(stored_model.REQUIREMENTS)
    assert all(it.specifier.contains(version(it.name)) for it in held)


def test_on_another_platform_tensorflow_has_its_own_name(monkeypatch):
    elsewhere = {"sys_platform": "darwin", "platform_machine": "arm64"}
    for installed in ([object()], []):
        monkeypatch.setattr(stored_model, "distributions", lambda name, found=installed: found)
        found = map(Requirement, stored_model._requirements())
        names = [it.name for it in found if not it.marker or it.marker.evaluate(elsewhere)]
        assert sorted(names) == sorted(stored_model.REQUIREMENTS)

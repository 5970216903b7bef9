"""dvc.yaml agrees with the code: each stage lists the code it imports, and DVC detects the changes that Hydra sees."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from overfitting.base.errors import UserError
from overfitting.base.fingerprint import imported_files
from overfitting.config.composition import compose_baselines, compose_variants, section
from overfitting.config.schema import SECTIONS
from tests.conftest import ROOT


def stages() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def test_dvc_yaml_has_the_stages_of_the_code():
    assert list(stages()) == list(SECTIONS)


@pytest.mark.parametrize("stage", SECTIONS)
def test_code_dependencies_of_a_stage_cover_its_imports_and_nothing_else(stage):
    listed = {ROOT / path for path in stages()[stage]["deps"] if path.startswith("src/")}
    imported = imported_files(f"overfitting.stages.{stage}")
    covering = {path: [file for file in imported if file == path or path in file.parents] for path in listed}
    assert {file for files in covering.values() for file in files} == set(imported)
    assert all(covering.values()), "a dependency from which the stage imports nothing"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values that can change separately; a list of plain values counts as one value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    elif value != {}:
        yield path


# a variant of each kind: no remedy, another size, tuned, several remedies, not trained
VARIANTS = ["large", "tiny", "tuned/l2", "l2_dropout", "ensemble"]
# another valid value, for keys to which the rules of `changed` do not apply
OTHER = {
    "scaling": "none",
    "duplicates": "keep",
    "derive": "none",
    "shuffle_seed": 5,
    "source": "bundled",
    "data": "higgs",
    "preprocessing": "none",
    "training": "smoke",
    "variants": ["tiny", "large"],
    "sha256": "0" * 64,
    "evaluation": "other",
    "normalization": "batch",
    "ensemble_of": "l2",
    "baselines": ["random_forest"],
    "model": "random_forest",
    "without": ["eta"],
}


def changed(path: tuple[Any, ...], value: Any) -> Any:
    key = path[-1]
    if key in OTHER and value != OTHER[key]:
        return OTHER[key]
    if key == "patience" or value is None:
        return 7
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return value * 0.9 + (0.01 if value == 0 else 0)
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        last = value[-1] if value else "x"
        return [*value, last if isinstance(last, str) else last + 1]
    return f"{value}x"


def cases() -> list[tuple[str, tuple[Any, ...]]]:
    """All leaves of params.yaml and conf/, without the files that no stage reads.

    These are searches, experiments (changes of params.yaml) and variants other than `VARIANTS`.
    """
    found = {str(path.relative_to(ROOT)): path for path in (ROOT / "conf").rglob("*.yaml")}
    variants = {name for name in found if name.startswith("conf/variant/")}
    variants -= {f"conf/variant/{name}.yaml" for name in VARIANTS}
    unread = {"conf/search.yaml", *variants, *(name for name in found if name.startswith("conf/experiment/"))}
    files = ["params.yaml", *sorted(set(found) - unread)]
    return [
        (file, path)
        for file in files
        for path in leaves(yaml.safe_load((ROOT / file).read_text()))
        if not _is_structure(path)
    ]


def _is_structure(path: tuple[Any, ...]) -> bool:
    """Whether a leaf configures Hydra itself: its settings, `_self_`, the merge of params.yaml, a kind of schedule."""
    return path[0] == "hydra" or path[-1] == "name" or (path[0] == "defaults" and len(path) == 2)


def edit(file: str, path: tuple[Any, ...]) -> None:
    content = yaml.safe_load(Path(file).read_text())
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = changed(path, inner[path[-1]])
    Path(file).write_text(yaml.safe_dump(content))


def composed() -> dict[str, Any]:
    """The configuration that each stage reads, by DVC's name of the stage."""
    variants, baselines = compose_variants(), compose_baselines()
    first = next(iter(variants.values()))
    return {
        **{stage: section(first, stage) for stage in SECTIONS if stage not in ("train", "baseline")},
        **{f"train@{name}": section(config, "train") for name, config in variants.items()},
        **{f"baseline@{name}": section(config, "baseline") for name, config in baselines.items()},
    }


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A project whose outputs are invented and whose dvc.lock comes from `dvc commit`, and what each stage reads there.

    Only the configuration matters in these tests.
    """
    from overfitting.cli.scratch import copy_project

    root = tmp_path_factory.mktemp("dvc")
    copy_project(ROOT, root)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump({**params, "variants": VARIANTS}, sort_keys=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        repo = Repo(str(root))
        for stage in repo.index.stages:
            for out in stage.outs:
                path = Path(out.fs_path)
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix:
                    path.write_text("invented")
                else:
                    path.mkdir(exist_ok=True)
                    (path / "invented").write_text("invented")
        repo.commit(force=True)
        repo.close()
        assert status() == set()
        return root, composed()


def status() -> set[str]:
    """Stages whose parameters changed, according to `dvc status`."""
    repo = Repo(".")
    found = repo.status()
    repo.close()
    return {
        name.removeprefix("dvc.yaml:")
        for name, changes in found.items()
        if any("changed deps" in change for change in changes if isinstance(change, dict))
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "path"), cases(), ids=lambda value: value if isinstance(value, str) else ".".join(map(str, value))
)
def test_dvc_reruns_exactly_the_stages_whose_composed_configuration_changed(reproduced, monkeypatch, file, path):
    root, before = reproduced
    monkeypatch.chdir(root)
    original = Path(file).read_text()
    try:
        edit(file, path)
        try:
            after = composed()
        except UserError:
            pytest.skip("no valid configuration has another value here")
        expected = {stage for stage in before if stage in after and before[stage] != after[stage]}
        assert status() & set(before) & set(after) == expected
    finally:
        Path(file).write_text(original)

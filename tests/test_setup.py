"""The lock files, and how the Makefile installs them. Stand-ins of uv and pip note how they are called."""

import re
import shutil
import subprocess

import pytest
from packaging.markers import Marker

from tests.conftest import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PLATFORMS = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]


def requirements(lock):
    """Requirements of a lock file: name, marker or None, hashes."""
    lines = [line for line in lock.read_text().replace("\\\n", "").splitlines() if not line.startswith("#")]
    for line in lines:
        requirement, *hashes = line.split("--hash=")
        pinned, _, marker = requirement.partition(";")
        name, version = pinned.strip().split("==")
        assert version[0].isdigit(), line
        yield name, Marker(marker.strip()) if marker else None, hashes


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_each_requirement_has_hashes_and_no_line_names_a_host(lock):
    assert "://" not in lock.read_text()
    assert "index" not in lock.read_text().split("\n", 2)[1]
    for name, _, hashes in requirements(lock):
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value.strip()) for value in hashes), name


@pytest.mark.parametrize("lock", ["main", "dev", "gpu", "bench"])
@pytest.mark.parametrize(("system", "machine"), PLATFORMS)
def test_a_lock_has_one_tensorflow_per_platform(lock, system, machine):
    platform = {"sys_platform": system, "platform_machine": machine, "python_full_version": "3.12.1"}
    chosen = [
        name
        for name, marker, _ in requirements(ROOT / f"requirements/{lock}.txt")
        if name.startswith("tensorflow") and (marker is None or marker.evaluate(platform))
    ]
    small = lock != "gpu" and (system, machine) == ("linux", "x86_64")
    assert chosen == ["tensorflow-cpu" if small else "tensorflow"]


REDUCED = "numpy==2 \\\n    --hash=sha256:1\nwrapt==1 \\\n    --hash=sha256:3\n"
LOCK = REDUCED.replace("wrapt", "tensorflow-cpu==2 ; a \\\n    --hash=sha256:2\nwrapt")


@pytest.fixture
def project(tmp_path):
    """A folder with the Makefile, a small lock file and an environment of which only pip is there."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements/uv.txt"):
        (tmp_path / name).touch()
    for name in ("main", "gpu"):
        (tmp_path / f"requirements/{name}.txt").write_text(LOCK if name == "main" else REDUCED)
    stand_in(tmp_path, "pip", "")
    return tmp_path


def stand_in(project, tool, then):
    script = project / f".venv/bin/{tool}"
    script.write_text(f'#!/bin/sh\necho "{tool} index=$UV_DEFAULT_INDEX $@" >> calls\n{then}\n')
    script.chmod(0o755)


def make(project, *arguments, **variables):
    """Run make where no uv is but in the environment; return the calls of the tools, and what make printed."""
    (project / "calls").unlink(missing_ok=True)
    variables = {"PATH": "/usr/bin:/bin", **variables}
    done = subprocess.run(["make", *arguments], cwd=project, env=variables, capture_output=True, text=True, check=True)
    return (project / "calls").read_text().splitlines(), done.stdout + done.stderr


def test_uv_installs_if_it_is_there(project):
    stand_in(project, "uv", "")
    calls, output = make(project, ".venv/main", PIP_INDEX_URL="mirror")
    assert output == "installing requirements/main.txt\n"
    assert [call.split()[0] for call in calls] == ["uv", "uv"]
    assert "index=mirror pip install" in calls[0]
    assert calls[0].endswith("--require-hashes -r .venv/lock.txt")
    assert calls[1].endswith("--editable .")
    assert (project / ".venv/lock.txt").read_text() == LOCK


def test_pip_installs_uv_if_it_is_not_there(project):
    calls, _ = make(project, ".venv/main", PIP_INDEX_URL="mirror")
    assert calls[0].endswith("--require-hashes -r requirements/uv.txt")


def test_pip_installs_if_uv_fails(project):
    stand_in(project, "uv", "exit 2")
    calls, output = make(project, ".venv/main", PIP_INDEX_URL="mirror")
    assert output.splitlines()[1:] == ["uv cannot install requirements/main.txt; pip does, which takes longer"]
    assert [call.split()[0] for call in calls] == ["uv", "pip", "uv", "pip"]
    assert calls[1].endswith("--require-hashes -r .venv/lock.txt")


def test_tensorflow_for_gpus_takes_the_place_of_the_other_and_stays(project):
    stand_in(project, "uv", "")
    calls, _ = make(project, ".venv/gpu", PIP_INDEX_URL="mirror")
    assert calls[0].endswith("uninstall --quiet --yes tensorflow-cpu")
    assert (project / ".venv/lock.txt").read_text() == REDUCED
    calls, _ = make(project, ".venv/main", PIP_INDEX_URL="mirror")
    assert not any("uninstall" in call for call in calls)
    assert (project / ".venv/lock.txt").read_text() == REDUCED


def test_an_unsuitable_python_is_a_clear_error(project):
    shutil.rmtree(project / ".venv")
    old = project / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" != --version ] || echo Python 3.8.1\n[ "$1" = --version ]\n')
    old.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError) as error:
        make(project, ".venv/main", f"PYTHON={old}")
    assert "expected Python 3.11 to 3.13, got Python 3.8.1; set PYTHON=" in error.value.stderr

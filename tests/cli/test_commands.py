"""The command line: help, and one clear error for a mistake."""

import subprocess
import sys

import pytest

from overfitting.cli import commands
from overfitting.config.schema import SECTIONS


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["overfitting", *arguments])
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    commands.main()


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_stages_and_commands(monkeypatch, capsys, arguments):
    call(monkeypatch, *arguments)
    text = capsys.readouterr().out
    assert all(name in text for name in (*commands.STAGES, *commands.COMMANDS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fly",), "overfitting fly: unknown command; expected one of download, preprocess, train"),
        (("train", "variant=l2", "variant.dropout=2"), "variant.dropout: got 2"),
        (("preprocess", "split.train=0"), "split.train: got 0; input should be greater than 0"),
        (("preprocess",), "expected data/raw/events.parquet"),
        (("evaluate",), "which an earlier stage writes; run `dvc repro`"),
        (("changes",), "got 'main', which git does not know"),
        (("comment", "12"), "expected the number of a pull request and a file, got 12"),
    ],
)
def test_a_mistake_ends_in_its_message_and_status_2(project, arguments, message):
    # in a process of its own, since Hydra sets up logging for good
    command = [sys.executable, "-m", "overfitting", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_overrides_of_one_variant_do_not_enter_the_comparison():
    overrides = ["variant=l2", "variant.l2=0.1", "seed=3", "training.epochs=2"]
    assert commands._shared(overrides) == ["training.epochs=2"]


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_the_help_of_a_command_does_nothing_else(monkeypatch, capsys, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    call(monkeypatch, name, "--help")
    assert f"python -m overfitting {name}" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stage", commands.STAGES)
def test_the_help_of_a_stage_says_what_it_does_and_what_it_can_be_given(project, stage):
    text = output(stage, "--help")
    assert f"usage: python -m overfitting {stage} [group=choice ...] [key=value ...]" in text
    assert commands.STAGES[stage] in text
    assert all(section in text for section in SECTIONS[stage])
    for group in ("data", "preprocessing", "training", "variant"):
        names = sorted(path.stem for path in (project / "conf" / group).glob("*.yaml"))
        assert f"{group}: {', '.join(names)}\n" in text
    assert "learning_rate: 0.003" in text


def test_options_of_hydra_stand_before_and_after_overrides(project):
    for arguments in (("--cfg", "job", "variant=l2"), ("variant=l2", "--cfg", "job")):
        assert "l2: 0.001" in output("train", *arguments)


def output(*arguments):
    command = [sys.executable, "-m", "overfitting", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

"""Stages under Hydra: their help, Hydra's options, and what reaches the stage."""

import subprocess
import sys

import pytest

from overfitting.cli.group import STAGES
from overfitting.config.schema import SECTIONS


def output(*arguments):
    command = [sys.executable, "-m", "overfitting", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("stage", STAGES)
def test_the_help_of_a_stage_shows_its_purpose_and_its_configuration(project, stage):
    text = output(stage, "--help")
    assert f"usage: python -m overfitting {stage} [group=choice ...] [key=value ...]" in text
    sections = ", ".join(SECTIONS[stage]) or "nothing"
    assert f"Stage {stage}: {STAGES[stage]} Reads from the configuration: {sections}.\n" in text
    for group in ("data", "preprocessing", "training", "variant"):
        names = sorted(path.stem for path in (project / "conf" / group).glob("*.yaml"))
        assert f"{group}: {', '.join(names)}\n" in text
    assert "learning_rate: 0.003" in text


def test_the_short_option_for_help_is_hydras_too(project):
    assert output("train", "-h") == output("train", "--help")


def test_options_of_hydra_may_precede_or_follow_overrides(project):
    for arguments in (("--cfg", "job", "variant=l2"), ("variant=l2", "--cfg", "job"), ("variant=l2", "-c", "job")):
        assert "l2: 0.001" in output("train", *arguments)


def test_hydra_answers_its_own_completion(project, monkeypatch):
    monkeypatch.setenv("COMP_LINE", "overfitting variant=l2_")  # Hydra knows no commands within a program
    assert "variant=l2_dropout" in output("train", "-sc", "query=bash")


def test_values_reach_hydra_as_they_are_typed(project):
    text = output("train", "--cfg", "job", "--package", "variant", "variant.hidden_units=[8,8]", "+variant.name='a b'")
    assert "hidden_units:\n- 8\n- 8\n" in text
    assert "name: a b\n" in text

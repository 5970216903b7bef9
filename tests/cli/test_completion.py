"""Completion, as answers to a shell and as typed into real shells."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from overfitting.cli import commands, completion
from overfitting.cli.commands import cli
from tests.builders.terminal import Terminal

HEAVY = ("tensorflow", "keras", "mlflow", "matplotlib", "pandas", "sklearn", "optuna")
SETUPS = {
    "bash": (
        ["--norc", "--noprofile", "-i"],
        "PS1=; for setting in 'enable-bracketed-paste off' 'show-all-if-ambiguous on' 'page-completions off'; do "
        'bind "set $setting"; done; eval "$(overfitting completion)"; echo rea""dy\n',
    ),
    "zsh": (
        ["-f", "-i"],
        "PS1=; unsetopt prompt_sp list_ambiguous; LISTMAX=1000; autoload -U compinit; compinit -u -D; "
        'eval "$(overfitting completion)"; echo rea""dy\n',
    ),
    "fish": (["--no-config", "-i"], 'overfitting completion | source; echo rea""dy\n'),
}


def answers(monkeypatch, capsys, line, shell="bash"):
    """What the program answers to a shell, for the word at the end of the line."""
    words = line.split(" ")
    variables = {
        "bash": {"COMP_LINE": line},
        "zsh": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "fish": {"COMP_WORDS": line, "COMP_CWORD": words[-1]},
    }[shell]
    for name, value in {"_OVERFITTING_COMPLETE": f"{shell}_complete", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        commands.main()
    return capsys.readouterr().out.split()


def candidates(monkeypatch, capsys, line):
    return [found.removeprefix("plain,") for found in answers(monkeypatch, capsys, line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("overfitting train vari", ["variant.", "variant=", "variants="]),
        (
            "overfitting train variant=tuned/",
            [f"variant=tuned/{name}" for name in ("dropout", "l1", "l1_proximal", "l2", "l2_dropout")],
        ),
        ("overfitting train variant=tiny,lar", ["variant=tiny,large"]),
        ("overfitting train variant=l2 variant.l2=", ["variant.l2=0.001"]),
        ("overfitting train variant.max", ["variant.max_norm="]),
        ("overfitting train variant.max_norm=", ["variant.max_norm=null"]),
        ("overfitting train variant.symmetry=", ["variant.symmetry=false"]),
        ("overfitting train training=tutorial training.schedule.n", ["training.schedule.name="]),
        ("overfitting train training=tutorial training.schedule.name=", ["training.schedule.name=inverse_time"]),
        ("overfitting train --cfg job data=hi", ["data=higgs"]),
        ("overfitting train variant=l1,l2 training.epo", ["training.epochs="]),  # what cannot be composed is left out
        ("overfitting train +experiment=tu", ["+experiment=tutorial"]),
        ("overfitting experiment f", ["first_look"]),
        ("overfitting train no.such.key", []),
        ("overfitting train =x", []),
        ("overfitting tune l2_", ["l2_dropout"]),
        ("overfitting tune l2 training.sch", ["training.schedule."]),
        ("overfitting tune seed", []),
        ("overfitting completion z", ["zsh"]),
        ("overfitting changes --ch", ["--check"]),
        ("overfitting learn", ["learning-curve"]),
    ],
)
def test_answers_come_from_the_composed_configuration(project, monkeypatch, capsys, line, expected):
    assert candidates(monkeypatch, capsys, line) == expected


def test_a_choice_is_a_file_of_its_group(project, monkeypatch, capsys):
    (project / "conf/variant/mine.yaml").write_text("# @package variant\n# mine\nl2: 0.1\n")
    assert candidates(monkeypatch, capsys, "overfitting train variant=mi") == ["variant=mine", "variant=mixup"]


def test_every_group_is_offered(project, monkeypatch, capsys):
    found = candidates(monkeypatch, capsys, "overfitting train ")
    names = {path.name for path in (project / "conf").glob("*") if path.is_dir()} - {"experiment"}
    assert {"+experiment=", *(f"{name}=" for name in names)} <= set(found)


def test_outside_a_project_only_commands_are_offered(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert candidates(monkeypatch, capsys, "overfitting ") == list(cli.commands)
    for line in ("overfitting train ", "overfitting train variant=", "overfitting tune "):
        assert candidates(monkeypatch, capsys, line) == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_the_same_answers(project, monkeypatch, capsys, shell):
    line = "overfitting train variant=l2 variant.dro"
    found = answers(monkeypatch, capsys, line, shell)
    assert found == {"zsh": ["plain", "variant.dropout=", "_"], "fish": ["plain,variant.dropout="]}[shell]


@pytest.mark.parametrize("line", ["overfitting tr", "overfitting train variant.dro", "overfitting tune "])
def test_completion_imports_nothing_heavy(project, line):
    script = (
        "import sys\nfrom overfitting.cli import commands\n"
        "try:\n    commands.main()\n"
        f"finally:\n    print(sorted(set({HEAVY}) & set(sys.modules)))\n"
    )
    environment = {**os.environ, "_OVERFITTING_COMPLETE": "bash_complete", "COMP_LINE": line}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("plain,")
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize(
    ("variable", "shell"), [("/bin/bash", "bash"), ("/usr/bin/zsh", "zsh"), ("/bin/dash", "bash"), ("", "bash")]
)
def test_the_default_shell_is_the_one_in_use(monkeypatch, capsys, variable, shell):
    monkeypatch.setenv("SHELL", variable)
    monkeypatch.setattr(sys, "argv", ["overfitting", "completion"])
    with pytest.raises(SystemExit):
        commands.main()
    assert capsys.readouterr().out == completion.script(cli, shell)


@contextmanager
def typing(shell: str, project: Path, programs: Path) -> Iterator[Terminal]:
    """The shell on a terminal in the project's folder, after `overfitting completion` is evaluated."""
    path = shutil.which(shell)
    assert path, f"expected {shell} on PATH; on Debian: apt install {shell}"
    program = programs / "overfitting"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m overfitting "$@"\n')
    program.chmod(0o755)
    variables = {"SHELL": path, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(programs)}
    options, setup = SETUPS[shell]
    with Terminal([path, *options], project, {**os.environ, **variables}, columns=200) as terminal:
        terminal.type(setup)
        terminal.wait_for("ready\n", 60)
        yield terminal


@pytest.fixture(params=list(SETUPS))
def shell(request, project, tmp_path_factory):
    with typing(request.param, project, tmp_path_factory.mktemp("bin")) as terminal:
        yield terminal


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("prep\tx", "preprocess x"),
        ("train variant=tuned/l2_\tx", "train variant=tuned/l2_dropout x"),
        ("train variant=l2 training=smo\tx", "train variant=l2 training=smoke x"),
        ("train variant=l2 variant.dro\t0.2", "train variant=l2 variant.dropout=0.2"),
        ("train variant=l2 training.sch\tx", "train variant=l2 training.schedule.x"),
        ("train training.sch\tnam\tx", "train training.schedule.name=x"),
        ("download data=hi\tx", "download data=higgs x"),
    ],
)
def test_a_shell_completes_a_word_and_adds_a_space_only_if_it_is_whole(shell, typed, completed):
    before = len(shell.text)
    # Ctrl-A and Ctrl-E move to the ends of the line, which then becomes the argument of echo
    shell.type(f"overfitting {typed}\x01echo '<\x05>'\n")
    assert shell.wait_for(f"<overfitting {re.escape(completed)}>", 30, before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("overfitting train vari\t", ["variant.", "variant=", "variants="]),
        (
            "overfitting train variant=l\t",
            ["l1", "l1_l2", "l1_proximal", "l2", "l2_dropout", "label_smoothing", "large", "layer_norm"],
        ),
    ],
)
def test_a_shell_lists_what_the_typed_word_can_become(shell, typed, shown):
    before = len(shell.text)
    shell.type(typed)
    for name in shown:  # the shell may write the line again directly behind the last name
        shell.wait_for(rf"\s(variant=)?{re.escape(name)}(?=\s|overfitting|$)", 30, before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("overfitting train vari\t", r"variant\.\s+variant=\s+variants="),
        (
            "overfitting train variant=l\t",
            r"l1\s+l1_l2\s+l1_proximal\s+l2\s+l2_dropout\s+label_smoothing\s+large\s+layer_norm",
        ),
    ],
)
def test_bash_lists_in_order_and_without_the_typed_group(project, tmp_path, typed, shown):
    with typing("bash", project, tmp_path) as bash:
        before = len(bash.text)
        bash.type(typed)
        assert bash.wait_for(shown, 30, before)


@pytest.mark.slow
def test_bash_keeps_the_word_breaks_of_other_programs(project, tmp_path):
    with typing("bash", project, tmp_path) as bash:
        before = len(bash.text)
        bash.type('overfitting train seed=\t\x15echo "<$COMP_WORDBREAKS>"\n')
        assert "=" in bash.wait_for(r"<[^<]*>\n", 30, before)

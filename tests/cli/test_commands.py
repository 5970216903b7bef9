"""The command line: help, options, and one clear error per mistake."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from overfitting.cli import commands, experiment, resolve, scratch, verify
from overfitting.cli.commands import cli
from overfitting.cli.group import STAGES
from tests.builders.terminal import INTERRUPT, Terminal

COMMANDS = [name for name in cli.commands if name not in STAGES]
HEAVY = ("tensorflow", "keras", "mlflow", "matplotlib", "pandas", "sklearn", "optuna", "hydra")


def call(monkeypatch, *arguments):
    """Exit status of the command line in this process."""
    monkeypatch.setattr(sys, "argv", ["overfitting", *arguments])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    return ended.value.code


def run(*arguments, **options):
    """In a process of its own, since Hydra sets up logging for good."""
    command = [sys.executable, "-m", "overfitting", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_stages_apart_from_other_commands(monkeypatch, capsys, arguments):
    assert call(monkeypatch, *arguments) == 0
    stages, others = capsys.readouterr().out.partition("\nStages")[2].split("\nOther commands")
    assert [line.split()[0] for line in stages.splitlines() if line.startswith("  ")] == list(STAGES)
    assert all(summary in stages for summary in STAGES.values())
    assert [line.split()[0] for line in others.splitlines() if line.startswith("  ")][: len(COMMANDS)] == COMMANDS
    assert "..." not in others  # no summary is cut


def test_help_imports_nothing_heavy(tmp_path):
    script = (
        "import sys\nfrom overfitting.cli import commands\n"
        "try:\n    commands.main()\n"
        f"finally:\n    print(sorted(set({HEAVY}) & set(sys.modules)))\n"
    )
    for arguments in (["--help"], ["ui", "--help"], ["tune", "--help"]):
        done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("Usage: ")
        assert done.stdout.endswith("\n[]\n")


def test_the_version_is_the_one_of_the_package(monkeypatch, capsys):
    assert call(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"overfitting {version('overfitting')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fly",), "overfitting fly: unknown command; expected one of download, preprocess, train"),
        (("trian",), "completion; did you mean train?\n"),
        (("--fly",), "No such option '--fly'"),
        (("train", "variant=l2", "variant.dropout=2"), "variant.dropout: got 2"),
        (("preprocess", "split.train=0"), "split.train: got 0; input should be greater than 0"),
        (("preprocess",), "overfitting preprocess: expected data/raw/provenance.json"),
        (("evaluate",), "which an earlier stage writes; run `dvc repro`"),
        (("changes",), "compare with, got 'main', which git does not know"),
        (("changes", "main", "other"), "Got unexpected extra argument (other)"),
        (("tune", "fly"), "overfitting tune: unknown search 'fly'; expected some of l1, l1_proximal, l2"),
        (("tune", "seeds=[1]"), "seeds=[1]: expected overrides of `training` or `variant.`"),
        (("ui", "--port", "web"), "Invalid value for '--port'"),
        (("verdict", "now"), "Got unexpected extra argument (now)"),
        (("completion", "tcsh"), "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
    ],
)
def test_a_mistake_ends_in_its_message_and_status_2(project, arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_does_nothing_else(monkeypatch, capsys, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    for option in ("-h", "--help"):
        assert call(monkeypatch, name, option) == 0
        assert f"Usage: overfitting {name}" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "module", "function", "status"),
    [
        ("experiments", experiment, "show", 0),
        ("demo", scratch, "demo", 0),
        ("smoke", scratch, "smoke", 3),
        ("verify", verify, "run", 1),
        ("readme", resolve, "write_pages", 0),
        ("resolve", resolve, "run", 0),
    ],
)
def test_a_command_without_arguments_calls_its_function_and_has_its_status(monkeypatch, name, module, function, status):
    monkeypatch.setattr(module, function, lambda: status)
    assert call(monkeypatch, name) == status


@pytest.mark.parametrize(
    ("variable", "options", "port"),
    [(None, (), 5000), ("5001", (), 5001), ("", (), 5000), ("5001", ("--port", "5002"), 5002)],
)
def test_the_port_is_an_option_or_a_variable(monkeypatch, variable, options, port):
    from overfitting.tracking import server

    served = []
    monkeypatch.setattr(server, "serve", lambda root, port: served.append(port))
    monkeypatch.delenv("PORT", raising=False)
    if variable is not None:
        monkeypatch.setenv("PORT", variable)
    assert call(monkeypatch, "ui", *options) == 0
    assert served == [port]


def test_a_reader_of_help_may_leave_early(project):
    for arguments in ("--help", "tune --help", "train --help", "train --cfg job"):
        script = f'set -o pipefail; "{sys.executable}" -m overfitting {arguments} | true'
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
        assert done.stderr == ""


def test_ctrl_c_ends_in_one_line_and_status_130(tmp_path):
    script = (
        "import sys, time\nfrom overfitting.cli import commands\nfrom overfitting.tracking import server\n"
        "def serve(root, port):\n    print('serving', flush=True)\n    time.sleep(60)\n"
        "server.serve = serve\nsys.argv[1:] = ['ui']\ncommands.main()\n"
    )
    with Terminal([sys.executable, "-c", script], tmp_path, os.environ) as terminal:
        terminal.wait_for("serving\n", 60)
        terminal.type(INTERRUPT)
        assert terminal.exit_status() == 130
        assert terminal.text.count("interrupted") == 1
        assert "\noverfitting ui: interrupted; " in terminal.text.replace("^C", "\n")
        assert "Traceback" not in terminal.text

"""Completion with TAB in bash, zsh and fish: commands by click, overrides from conf/ and the composed configuration."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import yaml
from click.shell_completion import (
    BashComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

PROGRAM = "overfitting"
SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_OVERFITTING_COMPLETE"  # click's name for it

_BASH = r"""%(complete_func)s() {
    local line=${COMP_LINE:0:COMP_POINT} type value
    local word=${line##*[[:space:]]}
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(env COMP_LINE="$line" %(complete_var)s=bash_complete "$1" 2> /dev/null)
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=./] ]]; then
        compopt -o nospace
    fi
    # bash replaces only the text after the last `=`, which is one of its word breaks
    if [[ $word == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%%=*}="}")
    fi
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


@add_completion_class
class Bash(BashComplete):
    """Reads the line before the cursor, because bash splits its own list of words at `=`."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Words before the one at the cursor, and that word."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        return (words, "") if line[-1:].isspace() or not words else (words[:-1], words[-1])


@add_completion_class
class Zsh(ZshComplete):
    """Adds no space after `=`, `.` and `/`, where more of the word follows."""

    source_template = ZshComplete.source_template.replace(
        "compadd -U -V unsorted -a completions",
        "compadd -U -V unsorted -S '' -- ${(M)completions:#*[=./]}\n"
        "        compadd -U -V unsorted -- ${completions:#*[=./]}",
    )


def current_shell() -> str:
    """The shell that the variable SHELL names; bash if that is another one."""
    name = Path(os.environ.get("SHELL", "")).name
    return name if name in SHELLS else "bash"


def script(cli: click.Command, shell: str) -> str:
    """The script that `shell` has to evaluate."""
    found = get_completion_class(shell)
    assert found is not None
    return found(cli, {}, PROGRAM, _VARIABLE).source()


def overrides(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    """Hydra overrides that start with `word`: groups, their choices and keys."""
    from overfitting.config.reading import CONF, EXPERIMENT, groups, names_in

    if not CONF.is_dir():
        return []
    group, sign, _ = word.partition("=")
    if sign and group.lstrip("+") in groups():
        before, comma, _ = word.rpartition(",")  # of a sweep: `variant=tiny,small`
        start = f"{before}," if comma else f"{group}="
        found = [f"{start}{name}" for name in names_in(group.lstrip("+"))]
    else:
        given = [argument for argument in context.params[str(parameter.name)] if "=" in argument]
        found = [*(f"{'+' * (name == EXPERIMENT)}{name}=" for name in groups()), *_keys(given, word)]
    return sorted({candidate for candidate in found if candidate.startswith(word)})


def experiments(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    """Files of conf/experiment/."""
    from overfitting.config.reading import EXPERIMENT, names_in

    return [name for name in names_in(EXPERIMENT) if name.startswith(word)]


def searches(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    """Searches of conf/search.yaml, and the overrides that `tune` accepts."""
    path = Path("conf/search.yaml")
    names = yaml.safe_load(path.read_text(encoding="utf-8"))["searches"] if path.is_file() else ()
    accepted = ("training=", "training.", "variant.")
    found = [override for override in overrides(context, parameter, word) if override.startswith(accepted)]
    return [*(name for name in names if name.startswith(word)), *found]


def _keys(given: Sequence[str], word: str) -> Iterator[str]:
    """Keys in the part of the configuration that `word` is in; after `key=`, the present value."""
    parent, dot, _ = word.partition("=")[0].rpartition(".")
    node: Any = _composed(given)
    for part in filter(None, parent.split(".")):
        node = node.get(part) if isinstance(node, Mapping) else None
    for key, value in node.items() if isinstance(node, Mapping) else ():
        name = f"{parent}{dot}{key}"
        shown = value if isinstance(value, str) else json.dumps(value)
        if isinstance(value, Mapping):
            yield f"{name}."
        else:
            yield f"{name}={shown}" if word.startswith(f"{name}=") and "[" not in shown else f"{name}="


def _composed(given: Sequence[str]) -> Mapping[str, Any]:
    """The configuration under the overrides on the line, or without them if they are wrong."""
    from overfitting.base.errors import UserError
    from overfitting.config.composition import compose_config, values

    for attempt in (given, ()):
        with suppress(UserError):
            return values(compose_config(attempt))
    return {}

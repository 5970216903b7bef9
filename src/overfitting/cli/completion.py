"""Completion in bash of commands, and for stages of configuration groups and keys: `eval "$(overfitting completion)"`.

Hydra answers what a stage can be given. The script that it offers itself knows programs of one command only, and takes
the `=` out of COMP_WORDBREAKS, on which other programs' completion relies.
"""

from collections.abc import Iterable

_SCRIPT = r"""_overfitting() {
    local line=${COMP_LINE:0:COMP_POINT} words word choices file
    read -ra words <<< "$line."
    word=${line##*[[:space:]]}
    if ((${#words[@]} == 2)); then
        choices="COMMANDS"
    elif [[ " STAGES " == *" ${words[1]} "* ]]; then
        choices=$(COMP_LINE="${line#*"${words[0]}"}" overfitting "${words[1]}" -sc query=bash 2> /dev/null |
            # Hydra takes folders in a group for groups, and offers such a group without the sign that chooses
            tr " " "\n" | sed "/^variant\//d; s/^variant$/variant=/")
        if [[ $word == variant=* ]]; then
            for file in conf/variant/*/*.yaml; do
                file=${file#conf/variant/}
                choices+=" variant=${file%.yaml}"
            done
        fi
    fi
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=./] ]]; then
        compopt -o nospace
    fi
    # bash replaces only what follows the last word break
    if [[ $word == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%=*}="}")
    fi
}
complete -F _overfitting overfitting
"""


def script(stages: Iterable[str], commands: Iterable[str]) -> str:
    """What bash is to evaluate; `commands` are the others, which get no configuration."""
    return _SCRIPT.replace("STAGES", " ".join(stages)).replace("COMMANDS", " ".join([*stages, *commands]))

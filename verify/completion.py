"""python -m verify completion bash: a script that completes the words of `landscape-verify` in a shell."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from verify.__main__ import COMMANDS
from verify.command import asks_for_help, emit, emit_help, run_command
from verify.registry import papers
from verify.settings import Settings, UsageError

PROGRAM = "landscape-verify"
HELP = f"""python -m verify completion bash|zsh|fish
Prints a script that completes commands, keys, choices, papers and claims after the word {PROGRAM}. To have it always:
  bash   {PROGRAM} completion bash >> ~/.bashrc
  zsh    {PROGRAM} completion zsh >> ~/.zshrc
  fish   {PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish
exit status: 0, 2 usage
"""

BASH = """_landscape_verify() {{
    local cur="${{COMP_LINE:0:COMP_POINT}}" words
    cur="${{cur##* }}"
    if [ "$COMP_CWORD" -eq 1 ]; then words="{commands}"; else
        case "${{COMP_WORDS[1]}}" in
{cases}
        esac
    fi
    # bash itself breaks words at "=": what stands before it is not repeated
    COMPREPLY=( $(compgen -W "$words" -- "$cur") )
    case "$cur" in *=*) COMPREPLY=( "${{COMPREPLY[@]#"${{cur%%=*}}="}}" );; esac
    case "${{COMPREPLY[0]}}" in *=) compopt -o nospace;; esac
}}
complete -o default -F _landscape_verify {program}
"""
BASH_CASE = '            {name}) words="{words}" ;;'
ZSH = "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n"
FISH = "complete -c {program} -f -n '{when}' -a '{words}'"


def main(words: Sequence[str]) -> int:
    if asks_for_help(words):
        emit_help(HELP)
        return 0
    scripts = {"bash": bash, "zsh": lambda words: ZSH + bash(words), "fish": fish}
    if len(words) != 1 or words[0] not in scripts:
        raise UsageError(f"give one of {', '.join(scripts)}, as in python -m verify completion bash")
    emit(scripts[words[0]](words_of_commands()), None)
    return 0


def bash(words: Mapping[str, Sequence[str]]) -> str:
    cases = "\n".join(BASH_CASE.format(name=name, words=" ".join(after)) for name, after in words.items())
    return BASH.format(commands=" ".join(words), cases=cases, program=PROGRAM)


def fish(words: Mapping[str, Sequence[str]]) -> str:
    lines = [FISH.format(program=PROGRAM, when="__fish_use_subcommand", words=" ".join(words))]
    for name, after in words.items():
        when = f"__fish_seen_subcommand_from {name}"
        lines.append(FISH.format(program=PROGRAM, when=when, words=" ".join(after)))
    return "\n".join(lines) + "\n"


def words_of_commands() -> dict[str, list[str]]:
    """What may follow each command."""
    ids = [claim.id for paper in papers().values() for claim in paper.claims]
    words = {name: list[str]() for name in COMMANDS}
    models = [paper.settings for paper in papers().values()]
    words["check"] = [*ids, *dict.fromkeys(word for model in models for word in keys(model))]
    words["claim"] = ids
    words["completion"] = ["bash", "zsh", "fish"]
    for paper in papers().values():
        for name, (_, _, place) in paper.commands.items():
            module: Any = importlib.import_module(place.partition(":")[0])
            words[name] = list(keys(module.SETTINGS)) if hasattr(module, "SETTINGS") else []
    return words


def keys(model: type[Settings]) -> Iterator[str]:
    """The keys, and the words of those with a choice."""
    for key, field in model.model_fields.items():
        if key == "paper":
            choices: Sequence[str] = tuple(papers())
        else:
            choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        yield from (f"{key}={choice}" for choice in choices) if choices else (f"{key}=",)


if __name__ == "__main__":
    run_command("verify.completion", main)

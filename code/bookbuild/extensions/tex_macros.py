r"""The book's own TeX commands, replaced by what they stand for.

They are defined once, in ``_config.yml``, as MathJax users know it: a name without
backslash, and a definition, or a list of the definition and its number of arguments.

.. code-block:: yaml

    mathml_macros:
      R: \mathbb{R}
      norm: ['\left\Vert #1 \right\Vert', 1]

Formulas are expanded before anything else reads them. So the page, the TeX that a reader
copies from it and the downloaded notebook all show plain LaTeX that works anywhere. math-core
knows macros too, but hands them on to whoever copies, does not see through one in another when
it sets spaces, and tells nobody what a formula says without them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# a comment, a command, an argument's place, or any other character
_TOKEN = re.compile(r"%[^\n]*\n?|\\[A-Za-z]+|\\.|#[1-9]|\s+|.", re.DOTALL)

# A macro that calls itself would never end.
MAX_EXPANSIONS = 1000


@dataclass(frozen=True)
class Macro:
    """What a command stands for: its definition in tokens, and how many arguments it takes."""

    tokens: tuple[str, ...]
    arguments: int


def read_macros(config: Mapping[str, object]) -> dict[str, Macro]:
    r"""Check the macros of the configuration.

    Parameters
    ----------
    config
        Name (letters only, no backslash) to definition, or to ``[definition, arguments]``.
        Without a number, the highest ``#n`` in the definition tells it.

    Returns
    -------
    dict
        Command with its backslash to its ``Macro``.

    Raises
    ------
    ValueError
        If a name or a definition has another form, or a definition uses more arguments
        than it says.
    """
    macros = {}
    for name, entry in config.items():
        if not re.fullmatch("[A-Za-z]+", str(name)):
            raise ValueError(f"macro {name!r}: expected a name of letters without backslash")
        definition, *rest = entry if isinstance(entry, list | tuple) else [entry]
        if not isinstance(definition, str) or len(rest) > 1:
            raise ValueError(
                f"macro {name!r}: expected a definition or [definition, arguments], got {entry!r}"
            )
        tokens = tuple(_TOKEN.findall(definition))
        used = max((int(token[1]) for token in tokens if token[0] == "#" != token), default=0)
        arguments = rest[0] if rest else used
        if not isinstance(arguments, int) or not used <= arguments <= 9:
            raise ValueError(
                f"macro {name!r}: expected {used} to 9 as number of arguments, got {arguments!r}"
            )
        macros[f"\\{name}"] = Macro(tokens, arguments)
    return macros


def expand(tex: str, macros: Mapping[str, Macro]) -> str:
    r"""Replace every macro in ``tex``, also those that a macro's definition uses.

    Raises
    ------
    ValueError
        If an argument is missing, or macros go on expanding for ever.
    """
    todo = _TOKEN.findall(tex)[::-1]  # a stack, its top is what comes next
    done: list[str] = []
    expansions = 0
    while todo:
        token = todo.pop()
        macro = macros.get(token)
        if macro is None:
            done.append(token)
            continue
        expansions += 1
        if expansions > MAX_EXPANSIONS:
            raise ValueError(f"{token} stands, in the end, for itself")
        arguments = [_argument(todo, token) for _ in range(macro.arguments)]
        meaning: list[str] = []
        for part in macro.tokens:
            meaning.extend(arguments[int(part[1]) - 1] if part[0] == "#" != part else [part])
        if next((t for t in reversed(done) if not t.isspace()), "") in {"^", "_"}:
            meaning = ["{", *meaning, "}"]  # x^\R means x^{\mathbb{R}}
        todo.extend(reversed(meaning))
    return _join(done)


def _argument(todo: list[str], command: str) -> list[str]:
    """Take the next argument from the stack: what braces hold, or one token."""
    while todo and todo[-1].isspace():
        todo.pop()
    if not todo or todo[-1] == "}":
        raise ValueError(f"{command} lacks an argument")
    argument = [todo.pop()]
    depth = int(argument[0] == "{")
    while depth:
        if not todo:
            raise ValueError(f"{command} lacks a closing brace")
        argument.append(todo.pop())
        depth += {"{": 1, "}": -1}.get(argument[-1], 0)
    return argument[1:-1] if argument[0] == "{" else argument


def _join(tokens: list[str]) -> str:
    r"""Write tokens one after the other; ``\alpha`` and ``x`` need a space between them."""
    text = ""
    command = False
    for token in tokens:
        text += f" {token}" if command and token[0].isalpha() else token
        command = len(token) > 1 and token[0] == "\\" and token[1].isalpha()
    return text

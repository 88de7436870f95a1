import pytest

from bookbuild.extensions.tex_macros import expand, read_macros

MACROS = read_macros(
    {
        "R": r"\mathbb{R}",
        "vect": [r"\boldsymbol{#1}", 1],
        "vx": r"\vect{x}",
        "pdv": r"\frac{\partial #1}{\partial #2}",
        "eps": r"\epsilon",
        "loop": r"a\loop",
    }
)


@pytest.mark.parametrize(
    ("tex", "expanded"),
    [
        (r"\vx \in \R^n", r"\boldsymbol{x} \in \mathbb{R}^n"),
        (r"\pdv{f(\vx)}{x_{i}}", r"\frac{\partial f(\boldsymbol{x})}{\partial x_{i}}"),
        (r"\pdv fx", r"\frac{\partial f}{\partial x}"),
        (r"\vect \theta", r"\boldsymbol{\theta}"),
        (r"x^\R_\vx", r"x^{\mathbb{R}}_{\boldsymbol{x}}"),
        (r"\Rightarrow \Re", r"\Rightarrow \Re"),
        (r"\vect{{a}b}", r"\boldsymbol{{a}b}"),
        (r"\{\vx\}", r"\{\boldsymbol{x}\}"),
    ],
)
def test_macros_are_replaced_with_their_arguments(tex, expanded):
    assert expand(tex, MACROS) == expanded


def test_a_command_stays_apart_from_the_letter_that_a_macro_puts_behind_it():
    macros = read_macros({"after": [r"\alpha#1", 1]})
    assert expand(r"\after{x}", macros) == r"\alpha x"


@pytest.mark.parametrize(
    ("tex", "message"),
    [
        (r"\pdv{a}", r"\\pdv lacks an argument"),
        (r"{\vect}", r"\\vect lacks an argument"),
        (r"\vect{a", r"\\vect lacks a closing brace"),
        (r"\loop", r"\\loop stands, in the end, for itself"),
    ],
)
def test_a_macro_used_wrongly_is_named(tex, message):
    with pytest.raises(ValueError, match=message):
        expand(tex, MACROS)


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("v1", "x", "'v1': expected a name of letters"),
        (r"\R", "x", "expected a name of letters"),
        ("E", 3, r"'E': expected a definition or \[definition, arguments\], got 3"),
        ("E", ["#1#2", 1], "'E': expected 2 to 9 as number of arguments, got 1"),
        ("E", ["x", "1"], "'E': expected 0 to 9 as number of arguments, got '1'"),
    ],
)
def test_a_wrong_entry_in_the_configuration_is_named(name, entry, message):
    with pytest.raises(ValueError, match=message):
        read_macros({name: entry})

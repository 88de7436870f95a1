"""The examples in the package's docstrings: each can be pasted as it stands, and says the truth."""

import doctest
import inspect
import io
import pkgutil
import re
from contextlib import redirect_stdout
from importlib import import_module

import pytest

import deepbook

MODULES = ["deepbook", *(m.name for m in pkgutil.walk_packages(deepbook.__path__, "deepbook."))]
HEADING = re.compile(r"^ *Examples\n *--------$", re.MULTILINE)
FINDER = doctest.DocTestFinder(exclude_empty=True)


def examples_in(module):
    # nothing is there but what the example imports
    return [test for test in FINDER.find(module, globs={}) if test.examples]


def wrong(test):
    """What doctest tells of an example that gives something else; empty if it is right."""
    screen = io.StringIO()
    with redirect_stdout(screen):
        doctest.DocTestRunner(verbose=False).run(test)
    return screen.getvalue()


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name):
    told = {test.name: wrong(test) for test in examples_in(import_module(name))}
    assert not any(told.values()), "\n".join(told.values())


def test_every_example_is_found():
    modules = [import_module(name) for name in MODULES]
    headings = sum(len(HEADING.findall(inspect.getsource(module))) for module in modules)
    assert 10 <= headings == sum(len(examples_in(module)) for module in modules)


@pytest.mark.parametrize(
    ("example", "told"),
    [
        (">>> 1 + 1\n3", "Expected:\n    3\nGot:\n    2"),
        (">>> seed(0)", "NameError: name 'seed' is not defined"),
    ],
)
def test_an_example_that_is_wrong_or_imports_too_little_is_told(example, told):
    test = doctest.DocTestParser().get_doctest(example, {}, "planted", None, 0)
    assert told in wrong(test)

"""``{self-check}``: a question with a few answers, and a sentence of feedback on each.

.. code-block:: md

    ```{self-check}
    Which of the two sums falls apart?

    [x] The one over hidden units, given the pixels
    : Right: each hidden unit has a factor of its own.

    [ ] The one over pictures
    : Pictures share their hidden units, so nothing falls apart.
    ```

Each answer is a fold that opens on its feedback: it needs no script, works by keyboard, and in a
downloaded notebook it is the same fold.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

NAME = "self-check"
EXAMPLE = "a question, then answers: a line [x] or [ ] with the answer, a line : with the feedback"
FEWEST, MOST = 2, 5

_ANSWER = re.compile(r"\[([ xX])\] +(\S.*)")


class self_check(nodes.General, nodes.Element):  # docutils names nodes in lower case
    """The question, and its answers."""


class self_check_answer(nodes.General, nodes.Element):
    """An answer, a paragraph, and behind it the feedback; ``right`` tells which it is."""


@dataclass(frozen=True)
class Answer:
    """An answer as its author wrote it; lines are counted from the block's first one, from 0."""

    right: bool
    text: str
    line: int
    feedback: list[str]
    feedback_line: int


def read_self_check(lines: Sequence[str]) -> tuple[list[str], list[Answer]]:
    """The question's lines, and the answers.

    Raises
    ------
    ValueError
        If there is no question, there are too few or too many answers, none is right, or one has
        no feedback.
    """
    starts = [number for number, line in enumerate(lines) if _ANSWER.match(line)]
    question = list(lines[: starts[0]] if starts else lines)
    if not any(line.strip() for line in question):
        raise ValueError(f"a self-check needs {EXAMPLE}; there is no question")
    if not FEWEST <= len(starts) <= MOST:
        raise ValueError(
            f"a self-check needs {EXAMPLE}; expected {FEWEST} to {MOST} answers, got {len(starts)}"
        )
    answers = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found = _ANSWER.match(lines[start])
        assert found is not None
        # an answer may go on in the lines below it
        first = next((n for n in range(start + 1, end) if lines[n].startswith(": ")), end)
        text = " ".join([found[2], *(line.strip() for line in lines[start + 1 : first])]).strip()
        feedback = [line[2:] if line[:2] in (": ", "  ") else line for line in lines[first:end]]
        if not any(line.strip() for line in feedback):
            raise ValueError(f"a self-check needs {EXAMPLE}; no feedback on the answer {text!r}")
        answers.append(Answer(found[1] != " ", text, start, feedback, first))
    if not any(answer.right for answer in answers):
        raise ValueError(f"a self-check needs {EXAMPLE}; none of the answers is right")
    return question, answers


class SelfCheck(SphinxDirective):
    """``{self-check}``: makes the nodes, or an error with its line."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        try:
            question, answers = read_self_check(list(self.content))
        except ValueError as error:
            raise self.error(str(error)) from error
        check = self_check(classes=["db-check"])
        self._parse(question, 0, check)
        for answer in answers:
            node = self_check_answer(right=answer.right)
            self._parse([answer.text], answer.line, node)
            self._parse(answer.feedback, answer.feedback_line, node)
            check += node
        return [check]

    def _parse(self, lines: list[str], offset: int, node: nodes.Element) -> None:
        content = StringList(lines, source=self.env.doc2path(self.env.docname))
        self.state.nested_parse(content, self.content_offset + offset, node)


def verdict(answer: nodes.Element) -> str:
    """What stands before the feedback."""
    return "✓ Right." if answer["right"] else "✗ Not this one."


def visit_check(translator: HTML5Translator, node: nodes.Element) -> None:
    """A box with a name of its own."""
    translator.body.append(
        '<div class="db-check" role="group" aria-label="Check yourself">'
        '<p class="db-check-title">Check yourself</p>\n'
    )


def depart_check(translator: HTML5Translator, node: nodes.Element) -> None:
    """Its end."""
    translator.body.append("</div>\n")


def visit_answer(translator: HTML5Translator, node: nodes.Element) -> None:
    """A fold: the answer outside, the feedback within."""
    right = str(node["right"]).lower()
    translator.body.append(f'<details class="db-answer" data-right="{right}"><summary>')
    # what is inside of a button may be no paragraph
    for child in node[0].children:
        child.walkabout(translator)
    translator.body.append(f'</summary>\n<p class="db-verdict">{verdict(node)}</p>\n')
    for child in node.children[1:]:
        child.walkabout(translator)
    translator.body.append("</details>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    nothing = (lambda translator, node: None, lambda translator, node: None)
    app.add_node(self_check, html=(visit_check, depart_check), latex=nothing, text=nothing)
    app.add_node(self_check_answer, html=(visit_answer, None), latex=nothing, text=nothing)
    app.add_directive(NAME, SelfCheck)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

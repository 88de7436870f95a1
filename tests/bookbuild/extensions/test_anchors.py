import pytest

EXERCISES = """
```{{exercise}} A {{title}}
:label: ex-one
One?
```
{between}
```{{solution}} ex-one
One.
```

```{{solution}} ex-one
Or two.
```

```{{exercise}}
:label: ex-two
Two?
```

```{{solution}} ex-two
:label: the-two
Two.
```
"""
BEFORE = """
```{exercise}
:label: ex-zero
Zero?
```

```{solution} ex-zero
Zero.
```
"""


@pytest.fixture
def anchored_book(fresh_book):
    config = (fresh_book.root / "_config.yml").read_text()
    held = "bookbuild.extensions.held,"
    added = "sphinx_exercise, bookbuild.extensions.ids_and_roles, bookbuild.extensions.anchors,"
    fresh_book.write("_config.yml", config.replace(held, f"{held} {added}"))
    return fresh_book


def with_exercises(book, between=""):
    source = book.project.source("book/two")
    text = source.read_text().partition("\n```{exercise}")[0]
    source.write_text(text + EXERCISES.format(between=between))
    book.build()
    return book.page("book/two")


def links(page, selector):
    """Ids of the things, each of which links to itself."""
    found = {}
    for one in page.select(selector):
        (link,) = one.select(".headerlink")
        assert link["href"] == f"#{one['id']}"
        assert link.text == "#"
        found[one["id"]] = link["title"]
    return found


def test_exercises_solutions_and_claims_link_to_themselves(anchored_book):
    page = with_exercises(anchored_book)
    assert links(page, ".exercise") == dict.fromkeys(["ex-one", "ex-two"], "Link to this exercise")
    assert links(page, ".solution") == dict.fromkeys(
        ["ex-one-solution", "ex-one-solution-2", "the-two"], "Link to this solution"
    )
    claims = links(anchored_book.page("book/one"), ".db-claim")
    assert claims == {"claim-answer": "Link to this claim"}


def test_another_solution_before_it_leaves_the_id_of_a_solution_as_it_is(anchored_book):
    with_exercises(anchored_book)
    page = with_exercises(anchored_book, between=BEFORE)
    assert {*links(page, ".solution")} == {
        "ex-zero-solution", "ex-one-solution", "ex-one-solution-2", "the-two"
    }  # fmt: skip

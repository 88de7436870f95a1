import pytest

from bookbuild.extensions.ids_and_roles import without_empty_heads

EXERCISES = """
```{exercise}
:label: ex-one
One?
```

```{solution} ex-one
One.
```

```{exercise}
:label: ex-two
Two?
```

```{solution} ex-two
Two.
```
"""


def test_exercises_and_solutions_share_no_id(fresh_book):
    config = (fresh_book.root / "_config.yml").read_text()
    held = "bookbuild.extensions.held,"
    added = "sphinx_exercise, bookbuild.extensions.ids_and_roles,"
    fresh_book.write("_config.yml", config.replace(held, f"{held} {added}"))
    with fresh_book.project.source("book/two").open("a") as page:
        page.write(EXERCISES)
    fresh_book.build()
    soup = fresh_book.page("book/two")
    assert [p.text for p in soup.select(".exercise section p")] == ["One?", "Two?"]
    ids = [element["id"] for element in soup.select("[id]")]
    assert {"ex-one", "ex-two"} <= set(ids)
    assert sorted(ids) == sorted(set(ids))


def test_the_works_of_a_list_are_its_items(fresh_book):
    config = (fresh_book.root / "_config.yml").read_text()
    held = "bookbuild.extensions.held,"
    fresh_book.write(
        "_config.yml", config.replace(held, f"{held} bookbuild.extensions.ids_and_roles,")
    )
    with fresh_book.project.source("book/two").open("a") as page:
        page.write("\n```{eval-rst}\nAs [Some2020]_ has it.\n\n.. [Some2020] Words.\n```\n")
    fresh_book.build()
    (works,) = fresh_book.page("book/two").select("[role=list]")
    assert [work["role"] for work in works.select(":scope > div")] == ["listitem"]


@pytest.mark.parametrize(
    "head",
    [
        "<th></th>",
        '<th class="head text-left"><p></p></th>',
        '<th class="head">\n <p> </p>\n</th>',
    ],
)
def test_an_empty_head_becomes_a_plain_cell(head):
    html = f'<tr>{head}<th class="head"><p>read, %</p></th></tr>'
    assert without_empty_heads(html) == '<tr><td></td><th class="head"><p>read, %</p></th></tr>'


def test_heads_with_text_or_pictures_stay():
    html = '<thead><tr><th class="head"><p>a</p></th><th><img src="x"></th></tr></thead>'
    assert without_empty_heads(html) == html

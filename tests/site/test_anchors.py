"""Exercises, solutions and claims can be linked to, and who follows a link sees its goal."""

import re

import pytest

from bookbuild.execution.store import Store, claims_in_cell
from bookbuild.project import Project


@pytest.fixture(scope="module")
def store(site):
    return Store(Project(site.parents[1]))


@pytest.fixture(scope="module")
def by_name(pages):
    return {page.name.removesuffix(".html"): page for page in pages}


def links_to_itself(element):
    return [link["href"] for link in element.select("a.headerlink")][:1] == [f"#{element['id']}"]


def test_every_exercise_and_its_solution_have_the_exercises_label_and_a_link_to_it(pages):
    count = 0
    for page in pages:
        posed = [exercise["id"] for exercise in page.soup.select(".exercise.admonition")]
        solved = [solution["id"] for solution in page.soup.select(".solution.admonition")]
        assert solved == [f"{label}-solution" for label in posed], page.name
        assert not [label for label in posed if "/" in label or "-exercise-" in label], page.name
        assert all(map(links_to_itself, page.soup.select(".exercise, .solution"))), page.name
        count += len(posed)
    assert count > 100


def test_every_claim_that_a_page_shows_has_its_name_as_id_and_a_link_to_it(store, by_name):
    for name in store.project.pages():
        shown = by_name[name].soup.select(".db-claim")
        hidden = hidden_claims(store, name)
        claimed = [f"claim-{claim['name']}" for claim in store.claims(name)]
        assert [c["id"] for c in shown] == [c for c in claimed if c not in hidden], name
        assert all(map(links_to_itself, shown)), name


def hidden_claims(store, page):
    """Ids that the claims of cells would have which the page leaves out."""
    cells = [cell for cell in store.get(page)[0].cells if cell.cell_type == "code"]
    left_out = [
        c for c in cells if {"remove-cell", "remove-output"} & {*c.metadata.get("tags", [])}
    ]
    return {f"claim-{claim['name']}" for cell in left_out for claim in claims_in_cell(cell)}


def test_the_page_of_promises_leads_to_the_line_of_every_claim(store, by_name):
    links, linkless = [], []
    for row in by_name["book/promises"].soup.select(".db-promises tbody tr"):
        link = row.td.select_one("a")
        if link is None:
            linkless.append(f"claim-{row.td.text.strip()}")
        else:
            page, _, anchor = link["href"].partition(".html#")
            links.append((f"book/{page}", anchor))
    expected, hidden = [], []
    for name in store.project.pages():
        here = hidden_claims(store, name)
        for claim in store.claims(name):
            anchor = f"claim-{claim['name']}"
            (hidden if anchor in here else expected).append((name, anchor))
    assert links == expected
    assert linkless == [anchor for _, anchor in hidden]
    assert len(links) > 500
    for name, anchor in links:
        (goal,) = by_name[name].soup.select(f"#{anchor}")
        assert "db-claim" in goal["class"]


IN_VIEW = """(goal) => {
  const { top, bottom, height } = goal.getBoundingClientRect();
  return height > 0 && top >= 0 && bottom <= innerHeight;
}"""


def claim_in_a_fold(by_name):
    page = by_name["book/boltzmann/sampling"]
    return page, page.soup.select_one(".solution .db-claim")["id"]


@pytest.mark.browser
@pytest.mark.parametrize("where", ["served", "on disk"])
def test_from_the_promises_a_reader_comes_to_a_claim_in_a_folded_solution(
    reader, request, by_name, where
):
    goal, anchor = claim_in_a_fold(by_name)
    window = reader() if where == "served" else request.getfixturevalue("reader_of_files")
    page = window.open("book/promises.html")
    page.locator(f"a[href$='sampling.html#{anchor}']").click()
    page.wait_for_load_state("load")
    claim = page.locator(f"#{anchor}")
    assert page.url.endswith(f"{goal.name}#{anchor}")
    assert claim.is_visible()
    assert claim.evaluate(IN_VIEW)
    assert window.trouble == []


@pytest.mark.browser
def test_a_link_to_a_solution_unfolds_it_and_no_other(reader, by_name):
    goal, _ = claim_in_a_fold(by_name)
    first, second = [one["id"] for one in goal.soup.select(".solution")][:2]
    page = reader().open(f"{goal.name}#{second}")
    assert page.locator(f"#{second} > section").is_visible()
    assert not page.locator(f"#{first} > section").is_visible()
    # also without leaving the page
    page.evaluate("(anchor) => { location.hash = anchor; }", first)
    page.wait_for_function(
        "(id) => !document.getElementById(id).matches('.toggle-hidden')", arg=first
    )
    assert page.locator(f"#{second} > section").is_visible()
    page.wait_for_timeout(100)
    assert page.locator(f"#{first} > .admonition-title").evaluate(IN_VIEW)


@pytest.mark.browser
def test_the_button_of_a_solution_is_not_called_by_its_link(reader, by_name):
    goal, _ = claim_in_a_fold(by_name)
    page = reader().open(goal.name)
    names = page.locator(".solution .toggle-button").evaluate_all(
        "(buttons) => buttons.map((button) => button.ariaLabel)"
    )
    assert re.fullmatch(r"Solution to Exercise \d+\.3\.1", names[0])
    assert len({*names}) == len(names)

"""Sentences that a claim holds up, as readers see them."""

import nbformat

SENTENCE = "It is {glue:text}`answer`"
MARKED = "It is more than forty {held}`answer`. It is {glue:text}`answer`"


def mark(book):
    return book.page("book/one").select_one("a.db-held")


def test_a_mark_leads_to_the_claims_line_and_reads_well(book):
    book.edit("book/one", SENTENCE, MARKED)
    book.build()
    link = mark(book)
    assert link.text == "✓"
    assert link.parent.text == "It is more than forty✓. It is 41, and half of it 20.5."
    assert link["data-holds"] == "true"
    assert link["aria-label"] == "held by the claim answer, promised at least 40"
    target = book.page("book/one").select_one(link["href"])
    assert target.select_one(".db-claim-name").text == "answer"


def test_a_claim_that_does_not_hold_is_told_where_the_sentence_rests_on_it(book):
    book.edit("book/one", SENTENCE, MARKED)
    book.edit("book/one", "answer = 41", "answer = 39")
    outcome = book.build()
    assert mark(book).text == "✗ does not hold on this machine"
    assert mark(book)["aria-label"].startswith("does not hold on this machine: the claim answer")
    # at its place, on the page of promises, and in the last lines
    assert book.page("book/one").select_one(".db-claim")["data-holds"] == "false"
    assert "39 does not hold here" in book.page("book/promises").text
    said, where = outcome.text.splitlines()[-2:]
    assert said == ("book/one: claim 'answer' does not hold here: promised at least 40, got 39.0")
    assert where.startswith("the book: ")


def test_the_mark_changes_when_the_outputs_do(book):
    book.edit("book/one", SENTENCE, MARKED)
    book.build()
    book.edit("book/one", "answer = 41", "answer = 39")
    book.build()
    book.edit("book/one", "answer = 39", "answer = 43")
    book.build()
    assert mark(book).text == "✓"


def test_a_strict_build_and_make_page_fail_for_a_broken_claim(book):
    before = book.site()
    book.edit("book/one", "answer = 41", "answer = 39")
    for command in (["html", "--strict"], ["page", "book/one"]):
        outcome = book.run(*command)
        assert outcome.code == 1
        assert "not built: claims are broken" in outcome.text
        assert "'answer' does not hold here: promised at least 40, got 39.0" in outcome.text
    assert book.site() == before


def test_a_mark_that_names_no_claim_of_the_page_fails_the_build(book):
    before = book.site()
    book.edit("book/one", SENTENCE, MARKED.replace("held}`answer", "held}`half"))
    outcome = book.run("html")
    assert outcome.code == 1
    assert "{held} names no claim of this page: 'half'" in outcome.text
    assert "book/one.md" in outcome.text
    assert book.site() == before


def test_in_a_notebook_the_mark_is_a_plain_link():
    from docutils import nodes

    from bookbuild.downloads.markdown_text import Page, TextWriter
    from bookbuild.extensions.held import held

    paragraph = nodes.paragraph("", "", nodes.Text("More "), held(claim="answer"))
    from pathlib import Path

    writer = TextWriter(Page(Path()))
    assert writer.text(paragraph) == "More [<sup>claim</sup>](#claim-answer)"
    assert writer.unknown == []
    nbformat.v4.new_markdown_cell(writer.text(paragraph))

def test_a_word_that_is_said_no_more_leaves_the_search_index(fresh_book, monkeypatch):
    # the plain theme of this book links a sheet that bookbuild.extensions.theme takes away
    monkeypatch.setattr("bookbuild.build.check_site", lambda project: [])
    config = fresh_book.root / "_config.yml"
    text = config.read_text().replace(
        "bookbuild.extensions.shown_elsewhere]",
        "bookbuild.extensions.shown_elsewhere, bookbuild.extensions.theme]",
    )
    text = text.replace("sphinx_comments,", "")  # bookbuild.extensions.theme stands in for it
    config.write_text(text + "    templates_path: [templates]\n")
    fresh_book.write("templates/redirect.html", "elsewhere")
    fresh_book.build()
    first = fresh_book.site()["searchindex.js"]
    fresh_book.edit("book/two", "shows it", "shows a xylophone")
    fresh_book.build()
    assert b"xylophon" in fresh_book.site()["searchindex.js"]
    fresh_book.edit("book/two", "shows a xylophone", "shows it")
    fresh_book.build()
    assert fresh_book.site()["searchindex.js"] == first

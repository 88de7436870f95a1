import pytest

from bookbuild.extensions.empty_heads import without_empty_heads


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

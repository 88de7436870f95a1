"""What a page's live figures weigh: a page that is slow to load is a page that is not read."""

from collections.abc import Iterator

from bookbuild.live_html import LiveHTML
from bookbuild.page_source import Cell, Finding, PageSource

CODE_BYTES = 60_000
DATA_BYTES = 600_000


def live_html(cell: Cell) -> str:
    """The HTML of a cell's live figures; empty if it has none."""
    shown = [output.get("data", {}).get("text/html", "") for output in cell.node.get("outputs", [])]
    return "".join(text for text in shown if "data-deepbook-live" in text)


def weights(page: PageSource) -> Iterator[Finding]:
    """All live figures of a page together keep to 60 KB of code and 600 KB of data."""
    total = {"code": 0, "data": 0}
    limits = {
        "code": (CODE_BYTES, "JavaScript", "shorten it, or leave a figure to another page"),
        "data": (DATA_BYTES, "data", "pack arrays as float16 or int8, or show a smaller model"),
    }
    for cell in page.cells:
        figure = LiveHTML(live_html(cell))
        for kind, (limit, what, advice) in limits.items():
            before, total[kind] = total[kind], total[kind] + figure.bytes[kind]
            if before <= limit < total[kind]:
                yield page.finding(
                    cell.line,
                    f"with this one, the page's live figures hold {total[kind] / 1000:.1f} KB of "
                    f"{what}, expected at most {limit / 1000:g} KB: {advice}",
                )

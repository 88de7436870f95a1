"""What stands in the HTML of a live figure."""

from html.parser import HTMLParser


class LiveHTML(HTMLParser):
    """The scripts, the data and the static picture of the live figures in some HTML.

    Attributes
    ----------
    bytes : dict
        How many there are of ``code`` and of ``data``.
    alt : str
        Alternative text of the static picture; empty if there is none.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.bytes = {"code": 0, "data": 0}
        self.alt = ""
        self._kind = ""
        if "data-deepbook-live" in text:
            self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script":
            self._kind = "data" if given.get("type") == "application/json" else "code"
        elif tag == "img":
            self.alt = given.get("alt") or ""

    def handle_endtag(self, tag: str) -> None:
        self._kind = ""

    def handle_data(self, data: str) -> None:
        if self._kind:
            self.bytes[self._kind] += len(data.encode())


def alternative_text(text: str) -> str:
    """Alternative text of the live figure in some HTML; empty if there is none."""
    return LiveHTML(text).alt

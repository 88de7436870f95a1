"""Data that a page fetched although no build brings it before the first page runs."""

from bookbuild.execution.store import Record
from bookbuild.page_source import Finding

__all__ = ["check_data"]


def check_data(page: str, record: Record | None) -> list[Finding]:
    """Find the data sets that the page fetched and the registry does not mark as used by pages.

    Parameters
    ----------
    page : str
    record : Record, optional
        Of the page's last run.
    """
    from deepbook.data import entry, names

    known = set(names()) & set(record.ran_with.data) if record is not None else set()
    return [
        Finding(
            f"{page}.md",
            1,
            f"the page fetches {name}, which the registry of data marks as used by "
            f"{entry(name).used_by}: no build brings it before the first page runs",
            "strict",
        )
        for name in sorted(known)
        if entry(name).used_by != "pages"
    ]

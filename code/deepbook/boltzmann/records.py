"""The records of this chapter: ``python benchmarks/boltzmann.py NAME`` writes them."""

from deepbook import records
from deepbook.records import Record

__all__ = ["read_record", "record_names"]


def read_record(name: str) -> Record:
    """The record of that name.

    Raises
    ------
    ValueError
        If there is none.
    """
    return records.read_record(f"boltzmann/{name}")


def record_names() -> list[str]:
    """The names of all records."""
    return records.record_names("boltzmann")

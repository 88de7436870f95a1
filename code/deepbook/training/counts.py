"""Counts that must be at least one."""

__all__ = ["check_count"]


def check_count(what: str, count: int) -> int:
    """``count``, or ``ValueError`` with the name of what is counted if it is less than 1."""
    if count < 1:
        raise ValueError(f"expected at least 1 {what}, got {count}")
    return count

"""Numbers that must lie in a range, and what is said where they don't."""

import math

__all__ = ["check_not_negative", "check_positive", "check_probability"]


def check_not_negative(what: str, value: float) -> float:
    """``value``, or ``ValueError`` with its name if it is negative, infinite or NaN."""
    if not 0 <= value < math.inf:
        raise ValueError(f"expected {what} of at least 0, got {value}")
    return value


def check_positive(what: str, value: float) -> float:
    """``value``, or ``ValueError`` with its name if it is not positive, or infinite."""
    if not 0 < value < math.inf:
        raise ValueError(f"expected {what} above 0, got {value}")
    return value


def check_probability(what: str, value: float, *, below_one: bool = False) -> float:
    """``value``, or ``ValueError`` with its name if it is not in [0, 1], or in [0, 1)."""
    if not 0 <= value <= 1 or (below_one and value == 1):
        raise ValueError(
            f"expected {what} {'in [0, 1)' if below_one else 'between 0 and 1'}, got {value}"
        )
    return value

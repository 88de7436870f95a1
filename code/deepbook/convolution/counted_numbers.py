"""Numbers that count how often they are multiplied."""

from dataclasses import dataclass
from typing import Any

__all__ = ["Counted", "Tally"]


@dataclass
class Tally:
    """What was counted.

    Attributes
    ----------
    products : int
        Of two counted numbers: these depend on both the input and the kernel.
    scalings : int
        Products of a counted number with a constant.
    """

    products: int = 0
    scalings: int = 0

    def numbers(self, values: Any) -> Any:
        """``values``, a number or nested lists of them, as counted numbers."""
        if isinstance(values, list | tuple):
            return [self.numbers(value) for value in values]
        return Counted(values, self)


class Counted:
    """A number that adds to a tally whenever it is multiplied.

    Parameters
    ----------
    value : int, float, complex or Fraction
    tally : Tally

    Examples
    --------
    >>> from deepbook.convolution import Tally
    >>> tally = Tally()
    >>> a, b = tally.numbers([2, 3])
    >>> (a * b + a * 5).value, tally
    (16, Tally(products=1, scalings=1))
    """

    def __init__(self, value: Any, tally: Tally) -> None:
        self.value, self.tally = value, tally

    def __mul__(self, other: Any) -> "Counted":
        if isinstance(other, Counted):
            self.tally.products += 1
            return Counted(self.value * other.value, self.tally)
        self.tally.scalings += 1
        return Counted(self.value * other, self.tally)

    __rmul__ = __mul__

    def __add__(self, other: Any) -> "Counted":
        return Counted(
            self.value + (other.value if isinstance(other, Counted) else other), self.tally
        )

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Counted":
        return Counted(
            self.value - (other.value if isinstance(other, Counted) else other), self.tally
        )

    def __truediv__(self, other: Any) -> "Counted":
        return Counted(self.value / other, self.tally)

    def __repr__(self) -> str:
        return f"Counted({self.value})"

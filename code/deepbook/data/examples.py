"""What data sets of examples have in common: rows that can be chosen, and two parts."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor

from deepbook.data.splitting import split
from deepbook.data.summaries import Summarised

__all__ = ["Examples", "TrainAndTest"]


class Examples(Summarised):
    """Base of the frozen dataclasses that hold examples, each with its class.

    Attributes
    ----------
    targets : Tensor of int64, shape (N,)
        Index of each example's class.
    class_names : tuple of str
    """

    targets: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, rows: Tensor) -> Self:
        """These examples alone, in this order.

        Parameters
        ----------
        rows : Tensor of int64, shape (M,), or of bool, shape (N,)
            Indices, or a mask.
        """
        raise NotImplementedError

    def split(
        self, held_out: float = 0.2, *, groups: Tensor | None = None, seed: int = 0
    ) -> tuple[Self, Self]:
        """What to train on, and what is held out to validate on: by ``deepbook.data.split``.

        Parameters
        ----------
        held_out : float
            Its share.
        groups : Tensor of integers, shape (N,), optional
            Examples of one group stay together.
        seed : int

        Raises
        ------
        ValueError
            If the share leaves nothing to train on, or there is not a group for each example.
        """
        parts = split(self.targets, test=held_out, groups=groups, seed=seed)
        return self.rows(parts.train), self.rows(parts.test)

    def to(self, device: torch.device | str) -> Self:
        """The same examples on ``device``."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in values.items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)  # type: ignore[type-var]


Part = TypeVar("Part", bound=Examples)
Value = TypeVar("Value")


@dataclass(frozen=True, eq=False, repr=False)
class TrainAndTest(Summarised, Generic[Part]):
    """Examples to train on, and others to test on.

    Attributes
    ----------
    train, test : Examples
        Texts, sequences or a table.
    licence, citation : str
    """

    train: Part
    test: Part
    licence: str
    citation: str

    def to(self, device: torch.device | str) -> "TrainAndTest[Part]":
        """The same examples on ``device``."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))


def choose(values: Sequence[Value], rows: Tensor) -> tuple[Value, ...]:
    """What an index or a mask takes from a tensor, taken from a sequence."""
    return tuple(values[row] for row in torch.arange(len(values))[rows.cpu()].tolist())


def check_one_each(what: str, got: int, examples: int) -> None:
    """Refuse another number of something than there are examples."""
    if got != examples:
        raise ValueError(f"expected {what} for each of {examples} targets, got {got}")

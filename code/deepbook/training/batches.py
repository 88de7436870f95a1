"""Minibatches of examples, each epoch in a new order."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

__all__ = ["Minibatches", "minibatches"]


def minibatches(
    examples: int, batch_size: int, *, generator: torch.Generator | None = None
) -> Iterator[Tensor]:
    """Index tensors that together visit every example once, in random order.

    Parameters
    ----------
    examples, batch_size : int
        The last minibatch is smaller where they don't divide.
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.

    Yields
    ------
    Tensor, shape (at most batch_size,), int64

    Examples
    --------
    >>> from deepbook.training import minibatches
    >>> batches = list(minibatches(10, 4))
    >>> [len(batch) for batch in batches]
    [4, 4, 2]
    >>> sorted(index for batch in batches for index in batch.tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    _check_sizes(examples, batch_size)
    yield from torch.randperm(examples, generator=generator).split(batch_size)


class Minibatches:
    """The rows of one or several tensors in minibatches, each epoch in a new order.

    Parameters
    ----------
    *tensors : Tensor, shape (examples, ...)
        Of one length; a batch is a tuple of as many, or a tensor where there is one.
    batch_size : int
        The last minibatch is smaller where they don't divide.
    augment : callable, optional
        ``augment(*batch)`` gives the batch that is trained on, new in every epoch: a tensor or
        tuple as before.
    generator : torch.Generator, optional
        A CPU generator for the order; the global one if not given.

    Raises
    ------
    ValueError
        If there is no tensor, no example or no batch size, or lengths differ.
    """

    def __init__(
        self,
        *tensors: Tensor,
        batch_size: int,
        augment: Callable[..., Any] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if not tensors:
            raise ValueError("expected at least 1 tensor, got none")
        lengths = [len(tensor) for tensor in tensors]
        if len(set(lengths)) > 1:
            raise ValueError(f"expected tensors of one length, got lengths {lengths}")
        _check_sizes(lengths[0], batch_size)
        self.tensors, self.batch_size = tensors, batch_size
        self.augment, self.generator = augment, generator

    def __len__(self) -> int:
        """How many minibatches an epoch has."""
        return math.ceil(len(self.tensors[0]) / self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """The minibatches of a new epoch."""
        examples = len(self.tensors[0])
        for rows in minibatches(examples, self.batch_size, generator=self.generator):
            batch = tuple(tensor[rows.to(tensor.device)] for tensor in self.tensors)
            if self.augment is not None:
                yield self.augment(*batch)
            else:
                yield batch if len(batch) > 1 else batch[0]


def _check_sizes(examples: int, batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"expected a batch size of at least 1, got {batch_size}")
    if examples < 1:
        raise ValueError(f"expected at least 1 example, got {examples}")

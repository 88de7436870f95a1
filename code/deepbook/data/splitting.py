"""The one rule by which the book splits data into parts to train, to validate and to test."""

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.data.summaries import Summarised

__all__ = ["Split", "every_fifth", "rows_by_class", "split"]

TRAIN, VALIDATION, TEST = range(3)


@dataclass(frozen=True, eq=False, repr=False)
class Split(Summarised):
    """Which rows belong to which part.

    Attributes
    ----------
    train, validation, test : Tensor of int64, shapes (N_train,), (N_validation,), (N_test,)
        Indices of rows, ascending. Together they are 0 to N - 1, each once.
    """

    train: Tensor
    validation: Tensor
    test: Tensor


def split(
    rows: int | Tensor,
    *,
    validation: float = 0.0,
    test: float = 0.2,
    groups: Tensor | None = None,
    seed: int | None = 0,
) -> Split:
    """Split rows into training, validation and test part, class by class.

    With a seed: the rows of each class are shuffled, and laid side by side on a line from 0 to 1,
    each as wide as the others. A row stands on the line at the same point of its width as all the
    others of its class, a point that is drawn. Left of ``1 - validation - test`` it is for
    training, right of ``1 - test`` for testing, between them for validation. So a part's number
    of rows of a class differs from its share by less than one, and has its share on average. Rows
    of one group stay together and are as wide as they are many; a group belongs to the class that
    most of its rows have, the smaller of two.

    Without a seed nothing is drawn. Rows of a class are counted in order of appearance, and each
    fifth one, for a fifth, is a test row; of the others each fourth one, say, is for validation.
    The book's digits are split in this way (``every_fifth``). Groups are counted like rows.

    The draws are those of Python's own generator: the split does not depend on torch's or NumPy's
    global seed or version, nor on the machine, nor on ``DEEPBOOK_SEED_OFFSET``. A page that
    wants another split under other seeds gives ``deepbook.generator(0).initial_seed()``.

    Parameters
    ----------
    rows : int, or Tensor of integers, shape (N,)
        How many rows, or the class of each.
    validation, test : float
        Shares of the rows, each 0 or more, together less than 1. Without a seed, ``1 / test`` and
        ``(1 - test) / validation`` have to be whole numbers.
    groups : Tensor of integers, shape (N,), optional
        The group of each row.
    seed : int, optional

    Raises
    ------
    ValueError
        If shapes or shares are not as said.
    """
    targets = torch.zeros(rows, dtype=torch.int64) if isinstance(rows, int) else rows.cpu()
    if groups is not None and groups.shape != targets.shape:
        raise ValueError(
            f"expected a group for each of {len(targets)} rows, got shape {tuple(groups.shape)}"
        )
    if min(validation, test) < 0 or not validation + test < 1:
        raise ValueError(
            "expected shares of 0 or more that leave something to train on, "
            f"got {validation} to validate and {test} to test"
        )
    units = torch.arange(len(targets)) if groups is None else _in_order_of_appearance(groups)
    sizes = torch.bincount(units)
    draw = None if seed is None else random.Random(seed)
    part = torch.full_like(sizes, TRAIN)
    for members in rows_by_class(targets if groups is None else _classes(units, targets)):
        if draw is None:
            part[members] = _count(len(members), validation, test)
        else:
            # keys, not `shuffle`: Python promises the same draws of `random` in every version
            keys = torch.tensor([draw.random() for _ in range(len(members))], dtype=torch.float64)
            shuffled = members[keys.argsort(stable=True)]
            part[shuffled] = _cut(sizes[shuffled], draw.random(), validation, test)
    part = part[units]
    return Split(*((part == which).nonzero().squeeze(1) for which in (TRAIN, VALIDATION, TEST)))


def every_fifth(targets: Tensor) -> Tensor:
    """Which rows the book's split holds out: of each class the fifth, tenth, fifteenth, ...

    The rows of each class are numbered 0, 1, 2, ... in order of appearance; a row is held out
    if its number leaves the remainder 4 when divided by 5. A rule, not luck: everybody
    who follows it has the same split. It is that of ``split`` without a seed.

    Parameters
    ----------
    targets : Tensor of integers, shape (N,)

    Returns
    -------
    Tensor of bool, shape (N,)

    Raises
    ------
    ValueError
        If ``targets`` has not exactly one dimension.

    Examples
    --------
    >>> import torch
    >>> from deepbook.data import every_fifth
    >>> every_fifth(torch.tensor([0, 0, 1, 0, 0, 0, 1])).nonzero().flatten()
    tensor([5])
    """
    held_out = torch.zeros_like(targets, dtype=torch.bool)
    held_out[split(targets, test=0.2, seed=None).test] = True
    return held_out


def rows_by_class(targets: Tensor) -> list[Tensor]:
    """Indices of the rows of each class, ascending; the smallest class first.

    Parameters
    ----------
    targets : Tensor, shape (N,)

    Raises
    ------
    ValueError
        If ``targets`` has not exactly one dimension.
    """
    if targets.dim() != 1:
        raise ValueError(f"expected targets of shape (N,), got {tuple(targets.shape)}")
    return [(targets == label).nonzero().squeeze(1) for label in targets.unique()]


def _in_order_of_appearance(groups: Tensor) -> Tensor:
    numbers: dict[int, int] = {}
    appeared = [numbers.setdefault(group, len(numbers)) for group in groups.tolist()]
    return torch.tensor(appeared, dtype=torch.int64)


def _classes(units: Tensor, targets: Tensor) -> Tensor:
    """The class that most rows of each unit have; of two, argmax takes the first."""
    labels, classes = targets.unique(return_inverse=True)
    count = len(units.unique())
    pairs = torch.bincount(units * len(labels) + classes, minlength=count * len(labels))
    return pairs.view(count, len(labels)).argmax(1) if count else units


def _count(rows: int, validation: float, test: float) -> Tensor:
    part = torch.full((rows,), TRAIN)
    for which, share in ((TEST, test), (VALIDATION, validation / (1 - test))):
        if share:
            stride = round(1 / share)
            if abs(stride * share - 1) > 1e-9:
                raise ValueError(
                    "expected shares that take each n-th of the rows where nothing is drawn, "
                    f"got {share:.4g} of them"
                )
            part[(part == TRAIN).nonzero().squeeze(1)[stride - 1 :: stride]] = which
    return part


def _cut(sizes: Tensor, point: float, validation: float, test: float) -> Tensor:
    places = (sizes.cumsum(0) - sizes + point * sizes.double()) / sizes.sum()
    # rounded, so that 1 - 0.1 - 0.1 is 0.8
    cuts = [round(1 - validation - test, 9), round(1 - test, 9)]
    return torch.bucketize(places, torch.tensor(cuts, dtype=torch.float64), right=True)

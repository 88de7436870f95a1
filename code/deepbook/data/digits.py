"""Handwritten digits: 5,000 of MNIST for the book, 1,797 small ones for quick experiments."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from deepbook.data.fetching import fetch
from deepbook.data.labelled import Labelled
from deepbook.data.registry import entry
from deepbook.data.splitting import rows_by_class
from deepbook.data.summaries import Summarised


@dataclass(frozen=True, eq=False, repr=False)
class Digits(Summarised):
    """Handwritten digits, split into a training and a test part by ``every_fifth``.

    Attributes
    ----------
    train, test : Labelled
    licence, citation : str
    """

    train: Labelled
    test: Labelled
    licence: str
    citation: str

    def to(self, device: torch.device | str) -> "Digits":
        """The same digits on ``device``."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))


def mnist5k() -> Digits:
    """5,000 digits of MNIST, 500 of each class, sorted by class (LeCun et al. 1998).

    ``train`` has 4,000 rows and ``test`` 1,000; ``inputs`` is (N, 784), ``images`` (N, 28, 28),
    the ink scaled from 0..255 to [0, 1]. ``train.split()`` gives 3,200 to fit and 800 to validate.
    Whoever trains in minibatches must shuffle: the rows come sorted.

    Raises
    ------
    DataError
        If the file is neither in the cache nor to be had; see ``fetch``.
    """
    return _digits("mnist-5k", image_shape=(28, 28), full_ink=255)


@dataclass(frozen=True, eq=False, repr=False)
class FewDigits(Summarised):
    """A few of MNIST's digits to learn from, as many to validate, and all others to test.

    Attributes
    ----------
    train, validation, test : Labelled
    licence, citation : str
    """

    train: Labelled
    validation: Labelled
    test: Labelled
    licence: str
    citation: str

    def to(self, device: torch.device | str) -> "FewDigits":
        """The same digits on ``device``."""
        parts = {name: getattr(self, name).to(device) for name in ("train", "validation", "test")}
        return replace(self, **parts)


def few_digits(per_class: int = 50) -> FewDigits:
    """The digits of ``mnist5k`` where learning is hard: 500 to train, and 4,000 to judge by.

    ``train`` has the first ``per_class`` training digits of each class, ``validation`` the next as
    many, ``test`` the other training digits and, behind them, all of ``mnist5k().test``.

    Raises
    ------
    ValueError
        Unless ``per_class`` is in 1 to 200.
    DataError
        If the file is neither in the cache nor to be had; see ``fetch``.
    """
    if not 1 <= per_class <= 200:
        raise ValueError(f"expected 1 to 200 digits a class, got {per_class}")
    digits = mnist5k()
    by_class = rows_by_class(digits.train.targets)

    def part(start: int, end: int | None) -> Labelled:
        return digits.train.rows(torch.cat([rows[start:end] for rows in by_class]))

    rest = part(2 * per_class, None)
    test = replace(
        rest,
        inputs=torch.cat([rest.inputs, digits.test.inputs]),
        targets=torch.cat([rest.targets, digits.test.targets]),
    )
    return FewDigits(
        part(0, per_class),
        part(per_class, 2 * per_class),
        test,
        digits.licence,
        digits.citation,
    )


def digits8x8() -> Digits:
    """1,797 digits of 8 x 8 pixels, not sorted (Alpaydin and Kaynak 1998).

    ``train`` has 1,442 rows and ``test`` 355; ``inputs`` is (N, 64), ``images`` (N, 8, 8), the ink
    scaled from 0..16 to [0, 1].

    Raises
    ------
    DataError
        If the file is neither in the cache nor to be had; see ``fetch``.
    """
    return _digits("digits-8x8", image_shape=(8, 8), full_ink=16)


def _digits(name: str, image_shape: tuple[int, int], full_ink: int) -> Digits:
    # one row an image: its pixels, then its label. Both files write small whole numbers.
    table = torch.from_numpy(np.loadtxt(fetch(name), delimiter=",", dtype=np.uint8))
    everything = Labelled(
        inputs=table[:, :-1].float() / full_ink,
        targets=table[:, -1].long(),
        image_shape=image_shape,
        class_names=tuple("0123456789"),
    )
    train, test = everything.split()
    return Digits(train, test, entry(name).licence, entry(name).citation)

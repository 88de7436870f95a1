"""Handwritten digits: 5,000 of MNIST for the book, 1,797 small ones for quick experiments."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from deepbook.data.fetching import fetch
from deepbook.data.labelled import Labelled
from deepbook.data.registry import entry
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

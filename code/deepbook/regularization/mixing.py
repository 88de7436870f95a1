"""Mixup and CutMix: two examples in one, and their labels in the same shares."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from deepbook.regularization.checks import check_positive, check_probability
from deepbook.training.counts import check_count

__all__ = ["CutMix", "Mixup", "cut_box", "mix"]


def mix(x: Tensor, partners: Tensor, share: float) -> Tensor:
    """``share`` of each example and the rest from its partner, ``x[partners]``.

    Parameters
    ----------
    x : Tensor, shape (N, ...), floating point
        Inputs, or targets as probabilities.
    partners : Tensor, shape (N,), int64
    share : float, between 0 and 1
    """
    check_probability("a share", share)
    return share * x + (1 - share) * x[partners]


class Mixup:
    """Weighted means of pairs of examples (Zhang et al. 2018), for the loop's ``augment``.

    Each minibatch draws one share from ``Beta(alpha, alpha)`` and one permutation; inputs and
    targets are mixed by both.

    Parameters
    ----------
    alpha : float
        Small for shares near 0 or 1; 1 for uniform ones.
    classes : int
        The targets become probabilities, shape (N, classes), which torch's ``cross_entropy`` takes.
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.
    """

    def __init__(
        self, alpha: float, classes: int, generator: torch.Generator | None = None
    ) -> None:
        self.alpha, self.generator = check_positive("alpha", alpha), generator
        self.classes = check_count("class", classes)

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mixed inputs, and targets of shape (N, classes).

        Parameters
        ----------
        inputs : Tensor, shape (N, ...), floating point
        targets : Tensor, shape (N,), int64
        """
        share, partners, labels = self._draw(inputs, targets)
        return mix(inputs, partners, share), mix(labels, partners, share)

    def _draw(self, inputs: Tensor, targets: Tensor) -> tuple[float, Tensor, Tensor]:
        labels = one_hot(targets, self.classes).to(inputs.dtype)
        partners = torch.randperm(len(inputs), generator=self.generator).to(inputs.device)
        # torch has no beta distribution that takes a generator
        seed = int(torch.randint(2**63 - 1, (), generator=self.generator))
        return float(np.random.default_rng(seed).beta(self.alpha, self.alpha)), partners, labels


class CutMix(Mixup):
    """A box of each picture replaced by the same box of another (Yun et al. 2019).

    The labels' share is that of the pixels that stay: where the border cuts the box off, that is
    more than what was drawn.

    Parameters
    ----------
    alpha, classes, generator
        As for ``Mixup``.
    image_shape : (int, int)
        Height and width, also of flat inputs.
    """

    def __init__(
        self,
        alpha: float,
        classes: int,
        image_shape: Sequence[int],
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(alpha, classes, generator)
        self.height, self.width = image_shape

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mixed pictures in the shape of ``inputs``, and targets of shape (N, classes)."""
        if inputs.ndim < 2 or inputs[0].numel() % (self.height * self.width):
            raise ValueError(
                f"expected inputs of {self.height} x {self.width} pixels, got shape "
                f"{tuple(inputs.shape)}"
            )
        share, partners, labels = self._draw(inputs, targets)
        row = int(torch.randint(self.height, (), generator=self.generator))
        column = int(torch.randint(self.width, (), generator=self.generator))
        rows, columns = cut_box((self.height, self.width), share, (row, column))
        images = inputs.reshape(len(inputs), -1, self.height, self.width).clone()
        images[..., rows, columns] = images[partners][..., rows, columns]
        cut = (rows.stop - rows.start) * (columns.stop - columns.start)
        share = 1 - cut / (self.height * self.width)
        return images.reshape(inputs.shape), mix(labels, partners, share)


def cut_box(
    image_shape: Sequence[int], share: float, centre: tuple[int, int]
) -> tuple[slice, slice]:
    """Rows and columns of a box of ``1 - share`` of the picture, cut off at the border.

    Parameters
    ----------
    image_shape : (int, int)
    share : float
        Of the pixels that would stay if no border cut the box off.
    centre : (int, int)
    """
    check_probability("a share", share)
    slices = []
    for size, middle in zip(image_shape, centre, strict=True):
        side = int(size * math.sqrt(1 - share))
        start = middle - side // 2
        slices.append(slice(max(start, 0), min(start + side, size)))
    return slices[0], slices[1]

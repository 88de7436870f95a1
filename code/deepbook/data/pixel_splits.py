"""Pixels of one image to train and to test on: at random, or in blocks that keep apart."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from deepbook.data.splitting import split
from deepbook.data.summaries import Summarised

__all__ = ["PixelSplit", "block_pixels", "random_pixels"]


@dataclass(frozen=True, eq=False, repr=False)
class PixelSplit(Summarised):
    """Which pixels of an image belong to which part; some may belong to none.

    Attributes
    ----------
    train, test : Tensor of bool, shape (height, width)
    """

    train: Tensor
    test: Tensor


def random_pixels(labels: Tensor, *, test: float = 0.5, seed: int = 0) -> PixelSplit:
    """Labelled pixels split at random, class by class, as in most papers on satellite images.

    A test pixel then has training pixels for neighbours. Whatever sees a window of pixels has seen
    test pixels in training.

    Parameters
    ----------
    labels : Tensor of integers, shape (height, width)
        0 where there is none.
    test : float
        Share of the labelled pixels.
    seed : int

    Raises
    ------
    ValueError
        If ``labels`` has not two dimensions, or the share is not between 0 and 1.
    """
    _check(labels, test)
    places = labels.cpu().flatten().nonzero()[:, 0]
    parts = split(labels.cpu().flatten()[places], test=test, seed=seed)
    chosen = [torch.zeros(labels.numel(), dtype=torch.bool) for _ in range(2)]
    for mask, rows in zip(chosen, (parts.train, parts.test), strict=True):
        mask[places[rows]] = True
    train, held_out = (mask.view(labels.shape).to(labels.device) for mask in chosen)
    return PixelSplit(train, held_out)


def block_pixels(
    labels: Tensor,
    *,
    block: int,
    window: int = 1,
    test: float = 0.5,
    generator: torch.Generator | None = None,
) -> PixelSplit:
    """Labelled pixels split by square blocks, so that no window sees pixels of both parts.

    The image is cut into blocks, a share of them is drawn for testing, the others are for training.
    Then training pixels are left out that are nearer than ``window`` to a test pixel, along rows or
    along columns whichever is more (Chebyshev distance). So windows of that size around a training
    and a test pixel have no pixel in common.

    Parameters
    ----------
    labels : Tensor of integers, shape (height, width)
        0 where there is none.
    block : int
        Height and width of a block; those at the right and lower edge may be smaller.
    window : int
        Height and width of what a classifier sees of each pixel's surroundings.
    test : float
        Share of those blocks that have labelled pixels.
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.

    Raises
    ------
    ValueError
        If ``labels`` has not two dimensions, a size is less than one, the share is not between 0
        and 1, or a part would be empty.
    """
    _check(labels, test)
    for what, size in (("block", block), ("window", window)):
        if size < 1:
            raise ValueError(f"expected a {what} of at least one pixel, got {size}")
    height, width = labels.shape
    across = -(-width // block)
    rows, columns = torch.arange(height) // block, torch.arange(width) // block
    block_of = rows[:, None] * across + columns
    labelled = labels.cpu() != 0
    there = block_of[labelled].unique()
    drawn = there[torch.randperm(len(there), generator=generator)[: round(test * len(there))]]
    held_out = labelled & torch.isin(block_of, drawn)
    train = labelled & ~held_out & ~within(held_out, window - 1)
    for what, mask in (("train", train), ("test", held_out)):
        if not mask.any():
            raise ValueError(
                f"expected pixels left to {what} on, got none with blocks of {block} and "
                f"windows of {window}"
            )
    return PixelSplit(train.to(labels.device), held_out.to(labels.device))


def within(mask: Tensor, distance: int) -> Tensor:
    """Pixels at most so far (Chebyshev) from a pixel of the mask, shape of ``mask``."""
    pixels = mask[None, None].float()
    return max_pool2d(pixels, 2 * distance + 1, stride=1, padding=distance)[0, 0] > 0


def _check(labels: Tensor, test: float) -> None:
    if labels.ndim != 2:
        raise ValueError(f"expected labels of shape (height, width), got {tuple(labels.shape)}")
    if not 0 < test < 1:
        raise ValueError(f"expected a share between 0 and 1 to test on, got {test}")

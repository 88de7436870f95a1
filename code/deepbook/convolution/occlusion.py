"""Occlusion maps: which part of a picture a network's answer depends on."""

import torch
from torch import Tensor, nn

from deepbook.convolution.feature_maps import evaluating

__all__ = ["occlusion_map"]


def occlusion_map(
    model: nn.Module,
    image: Tensor,
    target: int,
    size: int = 5,
    stride: int = 1,
    fill: float = 0.0,
    batch_size: int = 256,
) -> Tensor:
    """The probability of a class while a square covers a part of the picture.

    The square goes over the picture step by step, always wholly inside it, and the network reads
    each covered picture (Zeiler and Fergus 2014, section 4.2). Where the probability falls, the
    covered part was needed. No gradient takes part, so that it works with any network.

    Parameters
    ----------
    model : nn.Module
        Gives logits, shape (N, classes), for pictures; read in evaluation mode and left as it was.
    image : Tensor, shape (channels, height, width)
    target : int
        The class.
    size, stride : int
        Side of the square and its step, in pixels.
    fill : float
        The value of the pixels under the square, in all channels.
    batch_size : int
        So many covered pictures are read at once.

    Returns
    -------
    Tensor, shape ((height - size) // stride + 1, (width - size) // stride + 1)
        Entry ``i, j`` with the square's first row ``i * stride`` and first column ``j * stride``.

    Raises
    ------
    ValueError
        If the picture's shape, the square or the class does not fit.
    """
    if image.ndim != 3:
        raise ValueError(
            f"expected a picture of shape (channels, height, width), got {tuple(image.shape)}"
        )
    height, width = image.shape[1:]
    if not 1 <= size <= min(height, width):
        raise ValueError(f"expected a square of side 1 to {min(height, width)}, got {size}")
    if stride < 1 or batch_size < 1:
        raise ValueError(
            f"expected a stride and a batch size of 1 or more, got {stride} and {batch_size}"
        )
    tops = torch.arange(0, height - size + 1, stride, device=image.device)
    lefts = torch.arange(0, width - size + 1, stride, device=image.device)
    rows = _covered(tops, size, height)
    columns = _covered(lefts, size, width)
    # one mask for each place of the square: a row covered and a column covered
    masks = (rows[:, None, :, None] & columns[None, :, None, :]).view(-1, 1, height, width)
    with evaluating(model):
        probabilities = [
            _class_probability(model, image.masked_fill(mask, fill), target)
            for mask in masks.split(batch_size)
        ]
    return torch.cat(probabilities).view(len(tops), len(lefts))


def _covered(starts: Tensor, size: int, length: int) -> Tensor:
    """Which of ``length`` places lie in the stretch from each start, shape (starts, length)."""
    offsets = torch.arange(length, device=starts.device) - starts[:, None]
    return (offsets >= 0) & (offsets < size)


def _class_probability(model: nn.Module, images: Tensor, target: int) -> Tensor:
    logits = model(images)
    classes = logits.shape[-1]
    if logits.ndim != 2 or not 0 <= target < classes:
        raise ValueError(
            f"expected logits of shape (N, classes) and a class from 0 to {classes - 1}, "
            f"got {tuple(logits.shape)} and {target}"
        )
    probability: Tensor = logits.softmax(-1)[:, target]
    return probability

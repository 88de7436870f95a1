"""Scenes of real digits: handwritten digits scattered over a canvas, with a label per pixel."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepbook.data import Labelled
from deepbook.data.summaries import Summarised

__all__ = ["DigitScenes", "scatter_digits"]


@dataclass(frozen=True, eq=False, repr=False)
class DigitScenes(Summarised):
    """Pictures of several digits, and where each of them is.

    Attributes
    ----------
    images : Tensor of float32, shape (N, 1, height, width), values in [0, 1]
        Where digits overlap, the ink of the darker one.
    masks : Tensor of int64, shape (N, height, width)
        The class of the digit that each pixel belongs to; the number of classes where there is
        none: with ten digits, class 10 is the background.
    boxes : Tensor of int64, shape (N, M, 4)
        Left, top, right and bottom edge of each digit's ink, in pixels; right and bottom are the
        first column and row behind it. Zeros where a scene has fewer than M digits.
    labels : Tensor of int64, shape (N, M)
        The class of each box; -1 where there is none.
    rows : Tensor of int64, shape (N, M)
        Which of the given digits it is; -1 where there is none.
    class_names : tuple of str
        Those of the digits, then "background".
    """

    images: Tensor
    masks: Tensor
    boxes: Tensor
    labels: Tensor
    rows: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def background(self) -> int:
        """The class of pixels that belong to no digit."""
        return len(self.class_names) - 1

    def to(self, device: torch.device | str) -> "DigitScenes":
        """The same scenes on ``device``."""
        names = ("images", "masks", "boxes", "labels", "rows")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def scatter_digits(
    digits: Labelled,
    count: int,
    *,
    size: tuple[int, int] = (40, 40),
    per_scene: tuple[int, int] = (1, 3),
    overlap: bool = False,
    ink: float = 0.25,
    generator: torch.Generator | None = None,
) -> DigitScenes:
    """Scenes of digits at random places, all of their ink inside the canvas.

    Only digits that are given occur: scenes for training are made of training digits, scenes for
    testing of test digits.

    Parameters
    ----------
    digits : Labelled
    count : int
        How many scenes.
    size : (int, int)
        Height and width of the canvas.
    per_scene : (int, int)
        Least and largest number of digits to a scene; each number is as likely as the others.
    overlap : bool
        Whether boxes may overlap. If not, a digit that finds no room in 50 draws is left out.
    ink : float
        A pixel belongs to a digit if it has more ink than this, and more than of any other digit.
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.

    Raises
    ------
    ValueError
        If the canvas is smaller than a digit, numbers are less than one or not in order, or there
        are no digits.
    """
    height, width = size
    least, most = per_scene
    if count < 1 or not 1 <= least <= most:
        raise ValueError(
            f"expected at least 1 scene of 1 digit or more, got {count} of {least} to {most}"
        )
    if len(digits) == 0:
        raise ValueError("expected at least 1 digit to scatter, got none")
    if min(height - digits.image_shape[0], width - digits.image_shape[1]) < 0:
        raise ValueError(
            f"expected a canvas of at least {digits.image_shape[0]} x {digits.image_shape[1]}, "
            f"got {height} x {width}"
        )

    def draw(highest: int) -> int:
        return int(torch.randint(highest, (), generator=generator))

    background = len(digits.class_names)
    images = torch.zeros(count, height, width)
    masks = torch.full((count, height, width), background)
    boxes = torch.zeros(count, most, 4, dtype=torch.int64)
    labels, rows = torch.full((2, count, most), -1)
    for n in range(count):
        placed = 0
        for _ in range(least + draw(most - least + 1)):
            row = draw(len(digits))
            digit = _cropped(digits.images[row])
            h, w = digit.shape
            for _ in range(50):
                top, left = draw(height - h + 1), draw(width - w + 1)
                box = torch.tensor([left, top, left + w, top + h])
                if overlap or not bool(_meet(box, boxes[n, :placed]).any()):
                    break
            else:
                continue
            there = (n, slice(top, top + h), slice(left, left + w))
            darker = (digit > ink) & (digit > images[there])
            masks[there] = masks[there].masked_fill(darker, int(digits.targets[row]))
            images[there] = torch.maximum(images[there], digit)
            boxes[n, placed], labels[n, placed], rows[n, placed] = box, digits.targets[row], row
            placed += 1
    names = (*digits.class_names, "background")
    return DigitScenes(images[:, None], masks, boxes, labels, rows, names)


def _cropped(image: Tensor) -> Tensor:
    """A digit without the empty rows and columns around it."""
    rows, columns = (image.amax(axis).nonzero()[:, 0] for axis in (1, 0))
    if not len(rows):
        return image
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].cpu()


def _meet(box: Tensor, others: Tensor) -> Tensor:
    """Which of the others share a pixel with the box."""
    return ((box[:2] < others[:, 2:]) & (others[:, :2] < box[2:])).all(1)

"""Labelled images."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepbook.data.splitting import every_fifth, rows_by_class
from deepbook.data.summaries import Summarised


@dataclass(frozen=True, eq=False, repr=False)
class Labelled(Summarised):
    """Images with their classes, in the order of the file.

    Attributes
    ----------
    inputs : Tensor of float32, shape (N, height * width), values in [0, 1]
    targets : Tensor of int64, shape (N,)
        Index of each image's class.
    image_shape : (int, int)
        Height and width.
    class_names : tuple of str
    """

    inputs: Tensor
    targets: Tensor
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        height, width = self.image_shape
        expected = (len(self.targets), height * width)
        if tuple(self.inputs.shape) != expected:
            raise ValueError(f"expected inputs of shape {expected}, got {tuple(self.inputs.shape)}")

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def images(self) -> Tensor:
        """The same numbers as pictures, shape (N, height, width); shares memory with ``inputs``."""
        return self.inputs.reshape(-1, *self.image_shape)

    def to(self, device: torch.device | str) -> "Labelled":
        """The same images on ``device``."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))

    def split(self) -> tuple["Labelled", "Labelled"]:
        """Four fifths to fit, one fifth to validate, by the rule of ``every_fifth``."""
        held_out = every_fifth(self.targets)
        return self.rows(~held_out), self.rows(held_out)

    def first(self, per_class: int) -> "Labelled":
        """The first ``per_class`` images of each class, in the order of the file.

        Raises
        ------
        ValueError
            If a class has fewer, or ``per_class`` is not positive.
        """
        by_class = rows_by_class(self.targets)
        smallest = min(len(rows) for rows in by_class)
        if not 1 <= per_class <= smallest:
            raise ValueError(f"expected 1 to {smallest} images a class, got {per_class}")
        return self.rows(torch.cat([rows[:per_class] for rows in by_class]).sort().values)

    def rows(self, rows: Tensor) -> "Labelled":
        """These images: indices, or a mask."""
        return replace(self, inputs=self.inputs[rows], targets=self.targets[rows])

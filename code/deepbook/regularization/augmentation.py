"""Augmentation: pictures changed at random, as the training loop takes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from deepbook.regularization.checks import check_not_negative, check_probability
from deepbook.regularization.draws import uniform
from deepbook.regularization.image_warps import (
    affine_warp,
    check_images,
    displacement_warp,
    smooth_displacements,
)

__all__ = ["Augmentation", "RandomAffine", "RandomElastic", "RandomFlip"]

Transform = Callable[[Tensor, torch.Generator | None], Tensor]


@dataclass(frozen=True)
class RandomAffine:
    """Each picture rotated, scaled, sheared and shifted by its own uniform amounts.

    Attributes
    ----------
    rotation : float
        Up to so many degrees to either side.
    shift : float
        Up to so many pixels up or down, and left or right.
    scale : float
        By a factor from ``1 - scale`` to ``1 + scale``; below 1.
    shear : float
        Up to so many degrees to either side.
    centre : pair of float, optional
        As for ``affine_warp``; (14, 14) for MNIST.

    Raises
    ------
    ValueError
        If an amount is negative, or ``scale`` is not below 1.
    """

    rotation: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    centre: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name in ("rotation", "shift", "shear"):
            check_not_negative(f"a {name}", getattr(self, name))
        check_probability("a scale", self.scale, below_one=True)

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The changed pictures, shape (N, ..., height, width)."""
        check_images(images)
        amounts = uniform((len(images), 5), images, generator, low=-1.0, high=1.0)
        return affine_warp(
            images,
            rotation=self.rotation * amounts[:, 0],
            scale=1 + self.scale * amounts[:, 1],
            shear=self.shear * amounts[:, 2],
            shift=self.shift * amounts[:, 3:],
            centre=self.centre,
        )


@dataclass(frozen=True)
class RandomElastic:
    """Each picture bent by smooth displacements of its own; see ``smooth_displacements``.

    Attributes
    ----------
    amplitude, smoothness : float
        Both in pixels.
    """

    amplitude: float
    smoothness: float = 4.0

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The changed pictures, shape (N, ..., height, width)."""
        displacements = smooth_displacements(
            images, amplitude=self.amplitude, smoothness=self.smoothness, generator=generator
        )
        return displacement_warp(images, displacements)


@dataclass(frozen=True)
class RandomFlip:
    """Each picture mirrored with a probability.

    Harms where left and right are not alike, as in most digits.

    Attributes
    ----------
    probability : float
    direction : {"horizontal", "vertical"}
        Left to right, or top to bottom.
    """

    probability: float = 0.5
    direction: str = "horizontal"

    def __post_init__(self) -> None:
        check_probability("a probability", self.probability)
        if self.direction not in ("horizontal", "vertical"):
            raise ValueError(f"expected direction horizontal or vertical, got {self.direction!r}")

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The changed pictures, shape (N, ..., height, width)."""
        check_images(images)
        chosen = uniform((len(images),), images, generator) < self.probability
        chosen = chosen.view(-1, *[1] * (images.ndim - 1))
        return torch.where(
            chosen, images.flip(-1 if self.direction == "horizontal" else -2), images
        )


class Augmentation:
    """Several random transforms, one after another, for the training loop's ``augment``.

    Only what is trained on goes through it: ``fit`` gives it minibatches of the training data and
    never the validation data.

    Parameters
    ----------
    *transforms : callable
        ``transform(images, generator)``.
    image_shape : (int, int), optional
        Height and width, where the inputs are flat, shape (N, height * width).
    generator : torch.Generator, optional
        On any device; the global one if not given.

    Raises
    ------
    ValueError
        If there is no transform.
    """

    def __init__(
        self,
        *transforms: Transform,
        image_shape: Sequence[int] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if not transforms:
            raise ValueError("expected at least 1 transform, got none")
        self.transforms, self.generator = transforms, generator
        self.image_shape = None if image_shape is None else tuple(image_shape)

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Changed inputs, and the targets as they are.

        Raises
        ------
        ValueError
            If flat inputs have not the size of a picture.
        RuntimeError
            In a worker of a ``DataLoader`` with a generator of its own: each worker would have a
            copy of it, and all would draw the same.
        """
        if self.generator is not None and get_worker_info() is not None:
            raise RuntimeError(
                "expected the global generator in a worker of a DataLoader, got one of its own: "
                "every worker would draw the same numbers"
            )
        images = self._images(inputs)
        for transform in self.transforms:
            images = transform(images, self.generator)
        return images.reshape(inputs.shape), targets

    def _images(self, inputs: Tensor) -> Tensor:
        if self.image_shape is None:
            return inputs
        height, width = self.image_shape
        if inputs.ndim < 2 or inputs[0].numel() % (height * width):
            raise ValueError(
                f"expected inputs of {height} x {width} pixels, got shape {tuple(inputs.shape)}"
            )
        return inputs.reshape(len(inputs), -1, height, width)

"""Features of pictures that no label was needed for: random filters, and k-means centres."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from deepbook.convolution.kmeans import kmeans_clusters, triangle_code
from deepbook.data import Whitening, patches
from deepbook.data.summaries import Summarised
from deepbook.training import check_count

__all__ = ["PatchFeatures"]


@dataclass(frozen=True, eq=False, repr=False)
class PatchFeatures(Summarised):
    """A layer of convolution, detection and pooling that was not trained (Coates et al. 2011).

    Every patch of a picture is normalised (its mean is taken off, its contrast divided out),
    whitened and coded; codes are averaged over each quarter of the picture. The code is a
    rectified linear one for random filters, the triangle code for centres of k-means.

    Attributes
    ----------
    size : int
        Height and width of patches.
    whitening : Whitening
        Fitted to patches of the pictures that the features were made from.
    filters : Tensor, shape (K, size * size)
        Random directions, or centres.
    triangle : bool
        Which code.
    contrast : float
        Added to a patch's variance before its root divides: flat patches stay flat.
    """

    size: int
    whitening: Whitening
    filters: Tensor
    triangle: bool
    contrast: float

    @classmethod
    def random(
        cls,
        images: Tensor,
        count: int,
        *,
        size: int = 7,
        sample: int = 5000,
        epsilon: float = 0.1,
        contrast: float = 0.01,
        generator: torch.Generator | None = None,
    ) -> Self:
        """Filters with normal weights (Jarrett et al. 2009; Saxe et al. 2011).

        Parameters
        ----------
        images : Tensor, shape (N, height, width)
            To fit the whitening to; labels are not needed.
        count : int
            How many filters, K.
        size : int
        sample : int
            How many patches are drawn.
        epsilon, contrast : float
            For the whitening; see ``Whitening.fit`` and the attribute.
        generator : torch.Generator, optional
            On the images' device; the global one if not given.

        Raises
        ------
        ValueError
            If patches do not fit or a number is less than one.
        """
        white, whitening = _white_sample(images, size, sample, epsilon, contrast, generator)
        check_count("filter", count)
        filters = torch.randn(
            count, size**2, generator=generator, device=white.device, dtype=white.dtype
        )
        return cls(size, whitening, filters / filters.norm(dim=1, keepdim=True), False, contrast)

    @classmethod
    def kmeans(
        cls,
        images: Tensor,
        count: int,
        *,
        size: int = 7,
        sample: int = 5000,
        iterations: int = 10,
        epsilon: float = 0.1,
        contrast: float = 0.01,
        generator: torch.Generator | None = None,
    ) -> Self:
        """The centres of k-means on white patches.

        Parameters
        ----------
        images, count, size, sample, epsilon, contrast, generator
            As for ``random``.
        iterations : int
            Of k-means, at most.

        Raises
        ------
        ValueError
            As for ``random``.
        """
        white, whitening = _white_sample(images, size, sample, epsilon, contrast, generator)
        found = kmeans_clusters(white, count, iterations=iterations, generator=generator)
        return cls(size, whitening, found.centres, True, contrast)

    def with_filters(self, filters: Tensor, *, triangle: bool) -> Self:
        """The same patches and whitening, coded with other filters of shape (K, size * size)."""
        if filters.ndim != 2 or filters.shape[1] != self.size**2:
            raise ValueError(
                f"expected filters of shape (K, {self.size**2}), got {tuple(filters.shape)}"
            )
        return replace(self, filters=filters, triangle=triangle)

    def maps(self, images: Tensor) -> Tensor:
        """The code at every place, shape (N, K, height - size + 1, width - size + 1).

        Raises
        ------
        ValueError
            If ``images`` has not the shape (N, height, width), or a patch does not fit.
        """
        if images.ndim != 3 or min(images.shape[1:]) < self.size:
            raise ValueError(
                f"expected images of shape (N, height, width), at least {self.size} x {self.size}, "
                f"got {tuple(images.shape)}"
            )
        windows = images.unfold(1, self.size, 1).unfold(2, self.size, 1).flatten(3)
        white = self.whitening(normalised(windows, self.contrast))
        if self.triangle:
            code = triangle_code(white, self.filters)
        else:
            code = (white @ self.filters.T).relu()
        return code.movedim(-1, 1)

    def __call__(self, images: Tensor, *, grid: int = 2, batch_size: int = 100) -> Tensor:
        """Means of the codes over ``grid`` x ``grid`` parts, shape (N, K * grid * grid).

        Parameters
        ----------
        images : Tensor, shape (N, height, width)
        grid : int
            2 for quarters, as in the paper.
        batch_size : int
            How many pictures at once: their patches take memory.
        """
        check_count("part", grid)
        pooled = [
            adaptive_avg_pool2d(self.maps(some), grid).flatten(1)
            for some in images.split(batch_size)
        ]
        return torch.cat(pooled)


def normalised(windows: Tensor, contrast: float) -> Tensor:
    """Patches, shape (..., D), with mean 0 and divided by the root of variance plus contrast."""
    centred = windows - windows.mean(-1, keepdim=True)
    # Coates et al. 2011, section 3.1.1
    return centred / (centred.square().mean(-1, keepdim=True) + contrast).sqrt()


def _white_sample(
    images: Tensor,
    size: int,
    sample: int,
    epsilon: float,
    contrast: float,
    generator: torch.Generator | None,
) -> tuple[Tensor, Whitening]:
    drawn = patches(images, size, check_count("patch", sample), generator).flatten(1)
    some = normalised(drawn, contrast)
    whitening = Whitening.fit(some, epsilon=epsilon)
    return whitening(some), whitening

"""Two photographs, and patches of them: what natural images look like from near."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.summaries import Summarised


@dataclass(frozen=True, eq=False, repr=False)
class Photographs(Summarised):
    """Colour photographs of one size.

    Attributes
    ----------
    images : Tensor of float32, shape (2, 3, 427, 640), values in [0, 1]
        Red, green and blue of each.
    titles : tuple of str
    licences, citations : tuple of str
    """

    images: Tensor
    titles: tuple[str, ...]
    licences: tuple[str, ...]
    citations: tuple[str, ...]

    @property
    def grey(self) -> Tensor:
        """Their brightness, shape (2, 427, 640): the weights of ITU-R BT.601."""
        weights = self.images.new_tensor([0.299, 0.587, 0.114])
        return torch.einsum("c,nchw->nhw", weights, self.images)

    def to(self, device: torch.device | str) -> "Photographs":
        """The same photographs on ``device``."""
        return replace(self, images=self.images.to(device))


def photographs() -> Photographs:
    """A Chinese temple and a flower: the sample images of scikit-learn.

    Raises
    ------
    DataError
        If a file is neither in the cache nor to be had; see ``fetch``.
    """
    # imported late: matplotlib is slow to import, and brings the decoder of JPEG along
    from matplotlib.image import imread

    titles = ("china", "flower")
    entries = [entry(f"photograph-{title}") for title in titles]
    pixels = [torch.from_numpy(imread(fetch(data.name)).copy()) for data in entries]
    return Photographs(
        images=torch.stack(pixels).movedim(-1, 1).float() / 255,
        titles=titles,
        licences=tuple(data.licence for data in entries),
        citations=tuple(data.citation for data in entries),
    )


def patches(
    images: Tensor, size: int, count: int, generator: torch.Generator | None = None
) -> Tensor:
    """Square patches from random places of random images.

    Parameters
    ----------
    images : Tensor, shape (N, height, width)
    size : int
        Height and width of a patch.
    count : int
    generator : torch.Generator, optional
        On the images' device; the global one if not given.

    Returns
    -------
    Tensor, shape (count, size, size)

    Raises
    ------
    ValueError
        If ``images`` has not three dimensions, or a patch does not fit.
    """
    if images.ndim != 3:
        raise ValueError(f"expected images of shape (N, height, width), got {tuple(images.shape)}")
    if not 1 <= size <= min(images.shape[1:]):
        raise ValueError(
            f"expected patches of size 1 to {min(images.shape[1:])}, as images are "
            f"{images.shape[1]} x {images.shape[2]}; got {size}"
        )

    def draw(highest: int) -> Tensor:
        return torch.randint(highest, (count, 1, 1), generator=generator, device=images.device)

    offset = torch.arange(size, device=images.device)
    rows = draw(images.shape[1] - size + 1) + offset[:, None]
    columns = draw(images.shape[2] - size + 1) + offset
    return images[draw(len(images)), rows, columns]

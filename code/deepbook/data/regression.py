"""Numbers to predict a number from: the diabetes study."""

import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.summaries import Summarised

__all__ = ["Regression", "diabetes"]


@dataclass(frozen=True, eq=False, repr=False)
class Regression(Summarised):
    """Rows of numbers, each with a number to predict.

    Attributes
    ----------
    inputs : Tensor of float64, shape (N, P)
        As they were measured.
    names : tuple of P str
    targets : Tensor of float64, shape (N,)
    licence, citation : str
    """

    inputs: Tensor
    names: tuple[str, ...]
    targets: Tensor
    licence: str
    citation: str

    def __post_init__(self) -> None:
        expected = (len(self.targets), len(self.names))
        if tuple(self.inputs.shape) != expected:
            raise ValueError(f"expected inputs of shape {expected}, got {tuple(self.inputs.shape)}")

    def __len__(self) -> int:
        return len(self.targets)

    def standardised(self) -> tuple[Tensor, Tensor]:
        """Inputs with mean 0 and variance 1 in each column, and targets with mean 0.

        Returns
        -------
        (Tensor, shape (N, P), Tensor, shape (N,))
            Variances are sums of squares over N.
        """
        centred = self.inputs - self.inputs.mean(0)
        scaled = centred / centred.square().mean(0).sqrt()
        return scaled, self.targets - self.targets.mean()

    def to(self, device: torch.device | str) -> "Regression":
        """The same numbers on ``device``."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))


def diabetes() -> Regression:
    """How far will the disease have gone in a year? 442 patients (Efron et al. 2004).

    Ten measurements at the start: age, sex (1 or 2), body-mass index, mean blood pressure, and six
    of the blood. Three of these, total cholesterol, LDL and HDL, say nearly the same; such data
    have a Hessian with eigenvalues of very different size.

    Raises
    ------
    DataError
        If the files are neither in the cache nor to be had; see ``fetch``.
    """
    folder, data = fetch("diabetes"), entry("diabetes")
    return Regression(
        _numbers(folder / "diabetes_data_raw.csv.gz"),
        ("age", "sex", "bmi", "pressure", "cholesterol", "ldl", "hdl", "ratio", "lipids", "sugar"),
        _numbers(folder / "diabetes_target.csv.gz"),
        data.licence,
        data.citation,
    )


def _numbers(file: Path) -> Tensor:
    return torch.from_numpy(np.loadtxt(gzip.open(file, "rt"), dtype=np.float64))

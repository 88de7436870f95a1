"""Visible and hidden units, a bias for each and weights between: the parameters of many models."""

from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from deepbook.boltzmann.energy.layers import check_weight_scale
from deepbook.units import check_units, log_odds

__all__ = ["InitialWeights", "TwoLayers"]


class InitialWeights(TypedDict, total=False):
    """How a model's weights begin, and where.

    Attributes
    ----------
    weight_scale : float
        Standard deviation of the initial weights.
    generator : torch.Generator, optional
        For the initial weights, on ``device``; the global one if not given.
    device, dtype : optional
        Of the parameters, as in torch.
    """

    weight_scale: float
    generator: torch.Generator | None
    device: torch.device | str | None
    dtype: torch.dtype | None


class TwoLayers(nn.Module):
    """Parameters of a model with visible and hidden units, and what its units may be.

    A subclass sets ``visible_size`` and ``hidden_size``, and says how layers and parameters make a
    distribution. Layers that do not look like that override the checks.

    Parameters
    ----------
    visible_shape, hidden_shape : tuple of int
        Of the biases.
    weight_shape : tuple of int, optional
        The two shapes, one after the other, if not given.
    weight_scale, generator, device, dtype
        As in ``InitialWeights``; a scale of 0.01 if not given. Biases start at zero.

    Attributes
    ----------
    weight : Tensor, shape ``weight_shape``
    visible_bias : Tensor, shape ``visible_shape``
    hidden_bias : Tensor, shape ``hidden_shape``

    Raises
    ------
    ValueError
        If the weight scale is negative.
    """

    visible_size: int
    hidden_size: int
    weight: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor

    def __init__(
        self,
        visible_shape: tuple[int, ...],
        hidden_shape: tuple[int, ...],
        weight_shape: tuple[int, ...] | None = None,
        *,
        weight_scale: float = 0.01,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_weight_scale(weight_scale)
        shape = visible_shape + hidden_shape if weight_shape is None else weight_shape
        noise = torch.randn(shape, generator=generator, device=device, dtype=dtype)
        self.weight = nn.Parameter(weight_scale * noise)
        self.visible_bias = nn.Parameter(noise.new_zeros(visible_shape))
        self.hidden_bias = nn.Parameter(noise.new_zeros(hidden_shape))

    @torch.no_grad()
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set ``visible_bias`` to the log-odds of each unit in the data.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size)
        """
        self.check_visible(visible)
        self.visible_bias.copy_(log_odds(visible))

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless ``visible`` has ``visible_size`` values in [0, 1] of the model's dtype."""
        check_units(visible, self.visible_size, self.weight.dtype, "visible")

    def check_hidden(self, hidden: Tensor) -> None:
        """Raise unless ``hidden`` has ``hidden_size`` values in [0, 1] of the model's dtype."""
        check_units(hidden, self.hidden_size, self.weight.dtype, "hidden")

    def _arguments(self) -> dict[str, Any]:
        return {"visible_size": self.visible_size, "hidden_size": self.hidden_size}

"""Noise-contrastive estimation: learning a density, and its ``Z``, by telling data from noise."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.energy_model import EnergyModel

__all__ = ["NoiseContrastive"]


class NoiseContrastive(nn.Module):
    """Noise-contrastive estimation (Gutmann and Hyvärinen 2010; section 18.6).

    A call gives the loss of a logistic regression whose log-odds are ``log p_model - log p_noise``;
    ``log Z`` is a parameter like the others, and comes out right where the classifier is best.

    Parameters
    ----------
    model : EnergyModel
        Its state is the visible layer.
    visible : Tensor, shape (N, *visible shape)
        Data. The noise is the machine without couplings that has their base rates.
    noise_per_example : int
        Draws of the noise for each example: ``nu``.

    Attributes
    ----------
    model : EnergyModel
    noise : EnergyModel
        Its parameters do not learn.
    log_z : Parameter, shape ()
        The learned ``log Z`` of the model in nats; starts at the noise's.

    Raises
    ------
    ValueError
        If there is not at least one draw of the noise for each example.
    """

    def __init__(self, model: EnergyModel, visible: Tensor, *, noise_per_example: int = 1) -> None:
        super().__init__()
        if noise_per_example < 1:
            raise ValueError(
                f"expected at least 1 draw of the noise for each example, got {noise_per_example}"
            )
        self.model, self.noise_per_example = model, noise_per_example
        self.noise = model.without_couplings(visible).requires_grad_(False)
        self.register_buffer("noise_log_z", self.noise.log_partition_without_couplings())
        self.noise_log_z: Tensor
        self.log_z = nn.Parameter(self.noise_log_z.clone())

    def log_ratio(self, visible: Tensor) -> Tensor:
        """``log p_model(v) - log p_noise(v)`` with the learned ``log Z``, shape (N,)."""
        self.model.check_state(visible)
        return self._log_ratio(visible)

    def forward(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The loss of a batch of data, with fresh noise; shape ()."""
        count = len(visible) * self.noise_per_example
        noise = self.noise._gibbs_step(self.noise.initial_state(count), generator)
        # log-odds of being data, when data are 1 among 1 + nu; -log sigmoid(x) is softplus(-x)
        prior = -math.log(self.noise_per_example)
        missed = softplus(-(self.log_ratio(visible) + prior)).mean()
        fooled = softplus(self._log_ratio(noise) + prior).mean()
        return missed + self.noise_per_example * fooled

    def _log_ratio(self, visible: Tensor) -> Tensor:
        model = self.model._log_unnormalised(visible) - self.log_z
        return model - (self.noise._log_unnormalised(visible) - self.noise_log_z)

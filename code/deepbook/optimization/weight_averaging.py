"""Averages of the weights along the way of a training."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["AveragedModel"]


class AveragedModel(nn.Module):
    """A copy of a model whose weights are averages of the model's.

    Polyak averaging takes the mean of all weights so far, which is right for a convex problem
    (Goodfellow et al. 2016, section 8.7.3; Polyak and Juditsky 1992). With ``decay`` it is an
    exponential moving average, ``average <- decay * average + (1 - decay) * weights``, which
    forgets the places that a network passed long ago. The first update copies. Buffers, such as
    running statistics, are those of the newest model: after averaging, batch normalisation has
    to be told its statistics anew. The twin of ``torch.optim.swa_utils.AveragedModel``.

    Parameters
    ----------
    model : torch.nn.Module
    decay : float, optional
        In [0, 1).

    Attributes
    ----------
    module : torch.nn.Module
        The average.
    n_averaged : Tensor, shape (), int64
        How many updates there were.

    Raises
    ------
    ValueError
        If the decay is out of range; by an update, if a model has other parameters.
    """

    n_averaged: Tensor

    def __init__(self, model: nn.Module, decay: float | None = None) -> None:
        super().__init__()
        if decay is not None and not 0 <= decay < 1:
            raise ValueError(f"expected a decay in [0, 1), got {decay}")
        self.decay = decay
        self.module = deepcopy(model).requires_grad_(False)
        self.register_buffer("n_averaged", torch.tensor(0))

    def forward(self, *inputs: Any) -> Any:
        """What the average puts out."""
        return self.module(*inputs)

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Take the model's weights into the average."""
        own, new = dict(self.module.named_parameters()), dict(model.named_parameters())
        if {n: p.shape for n, p in own.items()} != {n: p.shape for n, p in new.items()}:
            raise ValueError("expected a model with the parameters of the first, got another")
        count = int(self.n_averaged)
        for name, average in own.items():
            weight = new[name].detach().to(average.device)
            if count == 0:
                average.copy_(weight)
            else:
                # the mean of n + 1 is that of n and a share of 1 / (n + 1) of the way to the new
                share = 1 / (count + 1) if self.decay is None else 1 - self.decay
                average.lerp_(weight, share)
        for mine, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
            mine.copy_(buffer)
        self.n_averaged += 1

"""Layer normalisation: each example by itself."""

import torch
from torch import Tensor, nn

__all__ = ["LayerNorm", "layer_norm"]


def layer_norm(
    x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalise each example over its features (Ba et al. 2016).

    What batch normalisation does to columns this does to rows: no example depends on another, and
    training and evaluation are the same.

    Parameters
    ----------
    x : Tensor, shape (..., C)
    weight, bias : Tensor, shape (C,), optional
    eps : float
        Added to the variance, whose divisor is C.

    Returns
    -------
    Tensor, shape of ``x``

    Raises
    ------
    ValueError
        If there are no features.
    """
    if x.ndim < 1 or x.shape[-1] < 1:
        raise ValueError(f"expected inputs of shape (..., C), got {tuple(x.shape)}")
    away = x - x.mean(-1, keepdim=True)
    z = away / torch.sqrt(x.var(-1, correction=0, keepdim=True) + eps)
    if weight is not None:
        z = z * weight
    return z if bias is None else z + bias


class LayerNorm(nn.Module):
    """Layer normalisation as a layer: torch's ``LayerNorm`` over the last dimension.

    Parameters
    ----------
    num_features : int
        C.
    eps : float

    Attributes
    ----------
    weight, bias : Parameter, shape (C,)

    Raises
    ------
    ValueError
        If there are no features; by a call, if the last dimension is not C.
    """

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        if num_features < 1:
            raise ValueError(f"expected one feature or more, got {num_features}")
        self.num_features, self.eps = num_features, eps
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise inputs of shape (..., C)."""
        if x.ndim < 1 or x.shape[-1] != self.num_features:
            raise ValueError(
                f"expected inputs of shape (..., {self.num_features}), got {tuple(x.shape)}"
            )
        return layer_norm(x, self.weight, self.bias, self.eps)

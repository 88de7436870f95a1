"""Batch normalisation, and its gradient by hand."""

import torch
from torch import Tensor, nn

__all__ = ["BatchNorm", "batch_norm", "batch_norm_gradient"]


def batch_norm(
    x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise each feature over the minibatch (Goodfellow et al. 2016, equations 8.35 to 8.37).

    Parameters
    ----------
    x : Tensor, shape (N, C) or (N, C, ...)
        With further dimensions, such as the pixels of a feature map, these belong to the batch.
    weight, bias : Tensor, shape (C,), optional
        gamma and beta: deviation and mean of the result; 1 and 0 if not given.
    eps : float
        Added to the variance.

    Returns
    -------
    outputs : Tensor, shape of ``x``
    mean, variance : Tensor, shape (C,)
        Of the minibatch; the variance has the divisor N, as what was divided by.

    Raises
    ------
    ValueError
        If there are fewer than two values a feature: each would become 0.
    """
    _check(x)
    dims = [0, *range(2, x.ndim)]
    if x.numel() // max(x.shape[1], 1) < 2:
        raise ValueError(
            f"expected two or more values of each feature to normalise, got shape {tuple(x.shape)}"
        )
    mean, variance = x.mean(dims), x.var(dims, correction=0)
    return _scaled(x, mean, variance, weight, bias, eps), mean, variance


def batch_norm_gradient(
    gradient: Tensor, x: Tensor, weight: Tensor | None = None, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradient of ``batch_norm`` by hand (Ioffe and Szegedy 2015).

    Every output depends on every input of its feature, through mean and variance. What is left of
    an arriving gradient ``g`` is what neither shifts nor stretches the minibatch:
    ``weight / s * (g - mean(g) - z * mean(g z))``, where ``z`` are the normalised values and ``s``
    their deviation before.

    Parameters
    ----------
    gradient : Tensor, shape of ``x``
        Of the loss in the outputs.
    x, weight, eps
        As for ``batch_norm``.

    Returns
    -------
    inputs : Tensor, shape of ``x``
    weight, bias : Tensor, shape (C,)
        Gradients in these.

    Raises
    ------
    ValueError
        As ``batch_norm``, or if the shapes differ.
    """
    if gradient.shape != x.shape:
        raise ValueError(
            f"expected a gradient of shape {tuple(x.shape)}, got {tuple(gradient.shape)}"
        )
    z, _, variance = batch_norm(x, eps=eps)
    dims = [0, *range(2, x.ndim)]
    in_bias, in_weight = gradient.sum(dims), (gradient * z).sum(dims)
    count = x.numel() // x.shape[1]
    scale = 1 / torch.sqrt(variance + eps)
    if weight is not None:
        scale = scale * weight
    left = gradient - _wide(in_bias / count, x) - z * _wide(in_weight / count, x)
    return _wide(scale, x) * left, in_weight, in_bias


class BatchNorm(nn.Module):
    """Batch normalisation as a layer, for one dimension or two: torch's ``BatchNorm1d`` and ``2d``.

    In training it normalises with mean and variance of the minibatch and keeps running averages of
    both; in evaluation it normalises with those, so that an output depends on its own input alone.
    The variance that normalises has the divisor N, the one that goes into the average N - 1, as in
    torch. Names of parameters and buffers are torch's, too.

    Parameters
    ----------
    num_features : int
        C.
    eps : float
    momentum : float, optional
        The share of the newest minibatch in the running averages; with None they are plain means
        over all minibatches so far.
    affine : bool
        Whether there are ``weight`` and ``bias`` to learn.

    Attributes
    ----------
    weight, bias : Parameter, shape (C,), or None
        gamma and beta, 1 and 0 in the beginning.
    running_mean, running_var : Tensor, shape (C,)
    num_batches_tracked : Tensor, shape (), int64

    Raises
    ------
    ValueError
        If there are no features, or momentum or eps is out of range; by a call, if the shape
        does not fit, or a minibatch in training has fewer than two values a feature.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        *,
        affine: bool = True,
    ) -> None:
        super().__init__()
        if num_features < 1 or not eps >= 0 or (momentum is not None and not 0 <= momentum <= 1):
            raise ValueError(
                "expected one feature or more, eps of at least 0 and a momentum in [0, 1], "
                f"got {num_features}, {eps} and {momentum}"
            )
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise inputs of shape (N, C) or (N, C, ...)."""
        _check(x, self.num_features)
        if not self.training:
            return _scaled(x, self.running_mean, self.running_var, self.weight, self.bias, self.eps)
        outputs, mean, variance = batch_norm(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            count = x.numel() // self.num_features
            self.num_batches_tracked.add_(1)
            seen = self.num_batches_tracked.to(mean.dtype)
            share = 1 / seen if self.momentum is None else self.momentum
            unbiased = variance * (count / (count - 1))
            self.running_mean.mul_(1 - share).add_(share * mean)
            self.running_var.mul_(1 - share).add_(share * unbiased)
        return outputs

    def extra_repr(self) -> str:
        """What ``repr`` shows."""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


def _scaled(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    scale = 1 / torch.sqrt(variance + eps)
    if weight is not None:
        scale = scale * weight
    outputs = (x - _wide(mean, x)) * _wide(scale, x)
    return outputs if bias is None else outputs + _wide(bias, x)


def _wide(feature: Tensor, x: Tensor) -> Tensor:
    """One number a feature, shaped to meet ``x``."""
    return feature.view(-1, *[1] * (x.ndim - 2))


def _check(x: Tensor, features: int | None = None) -> None:
    if x.ndim < 2 or (features is not None and x.shape[1] != features):
        wanted = "C" if features is None else features
        raise ValueError(
            f"expected inputs of shape (N, {wanted}) or (N, {wanted}, ...), got {tuple(x.shape)}"
        )

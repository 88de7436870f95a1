"""Gradient noise: how far the gradient of a minibatch is from that of all examples."""

import torch
from torch import Tensor
from torch.func import grad, vmap

from deepbook.optimization.flat_loss import FlatLoss

__all__ = [
    "gradient_variance",
    "minibatch_gradients",
    "minibatch_variance",
    "per_example_gradients",
]


def per_example_gradients(loss: FlatLoss, vector: Tensor | None = None) -> Tensor:
    """The gradient of each example's loss, in one batch.

    Parameters
    ----------
    loss : FlatLoss
        Whose loss is a mean over examples and whose network treats each by itself, which batch
        normalisation in training mode does not.
    vector : Tensor, shape (size,), optional
        Where; the network's own parameters if not given.

    Returns
    -------
    Tensor, shape (examples, size)
        Their mean is the gradient of the loss.
    """

    def one(vector: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return loss.loss(loss.outputs(vector, x[None]), y[None])

    where = (loss.vector if vector is None else vector).detach()
    gradients: Tensor = vmap(grad(one), in_dims=(None, 0, 0))(where, loss.inputs, loss.targets)
    return gradients.detach()


def gradient_variance(gradients: Tensor) -> float:
    """Mean squared distance of the gradients from their mean: the trace of their covariance.

    Parameters
    ----------
    gradients : Tensor, shape (N, size)
        Of all N examples, so that the divisor is N.

    Raises
    ------
    ValueError
        If it is no matrix, or has no rows.
    """
    _check_rows(gradients)
    return float((gradients - gradients.mean(0)).square().sum(1).mean())


def minibatch_variance(variance: float, examples: int, size: int, *, replacement: bool) -> float:
    """Variance of a minibatch's mean gradient around that of all examples.

    Drawn with replacement it is ``variance / m``, so that the error falls as ``1 / sqrt(m)``
    (Goodfellow et al. 2016, equation 5.46 and section 8.1.3). Drawn without, as in an epoch, it
    is ``(N - m) / (N - 1)`` times that: nothing is left when the minibatch holds all.

    Parameters
    ----------
    variance : float
        As ``gradient_variance`` gives it.
    examples, size : int
        N, and how many of them a minibatch has.
    replacement : bool

    Raises
    ------
    ValueError
        If there are no examples, or the size is out of range.
    """
    _check_size(examples, size, replacement)
    if replacement:
        return variance / size
    return variance / size * (examples - size) / max(examples - 1, 1)


def minibatch_gradients(
    gradients: Tensor,
    size: int,
    draws: int,
    *,
    replacement: bool,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean gradients of minibatches drawn at random.

    Parameters
    ----------
    gradients : Tensor, shape (N, n)
        Of the examples.
    size, draws : int
        Examples in a minibatch, and how many minibatches.
    replacement : bool
        Whether an example may be drawn twice for one minibatch.
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.

    Returns
    -------
    Tensor, shape (draws, n)

    Raises
    ------
    ValueError
        If it is no matrix, or the size is out of range.
    """
    _check_rows(gradients)
    examples = len(gradients)
    _check_size(examples, size, replacement)
    if replacement:
        rows = torch.randint(examples, (draws, size), generator=generator)
    else:
        rows = torch.rand(draws, examples, generator=generator).argsort(1)[:, :size]
    means = [gradients[own].mean(0) for own in rows.to(gradients.device)]
    return torch.stack(means) if means else gradients.new_zeros(0, gradients.shape[1])


def _check_rows(gradients: Tensor) -> None:
    if gradients.ndim != 2 or len(gradients) == 0:
        raise ValueError(
            f"expected gradients of shape (examples, size), got {tuple(gradients.shape)}"
        )


def _check_size(examples: int, size: int, replacement: bool) -> None:
    if examples < 1 or size < 1 or (not replacement and size > examples):
        raise ValueError(
            f"expected a minibatch of 1 to {examples} examples, got {size} "
            f"with{'' if replacement else 'out'} replacement"
        )

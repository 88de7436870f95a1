"""What makes the code of a wide autoencoder worth having: sparse and contractive penalties."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacrev, vmap

__all__ = ["contractive_penalty", "kl_sparsity", "l1_sparsity", "sigmoid_contractive_penalty"]


def l1_sparsity(code: Tensor) -> Tensor:
    """Sum of absolute values of each code (Goodfellow et al. 2016, section 14.2.1).

    Parameters
    ----------
    code : Tensor, shape (..., H)

    Returns
    -------
    Tensor, shape (...)
        Up to constants minus the logarithm of a Laplace prior.
    """
    return code.abs().sum(-1)


def kl_sparsity(code: Tensor, target: float) -> Tensor:
    """Divergence from a wanted mean activity to each unit's mean over the batch, in nats.

    Parameters
    ----------
    code : Tensor, shape (N, H), values in [0, 1]
    target : float
        The share of examples for which a unit should be on, between 0 and 1.

    Returns
    -------
    Tensor, shape ()
        ``sum_j KL(target || mean_j)``: zero where every unit is on average as active as wanted.
        One example may use many units and another none, which is where this is not a prior.

    Raises
    ------
    ValueError
        If the target or a value of the code is out of its range.
    """
    if not 0 < target < 1:
        raise ValueError(f"expected a target between 0 and 1, got {target}")
    if code.ndim != 2:
        raise ValueError(f"expected a code of shape (N, H), got {tuple(code.shape)}")
    if not bool((code >= 0).all() & (code <= 1).all()):
        raise ValueError("expected a code with values in [0, 1]: use a sigmoid")
    mean = code.mean(0)
    wanted = torch.full_like(mean, target)
    cross_entropy = torch.nn.functional.binary_cross_entropy(mean, wanted, reduction="sum")
    entropy = torch.special.entr(wanted) + torch.special.entr(1 - wanted)
    return cross_entropy - entropy.sum()


def contractive_penalty(encode: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Squared Frobenius norm of the encoder's Jacobian at each example, by autograd.

    Goodfellow et al. (2016), section 14.7. It can be differentiated, and costs one backward pass
    a unit of the code: for one sigmoid layer take ``sigmoid_contractive_penalty``.

    Parameters
    ----------
    encode : callable
        From one input, shape (D,), to its code, shape (H,).
    x : Tensor, shape (N, D)

    Returns
    -------
    Tensor, shape (N,)
    """
    jacobian = vmap(jacrev(encode))(x)  # (N, H, D)
    return (jacobian**2).sum((-2, -1))


def sigmoid_contractive_penalty(code: Tensor, weight: Tensor) -> Tensor:
    """The same for ``h = sigmoid(W x + b)``, in closed form (Rifai et al. 2011).

    Parameters
    ----------
    code : Tensor, shape (..., H)
        The code ``h`` itself.
    weight : Tensor, shape (H, D)
        As in ``nn.Linear``.

    Returns
    -------
    Tensor, shape (...)
    """
    if weight.ndim != 2 or code.shape[-1:] != weight.shape[:1]:
        raise ValueError(
            f"expected a weight of shape ({code.shape[-1] if code.ndim else 0}, D), "
            f"got {tuple(weight.shape)}"
        )
    # row j of the Jacobian is h_j (1 - h_j) W_j
    return (code * (1 - code)) ** 2 @ (weight**2).sum(1)

"""Gauss-Newton and Fisher: curvature matrices that are never negative."""

import torch
from torch import Tensor
from torch.func import grad, jacrev, vjp, vmap

from deepbook.optimization.flat_loss import FlatLoss
from deepbook.optimization.gradient_noise import per_example_gradients

__all__ = ["empirical_fisher", "fisher_matrix", "gauss_newton_matrix"]

DISTRIBUTIONS = ("categorical", "gaussian")


def gauss_newton_matrix(loss: FlatLoss, vector: Tensor) -> Tensor:
    """The (generalised) Gauss-Newton matrix, ``mean_i J_i' H_i J_i`` (Schraudolph 2002).

    ``J_i`` is the Jacobian of an example's outputs, ``H_i`` the Hessian of its loss in them. What
    the whole Hessian has beside it is the curvature of the network, weighed by the errors: it
    vanishes where the outputs are linear in the weights, or fit exactly.

    Parameters
    ----------
    loss : FlatLoss
        Whose loss is a mean over examples, of outputs of shape (examples, K).
    vector : Tensor, shape (size,)

    Returns
    -------
    Tensor, shape (size, size)
        Without negative eigenvalues if the loss is convex in the outputs.

    Raises
    ------
    ValueError
        If the outputs have another shape.
    """
    outputs, jacobian = _outputs(loss, vector)

    def curvature(output: Tensor, target: Tensor) -> Tensor:
        gradient = grad(lambda o: loss.loss(o[None], target[None]).reshape(()))
        back = vjp(gradient, output)[1]
        rows: Tensor = vmap(back)(torch.eye(len(output)).to(output))[0]
        return rows

    return _sandwich(jacobian, vmap(curvature)(outputs, loss.targets))


def fisher_matrix(loss: FlatLoss, vector: Tensor, distribution: str = "categorical") -> Tensor:
    """Fisher's information of the outputs' distribution, a mean over the inputs.

    The expectation of ``g g'`` over targets that the *model* draws, computed exactly. Half its
    quadratic form is the divergence from the model with slightly other weights, in nats: natural
    gradient descent (Amari 1998) measures steps by that. The targets of the data have no part in
    it; see ``empirical_fisher`` for where they have.

    Parameters
    ----------
    loss : FlatLoss
        Its outputs, of shape (examples, K), are used; its loss is not.
    vector : Tensor, shape (size,)
    distribution : str
        ``categorical``: the outputs are logits; ``gaussian``: they are means, and the variance 1.

    Returns
    -------
    Tensor, shape (size, size)

    Raises
    ------
    ValueError
        If there is no such distribution, or the outputs have another shape.
    """
    if distribution not in DISTRIBUTIONS:
        raise ValueError(
            f"expected a distribution among {', '.join(DISTRIBUTIONS)}, got {distribution!r}"
        )
    outputs, jacobian = _outputs(loss, vector)
    if distribution == "gaussian":
        information = torch.eye(outputs.shape[1]).to(outputs).expand(len(outputs), -1, -1)
    else:
        p = outputs.softmax(1)
        information = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    return _sandwich(jacobian, information)


def empirical_fisher(loss: FlatLoss, vector: Tensor) -> Tensor:
    """Mean of ``g g'`` over the examples with the targets of the data.

    It is not Fisher's information unless the model is right, and no approximation of the Hessian
    far from a minimum (Kunstner et al. 2019).

    Parameters
    ----------
    loss : FlatLoss
        Whose loss is a mean over examples.
    vector : Tensor, shape (size,)

    Returns
    -------
    Tensor, shape (size, size)
    """
    gradients = per_example_gradients(loss, vector)
    return gradients.T @ gradients / len(gradients)


def _outputs(loss: FlatLoss, vector: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs, shape (N, K), and their Jacobian, shape (N, K, size)."""
    point = vector.detach()
    outputs = loss.outputs(point).detach()
    if outputs.ndim != 2:
        raise ValueError(f"expected outputs of shape (examples, K), got {tuple(outputs.shape)}")
    jacobian: Tensor = jacrev(loss.outputs)(point)
    return outputs, jacobian.detach()


def _sandwich(jacobian: Tensor, middle: Tensor) -> Tensor:
    matrix = torch.einsum("nkp,nkl,nlq->pq", jacobian, middle.detach(), jacobian) / len(jacobian)
    return (matrix + matrix.T) / 2

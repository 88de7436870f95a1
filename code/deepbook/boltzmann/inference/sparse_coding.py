"""Sparse coding: codes at the posterior's peak, and a dictionary learned from them."""

import torch
from torch import Tensor

from deepbook.regularization.proximal_steps import fista, soft_threshold

__all__ = ["learn_dictionary", "sparse_code", "sparse_coding_loss"]


def sparse_coding_loss(data: Tensor, code: Tensor, dictionary: Tensor, penalty: float) -> Tensor:
    """``|v - D h|^2 / 2 + penalty |h|_1`` for each example, shape (N,).

    Minus ``log p(v, h)``, but for a constant, of a Laplace prior on the code and unit Gaussian
    noise (Goodfellow et al. 2016, section 19.3).

    Parameters
    ----------
    data : Tensor, shape (N, inputs)
    code : Tensor, shape (N, atoms)
    dictionary : Tensor, shape (atoms, inputs)
        One atom a row.
    penalty : float
    """
    return (data - code @ dictionary).square().sum(-1) / 2 + penalty * code.abs().sum(-1)


@torch.no_grad()
def sparse_code(data: Tensor, dictionary: Tensor, penalty: float, *, steps: int = 200) -> Tensor:
    """The code that minimises ``sparse_coding_loss``: MAP inference (section 19.3).

    By FISTA (Beck and Teboulle 2009): gradient steps on the squared error, each followed by a
    soft threshold, with momentum. The problem is convex.

    Returns
    -------
    Tensor, shape (N, atoms)
        With exact zeros.

    Raises
    ------
    ValueError
        If sizes do not fit or the penalty is negative.
    """
    _check(data, dictionary, penalty)
    # the largest curvature of the squared error: longer steps may diverge
    curvature = torch.linalg.matrix_norm(dictionary, ord=2).square().clamp(min=1e-12)

    def step(code: Tensor) -> Tensor:
        slope = (code @ dictionary - data) @ dictionary.T
        return soft_threshold(code - slope / curvature, penalty / curvature)

    return fista(step, data.new_zeros(len(data), len(dictionary)), steps)


@torch.no_grad()
def learn_dictionary(
    data: Tensor,
    atoms: int,
    penalty: float,
    *,
    rounds: int = 50,
    steps: int = 100,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, list[float]]:
    """Alternate between codes and dictionary, each the best given the other.

    The dictionary is updated atom by atom, each kept at length one at most: without that, long
    atoms and short codes would cost no penalty (Mairal et al. 2009, algorithm 2).

    Parameters
    ----------
    data : Tensor, shape (N, inputs)
    atoms : int
        They start as examples drawn at random, scaled to length one.
    penalty : float
    rounds : int
        Of codes, then dictionary.
    steps : int
        Of ``sparse_code``, each round.
    generator : torch.Generator, optional
        On the data's device; the global one if not given.

    Returns
    -------
    dictionary : Tensor, shape (atoms, inputs)
    losses : list of float
        Mean loss after each round's codes.

    Raises
    ------
    ValueError
        If there are more atoms than examples, none, or the penalty is negative.
    """
    if not 1 <= atoms <= len(data):
        raise ValueError(f"expected 1 to {len(data)} atoms, as many as examples, got {atoms}")
    lengths = data.norm(dim=1, keepdim=True)
    order = torch.randperm(len(data), generator=generator, device=data.device)
    # an example of zeros has no direction: it comes last
    order = order[(lengths[order, 0] == 0).int().argsort(stable=True)][:atoms]
    dictionary = data[order] / lengths[order].clamp(min=1e-12)
    losses = []
    for _ in range(rounds):
        code = sparse_code(data, dictionary, penalty, steps=steps)
        losses.append(float(sparse_coding_loss(data, code, dictionary, penalty).mean()))
        gram, moment = code.T @ code, code.T @ data
        for atom in range(atoms):
            if gram[atom, atom] > 0:  # an atom that no code uses stays
                row = dictionary[atom] + (moment[atom] - gram[atom] @ dictionary) / gram[atom, atom]
                dictionary[atom] = row / row.norm().clamp(min=1)
    return dictionary, losses


def _check(data: Tensor, dictionary: Tensor, penalty: float) -> None:
    if data.ndim != 2 or dictionary.ndim != 2 or data.shape[1] != dictionary.shape[1]:
        raise ValueError(
            "expected data (N, inputs) and a dictionary (atoms, inputs), "
            f"got {tuple(data.shape)} and {tuple(dictionary.shape)}"
        )
    if not penalty >= 0:
        raise ValueError(f"expected a penalty of at least 0, got {penalty}")

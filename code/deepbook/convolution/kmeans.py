"""k-means clustering, and the code that Coates et al. made of it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.data.summaries import Summarised

__all__ = ["Clustering", "kmeans_clusters", "kmeans_seeds", "triangle_code"]


@dataclass(frozen=True, eq=False, repr=False)
class Clustering(Summarised):
    """What k-means found.

    Attributes
    ----------
    centres : Tensor, shape (K, D)
    assignment : Tensor of int64, shape (N,)
        The nearest centre of each point.
    objective : tuple of float
        Sum of squared distances to the nearest centre, before the first step and after each. It
        never rises.
    """

    centres: Tensor
    assignment: Tensor
    objective: tuple[float, ...]


def kmeans_clusters(
    data: Tensor,
    count: int,
    *,
    start: Tensor | None = None,
    iterations: int = 100,
    generator: torch.Generator | None = None,
) -> Clustering:
    """Lloyd's k-means: assign each point to the nearest centre, move centres to their means.

    (Goodfellow et al. 2016, section 5.8.2.) It ends when no point changes its centre. A centre that
    no point is nearest to is put onto the point that is farthest from its own centre.

    Parameters
    ----------
    data : Tensor, shape (N, D)
    count : int
        How many centres, K.
    start : Tensor, shape (K, D), optional
        Centres to begin with; by ``kmeans_seeds`` if not given.
    iterations : int
        At most.
    generator : torch.Generator, optional
        On the data's device; the global one if not given.

    Raises
    ------
    ValueError
        If there are fewer points than centres, shapes do not fit, or ``iterations`` is negative.
    """
    _check(data, count)
    if iterations < 0:
        raise ValueError(f"expected 0 iterations or more, got {iterations}")
    centres = kmeans_seeds(data, count, generator) if start is None else start.clone()
    if centres.shape != (count, data.shape[1]):
        raise ValueError(
            f"expected centres of shape {(count, data.shape[1])}, got {tuple(centres.shape)}"
        )
    nearest, assignment = squared_distances(data, centres).min(1)
    objective = [float(nearest.sum())]
    for _ in range(iterations):
        centres = _means(data, assignment, nearest, centres)
        before = assignment
        nearest, assignment = squared_distances(data, centres).min(1)
        objective.append(float(nearest.sum()))
        if torch.equal(before, assignment):
            break
    return Clustering(centres, assignment, tuple(objective))


def kmeans_seeds(data: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Centres to begin with: k-means++ (Arthur and Vassilvitskii 2007), shape (count, D).

    The first is a point drawn at random, each next one a point drawn with a probability that is
    proportional to its squared distance to the nearest centre so far.

    Parameters
    ----------
    data : Tensor, shape (N, D)
    count : int
    generator : torch.Generator, optional
        On the data's device; the global one if not given.

    Raises
    ------
    ValueError
        If there are fewer points than centres.
    """
    _check(data, count)
    one = torch.randint(len(data), (1,), generator=generator, device=data.device)
    chosen, nearest = [one], squared_distances(data, data[one])[:, 0]
    while len(chosen) < count:
        # where all points are centres already, any will do
        weights = nearest if bool(nearest.sum() > 0) else torch.ones_like(nearest)
        one = torch.multinomial(weights, 1, generator=generator)
        chosen.append(one)
        nearest = torch.minimum(nearest, squared_distances(data, data[one])[:, 0])
    return data[torch.cat(chosen)].clone()


def triangle_code(data: Tensor, centres: Tensor) -> Tensor:
    """``max(0, mean distance - distance)`` to each centre (Coates et al. 2011, section 3.2.2).

    Near centres get a large number, those farther away than the mean get 0: about half of them.

    Parameters
    ----------
    data : Tensor, shape (..., D)
    centres : Tensor, shape (K, D)

    Returns
    -------
    Tensor, shape (..., K)

    Raises
    ------
    ValueError
        If the last dimensions differ.
    """
    if data.shape[-1] != centres.shape[-1]:
        raise ValueError(
            f"expected centres of {data.shape[-1]} numbers, as the data; got {centres.shape[-1]}"
        )
    distances = squared_distances(data.reshape(-1, data.shape[-1]), centres).sqrt()
    # Coates et al. 2011, eq. 2
    code = (distances.mean(-1, keepdim=True) - distances).relu()
    return code.view(*data.shape[:-1], len(centres))


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Of each row of ``x`` to each of ``y``, shape (N, K): one matrix product, never below 0."""
    squares = x.square().sum(1, keepdim=True) + y.square().sum(1)
    return torch.addmm(squares, x, y.T, alpha=-2).clamp_min(0)


def _means(data: Tensor, assignment: Tensor, nearest: Tensor, centres: Tensor) -> Tensor:
    """Each centre at the mean of its points; dead ones onto the points that fit worst."""
    counts = torch.bincount(assignment, minlength=len(centres))
    sums = torch.zeros_like(centres).index_add_(0, assignment, data)
    moved = sums / counts[:, None].clamp_min(1)
    dead = (counts == 0).nonzero()[:, 0]
    worst = nearest.topk(len(dead)).indices
    moved[dead] = data[worst]
    return moved


def _check(data: Tensor, count: int) -> None:
    if data.ndim != 2:
        raise ValueError(f"expected data of shape (N, D), got {tuple(data.shape)}")
    if not 1 <= count <= len(data):
        raise ValueError(f"expected 1 to {len(data)} centres, as there are points; got {count}")

"""Labels that spread along a graph of neighbours."""

import torch
from torch import Tensor

from deepbook.regularization.checks import check_positive, check_probability
from deepbook.training.counts import check_count

__all__ = ["knn_graph", "propagate_labels", "spread_labels"]


def knn_graph(x: Tensor, neighbours: int, *, symmetric: bool = True) -> Tensor:
    """Edges from each example to its nearest ones.

    Parameters
    ----------
    x : Tensor, shape (N, D)
    neighbours : int
        How many others; at most N - 1. Which of several as near are taken is left open.
    symmetric : bool
        Whether an edge one way is one both ways, as the theory supposes. scikit-learn's
        ``kernel="knn"`` leaves it out, and counts the example itself among its ``n_neighbors``.

    Returns
    -------
    Tensor, shape (N, N)
        1 in row ``i`` and column ``j`` where ``j`` is among the nearest of ``i``, else 0; the
        diagonal is 0.
    """
    if x.ndim != 2:
        raise ValueError(f"expected examples of shape (N, D), got {tuple(x.shape)}")
    if not 1 <= neighbours < len(x):
        raise ValueError(f"expected 1 to {len(x) - 1} neighbours, got {neighbours}")
    distances = torch.cdist(x, x)
    distances.fill_diagonal_(torch.inf)
    nearest = distances.topk(neighbours, largest=False).indices
    graph = torch.zeros_like(distances).scatter_(1, nearest, 1.0)
    return torch.maximum(graph, graph.T) if symmetric else graph


def spread_labels(graph: Tensor, targets: Tensor, classes: int, *, alpha: float = 0.2) -> Tensor:
    """Each example takes ``alpha`` of its label from its neighbours, and keeps the rest.

    Label spreading (Zhou et al. 2004): the fixed point of ``F = alpha S F + (1 - alpha) Y``, with
    ``S = D^-1/2 W D^-1/2``, by solving it. scikit-learn's ``LabelSpreading`` iterates to it.

    Parameters
    ----------
    graph : Tensor, shape (N, N)
        Weights of edges, at least 0; the diagonal does not count.
    targets : Tensor of int64, shape (N,)
        Classes, and -1 where there is no label.
    classes : int
    alpha : float
        Above 0, below 1: also a given label may be overruled.

    Returns
    -------
    Tensor, shape (N, classes)
        Probabilities; all zero where no label reaches an example.
    """
    check_positive("alpha", check_probability("alpha", alpha, below_one=True))
    graph, given = _check_graph(graph, targets, classes)
    degree = graph.sum(0)
    root = torch.where(degree > 0, degree, torch.ones_like(degree)).sqrt()
    spread = graph / root / root[:, None]
    identity = torch.eye(len(graph), dtype=graph.dtype, device=graph.device)
    return _normalised(torch.linalg.solve(identity - alpha * spread, (1 - alpha) * given))


def propagate_labels(
    graph: Tensor, targets: Tensor, classes: int, *, steps: int = 1000, tolerance: float = 1e-9
) -> Tensor:
    """Each example without a label takes the mean of its neighbours'; labels that are given stay.

    Label propagation (Zhu and Ghahramani 2002), repeated until nothing changes: the probability
    that a random walk from the example meets a label of the class first.

    Parameters
    ----------
    graph, targets, classes
        As for ``spread_labels``.
    steps : int
        At most.
    tolerance : float
        It ends with a step that changes no probability by more.

    Returns
    -------
    Tensor, shape (N, classes)

    Raises
    ------
    RuntimeError
        If the steps do not suffice.
    """
    check_count("step", steps)
    graph, given = _check_graph(graph, targets, classes)
    degree = graph.sum(1, keepdim=True)
    walk = graph / torch.where(degree > 0, degree, torch.ones_like(degree))
    labelled = (targets >= 0)[:, None]
    state = given
    for _ in range(steps):
        new = torch.where(labelled, given, walk @ state)
        change, state = float((new - state).abs().max()), new
        if change <= tolerance:
            return _normalised(state)
    raise RuntimeError(
        f"expected labels to settle within {steps} steps, got a change of {change:g}"
    )


def _check_graph(graph: Tensor, targets: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """The graph without its diagonal, and the given labels as probabilities."""
    check_count("class", classes)
    if graph.ndim != 2 or graph.shape[0] != graph.shape[1] or targets.shape != graph.shape[:1]:
        raise ValueError(
            "expected a graph (N, N) and targets (N,), got shapes "
            f"{tuple(graph.shape)} and {tuple(targets.shape)}"
        )
    if not bool((graph >= 0).all()):
        raise ValueError(f"expected weights of at least 0, got {graph.min().item():g}")
    if not bool(((targets >= -1) & (targets < classes)).all()) or not bool((targets >= 0).any()):
        raise ValueError(
            f"expected targets from 0 to {classes - 1}, at least one, and -1 for no label, got "
            f"{targets.min().item()} to {targets.max().item()}"
        )
    given = torch.zeros(len(graph), classes, dtype=graph.dtype, device=graph.device)
    rows = (targets >= 0).nonzero().flatten()
    given[rows, targets[rows]] = 1
    return graph - graph.diagonal().diag(), given


def _normalised(scores: Tensor) -> Tensor:
    total = scores.sum(1, keepdim=True)
    return scores / torch.where(total > 0, total, torch.ones_like(total))

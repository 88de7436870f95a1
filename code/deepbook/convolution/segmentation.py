"""Per-pixel labels: losses to learn them by, and how well two maps of labels agree."""

import torch
from torch import Tensor

__all__ = [
    "intersection_over_union",
    "label_confusion",
    "mean_intersection_over_union",
    "pixel_cross_entropy",
    "soft_dice_loss",
]


def pixel_cross_entropy(logits: Tensor, targets: Tensor, *, ignore: int = 255) -> Tensor:
    """Mean of ``-log p(target)`` over the pixels that have a label.

    Each pixel has a softmax over the classes (Goodfellow et al. 2016, section 9.6: the output
    tensor S gives the probability of each class at each pixel). It is torch's ``cross_entropy``
    with ``ignore_index``.

    Parameters
    ----------
    logits : Tensor, shape (N, K, ...)
        For each of K classes; behind it height and width, or other axes.
    targets : Tensor of int64, shape (N, ...)
    ignore : int
        The target of pixels that do not count.

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    ValueError
        If shapes do not fit, a target is neither a class nor ``ignore``, or no pixel counts.
    """
    counts = _counted(logits, targets, ignore)
    # an ignored pixel needs some class to look up; its term is multiplied by 0
    log_p = logits.log_softmax(1).gather(1, targets.where(counts, 0)[:, None])[:, 0]
    return -log_p.where(counts, 0).sum() / counts.sum()


def soft_dice_loss(logits: Tensor, targets: Tensor, *, ignore: int = 255) -> Tensor:
    """One minus the Dice coefficient of probabilities, a mean over classes (Milletari et al. 2016).

    For a class with probabilities ``p_i`` and indicators ``g_i`` the coefficient is
    ``2 sum_i p_i g_i / (sum_i p_i^2 + sum_i g_i^2)``. A class with a few pixels weighs as much as
    one with many. Classes that no pixel of the batch has are left out: their coefficient would be
    0 whatever the network says.

    Parameters
    ----------
    logits, targets, ignore
        As for ``pixel_cross_entropy``; the sums run over all pixels of the batch.

    Returns
    -------
    Tensor, shape ()
        In [0, 1].

    Raises
    ------
    ValueError
        As for ``pixel_cross_entropy``.
    """
    counts = _counted(logits, targets, ignore)
    p = logits.softmax(1).movedim(1, -1)[counts]  # (pixels, K)
    g = torch.nn.functional.one_hot(targets[counts], logits.shape[1]).to(p.dtype)
    # Milletari et al. 2016, section 3
    dice = 2 * (p * g).sum(0) / (p.square().sum(0) + g.square().sum(0))
    present = (g.sum(0) > 0).to(p.dtype)
    return 1 - (dice * present).sum() / present.sum()


def label_confusion(
    targets: Tensor, predictions: Tensor, classes: int, *, ignore: int = 255
) -> Tensor:
    """How many pixels of each class were given each label.

    Parameters
    ----------
    targets, predictions : Tensor of integers, one shape
        0 to ``classes - 1``; pixels whose target is ``ignore`` do not count, whatever was said.
    classes : int
    ignore : int

    Returns
    -------
    Tensor of int64, shape (classes, classes)
        Rows are targets, columns predictions. Those of several batches may be added.

    Raises
    ------
    ValueError
        If shapes differ, or a label is not a class.
    """
    if targets.shape != predictions.shape:
        raise ValueError(
            f"expected a prediction for each target, got shapes {tuple(targets.shape)} "
            f"and {tuple(predictions.shape)}"
        )
    counts = targets != ignore
    true, said = targets[counts].long(), predictions[counts].long()
    for what, labels in (("targets", true), ("predictions", said)):
        if len(labels) and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
            raise ValueError(
                f"expected {what} of 0 to {classes - 1}, "
                f"got {int(labels.min())} to {int(labels.max())}"
            )
    return torch.bincount(true * classes + said, minlength=classes**2).view(classes, classes)


def intersection_over_union(
    targets: Tensor, predictions: Tensor, classes: int, *, ignore: int = 255
) -> Tensor:
    """For each class: pixels that have and got its label, over those that have or got it.

    Also called Jaccard index. A class that no pixel has and none got says nothing: it is NaN, not
    0 or 1, and ``mean_intersection_over_union`` leaves it out.

    Parameters
    ----------
    targets, predictions, classes, ignore
        As for ``label_confusion``.

    Returns
    -------
    Tensor of float64, shape (classes,)

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import intersection_over_union
    >>> y, said = torch.tensor([0, 0, 1, 255]), torch.tensor([0, 1, 1, 0])
    >>> intersection_over_union(y, said, classes=3).tolist()
    [0.5, 0.5, nan]
    """
    table = label_confusion(targets, predictions, classes, ignore=ignore).double()
    both = table.diagonal()
    return both / (table.sum(0) + table.sum(1) - both)


def mean_intersection_over_union(
    targets: Tensor, predictions: Tensor, classes: int, *, ignore: int = 255
) -> float:
    """Mean of ``intersection_over_union`` over the classes that are there; NaN if none is.

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import mean_intersection_over_union
    >>> y, said = torch.tensor([0, 0, 1, 255]), torch.tensor([0, 1, 1, 0])
    >>> mean_intersection_over_union(y, said, classes=3)
    0.5
    """
    return float(intersection_over_union(targets, predictions, classes, ignore=ignore).nanmean())


def _counted(logits: Tensor, targets: Tensor, ignore: int) -> Tensor:
    expected = (*logits.shape[:1], *logits.shape[2:])
    if logits.ndim < 2 or tuple(targets.shape) != expected:
        raise ValueError(
            "expected logits of shape (N, K, ...) and targets of shape (N, ...), "
            f"got {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
    counts = targets != ignore
    inside = (targets >= 0) & (targets < logits.shape[1])
    if not bool((inside | ~counts).all()):
        raise ValueError(
            f"expected targets of 0 to {logits.shape[1] - 1}, or {ignore} where there is none, "
            f"got {int(targets[counts].min())} to {int(targets[counts].max())}"
        )
    if not bool(counts.any()):
        raise ValueError("expected at least 1 pixel that counts, got none")
    return counts

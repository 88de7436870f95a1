"""Label smoothing: targets that leave a little for the other classes."""

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot

from deepbook.regularization.checks import check_probability

__all__ = ["SmoothedCrossEntropy", "smooth_labels", "smoothed_cross_entropy"]

FORMS = ("all", "others")


def smooth_labels(targets: Tensor, classes: int, epsilon: float, *, form: str = "all") -> Tensor:
    """Probabilities in place of classes (Goodfellow et al. 2016, section 7.5.1).

    Parameters
    ----------
    targets : Tensor of int64, any shape
    classes : int
        ``K``, at least 2.
    epsilon : float, between 0 and 1
        The share that is taken from the target.
    form : {"all", "others"}
        Over whom the share is spread. "all" classes, the target among them: ``1 - epsilon +
        epsilon / K`` for it and ``epsilon / K`` for each other, as in Szegedy et al. (2016) and in
        torch. The "others" alone, as in the book of Goodfellow et al.: ``1 - epsilon`` and
        ``epsilon / (K - 1)``. They are the same where the latter's epsilon is ``(K - 1) / K``
        of the former's.

    Returns
    -------
    Tensor, shape of ``targets`` with the classes as a last axis
        Each row sums to 1.

    Raises
    ------
    ValueError
        If there are fewer than two classes, epsilon is out of range or the form unknown.
    """
    off = _off_target(classes, epsilon, form)
    hot = one_hot(targets, classes).to(torch.get_default_dtype())
    return hot * (1 - classes * off) + off


def smoothed_cross_entropy(
    logits: Tensor, targets: Tensor, epsilon: float, *, form: str = "all"
) -> Tensor:
    """Cross-entropy with smoothed labels, a mean over examples.

    With ``form="all"`` what torch's ``cross_entropy(..., label_smoothing=epsilon)`` is.

    Parameters
    ----------
    logits : Tensor, shape (N, K)
    targets : Tensor of int64, shape (N,)
    epsilon, form
        As for ``smooth_labels``.

    Returns
    -------
    Tensor, shape ()
        Not 0 for a network that is right and sure: at best the entropy of the smoothed label.
    """
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            "expected logits of shape (N, K) and targets of shape (N,), "
            f"got {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
    off = _off_target(logits.shape[1], epsilon, form)
    log_p = log_softmax(logits, -1)
    chosen = log_p.gather(1, targets[:, None])[:, 0]
    return -((1 - logits.shape[1] * off) * chosen + off * log_p.sum(1)).mean()


class SmoothedCrossEntropy:
    """``smoothed_cross_entropy`` with its settings, as a ``loss(outputs, targets)`` for ``fit``."""

    def __init__(self, epsilon: float, *, form: str = "all") -> None:
        _off_target(2, epsilon, form)
        self.epsilon, self.form = epsilon, form

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, shape ()."""
        return smoothed_cross_entropy(logits, targets, self.epsilon, form=self.form)


def _off_target(classes: int, epsilon: float, form: str) -> float:
    """The probability of each class that is not the target."""
    if classes < 2:
        raise ValueError(f"expected at least 2 classes, got {classes}")
    if form not in FORMS:
        raise ValueError(f"expected a form among {', '.join(FORMS)}, got {form!r}")
    check_probability("a share epsilon", epsilon)
    return epsilon / (classes if form == "all" else classes - 1)

"""Calibration: is a classifier right as often as it says that it is?"""

from typing import NamedTuple

import torch
from torch import Tensor

from deepbook.training.counts import check_count
from deepbook.training.measures import check_examples

__all__ = ["Calibration", "calibration_bins", "calibration_error"]


class Calibration(NamedTuple):
    """Examples sorted by confidence into bins of equal width; all of shape (bins,), float64.

    Attributes
    ----------
    confidence : Tensor
        Mean of the largest probability in each bin; NaN in a bin without examples.
    accuracy : Tensor
        Share of the bin's examples whose most probable class is theirs; NaN likewise.
    share : Tensor
        Of all examples.
    """

    confidence: Tensor
    accuracy: Tensor
    share: Tensor


def calibration_bins(probabilities: Tensor, targets: Tensor, bins: int = 15) -> Calibration:
    """How often the answers are right, by how sure the model is of them (a reliability diagram).

    Parameters
    ----------
    probabilities : Tensor, shape (examples, classes)
    targets : Tensor, shape (examples,), int64
    bins : int
        Bin ``b`` takes confidences above ``(b - 1) / bins`` and up to ``b / bins``.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If sizes do not fit, there are no bins, or a row is no distribution.
    """
    check_count("bin", bins)
    if probabilities.ndim != 2:
        raise ValueError(
            f"expected probabilities of shape (examples, classes), got {tuple(probabilities.shape)}"
        )
    check_examples(probabilities, targets)
    p = probabilities.detach().to("cpu", torch.float64)
    if not bool((p >= 0).all()) or not bool(((p.sum(1) - 1).abs() < 1e-4).all()):
        raise ValueError("expected rows of probabilities that add up to 1, as a softmax gives them")
    confidence, answer = p.max(1)
    right = (answer == targets.cpu()).double()
    places = (confidence * bins).ceil().long().clamp(1, bins) - 1
    counts, sure, correct = (
        torch.zeros(bins, dtype=torch.float64).index_add_(0, places, values)
        for values in (torch.ones_like(right), confidence, right)
    )
    return Calibration(sure / counts, correct / counts, counts / len(p))


def calibration_error(probabilities: Tensor, targets: Tensor, bins: int = 15) -> float:
    """Expected calibration error: ``sum_b share_b |accuracy_b - confidence_b|`` (Guo et al. 2017).

    0 for a model that is right as often as it says in each bin of ``calibration_bins``, which has
    the same parameters.

    Examples
    --------
    >>> import torch
    >>> from deepbook.training import calibration_error
    >>> sure = torch.tensor([[0.9, 0.1], [0.9, 0.1]])  # right once in two
    >>> round(calibration_error(sure, torch.tensor([0, 1])), 6)
    0.4
    """
    confidence, accuracy, share = calibration_bins(probabilities, targets, bins)
    return float((share * (accuracy - confidence).abs()).nansum())

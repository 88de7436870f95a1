"""What the last item's value may be, given all the others."""

from torch import Tensor
from torch.nn.functional import softplus

__all__ = ["conditional_scores"]


def conditional_scores(others: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``log P(v_i = k | the other items)`` up to what all values k share.

    It is ``-F`` of the other items together with each value of this one.

    Parameters
    ----------
    others : Tensor, shape (..., hidden_size)
        What the hidden units get from the other items and from their biases.
    weight : Tensor, shape (..., value_count, hidden_size)
        Of this item.
    bias : Tensor, shape (..., value_count)

    Returns
    -------
    Tensor, shape (..., value_count)
    """
    return bias + softplus(others[..., None, :] + weight).sum(-1)

"""Multi-prediction training: a deep machine trained to answer questions about itself."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from deepbook.boltzmann.deep.deep_boltzmann import DBM
from deepbook.units import bernoulli

__all__ = ["complete", "multi_prediction_loss"]


def complete(dbm: DBM, visible: Tensor, missing: Tensor, *, sweeps: int | None = None) -> Tensor:
    """Mean-field logits of the visible units, those that are missing inferred from the others.

    Mean field as in ``DBM.mean_field``, where the missing visible units are one more layer to
    infer: hidden layers one by one, then they. Differentiable by the parameters, through all
    sweeps: a recurrent network with the machine's weights.

    Parameters
    ----------
    visible : Tensor, shape (N, visible_size)
    missing : Tensor of bool, shape (N, visible_size)
        True where the value must not be read. NaN is allowed there.
    sweeps : int, optional
        ``dbm.sweeps`` if not given.

    Returns
    -------
    Tensor, shape (N, visible_size)
        The log-odds that the hidden layers give to every visible unit after the last sweep.

    Raises
    ------
    ValueError, TypeError
        If ``missing`` is not of bool or not of the shape of ``visible``.
    """
    if missing.dtype != torch.bool:
        raise TypeError(f"expected a mask of torch.bool, got {missing.dtype}")
    if missing.shape != visible.shape:
        raise ValueError(
            f"expected a mask of shape {tuple(visible.shape)}, got {tuple(missing.shape)}"
        )
    dbm.check_visible(torch.where(missing, 0.0, visible))
    return _complete(dbm, visible, missing, sweeps)


def multi_prediction_loss(
    dbm: DBM,
    visible: Tensor,
    *,
    rate: float = 0.5,
    sweeps: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """How badly the machine predicts visible units, drawn at random, from the others.

    The criterion of Goodfellow et al. (2013), ``-log Q(v_missing | v_given)`` by mean field, and
    section 20.4.5 of Goodfellow et al. (2016). It trains all layers jointly, without layer-wise
    training and without a sampler; what it maximises is not the likelihood.

    Parameters
    ----------
    visible : Tensor, shape (N, visible_size)
        A minibatch; labels may be some of its units.
    rate : float
        Share of units that are missing, drawn anew for each example.
    sweeps : int, optional
        ``dbm.sweeps`` if not given.
    generator : torch.Generator, optional
        On the model's device; the global one if not given.

    Returns
    -------
    Tensor, shape ()
        Nats for each missing unit; to be minimised by autograd.

    Raises
    ------
    ValueError
        If ``rate`` is not inside (0, 1).
    """
    if not 0 < rate < 1:
        raise ValueError(f"expected a rate between 0 and 1, got {rate}")
    dbm.check_visible(visible)
    missing = bernoulli(torch.full_like(visible, rate), generator)
    logits = _complete(dbm, visible, missing.bool(), sweeps)
    losses = binary_cross_entropy_with_logits(logits, visible, reduction="none")
    return (losses * missing).sum() / missing.sum().clamp(min=1)


def _complete(dbm: DBM, visible: Tensor, missing: Tensor, sweeps: int | None) -> Tensor:
    # a missing unit starts at its bias
    logits = dbm.biases[0].expand_as(visible)
    layers = dbm._upward_pass(torch.where(missing, torch.sigmoid(logits), visible))
    for _ in range(dbm.sweeps if sweeps is None else sweeps):
        for index in range(1, len(layers)):
            layers[index] = torch.sigmoid(dbm.layer_input(layers, index))
        logits = dbm.layer_input(layers, 0)
        layers[0] = torch.where(missing, torch.sigmoid(logits), visible)
    return logits

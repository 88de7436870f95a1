"""Greedy layer-wise pretraining: a network grows by one hidden layer at a time."""

import torch

from deepbook.feedforward import MLP

__all__ = ["deepened"]


def deepened(model: MLP, width: int, generator: torch.Generator | None = None) -> MLP:
    """A network with one more hidden layer below its outputs.

    Goodfellow et al. (2016), section 8.7.4. The hidden layers are copies of those of ``model``,
    the new one and the outputs are drawn anew: greedy supervised pretraining trains a network,
    deepens it, trains it again (Bengio et al. 2007). To train only what is new, pass
    ``layers[-2:].parameters()`` to the optimizer.

    Parameters
    ----------
    model : MLP
        It is not changed.
    width : int
        Units of the new layer.
    generator : torch.Generator, optional
        Draws the new weights; the global one if not given.

    Returns
    -------
    MLP

    Raises
    ------
    ValueError
        If the width is less than 1.
    """
    sizes = [*model.sizes[:-1], width, model.sizes[-1]]
    weight = model.layers[0].weight
    deep = MLP(sizes, model.activation, generator=generator).to(weight.device, weight.dtype)
    for new, old in zip(deep.layers[:-2], model.layers[:-1], strict=True):
        new.load_state_dict(old.state_dict())
    return deep

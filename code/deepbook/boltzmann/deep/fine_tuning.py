"""From a deep generative model to a classifier: the same layers as a feedforward network."""

import torch
from torch import Tensor

from deepbook.boltzmann.deep.deep_belief import DBN
from deepbook.boltzmann.deep.deep_boltzmann import DBM
from deepbook.feedforward import MLP

__all__ = ["network_from_dbm", "network_from_dbn", "with_mean_field"]


@torch.no_grad()
def network_from_dbn(dbn: DBN, outputs: int, *, generator: torch.Generator | None = None) -> MLP:
    """A sigmoid network whose hidden layers are the DBN's upward pass.

    All layers are hidden layers, the top machine's hidden units too; a linear layer with random
    weights follows (Goodfellow et al. 2016, section 20.3). ``MLP(network.sizes, "sigmoid")`` is
    the same network from random weights.

    Parameters
    ----------
    outputs : int
        Classes.
    generator : torch.Generator, optional
        For the last layer's weights, on the model's device; the global one if not given.
    """
    network = _network([*dbn.sizes, outputs], dbn.top.weight, generator)
    weights = [*dbn.recognition_weights, dbn.top.weight]
    biases = [*dbn.recognition_biases, dbn.top.hidden_bias]
    for layer, weight, bias in zip(network.layers, weights, biases, strict=False):
        layer.weight.copy_(weight.T)
        layer.bias.copy_(bias)
    return network


@torch.no_grad()
def network_from_dbm(dbm: DBM, outputs: int, *, generator: torch.Generator | None = None) -> MLP:
    """A sigmoid network whose forward pass is a mean-field sweep upwards.

    Its inputs are ``with_mean_field(dbm, v)``: the first hidden layer reads v and the second
    layer's mean, as in the machine (Salakhutdinov and Hinton 2009, section 3.3). Before any
    training, its hidden layers are a fixed point of mean field.

    Parameters
    ----------
    outputs : int
        Classes.
    generator : torch.Generator, optional
        For the last layer's weights, on the model's device; the global one if not given.

    Raises
    ------
    ValueError
        If the machine has more than two hidden layers.
    """
    _check_two_layers(dbm)
    visible, first, second = dbm.sizes
    network = _network([visible + second, first, second, outputs], dbm.weights[0], generator)
    network.layers[0].weight.copy_(torch.cat([dbm.weights[0], dbm.weights[1].T]).T)
    network.layers[1].weight.copy_(dbm.weights[1].T)
    for layer, bias in zip(network.layers, dbm.biases[1:], strict=False):
        layer.bias.copy_(bias)
    return network


@torch.no_grad()
def with_mean_field(dbm: DBM, visible: Tensor) -> Tensor:
    """The visible units and the second hidden layer's mean-field means, side by side.

    Returns
    -------
    Tensor, shape (N, sizes[0] + sizes[2])
    """
    _check_two_layers(dbm)
    layers = dbm.mean_field(visible)
    return torch.cat([visible, layers[2]], -1)


def _network(sizes: list[int], like: Tensor, generator: torch.Generator | None) -> MLP:
    network = MLP(sizes, "sigmoid", generator=generator)
    return network.to(like.device, like.dtype)


def _check_two_layers(dbm: DBM) -> None:
    if len(dbm.sizes) != 3:
        raise ValueError(f"expected a machine with two hidden layers, got sizes {dbm.sizes}")

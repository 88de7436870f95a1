"""Batch normalisation in evaluation: a factor and a shift for each map."""

import torch
from torch import Tensor, nn

from deepbook.convolution.convolutional_networks import ConvNet

__all__ = ["folded_stages", "scale_and_shift"]


@torch.no_grad()
def scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What batch normalisation does to each map once its averages stand still.

    ``weight (x - mean) / sqrt(var + eps) + bias`` is ``scale * x + shift`` with
    ``scale = weight / sqrt(var + eps)`` and ``shift = bias - mean * scale``. A convolution right
    before it can take the factor into its kernels and the shift as its bias.

    Parameters
    ----------
    norm : nn.BatchNorm2d
        With running averages.

    Returns
    -------
    scale, shift : Tensor, shape (maps,)

    Raises
    ------
    ValueError
        If it keeps no running averages: then it has no fixed factors.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("expected batch normalisation with running averages, got one without")
    scale = 1 / torch.sqrt(norm.running_var + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight
    shift = -norm.running_mean * scale
    return scale, shift if norm.bias is None else shift + norm.bias


@torch.no_grad()
def folded_stages(network: ConvNet) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The stages of a network as it is in evaluation, without batch normalisation.

    A stage is then ``relu(scale * pool(kernel * x) + shift)``, where ``*`` between kernel and maps
    is the convolution without a bias. The factor stays behind the pooling, as it does in
    ``ConvNet``: a negative one would turn the largest of four pixels into the smallest.

    Parameters
    ----------
    network : ConvNet

    Returns
    -------
    list of (kernel, scale, shift)
        Shapes (maps, maps before, size, size), (maps,) and (maps,); copies.
    """
    layers = dict(network.named_children())
    stages = []
    for stage in range(1, network.stages + 1):
        conv = layers[f"conv{stage}"]
        assert isinstance(conv, nn.Conv2d)
        kernel = conv.weight.detach().clone(memory_format=torch.contiguous_format)
        norm = layers.get(f"norm{stage}")
        if isinstance(norm, nn.BatchNorm2d):
            scale, shift = scale_and_shift(norm)
        else:
            assert conv.bias is not None
            scale, shift = torch.ones_like(conv.bias), conv.bias.detach().clone()
        stages.append((kernel, scale, shift))
    return stages

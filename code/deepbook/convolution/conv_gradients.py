"""The gradients of a convolutional layer, derived by hand."""

import torch
from torch import Tensor

from deepbook.convolution.layer_shapes import check_weight
from deepbook.convolution.padded_inputs import ConvGeometry, Paddings, Setting

__all__ = ["conv2d_bias_gradient", "conv2d_input_gradient", "conv2d_weight_gradient"]


def conv2d_weight_gradient(
    gradient: Tensor,
    x: Tensor,
    kernel: tuple[int, int],
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient with respect to the weights.

    Each weight met one input for each output: the products of that input and the gradient of
    that output add up (Goodfellow et al. 2016, eq. 9.11).

    Parameters
    ----------
    gradient : Tensor, shape (N, OC, OH, OW)
        Of the loss with respect to the layer's outputs.
    x : Tensor, shape (N, C, H, W)
        The layer's inputs.
    kernel : (KH, KW)
    stride, padding, dilation, groups
        The layer's, as :func:`deepbook.convolution.conv2d` takes them.

    Returns
    -------
    Tensor, shape (OC, C / groups, KH, KW)

    Raises
    ------
    ValueError
        If the gradient is not one of such outputs.
    """
    geometry = ConvGeometry.of(x.shape[2:], kernel, stride, padding, dilation)
    N, C = x.shape[:2]
    OC = gradient.shape[1]
    shape = (OC, C // max(groups, 1), *geometry.kernel)
    weight = x.new_zeros(shape)
    check_weight(weight, C, groups, 2)
    g = _grouped(gradient, (N, OC, *geometry.output), groups)
    padded = geometry.pad(x)
    for kh, kw in geometry.weights():
        met = padded[geometry.taps(kh, kw)].unflatten(1, (groups, -1))
        # Goodfellow 9.11
        product = torch.einsum("ngohw,ngchw->goc", g, met)
        weight[..., kh, kw] = product.flatten(0, 1)
    return weight


def conv2d_input_gradient(
    gradient: Tensor,
    weight: Tensor,
    size: tuple[int, int],
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient with respect to the inputs.

    Each output sends its gradient back to all inputs that it saw, times the weight between them
    (Goodfellow et al. 2016, eq. 9.13).

    Parameters
    ----------
    gradient : Tensor, shape (N, OC, OH, OW)
        Of the loss with respect to the layer's outputs.
    weight : Tensor, shape (OC, C / groups, KH, KW)
    size : (H, W)
        Of the layer's inputs; with strides, several sizes have the same outputs.
    stride, padding, dilation, groups
        The layer's, as :func:`deepbook.convolution.conv2d` takes them.

    Returns
    -------
    Tensor, shape (N, C, H, W)

    Raises
    ------
    ValueError
        If the gradient is not one of such outputs.
    """
    geometry = ConvGeometry.of(size, weight.shape[2:], stride, padding, dilation)
    C = weight.shape[1] * groups
    check_weight(weight, C, groups, 2)
    g = _grouped(gradient, (len(gradient), len(weight), *geometry.output), groups)
    padded = gradient.new_zeros(len(gradient), C, *geometry.padded)
    for kh, kw in geometry.weights():
        w = weight[..., kh, kw].unflatten(0, (groups, -1))
        # Goodfellow 9.13: i = (i' - 1) s + k, here counted from 0 and with the dilation
        back = torch.einsum("ngohw,goc->ngchw", g, w)
        padded[geometry.taps(kh, kw)] += back.flatten(1, 2)
    return geometry.pad_adjoint(padded)


def conv2d_bias_gradient(gradient: Tensor) -> Tensor:
    """Gradient with respect to the biases, shape (OC,): each was added at every place.

    Parameters
    ----------
    gradient : Tensor, shape (N, OC, OH, OW)
        Of the loss with respect to the layer's outputs.
    """
    return gradient.sum((0, 2, 3))


def _grouped(gradient: Tensor, shape: tuple[int, ...], groups: int) -> Tensor:
    if gradient.shape != shape:
        raise ValueError(f"expected a gradient of shape {shape}, got {tuple(gradient.shape)}")
    return gradient.unflatten(1, (groups, -1))

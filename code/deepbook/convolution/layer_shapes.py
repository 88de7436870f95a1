"""What a convolutional layer's input, weight and bias must look like to fit together."""

from torch import Tensor

from deepbook.convolution.padded_inputs import ConvGeometry, Paddings, Setting

__all__ = ["layer_geometry"]


def layer_geometry(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
    groups: int = 1,
    *,
    dims: int,
) -> ConvGeometry:
    """The geometry of a layer with inputs (N, C, ...) and weights (OC, C / groups, ...).

    Raises
    ------
    ValueError
        If shapes or groups do not fit.
    """
    if x.ndim != dims + 2:
        raise ValueError(f"expected an input of {dims + 2} dimensions, got shape {tuple(x.shape)}")
    check_weight(weight, x.shape[1], groups, dims)
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"expected a bias for each of {len(weight)} outputs, got {bias.shape}")
    return ConvGeometry.of(x.shape[2:], weight.shape[2:], stride, padding, dilation)


def check_weight(weight: Tensor, channels: int, groups: int, dims: int) -> None:
    """Raise ``ValueError`` if a weight is not (OC, channels / groups, ...)."""
    if weight.ndim != dims + 2:
        raise ValueError(
            f"expected a weight of {dims + 2} dimensions, got shape {tuple(weight.shape)}"
        )
    if groups < 1 or channels % groups or len(weight) % groups:
        raise ValueError(
            f"expected groups that divide {channels} input and {len(weight)} output channels, "
            f"got {groups}"
        )
    if weight.shape[1] != channels // groups:
        raise ValueError(
            f"expected weights for {channels // groups} channels of {channels} in {groups} "
            f"groups, got {weight.shape[1]}"
        )

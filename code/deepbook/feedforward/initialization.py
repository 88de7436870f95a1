"""Initial weights, scaled so that signals neither die out nor blow up.

Goodfellow et al. (2016), section 8.4. Each scheme fixes the variance of the weights from
the number of inputs (fan-in) and of outputs (fan-out) of a layer.
"""

import torch
from torch import nn

# variance = numerator / (what the scheme divides by)
_VARIANCES = {
    "lecun": lambda fan_in, fan_out: 1 / fan_in,  # LeCun et al. 1998
    "xavier": lambda fan_in, fan_out: 2 / (fan_in + fan_out),  # Glorot and Bengio 2010
    "he": lambda fan_in, fan_out: 2 / fan_in,  # He et al. 2015
    "orthogonal": lambda fan_in, fan_out: 1 / max(fan_in, fan_out),  # Saxe et al. 2014
    "zero": lambda fan_in, fan_out: 0.0,
}
SCHEMES = (
    *("lecun", "xavier", "he", "lecun_uniform", "xavier_uniform", "he_uniform"),
    *("orthogonal", "zero"),
)


def weight_variance(scheme: str, fan_in: int, fan_out: int) -> float:
    """Variance that a scheme gives to the weights of a layer.

    Parameters
    ----------
    scheme : str
        One of ``SCHEMES``; the uniform twins have the variance of the normal ones. For
        ``orthogonal`` it is the mean square of the entries, which depend on each other.
    fan_in, fan_out : int
        Inputs and outputs of the layer.

    Raises
    ------
    ValueError
        If there is no such scheme, or a layer has no inputs or outputs.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"expected a scheme among {', '.join(SCHEMES)}, got {scheme!r}")
    if fan_in < 1 or fan_out < 1:
        raise ValueError(f"expected at least one input and output, got {fan_in} and {fan_out}")
    return _VARIANCES[scheme.removesuffix("_uniform")](fan_in, fan_out)


@torch.no_grad()
def initialize_(
    module: nn.Module, scheme: str, generator: torch.Generator | None = None
) -> nn.Module:
    """Draw the weights of every ``nn.Linear`` in a module anew, in place; biases become 0.

    Parameters
    ----------
    module : nn.Module
        A linear layer, or anything that holds some.
    scheme : str
        One of ``SCHEMES``. ``orthogonal`` gives a matrix whose rows, or columns if there are
        fewer of them, are orthonormal (Saxe et al. 2014).
    generator : torch.Generator, optional
        On the device of the weights; the global one if not given.

    Returns
    -------
    nn.Module
        The same module.

    Raises
    ------
    ValueError
        If there is no such scheme or no linear layer in the module.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise ValueError(f"expected a module with linear layers, got {type(module).__name__}")
    for layer in layers:
        std = weight_variance(scheme, layer.in_features, layer.out_features) ** 0.5
        if scheme == "orthogonal":
            nn.init.orthogonal_(layer.weight, generator=generator)
        elif scheme.endswith("_uniform"):
            bound = 3**0.5 * std  # a uniform number on [-a, a] has variance a^2 / 3
            layer.weight.uniform_(-bound, bound, generator=generator)
        else:
            layer.weight.normal_(0, std, generator=generator)
        if layer.bias is not None:
            layer.bias.zero_()
    return module

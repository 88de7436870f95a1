"""Autoencoders: a code, and what can be made from it again."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from deepbook.feedforward.activations import get_activation
from deepbook.feedforward.network import MLP
from deepbook.units import check_units, log_odds

__all__ = ["Autoencoder", "stack_autoencoders"]

OUTPUTS = ("bernoulli", "gaussian")


class Autoencoder(nn.Module):
    """Encoder ``h = f(x)`` and decoder ``r = g(h)`` (Goodfellow et al. 2016, chapter 14).

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden layers of the encoder, code: ``[784, 64]``, ``[784, 256, 32]``. The decoder
        has them in reverse, with weights of its own.
    activation : str
        Of the hidden layers and of the code, a name from ``deepbook.feedforward.ACTIVATIONS``.
    code_activation : str, optional
        Of the code, if another one.
    output : {"bernoulli", "gaussian"}
        What the decoder's outputs are: logits of bits, or means of real numbers.
    generator : torch.Generator, optional
        For the initial weights; the global one if not given.
    device, dtype : optional
        Of the parameters, as in torch.

    Attributes
    ----------
    encoder, decoder : MLP

    Raises
    ------
    ValueError
        If there are fewer than two sizes, one is not positive, or a name is unknown.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "sigmoid",
        *,
        code_activation: str | None = None,
        output: str = "bernoulli",
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if output not in OUTPUTS:
            raise ValueError(f"expected an output among {', '.join(OUTPUTS)}, got {output!r}")
        self.activation = get_activation(activation)
        self.code_activation = get_activation(code_activation or activation)
        if self.activation.pieces > 1 or self.code_activation.pieces > 1:
            raise ValueError("expected an activation with one linear map a unit, got maxout")
        self.sizes, self.output = tuple(sizes), output
        self.encoder = MLP(sizes, activation, generator=generator)
        self.decoder = MLP(tuple(reversed(sizes)), activation, generator=generator)
        self.to(device=device, dtype=dtype)

    def encode(self, x: Tensor) -> Tensor:
        """The code, shape (..., sizes[-1]), of inputs of shape (..., sizes[0])."""
        return self.code_activation(self.encoder(x))

    def decode(self, code: Tensor) -> Tensor:
        """Logits or means, shape (..., sizes[0]), from a code of shape (..., sizes[-1])."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        """The reconstruction ``r(x)``: probabilities or means, shape (..., sizes[0])."""
        output = self.decode(self.encode(x))
        return output.sigmoid() if self.output == "bernoulli" else output

    def reconstruction_error(self, x: Tensor, target: Tensor | None = None) -> Tensor:
        """``-log p(target | code of x)``, summed over units, without the Gaussian's constant.

        Parameters
        ----------
        x : Tensor, shape (..., sizes[0])
        target : Tensor, the same shape, optional
            What is to come out, if that is not ``x``: the clean input of a denoising autoencoder.

        Returns
        -------
        Tensor, shape (...)
            In nats: cross-entropy of bits (targets in [0, 1]), or half the squared distance.

        Raises
        ------
        ValueError, TypeError
            If a size, a value or the dtype is wrong.
        """
        output = self.decode(self.encode(x))
        target = x if target is None else target
        if self.output == "bernoulli":
            check_units(target, self.sizes[0], output.dtype, "target")
            return (softplus(output) - target * output).sum(-1)
        if target.shape != output.shape:
            raise ValueError(
                f"expected a target of shape {tuple(output.shape)}, got {tuple(target.shape)}"
            )
        return 0.5 * ((target - output) ** 2).sum(-1)

    @torch.no_grad()
    def initialize_biases_(self, data: Tensor) -> None:
        """Let both networks start from what is the same in all data, shape (N, sizes[0]).

        The decoder's last biases become the log-odds of bits, or the means of real numbers, and
        the encoder's first ones make its sums zero for the mean input.
        """
        first, last = self.encoder.layers[0], self.decoder.layers[-1]
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        if self.output == "bernoulli":
            check_units(data, self.sizes[0], last.bias.dtype, "visible")
        last.bias.copy_(log_odds(data) if self.output == "bernoulli" else data.mean(0))
        first.bias.copy_(-(first.weight @ data.mean(0)))


@torch.no_grad()
def stack_autoencoders(autoencoders: Sequence[Autoencoder]) -> Autoencoder:
    """One deep autoencoder from shallow ones, each trained on the code of the one before.

    Greedy layer-wise pretraining (Goodfellow et al. 2016, section 15.1): encoders in order,
    decoders in reverse. The weights are copies.

    Parameters
    ----------
    autoencoders : sequence of Autoencoder
        The first on the data. All sigmoid, with Bernoulli output: so one layer's reconstruction
        is of the kind that the layer below decodes.

    Returns
    -------
    Autoencoder

    Raises
    ------
    ValueError
        If there is none, sizes do not meet, or one is of another kind.
    """
    if not autoencoders:
        raise ValueError("expected at least 1 autoencoder, got none")
    sizes = list(autoencoders[0].sizes)
    for i, shallow in enumerate(autoencoders):
        names = {shallow.activation.name, shallow.code_activation.name}
        if names != {"sigmoid"} or shallow.output != "bernoulli":
            raise ValueError(f"expected sigmoid units and Bernoulli output in autoencoder {i}")
        if i:
            if shallow.sizes[0] != sizes[-1]:
                raise ValueError(
                    f"expected {sizes[-1]} inputs of autoencoder {i}, got {shallow.sizes[0]}"
                )
            sizes += shallow.sizes[1:]
    like = autoencoders[0].encoder.layers[0].weight
    deep = Autoencoder(sizes, device=like.device, dtype=like.dtype)  # type: ignore[arg-type]
    encoders = [layer for shallow in autoencoders for layer in shallow.encoder.layers]
    decoders = [layer for shallow in reversed(autoencoders) for layer in shallow.decoder.layers]
    deep.encoder.layers.load_state_dict(nn.ModuleList(encoders).state_dict())
    deep.decoder.layers.load_state_dict(nn.ModuleList(decoders).state_dict())
    return deep

"""The deep belief network: a restricted machine on top of directed layers."""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from deepbook.boltzmann.energy.states import all_states
from deepbook.boltzmann.machines.restricted import RBM
from deepbook.boltzmann.partition.exact_likelihood import log_likelihood
from deepbook.units import bernoulli, check_units

__all__ = ["DBN"]


class DBN(nn.Module):
    """Deep belief network with binary units (Hinton, Osindero and Teh 2006).

    ``p(v, h1, ..., hL) = p(v | h1) p(h1 | h2) ... p(h(L-1), hL)``: directed downwards, with a
    restricted machine on top (Goodfellow et al. 2016, section 20.3). It begins as one machine;
    each ``grow`` turns the top machine into a directed layer and puts a new one on top.

    Parameters
    ----------
    rbm : RBM
        A trained machine. It is taken over, not copied.

    Attributes
    ----------
    top : RBM
    generative_weights, recognition_weights : nn.ParameterList
        Shape (size of layer l, size of layer l + 1); the first downwards, the second upwards.
        Equal when a layer is made, and free to part in wake-sleep training.
    generative_biases, recognition_biases : nn.ParameterList
        Of the lower and of the upper layer.
    """

    def __init__(self, rbm: RBM) -> None:
        super().__init__()
        self.top = rbm
        self.generative_weights, self.generative_biases = nn.ParameterList(), nn.ParameterList()
        self.recognition_weights, self.recognition_biases = nn.ParameterList(), nn.ParameterList()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of each layer, visible ones first."""
        below = [len(bias) for bias in self.generative_biases]
        return (*below, self.top.visible_size, self.top.hidden_size)

    def grow(
        self,
        hidden_size: int | None = None,
        *,
        weight_scale: float = 0.01,
        generator: torch.Generator | None = None,
    ) -> RBM:
        """Put a new machine on top, and return it to be trained on ``recognise(data)[-1]``.

        Parameters
        ----------
        hidden_size : int, optional
            Of a new machine with random weights. If not given, the new one is the old one turned
            over: its prior of the layer between is the old one's exactly, so ``log p(v)`` stays
            as it is, and whatever raises the new machine's likelihood of that layer raises the
            bound on ``log p(v)`` (section 20.3).
        weight_scale, generator
            For random weights.
        """
        old = self.top
        self.generative_weights.append(old.weight.detach().clone())
        self.generative_biases.append(old.visible_bias.detach().clone())
        self.recognition_weights.append(old.weight.detach().clone())
        self.recognition_biases.append(old.hidden_bias.detach().clone())
        self.top = RBM(
            old.hidden_size,
            old.visible_size if hidden_size is None else hidden_size,
            weight_scale=weight_scale if hidden_size is not None else 0.0,
            generator=generator,
            device=old.device,
            dtype=old.dtype,
        )
        with torch.no_grad():
            self.top.visible_bias.copy_(old.hidden_bias)
            if hidden_size is None:
                self.top.weight.copy_(old.weight.T)
                self.top.hidden_bias.copy_(old.visible_bias)
        return self.top

    def recognise(
        self, visible: Tensor, generator: torch.Generator | None = None, *, sample: bool = False
    ) -> list[Tensor]:
        """Layers from the data up to the top machine's visible one: their means, or draws.

        Returns
        -------
        list of Tensor
            ``[v, h1, ..., h(L-1)]``, each (..., size of the layer). Means are those given the
            layer below at its means or, with ``sample``, given its draw.
        """
        self.check_visible(visible)
        layers = [visible]
        for index in range(len(self.recognition_weights)):
            mean = torch.sigmoid(self.recognition_input(layers[-1], index))
            layers.append(bernoulli(mean, generator) if sample else mean)
        return layers

    def generate(
        self, top: Tensor, generator: torch.Generator | None = None, *, sample: bool = True
    ) -> list[Tensor]:
        """The directed pass down from states of the top machine's visible layer.

        Returns
        -------
        list of Tensor
            ``[v, h1, ..., h(L-1)]``; v is a draw or, without ``sample``, its mean.
        """
        check_units(top, self.top.visible_size, self.top.dtype, "top")
        return self._generate(top, generator, sample=sample)

    def _generate(
        self, top: Tensor, generator: torch.Generator | None, *, sample: bool
    ) -> list[Tensor]:
        layers = [top]
        for index in reversed(range(len(self.generative_weights))):
            mean = torch.sigmoid(self.generative_input(layers[0], index))
            drawn = bernoulli(mean, generator) if index or sample else mean
            layers.insert(0, drawn)
        return layers

    @torch.no_grad()
    def sample(
        self,
        count: int,
        *,
        steps: int = 1000,
        start: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Images: Gibbs steps in the top machine, then one directed pass; means of v.

        Parameters
        ----------
        start : Tensor, shape (count, visible_size), optional
            Data that the chains start from; all zeros at the top if not given.
        """
        state = self.top.initial_state(count)
        if start is not None:
            state = self.recognise(start, generator, sample=True)[-1]
        state = self.top._chain(state, steps, generator)
        return self._generate(state, generator, sample=False)[0]

    def log_weights(
        self, visible: Tensor, samples: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """``log p*(v, h) - log q(h | v)`` for draws ``h`` of the recognition pass.

        Their mean minus the top machine's log Z is the variational bound on ``log p(v)``; the
        logarithm of their mean exponential, minus log Z, estimates ``log p(v)`` itself.

        Returns
        -------
        Tensor, shape (samples, N)
        """
        layers = self.recognise(visible.expand(samples, *visible.shape), generator, sample=True)
        result = -self.top._free_energy(layers[-1])
        for index in range(len(self.generative_weights)):
            down = self.generative_input(layers[index + 1], index)
            up = self.recognition_input(layers[index], index)
            result = result + _log_probability(layers[index], down)
            result = result - _log_probability(layers[index + 1], up)
        return result

    def log_likelihood(self, visible: Tensor) -> Tensor:
        """``log p(v)`` exactly, by enumeration of each hidden layer below the top; shape (N,).

        Raises
        ------
        ValueError
            If one of these layers has more than ``MAX_UNITS`` units.
        """
        self.check_visible(visible)
        if not self.generative_weights:
            return log_likelihood(self.top, visible)
        kind = {"dtype": self.top.dtype, "device": self.top.device}
        states = all_states(self.top.visible_size, **kind)  # type: ignore[arg-type]
        log_p = -self.top._free_energy(states)
        log_p = log_p - log_p.logsumexp(0)
        for index in reversed(range(len(self.generative_weights))):
            below = all_states(self.sizes[index], **kind) if index else visible  # type: ignore[arg-type]
            parts = []
            # blocks of states above: each meets every state below
            for block, log_block in zip(states.split(2**12), log_p.split(2**12), strict=True):
                down = self.generative_input(block, index)
                table = below @ down.T + logsigmoid(-down).sum(-1)
                parts.append((table + log_block).logsumexp(1))
            log_p = torch.stack(parts).logsumexp(0)
            states = below
        return log_p

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless ``visible`` has ``sizes[0]`` values in [0, 1] of the model's dtype."""
        check_units(visible, self.sizes[0], self.top.dtype, "visible")

    def generative_input(self, above: Tensor, index: int) -> Tensor:
        """What the units of layer ``index`` add up from the layer above: their log-odds."""
        return above @ self.generative_weights[index].T + self.generative_biases[index]

    def recognition_input(self, below: Tensor, index: int) -> Tensor:
        """What the units of layer ``index + 1`` add up from the layer below, upwards."""
        return below @ self.recognition_weights[index] + self.recognition_biases[index]


def _log_probability(units: Tensor, logits: Tensor) -> Tensor:
    # log of a Bernoulli's probability, summed over units
    return (units * logits + logsigmoid(-logits)).sum(-1)

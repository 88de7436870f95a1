"""The deep Boltzmann machine: layers of hidden units, every link undirected."""

from collections.abc import Sequence

import torch
from torch import Tensor

from deepbook.boltzmann.energy.states import state_blocks
from deepbook.boltzmann.inference.mean_field import binary_entropy
from deepbook.boltzmann.machines.layered_machine import LayeredMachine
from deepbook.units import bernoulli

__all__ = ["DBM"]


class DBM(LayeredMachine):
    """Deep Boltzmann machine with binary units (Salakhutdinov and Hinton 2009).

    Energy ``E(v, h1, ..., hL) = -sum_l b_l.h_l - sum_l h_l W_l h_{l+1}`` with ``h_0 = v``
    (Goodfellow et al. 2016, section 20.4). Given the odd layers, the even ones are independent,
    and the other way round. So the state of its chain is the odd layers h1, h3, ... side by side,
    with v, h2, ... summed out: of two hidden layers, the first.

    Parameters
    ----------
    sizes : sequence of int
        Visible units, then the units of two hidden layers or more: ``(784, 500, 500)``.
    weight_scale : float
        Standard deviation of the initial weights; biases start at zero.
    sweeps : int
        At most so many mean-field sweeps for ``data_statistics`` and ``chain_from_data``.
    generator : torch.Generator, optional
        For the initial weights, on ``device``; the global one if not given.
    device, dtype : optional
        Of the parameters, as in torch.

    Attributes
    ----------
    weights : nn.ParameterList
        ``weights[l]`` of shape (sizes[l], sizes[l + 1]) links layers l and l + 1.
    biases : nn.ParameterList
        ``biases[l]`` of shape (sizes[l],); layer 0 is the visible one.
    state_size : int
        Units of the odd layers together.

    Raises
    ------
    ValueError
        If there are fewer than two hidden layers, a layer has no unit, or a number is negative.
    """

    def mean_field(
        self, visible: Tensor, *, sweeps: int | None = None, tolerance: float = 1e-4
    ) -> list[Tensor]:
        """Means of the factorial distribution nearest to ``p(h | v)``, found layer by layer.

        Each layer's update is exact coordinate ascent on ``log_bound``: units of a layer have no
        links. All layers at once would be no ascent (section 20.4.2).

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size)
        sweeps : int, optional
            At most so many times through all layers; ``self.sweeps`` if not given.
        tolerance : float
            Ends once no mean moves by more.

        Returns
        -------
        list of Tensor
            ``[v, m1, ..., mL]``: the visible units and each hidden layer's means.
        """
        self.check_visible(visible)
        return self._mean_field(visible, sweeps, tolerance)

    def upward_pass(self, visible: Tensor) -> list[Tensor]:
        """A first guess: each layer from the one below, doubled for what is missing above."""
        self.check_visible(visible)
        return self._upward_pass(visible)

    def log_bound(self, layers: Sequence[Tensor]) -> Tensor:
        """The evidence lower bound plus log Z: ``E_q[-E] + H(q)``, at most ``-free_energy(v)``.

        Parameters
        ----------
        layers : sequence of Tensor
            ``[v, m1, ..., mL]``, as ``mean_field`` returns them.
        """
        entropy = torch.stack([binary_entropy(mean).sum(-1) for mean in layers[1:]]).sum(0)
        # the energy is linear in each layer, so its mean is the energy of the means
        return entropy - self.energy(layers)

    def log_weights(
        self, visible: Tensor, samples: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """``log p*(v, h) - log q(h | v)`` for draws of the odd layers from mean field.

        Their mean minus log Z is a bound, tighter than ``log_bound`` as h2, h4, ... are summed
        out; the logarithm of their mean exponential estimates ``log p*(v)``.

        Returns
        -------
        Tensor, shape (samples, N)
        """
        self.check_visible(visible)
        mean = torch.cat(self._mean_field(visible)[1::2], -1)
        state = bernoulli(mean.expand(samples, *mean.shape), generator)
        log_q = torch.where(state > 0, mean, 1 - mean).log().sum(-1)
        return self._log_joint(visible, state) - log_q

    def log_joint(self, visible: Tensor, state: Tensor) -> Tensor:
        """``log p*(v, h1, h3, ...)``: only h2, h4, ... are summed out. Batches broadcast."""
        self.check_visible(visible)
        self.check_state(state)
        return self._log_joint(visible, state)

    def free_energy(self, visible: Tensor) -> Tensor:
        """``-log sum_h exp(-E(v, h))`` by enumeration of the odd layers; shape (...).

        Raises
        ------
        ValueError
            If the odd layers have more than ``MAX_UNITS`` units.
        """
        self.check_visible(visible)
        # few states at a time: each meets every example
        blocks = state_blocks(self.state_size, block_size=256, dtype=self.dtype, device=self.device)
        parts = [self._log_joint(visible[..., None, :], s).logsumexp(-1) for s in blocks]
        return -torch.stack(parts).logsumexp(0)

    def _mean_field(
        self, visible: Tensor, sweeps: int | None = None, tolerance: float = 1e-4
    ) -> list[Tensor]:
        layers = self._upward_pass(visible)
        # what the data say to the first hidden layer stays the same in all sweeps
        from_data = visible @ self.weights[0] + self.biases[1]
        for _ in range(self.sweeps if sweeps is None else sweeps):
            moved = 0.0
            for index in range(1, len(self.sizes)):
                if index == 1:
                    new = torch.sigmoid(from_data + layers[2] @ self.weights[1].T)
                else:
                    new = torch.sigmoid(self.layer_input(layers, index))
                moved = max(moved, float((new - layers[index]).detach().abs().max()))
                layers[index] = new
            if moved <= tolerance:
                break
        return layers

    def _upward_pass(self, visible: Tensor) -> list[Tensor]:
        layers = [visible]
        for index, weight in enumerate(self.weights):
            times = 2 if index + 1 < len(self.weights) else 1
            layers.append(torch.sigmoid(times * layers[-1] @ weight + self.biases[index + 1]))
        return layers

    def _log_joint(self, visible: Tensor, state: Tensor) -> Tensor:
        layers = self._with_odd(state)
        # visible @ weight first: it is small where many states meet few images
        return (
            visible @ self.biases[0]
            + (visible @ self.weights[0] * layers[1]).sum(-1)
            + self._log_hidden(layers)
        )

    @torch.no_grad()
    def _chain_from_data(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        # odd layers drawn from mean field
        return bernoulli(torch.cat(self._mean_field(visible)[1::2], -1), generator)

    @torch.no_grad()
    def _data_statistics(self, visible: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        # mean field in place of the hidden layers: the gradient of log_bound
        return self._products(self._mean_field(visible), weights)

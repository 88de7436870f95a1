"""The sigmoid belief network: hidden causes, drawn first, and the visible units given them."""

from collections.abc import Callable
from typing import Unpack

import torch
from torch import Tensor
from torch.nn.functional import softplus

from deepbook.boltzmann.directed.factorised import factorised_bound, fit_factorised
from deepbook.boltzmann.directed.likelihood_bounds import bernoulli_log_likelihood, check_bits
from deepbook.boltzmann.energy.layers import check_layers
from deepbook.boltzmann.energy.states import all_states, state_blocks
from deepbook.boltzmann.energy.two_layers import InitialWeights, TwoLayers
from deepbook.units import bernoulli

__all__ = ["Recognition", "SigmoidBeliefNetwork"]

Recognition = Callable[[Tensor], Tensor]
"""From visible units, shape (N, D), to the logits of ``q(h_j = 1 | v)``, shape (N, H)."""


class SigmoidBeliefNetwork(TwoLayers):
    """Sigmoid belief network with one hidden layer (Neal 1992; Goodfellow et al. 2016, 20.10.1).

    ``P(h_j = 1) = sigmoid(c_j)`` and ``P(v_i = 1 | h) = sigmoid(b_i + W_i . h)``: a directed graph
    with the parameters of an RBM. Drawing from it is easy. Its posterior ``p(h | v)`` is not a
    product: causes that explain the same visible units compete.

    Parameters
    ----------
    visible_size, hidden_size : int
    weight_scale : float
        Standard deviation of the initial weights, 0.1 if not given.
    generator, device, dtype
        As of ``RBM``.

    Attributes
    ----------
    weight : Tensor, shape (visible_size, hidden_size)
    visible_bias : Tensor, shape (visible_size,)
    hidden_bias : Tensor, shape (hidden_size,)

    Raises
    ------
    ValueError
        If a layer has no unit, or the weight scale is negative.
    """

    def __init__(
        self, visible_size: int, hidden_size: int, **options: Unpack[InitialWeights]
    ) -> None:
        check_layers(visible_size, hidden_size)
        options.setdefault("weight_scale", 0.1)
        super().__init__((visible_size,), (hidden_size,), **options)
        self.visible_size, self.hidden_size = visible_size, hidden_size

    def visible_logits(self, hidden: Tensor) -> Tensor:
        """Logits of ``P(v_i = 1 | h)``, shape (..., visible_size), for hidden units in [0, 1]."""
        self.check_hidden(hidden)
        return self._visible_logits(hidden)

    def log_joint(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """``log p(v, h)`` in nats.

        Parameters
        ----------
        visible : Tensor, shape (..., visible_size), zeros and ones
        hidden : Tensor, shape (..., hidden_size), zeros and ones

        Returns
        -------
        Tensor, shape (...)
            Batch dimensions broadcast.

        Raises
        ------
        ValueError, TypeError
            If a size, a value or the dtype is wrong; so in every method.
        """
        self.check_visible(visible)
        check_bits(hidden, self.hidden_size, self.weight.dtype, "hidden")
        return self._log_joint(visible, hidden)

    def log_likelihood(self, visible: Tensor, *, block_size: int = 2**12) -> Tensor:
        """Exact ``log p(v)``, summed over all states of the hidden units.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size), zeros and ones
        block_size : int
            How many hidden states at a time; the result does not depend on it.

        Returns
        -------
        Tensor, shape (N,)

        Raises
        ------
        ValueError
            If there are more than ``MAX_UNITS`` hidden units.
        """
        self.check_visible(visible)
        kind = {"dtype": self.weight.dtype, "device": self.weight.device}
        blocks = state_blocks(self.hidden_size, block_size=block_size, **kind)  # type: ignore[arg-type]
        return torch.stack([self._table(visible, h).logsumexp(-1) for h in blocks]).logsumexp(0)

    def log_posterior(self, visible: Tensor) -> Tensor:
        """Exact ``log p(h | v)`` for the rows of ``all_states``, shape (N, 2 ** hidden_size)."""
        return self._joint_table(visible).log_softmax(-1)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw causes, then what they cause (ancestral sampling): exact, independent draws.

        Returns
        -------
        visible : Tensor, shape (count, visible_size)
        hidden : Tensor, shape (count, hidden_size)
        """
        if count < 0:
            raise ValueError(f"expected a count of at least 0, got {count}")
        hidden = bernoulli(self.hidden_bias.sigmoid().expand(count, -1), generator)
        return bernoulli(self._visible_logits(hidden).sigmoid(), generator), hidden

    def elbo(self, visible: Tensor, probability: Tensor) -> Tensor:
        """Exact evidence lower bound of a factorised ``q`` (Goodfellow et al. 2016, section 19.1).

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size), zeros and ones
        probability : Tensor, shape (N, hidden_size)
            ``q(h_j = 1 | v)``, between 0 and 1.

        Returns
        -------
        Tensor, shape (N,)
            ``log p(v)`` less the divergence from ``q`` to the posterior.
        """
        self.check_hidden(probability)
        return factorised_bound(self._joint_table(visible), probability, self._states())

    @torch.no_grad()
    def mean_field(self, visible: Tensor, sweeps: int = 10) -> Tensor:
        """The factorised ``q`` that coordinate ascent on the evidence lower bound finds.

        Each update sets one unit to its optimum given the others, so the bound never falls
        (section 19.4.1). Expectations are exact, over all hidden states.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size), zeros and ones
        sweeps : int
            Updates of each unit, from ``q = p(h)``.

        Returns
        -------
        Tensor, shape (N, hidden_size)
        """
        table, start = self._joint_table(visible), self.hidden_bias.expand(len(visible), -1)
        return fit_factorised(table, start.clone(), self._states(), sweeps).sigmoid()

    def log_weights(
        self,
        visible: Tensor,
        recognition: Recognition,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """``log p(v, h) - log q(h | v)`` for draws ``h`` from an inference network.

        Their mean estimates the evidence lower bound, ``log_mean_exp`` of them a better one. Their
        gradient trains the model; none reaches the inference network through a drawn bit: for that
        there are ``wake_sleep_loss`` and ``score_function_loss``.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size), zeros and ones
        recognition : callable
            From visible units to the logits of ``q``, shape (N, hidden_size).

        Returns
        -------
        Tensor, shape (samples, N)
        """
        self.check_visible(visible)
        with torch.no_grad():
            logits = recognition(visible)
            hidden = bernoulli(logits.sigmoid().expand(samples, *logits.shape), generator)
        return self._log_joint(visible, hidden) - bernoulli_log_likelihood(hidden, logits)

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless ``visible`` holds ``visible_size`` zeros and ones of the model's dtype."""
        check_bits(visible, self.visible_size, self.weight.dtype)

    def _visible_logits(self, hidden: Tensor) -> Tensor:
        return hidden @ self.weight.T + self.visible_bias

    def _log_joint(self, visible: Tensor, hidden: Tensor) -> Tensor:
        prior = bernoulli_log_likelihood(hidden, self.hidden_bias)
        return prior + bernoulli_log_likelihood(visible, self._visible_logits(hidden))

    def _states(self) -> Tensor:
        return all_states(self.hidden_size, dtype=self.weight.dtype, device=self.weight.device)

    def _joint_table(self, visible: Tensor) -> Tensor:
        self.check_visible(visible)
        return self._table(visible, self._states())

    def _table(self, visible: Tensor, hidden: Tensor) -> Tensor:
        # log p(v, h) of N rows and S states, (N, S): one matrix product in place of N x S x D sums
        logits = self._visible_logits(hidden)
        of_state = bernoulli_log_likelihood(hidden, self.hidden_bias) - softplus(logits).sum(-1)
        return visible @ logits.T + of_state

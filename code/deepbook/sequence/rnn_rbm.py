"""A Boltzmann machine at each time step, whose biases a recurrent network moves."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

__all__ = ["RNNRBM"]

_MOST_HIDDEN = 16


class RNNRBM(nn.Module):
    """RNN-RBM: a restricted Boltzmann machine for each step, with biases from the past.

    A recurrent network reads the steps before and moves both biases (Boulanger-Lewandowski et
    al. 2012; Goodfellow et al. 2016, section 20.7)::

        b_v(t) = b_v + A u(t-1),    b_h(t) = b_h + B u(t-1)
        u(t) = tanh(U v(t) + W u(t-1) + c)

    so that ``log p(v(1..T))`` is a sum over steps of an RBM's log-likelihood. Without hidden
    units it is a recurrent network whose units are independent, given the past; without a state
    (``state_size=0``) one RBM for all steps.

    Parameters
    ----------
    visible_size : int
    hidden_size : int
        0 or more.
    state_size : int
        Of the recurrent network; 0 or more.
    generator : torch.Generator, optional
        For the initial weights; the global one if not given.

    Attributes
    ----------
    weight : Tensor, shape (visible_size, hidden_size)
    visible_bias, hidden_bias : Tensor, shape (visible_size,) and (hidden_size,)
    state_to_visible, state_to_hidden : Tensor, shape (state_size, visible_size or hidden_size)
    visible_to_state, state_to_state : Tensor, shape (visible_size or state_size, state_size)
    state_bias, initial_state : Tensor, shape (state_size,)

    Raises
    ------
    ValueError
        If a size is negative, or there is no visible unit.
    """

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        state_size: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if visible_size < 1 or hidden_size < 0 or state_size < 0:
            raise ValueError(
                "expected at least 1 visible unit and sizes of 0 or more, "
                f"got {visible_size}, {hidden_size} and {state_size}"
            )
        self.visible_size, self.hidden_size = visible_size, hidden_size
        self.state_size = state_size

        def drawn(inputs: int, outputs: int, scale: float) -> nn.Parameter:
            return nn.Parameter(scale * torch.randn(inputs, outputs, generator=generator))

        self.weight = drawn(visible_size, hidden_size, 0.01)
        self.state_to_visible = drawn(state_size, visible_size, 0.01)
        self.state_to_hidden = drawn(state_size, hidden_size, 0.01)
        self.visible_to_state = drawn(visible_size, state_size, 1 / math.sqrt(visible_size))
        # as large as keeps a state alive: orthogonal
        turned = torch.linalg.qr(torch.randn(state_size, state_size, generator=generator)).Q
        self.state_to_state = nn.Parameter(0.9 * turned)
        self.visible_bias = nn.Parameter(torch.zeros(visible_size))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden_size))
        self.state_bias = nn.Parameter(torch.zeros(state_size))
        self.initial_state = nn.Parameter(torch.zeros(state_size))

    def biases(self, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Both biases of each step, from the steps before it.

        Parameters
        ----------
        visible : Tensor, shape (N, T, visible_size), values in [0, 1]

        Returns
        -------
        tuple of Tensor, shape (N, T, visible_size) and (N, T, hidden_size)

        Raises
        ------
        ValueError
            If ``visible`` has another shape.
        """
        if visible.ndim != 3 or visible.shape[2] != self.visible_size:
            raise ValueError(
                f"expected units of shape (N, T, {self.visible_size}), got {tuple(visible.shape)}"
            )
        before = self._states(visible)
        return (
            self.visible_bias + before @ self.state_to_visible,
            self.hidden_bias + before @ self.state_to_hidden,
        )

    def _states(self, visible: Tensor) -> Tensor:
        """The state before each step."""
        state = self.initial_state.expand(len(visible), -1)
        read = visible @ self.visible_to_state + self.state_bias
        states = []
        for t in range(visible.shape[1]):
            states.append(state)
            state = torch.tanh(read[:, t] + state @ self.state_to_state)
        return torch.stack(states, 1)

    def free_energy(self, visible: Tensor, biases: tuple[Tensor, Tensor]) -> Tensor:
        """Free energy of units at steps whose biases are known.

        Parameters
        ----------
        visible : Tensor, shape (..., visible_size)
        biases : tuple of Tensor, shape (..., visible_size) and (..., hidden_size)

        Returns
        -------
        Tensor, shape (...)
        """
        of_visible, of_hidden = biases
        return -(visible * of_visible).sum(-1) - softplus(of_hidden + visible @ self.weight).sum(-1)

    def log_partition(self, biases: tuple[Tensor, Tensor]) -> Tensor:
        """``log Z`` of each step, exactly: a sum over all states of the hidden units.

        Raises
        ------
        ValueError
            If there are more than 16 hidden units.
        """
        if self.hidden_size > _MOST_HIDDEN:
            raise ValueError(
                f"expected at most {_MOST_HIDDEN} hidden units to sum over, got {self.hidden_size}"
            )
        of_visible, of_hidden = biases
        total = torch.full(of_visible.shape[:-1], -math.inf).to(of_visible)
        each = torch.arange(2**self.hidden_size, device=of_visible.device)
        bits = (each[:, None] >> torch.arange(self.hidden_size, device=each.device)) & 1
        # a few states at a time, so that what they take of memory stays small
        for states in bits.to(of_visible).split(64):
            visible = softplus(of_visible[..., None, :] + states @ self.weight.T).sum(-1)
            energies = visible + of_hidden @ states.T
            total = torch.logaddexp(total, energies.logsumexp(-1))
        return total

    def log_likelihood(self, visible: Tensor) -> Tensor:
        """Exact log-probability of each step given those before, in nats: shape (N, T)."""
        biases = self.biases(visible)
        return -self.free_energy(visible, biases) - self.log_partition(biases)

    def contrastive_loss(
        self,
        visible: Tensor,
        mask: Tensor | None = None,
        *,
        steps: int = 1,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """A scalar whose gradient is that of contrastive divergence, mean over steps.

        The biases carry it on into the recurrent network.

        Parameters
        ----------
        visible : Tensor, shape (N, T, visible_size), values 0 and 1
        mask : Tensor of bool, shape (N, T), optional
            Where there is music, and no padding.
        steps : int
            Of Gibbs sampling, from the data.
        generator : torch.Generator, optional
        """
        if steps < 1:
            raise ValueError(f"expected at least 1 Gibbs step, got {steps}")
        biases = self.biases(visible)
        with torch.no_grad():
            dreamt = visible
            for _ in range(steps):
                dreamt = self.gibbs_step(dreamt, biases, generator)
        gap = self.free_energy(visible, biases) - self.free_energy(dreamt, biases)
        return gap.mean() if mask is None else gap[mask].mean()

    def gibbs_step(
        self,
        visible: Tensor,
        biases: tuple[Tensor, Tensor],
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """New visible units, by way of hidden ones; all steps at once, each with its biases."""
        of_visible, of_hidden = biases
        hidden = _drawn(of_hidden + visible @ self.weight, generator)
        return _drawn(of_visible + hidden @ self.weight.T, generator)

    @torch.no_grad()
    def sample(
        self, steps: int, *, gibbs_steps: int = 25, generator: torch.Generator | None = None
    ) -> Tensor:
        """One piece, step by step: shape (steps, visible_size).

        Parameters
        ----------
        steps : int
            How long.
        gibbs_steps : int
            Of each step's Boltzmann machine, from the step before (from silence at first).
        generator : torch.Generator, optional
        """
        if steps < 1 or gibbs_steps < 1:
            raise ValueError(
                f"expected at least 1 step and 1 Gibbs step, got {steps} and {gibbs_steps}"
            )
        piece = []
        state: Tensor = self.initial_state
        visible = torch.zeros_like(self.visible_bias.detach())
        for _ in range(steps):
            biases = (
                self.visible_bias + state @ self.state_to_visible,
                self.hidden_bias + state @ self.state_to_hidden,
            )
            for _ in range(gibbs_steps):
                visible = self.gibbs_step(visible, biases, generator)
            piece.append(visible)
            read = visible @ self.visible_to_state + self.state_bias
            state = torch.tanh(read + state @ self.state_to_state)
        return torch.stack(piece)

    def log_pseudolikelihood(self, visible: Tensor) -> Tensor:
        """Sum over units of ``log p(v_i | all others of the step, past)``: shape (N, T).

        For more hidden units than can be summed over.
        """
        biases = self.biases(visible)
        energy = self.free_energy(visible, biases)
        total = torch.zeros_like(energy)
        for unit in range(self.visible_size):
            flipped = visible.clone()
            flipped[..., unit] = 1 - flipped[..., unit]
            total = total + logsigmoid(self.free_energy(flipped, biases) - energy)
        return total


def _drawn(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.bernoulli(torch.sigmoid(logits), generator=generator)

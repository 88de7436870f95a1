"""Matrix factorisation: a few numbers for every user and every film, found in turns."""

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings
from deepbook.recommenders.recommender import Recommender

__all__ = ["MatrixFactorisation"]


class MatrixFactorisation(Recommender):
    """Stars: ``mean + b_u + c_i + p_u . q_i`` by alternating least squares.

    With the films fixed, the best ``(b_u, p_u)`` of each user is a ridge regression on
    ``(1, q_i)``; then the same the other way round (Koren et al. 2009, section "Learning
    algorithms"). All users are solved at once.

    Parameters
    ----------
    user_count, item_count : int
    rank : int
        Length of ``p_u`` and ``q_i``.
    penalty : float
        Of the factors: ``penalty * sqrt(number of ratings)`` times their squared length. A
        constant shrinks those with few ratings too much or those with many too little; the
        number itself (Zhou et al. 2008) does the opposite.
    bias_penalty : float
        Of the biases, times their square.
    sweeps : int
    generator : torch.Generator, optional
        For the first films' factors, on the CPU; the global one if not given.

    Attributes
    ----------
    mean : Tensor, shape ()
    users : Tensor, shape (user_count, 1 + rank)
        Bias and factors.
    items : Tensor, shape (item_count, 1 + rank)

    Raises
    ------
    ValueError
        If the rank or the number of sweeps is less than 1, or a penalty is not positive.
    """

    def __init__(
        self,
        user_count: int,
        item_count: int,
        *,
        rank: int = 20,
        penalty: float = 1.5,
        bias_penalty: float = 5.0,
        sweeps: int = 15,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(user_count, item_count)
        if rank < 1 or sweeps < 1:
            raise ValueError(f"expected at least rank 1 and 1 sweep, got {rank} and {sweeps}")
        if not (penalty > 0 and bias_penalty > 0):
            raise ValueError(f"expected positive penalties, got {penalty} and {bias_penalty}")
        self.rank, self.penalty, self.bias_penalty = rank, penalty, bias_penalty
        self.sweeps, self.generator = sweeps, generator

    def _fit(self, ratings: Ratings) -> None:
        stars, mask = self._matrices(ratings)
        self.mean = ratings.stars.float().mean()
        rest = (stars - self.mean) * mask
        self.users = stars.new_zeros(self.user_count, 1 + self.rank)
        noise = torch.randn(self.item_count, self.rank, generator=self.generator)
        self.items = stars.new_zeros(self.item_count, 1 + self.rank)
        self.items[:, 1:] = 0.1 * noise.to(stars.device)
        for _ in range(self.sweeps):
            self.users = self._solve(rest, mask, self.items)
            self.items = self._solve(rest.T, mask.T, self.users)

    def _solve(self, rest: Tensor, mask: Tensor, other: Tensor) -> Tensor:
        """Ridge regression of every row of ``rest`` on ``(1, factors of the other side)``."""
        # the other side's own bias is subtracted from what is to be explained
        rest = rest - mask * other[:, 0]
        features = torch.cat([torch.ones_like(other[:, :1]), other[:, 1:]], 1)
        size = features.shape[1]
        # normal equations: the sum over a row's ratings of x x^T, for all rows in one product
        squares = (features[:, :, None] * features[:, None, :]).flatten(1)
        left = (mask @ squares).view(-1, size, size)
        count = mask.sum(1, keepdim=True).clamp(min=1)
        shrink = self.penalty * count.sqrt().expand(-1, size).clone()
        shrink[:, 0] = self.bias_penalty
        lower = torch.linalg.cholesky(left + torch.diag_embed(shrink))
        return torch.cholesky_solve((rest @ features)[:, :, None], lower)[:, :, 0]

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        p, q = self.users[users], self.items[items]
        inner = (p[:, 1:] * q[:, 1:]).sum(1)
        return (self.mean + p[:, 0] + q[:, 0] + inner).clamp(1, 5)

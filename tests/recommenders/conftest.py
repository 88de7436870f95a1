"""Ratings by users and of films that have tastes, small enough to fit in no time."""

import pytest
import torch

from deepbook.data.movielens import Ratings


def ratings_of(users, items, stars) -> Ratings:
    """Ratings from three lists."""
    columns = [torch.as_tensor(column) for column in (users, items, stars)]
    return Ratings(*columns, torch.zeros(len(columns[0]), dtype=torch.int64))


def tastes(users=60, items=40, share=0.5, seed=0) -> tuple[Ratings, Ratings]:
    """Training and test ratings: user + film + one taste, and noise."""
    generator = torch.Generator().manual_seed(seed)
    normal = lambda *shape: torch.randn(*shape, generator=generator)
    table = 3.3 + 0.6 * normal(users, 1) + 0.6 * normal(1, items)
    table += 0.8 * normal(users, 1) * normal(1, items) + 0.4 * normal(users, items)
    stars = table.round().clamp(1, 5).long()
    rated = torch.rand(users, items, generator=generator) < share
    pairs = rated.nonzero()[torch.randperm(int(rated.sum()), generator=generator)]
    everything = ratings_of(pairs[:, 0], pairs[:, 1], stars[pairs[:, 0], pairs[:, 1]])
    held = len(pairs) // 5
    part = lambda rows: ratings_of(
        everything.users[rows], everything.items[rows], everything.stars[rows]
    )
    return part(slice(held, None)), part(slice(held))


@pytest.fixture(scope="session")
def split():
    """Training and test ratings of 60 users and 40 films."""
    return tastes()

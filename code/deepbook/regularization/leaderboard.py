"""What networks read of MNIST-5k, as ``benchmarks/leaderboard.py`` recorded it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from deepbook.carried import read_carried

__all__ = ["Leaderboard", "LeaderboardRow", "read_leaderboard"]


@dataclass(frozen=True)
class LeaderboardRow:
    """One method: 4,000 digits to learn from, 1,000 to be judged by.

    Attributes
    ----------
    method : str
    chosen : dict
        The setting that read most of 800 validation digits.
    tried : tuple of dict
        All settings, each with what was read of the ``validation`` digits, in per cent.
    test : tuple of float
        Test digits read with the chosen setting, in per cent, one number a seed; the same seeds
        for every method.
    """

    method: str
    chosen: Mapping[str, float]
    tried: tuple[Mapping[str, float], ...]
    test: tuple[float, ...]

    @property
    def scores(self) -> Tensor:
        """``test`` as a tensor of float64, shape (seeds,)."""
        return torch.tensor(self.test, dtype=torch.float64)


@dataclass(frozen=True)
class Leaderboard:
    """The recorded rows, and where they come from.

    Attributes
    ----------
    rows : tuple of LeaderboardRow
    command, commit, date, machine : str
        What was run, of which version of this book, when, and on what.
    versions : dict
        Of the packages that took part.
    """

    rows: tuple[LeaderboardRow, ...]
    command: str
    commit: str
    date: str
    machine: str
    versions: Mapping[str, str]

    def row(self, method: str) -> LeaderboardRow:
        """The row of a method.

        Raises
        ------
        LookupError
            If there is none.
        """
        for row in self.rows:
            if row.method == method:
                return row
        known = ", ".join(row.method for row in self.rows)
        raise LookupError(f"expected one of {known}, got {method!r}")

    @property
    def source(self) -> str:
        """One sentence: command, commit, date, machine and versions."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"Recorded by {self.command} at commit {self.commit} on {self.date}: "
            f"{self.machine}; {versions}."
        )


def read_leaderboard() -> Leaderboard:
    """The leaderboard that the package carries."""
    text = read_carried("deepbook.regularization", "records/leaderboard.json")
    content: dict[str, Any] = json.loads(text)
    rows = tuple(
        LeaderboardRow(row["method"], row["chosen"], tuple(row["tried"]), tuple(row["test"]))
        for row in content.pop("rows")
    )
    return Leaderboard(rows, **content)

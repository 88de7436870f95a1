"""Write down all that a training run needs to go on, and take it back."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

__all__ = ["Checkpoint", "Stateful"]


class Stateful(Protocol):
    """Whatever is saved and loaded as torch's modules and optimizers are."""

    def state_dict(self) -> dict[str, Any]:
        """All of the state, as tensors and plain values."""

    def load_state_dict(self, state: Any) -> Any:
        """Take back what ``state_dict`` gave."""


class Checkpoint:
    """A file with the states of models, optimizers, estimators and random generators.

    Parameters
    ----------
    path : Path
        Its folder is made if need be.
    settings : mapping
        Plain values; a file with others is refused.
    parts : mapping
        What is saved, each with ``state_dict`` and ``load_state_dict``.
    generator : torch.Generator, optional
        Saved too; the global ones always are.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        parts: Mapping[str, Stateful],
        generator: torch.Generator | None = None,
    ) -> None:
        self.path, self.settings, self.parts = path, dict(settings), parts
        self.generator = generator

    def save(self, record: dict[str, Any]) -> None:
        """Write all states and ``record``, in one step: a reader finds the old file or the new."""
        content = {
            "settings": self.settings,
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
            "generator": None if self.generator is None else self.generator.get_state(),
            "global": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "record": record,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                torch.save(content, file)
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink()
            raise

    def load(self) -> dict[str, Any]:
        """Take all states back, and return the record.

        Raises
        ------
        ValueError
            If the file was written with other settings; then nothing is changed.
        """
        content = torch.load(self.path, map_location="cpu", weights_only=True)
        theirs = content["settings"]
        for name in {**self.settings, **theirs}:
            if theirs.get(name) != self.settings.get(name):
                raise ValueError(
                    f"expected a checkpoint with {name} {self.settings.get(name)}, "
                    f"got one with {theirs.get(name)}"
                )
        for name, part in self.parts.items():
            part.load_state_dict(content["parts"][name])
        if self.generator is not None and content["generator"] is not None:
            self.generator.set_state(content["generator"])
        torch.set_rng_state(content["global"])
        if content["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(content["cuda"])
        record: dict[str, Any] = content["record"]
        return record

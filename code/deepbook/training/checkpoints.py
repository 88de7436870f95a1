"""Write down all that a training run needs to go on, and take it back."""

import os
import tempfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from io import BytesIO
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor, nn

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
        Numbers, strings, tensors, None, sequences of these, and mappings of names to these: all
        that makes the run what it is, beside its states. A file with others is refused.
    parts : mapping
        What is saved, each with ``state_dict`` and ``load_state_dict``.
    generator : torch.Generator, optional
        Saved too; the global ones always are.

    Raises
    ------
    TypeError
        If a setting is something else.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        parts: Mapping[str, Stateful],
        generator: torch.Generator | None = None,
    ) -> None:
        self.path, self.settings, self.parts = path, _flat(settings), parts
        self.generator = generator

    def save(self, record: dict[str, Any]) -> None:
        """Write all states and ``record``, in one step: a reader finds the old file or the new."""
        content = {"settings": self.settings, **self._states(), "record": record}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                torch.save(content, file)
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink()
            raise

    def load(self, check: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """Take all states back, and return the record.

        Parameters
        ----------
        check : callable, optional
            Gets the record before anything is changed, and raises to refuse it.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If the file is damaged or no checkpoint, was written with other settings, for other
            parts, or its states do not fit. Then nothing is changed.
        """
        content = self._read()
        self._check_settings(content["settings"])
        self._check_parts(content)
        if check is not None:
            check(content["record"])
        before = deepcopy(self._states())
        try:
            self._take(content)
        except BaseException as error:
            self._take(before)
            if isinstance(error, Exception):
                raise ValueError(
                    f"expected states that fit in {self.path}, got {type(error).__name__}: {error}"
                ) from error
            raise
        record: dict[str, Any] = content["record"]
        return record

    def _states(self) -> dict[str, Any]:
        return {
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
            "generator": None if self.generator is None else self.generator.get_state(),
            "global": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def _take(self, states: dict[str, Any]) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(states["parts"][name])
        if self.generator is not None:
            self.generator.set_state(states["generator"])
        torch.set_rng_state(states["global"])
        if states["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(states["cuda"])

    def _read(self) -> dict[str, Any]:
        file = BytesIO(self.path.read_bytes())
        try:
            # torch does not look at the check sums that it writes
            with ZipFile(file) as archive:
                if damaged := archive.testzip():
                    raise BadZipFile(f"check sum of {damaged}")
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch tells of damage by half a dozen kinds of error
            raise ValueError(
                f"expected a checkpoint, but {self.path} is damaged or something else: "
                f"it cannot be read ({type(error).__name__})"
            ) from error
        expected = {"settings": dict, "parts": dict, "record": dict, "cuda": list}
        keys = {"generator", "global", *expected}
        if not isinstance(content, dict) or not keys <= content.keys():
            raise ValueError(f"expected a checkpoint, but {self.path} holds something else")
        for name, kind in expected.items():
            if not isinstance(content[name], kind):
                raise ValueError(
                    f"expected a checkpoint with {name} in a {kind.__name__}, but {self.path} "
                    f"holds them in a {type(content[name]).__name__}"
                )
        return content

    def _check_settings(self, theirs: dict[str, Any]) -> None:
        pairs = {n: (self.settings.get(n), theirs.get(n)) for n in {**self.settings, **theirs}}
        different = [
            f"with {name} {_shown(ours)}, got one with {_shown(got)}"
            for name, (ours, got) in pairs.items()
            if not _same(ours, got)
        ]
        if different:
            raise ValueError(f"expected a checkpoint {'; '.join(different)} ({self.path})")

    def _check_parts(self, content: dict[str, Any]) -> None:
        if content["parts"].keys() != self.parts.keys():
            raise ValueError(
                f"expected a checkpoint of {', '.join(self.parts)}, got one of "
                f"{', '.join(content['parts'])} ({self.path})"
            )
        if (self.generator is None) != (content["generator"] is None):
            ours, theirs = (
                "the global generator" if state is None else "a generator of its own"
                for state in (self.generator, content["generator"])
            )
            raise ValueError(
                f"expected a checkpoint with {ours}, got one with {theirs} ({self.path})"
            )
        for name, part in self.parts.items():
            if isinstance(part, nn.Module):
                _check_tensors(f"{name} in {self.path}", part.state_dict(), content["parts"][name])


def _check_tensors(what: str, ours: Mapping[str, Any], theirs: Any) -> None:
    """Raise where a module would refuse the tensors, or cast them in silence."""
    if not isinstance(theirs, Mapping):
        raise ValueError(f"expected {what} as a mapping, got {type(theirs).__name__}")
    if ours.keys() != theirs.keys():
        raise ValueError(f"expected {what} to have {', '.join(ours)}, got {', '.join(theirs)}")
    for name, tensor in ours.items():
        if not isinstance(tensor, Tensor):
            continue
        expected, got = (
            f"shape {tuple(t.shape)} and {t.dtype}" if isinstance(t, Tensor) else type(t).__name__
            for t in (tensor, theirs[name])
        )
        if expected != got:
            raise ValueError(f"expected {name} of {what} with {expected}, got {got}")


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values alone, a mapping's under ``its name.their name``."""
    result: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            result |= {f"{name}.{inner}": v for inner, v in _flat(value).items()}
        else:
            result[name] = _plain(name, value)
    return result


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):  # NumPy's numbers too, which torch would not load again
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, list | tuple):
        return [_plain(name, v) for v in value]
    raise TypeError(f"expected plain values as settings, got {type(value).__name__} for {name}")


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, Tensor) and isinstance(theirs, Tensor):
        # another processor rounds otherwise
        return (
            ours.shape == theirs.shape
            and ours.dtype == theirs.dtype
            and torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)
        )
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return not isinstance(ours, Tensor) and not isinstance(theirs, Tensor) and ours == theirs


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} with sum {value.sum().item():g}"
    return str(value)

"""How data show themselves: shapes and counts in a few lines, not a hundred thousand numbers."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor

__all__ = ["Summarised"]

LONGEST = 60


class Summarised:
    """Base of the frozen dataclasses that hold data: their ``repr`` is a summary."""

    def __repr__(self) -> str:
        assert is_dataclass(self)
        parts = [f"{field.name}={_summary(getattr(self, field.name))}" for field in fields(self)]
        line = f"{type(self).__name__}({', '.join(parts)})"
        if len(line) <= LONGEST and "\n" not in line:
            return line
        inside = ",\n".join(parts).replace("\n", "\n    ")
        return f"{type(self).__name__}(\n    {inside},\n)"


def _summary(value: Any) -> str:
    if isinstance(value, Tensor):
        where = "" if value.device.type == "cpu" else f" on {value.device}"
        return f"<{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}{where}>"
    if isinstance(value, str) or not isinstance(value, Sequence):
        text = repr(value)
        return text if isinstance(value, Summarised) else _short(text)
    text = repr(value) if len(value) < LONGEST else ""  # else it is too long, and slow to write
    if text and len(text) <= LONGEST:
        return text
    first = _summary(value[0])
    return f"<{len(value):,} of them: {first}, ...>"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]}...{text[-1]}"

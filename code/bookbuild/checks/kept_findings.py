"""What was found out about texts that have not changed, kept in a file between builds."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


class Memory:
    """Answers by what they were made from; without a file, for this once only.

    Only what was asked for since the start is kept, so that nothing piles up.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self._now: dict[str, Any] = {}
        self._before: dict[str, Any] = {}
        if file is not None:
            try:
                told = json.loads(file.read_text("utf-8"))
            except (OSError, ValueError):
                return  # none, or a damaged one: everything is found out anew
            if isinstance(told, dict):
                self._before = told

    def knows(self, *made_from: str | bytes) -> bool:
        """Whether :meth:`get` need not find anything out for these texts."""
        return _key(made_from) in self._before

    def get(self, *made_from: str | bytes, find: Callable[[], Any]) -> Any:
        """What ``find()`` gave for the same texts before, or gives now: something for JSON."""
        key = _key(made_from)
        self._now[key] = self._before[key] if key in self._before else find()
        return self._now[key]

    def keep(self) -> None:
        """Write down the answers for the next build."""
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(json.dumps(self._now), "utf-8")


def _key(made_from: Iterable[str | bytes]) -> str:
    digest = hashlib.sha256()
    for part in made_from:
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"%d\0" % len(content) + content)
    return digest.hexdigest()

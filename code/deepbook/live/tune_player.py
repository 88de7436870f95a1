"""Tunes to see and to hear: a score that is drawn, and a plucked string that plays it."""

from collections.abc import Sequence
from dataclasses import asdict

from matplotlib.figure import Figure

from deepbook.live.live_figure import LiveFigure
from deepbook.live.played_tune import PlayedTune

__all__ = ["TunePlayer"]


class TunePlayer(LiveFigure):
    """Scores of tunes, one at a time, each played when the reader asks for it.

    The sound is made in the page, by the formula of
    :func:`deepbook.sequence.synthesize_tune`. Whoever wants no sound follows the notes silently.

    Parameters
    ----------
    tunes : sequence of PlayedTune
        With names that differ.
    whole_note : float
        Its seconds.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If there is no tune, two have one name, or a whole note does not last.
    """

    def __init__(
        self,
        tunes: Sequence[PlayedTune],
        *,
        fallback: Figure,
        alt: str,
        label: str = "Tunes to play",
        whole_note: float = 1.8,
    ) -> None:
        names = [tune.name for tune in tunes]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"expected at least 1 tune, with names that differ, got {names}")
        if not whole_note > 0:
            raise ValueError(f"expected a whole note above 0 seconds, got {whole_note}")
        told = {"tunes": [asdict(tune) for tune in tunes], "wholeNote": float(whole_note)}
        super().__init__("tune_player.js", told, fallback=fallback, alt=alt, label=label)

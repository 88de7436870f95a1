"""Sequence models: the code of chapter 5 (Goodfellow et al. 2016, chapter 10)."""

import lazy_loader

_ATTRIBUTES: dict[str, list[str]] = {
    "abc_reading": ["parse_abc"],
    "abc_writing": ["write_abc"],
    "musical_keys": ["key_accidentals"],
    "rnn_rbm": ["RNNRBM"],
    "tune_synthesis": ["midi_frequency", "synthesize_tune", "wav_bytes"],
    "tunes": ["ABCError", "Bar", "Note", "Tune"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

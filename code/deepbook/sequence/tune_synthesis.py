"""Tunes made audible: a plucked string by its harmonics, and a file that any player reads."""

import io
import math
import wave
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from deepbook.sequence.tunes import Note

__all__ = ["midi_frequency", "synthesize_tune", "wav_bytes"]

_HARMONICS = 8


def midi_frequency(pitch: int) -> float:
    """Frequency of a MIDI number in hertz, equal temperament: 69 is 440 Hz.

    Examples
    --------
    >>> from deepbook.sequence import midi_frequency
    >>> round(midi_frequency(60), 1)
    261.6
    """
    return 440.0 * 2 ** ((pitch - 69) / 12)


def synthesize_tune(
    notes: Sequence[Note],
    *,
    whole_note: float = 1.6,
    sample_rate: int = 22_050,
    decay: float = 3.0,
) -> Tensor:
    """A melody as a sound wave.

    Each note is a sum of eight harmonics; the k-th begins with the amplitude ``1 / k`` and dies
    away as ``exp(-decay * k * t)``, as on a plucked string, where high harmonics die first. At
    both ends of a note 5 milliseconds fade in and out, so that nothing clicks.

    Parameters
    ----------
    notes : sequence of Note
        As they are heard: ``Tune.heard()``.
    whole_note : float
        Its seconds: 1.6 are 150 quarter notes in a minute.
    sample_rate : int
        Samples in a second.
    decay : float
        Of the lowest harmonic, in 1 / s.

    Returns
    -------
    Tensor of float32, shape (samples,), values in [-1, 1]

    Raises
    ------
    ValueError
        If there is no note, or a number is not positive.
    """
    if not notes:
        raise ValueError("expected at least 1 note, got none")
    if not (whole_note > 0 and sample_rate > 0 and decay > 0):
        raise ValueError(
            "expected a whole note, a sample rate and a decay above 0, "
            f"got {whole_note}, {sample_rate} and {decay}"
        )
    # where each ends is rounded alone, so that rounding does not add up; a half goes up also
    # where the sum before it came out a little less
    seconds = accumulate(float(note.length) * whole_note for note in notes)
    ends = [math.floor(sample_rate * end + 0.5 + 1e-6) for end in seconds]
    sound, begin = torch.zeros(ends[-1], dtype=torch.float64), 0
    for note, end in zip(notes, ends, strict=True):
        if note.pitch is not None:
            sound[begin:end] = _plucked(note.pitch, end - begin, sample_rate, decay)
        begin = end
    return (sound / sound.abs().max().clamp(min=1)).float()


def _plucked(pitch: int, samples: int, sample_rate: int, decay: float) -> Tensor:
    t = torch.arange(samples, dtype=torch.float64) / sample_rate
    frequency = midi_frequency(pitch)
    wave_form = torch.zeros_like(t)
    for k in range(1, _HARMONICS + 1):
        if k * frequency < sample_rate / 2:  # a higher one would be heard as a lower one
            wave_form += (-decay * k * t).exp() / k * (2 * math.pi * k * frequency * t).sin()
    fade = max(1, round(0.005 * sample_rate))
    place = torch.arange(samples, dtype=torch.float64)
    return 0.5 * wave_form * (torch.minimum(place, samples - 1 - place) / fade).clamp(max=1)


def wav_bytes(sound: Tensor, sample_rate: int = 22_050) -> bytes:
    """A sound wave as a WAV file: one channel, 16 bits.

    Parameters
    ----------
    sound : Tensor, shape (samples,), values in [-1, 1]
    sample_rate : int

    Raises
    ------
    ValueError
        If the wave has another shape, or leaves its range.
    """
    if sound.ndim != 1:
        raise ValueError(f"expected a wave of shape (samples,), got {tuple(sound.shape)}")
    if not bool((sound.abs() <= 1).all()):
        raise ValueError("expected samples from -1 to 1")
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(
            (32767 * sound).round().to(torch.int16).cpu().numpy().astype("<i2").tobytes()
        )
    return packed.getvalue()

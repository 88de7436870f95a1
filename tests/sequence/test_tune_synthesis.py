import io
import math
import wave
from fractions import Fraction

import pytest
import torch

from deepbook.sequence import Note, midi_frequency, synthesize_tune, wav_bytes

RATE = 8000


def note(pitch, length=Fraction(1, 4)):
    return Note(pitch, length)


def loudest_frequency(sound):
    spectrum = torch.fft.rfft(sound.double()).abs()
    return float(spectrum.argmax()) * RATE / len(sound)


def test_an_octave_doubles_the_frequency():
    assert midi_frequency(69) == 440
    assert midi_frequency(81) == 880
    assert midi_frequency(60) == pytest.approx(440 * 2 ** (-9 / 12))


@pytest.mark.parametrize("pitch", [48, 60, 69, 84])
def test_a_note_sounds_at_its_frequency(pitch):
    sound = synthesize_tune([note(pitch, Fraction(1))], sample_rate=RATE)
    assert loudest_frequency(sound) == pytest.approx(midi_frequency(pitch), rel=0.01)


def test_notes_follow_each_other_for_their_lengths_and_rests_are_silent():
    notes = [note(60), note(None, Fraction(1, 2)), note(72, Fraction(1, 8))]
    sound = synthesize_tune(notes, whole_note=2.0, sample_rate=RATE)
    assert len(sound) == 2 * RATE * 7 // 8
    quarter = RATE // 2
    assert sound[:quarter].abs().max() > 0.3
    assert torch.equal(sound[quarter : 3 * quarter], torch.zeros(2 * quarter))
    assert sound[3 * quarter :].abs().max() > 0.3


def test_rounding_does_not_add_up():
    notes = [note(60, Fraction(1, 12))] * 1200
    assert len(synthesize_tune(notes, whole_note=0.1, sample_rate=RATE)) == 10 * RATE


def test_it_dies_away_high_harmonics_first_and_ends_without_a_click():
    sound = synthesize_tune([note(60, Fraction(1))], whole_note=2.0, sample_rate=RATE)
    assert sound.dtype == torch.float32
    assert sound.abs().max() <= 1
    assert float(sound[0]) == float(sound[-1]) == 0
    early, late = sound[400:2400].double(), sound[-2400:-400].double()
    assert late.square().mean() < 0.01 * early.square().mean()

    def share_of_high(piece):
        power = torch.fft.rfft(piece * torch.hann_window(2000).double()).abs().square()
        return float(power[100:].sum() / power.sum())  # above 400 Hz

    assert share_of_high(late) < 0.1 * share_of_high(early)


def test_no_harmonic_is_above_what_the_rate_can_carry():
    # the second harmonic of 4,186 Hz would be heard as a lower tone
    sound = synthesize_tune([note(108, Fraction(1))], sample_rate=16_000).double()
    power = torch.fft.rfft(sound).abs().square()
    low = power[: int(3500 * len(sound) / 16_000)].sum()
    assert float(low / power.sum()) < 1e-3


def test_the_file_is_the_wave():
    sound = synthesize_tune([note(60), note(64)], sample_rate=RATE)
    with wave.open(io.BytesIO(wav_bytes(sound, RATE))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        samples = torch.frombuffer(bytearray(file.readframes(file.getnframes())), dtype=torch.int16)
    torch.testing.assert_close(samples.double() / 32767, sound.double(), rtol=0, atol=1e-4)


def test_what_cannot_sound_is_refused():
    with pytest.raises(ValueError, match="at least 1 note, got none"):
        synthesize_tune([])
    for wrong in ({"whole_note": 0}, {"sample_rate": -1}, {"decay": math.nan}):
        with pytest.raises(ValueError, match="a decay above 0, got"):
            synthesize_tune([note(60)], **wrong)
    with pytest.raises(ValueError, match=r"shape \(samples,\), got \(1, 3\)"):
        wav_bytes(torch.zeros(1, 3))
    for wrong in (1.5, math.nan):
        with pytest.raises(ValueError, match="samples from -1 to 1"):
            wav_bytes(torch.tensor([wrong]))

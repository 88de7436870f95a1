import io

import numpy as np
import torch

from deepbook.data import fetched, split, spoken_digits


def test_recordings_are_split_by_the_books_rule_and_keep_their_frames(carried):
    lengths = np.arange(1, 11)
    values = np.arange(lengths.sum() * 2, dtype=np.float32).reshape(-1, 2)
    file = io.BytesIO()
    np.savez(file, X=values, y=np.zeros(10, np.int64), lengths=lengths)
    carried("spoken-digits", file.getvalue())
    data = spoken_digits()
    parts = split(torch.zeros(10), test=0.2, seed=0)
    frames = torch.from_numpy(values).split(lengths.tolist())
    for part, rows in ((data.train, parts.train), (data.test, parts.test)):
        for recording, row in zip(part, rows, strict=True):
            assert torch.equal(recording, frames[row])
    assert "CC BY-SA" in data.licence
    assert "spoken-digits" in fetched()


def test_the_real_recordings_are_as_the_docstring_says(in_cache):
    in_cache("spoken-digits")
    data = spoken_digits()
    assert torch.bincount(data.train.targets).tolist() == [240] * 10
    assert torch.bincount(data.test.targets).tolist() == [60] * 10
    lengths = torch.cat([data.train.lengths, data.test.lengths])
    assert (lengths.min(), lengths.max(), lengths.sum()) == (6, 92, 53_999)
    assert data.train.values.dtype == torch.float32
    assert data.train[0].shape[1] == 13

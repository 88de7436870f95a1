import pytest
import torch

from deepbook.boltzmann import (
    DBM,
    all_states,
    complete,
    multi_prediction_loss,
)


def make_dbm(sizes=(8, 6, 4), *, seed=0, scale=1.0, dtype=torch.float64, sweeps=500):
    generator = torch.Generator().manual_seed(seed)
    dbm = DBM(sizes, weight_scale=scale, sweeps=sweeps, generator=generator, dtype=dtype)
    with torch.no_grad():
        for bias in dbm.biases:
            bias.normal_(0, 0.5, generator=generator)
    return dbm


def states(size, dtype=torch.float64):
    return all_states(size, dtype=dtype)


def close(actual, expected, tolerance=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


# multi-prediction


def test_completion_reads_nothing_that_is_missing():
    dbm, visible = make_dbm(), states(8)[::11]
    missing = torch.zeros_like(visible, dtype=torch.bool)
    missing[:, ::3] = True
    changed = torch.where(missing, 1 - visible, visible)
    planted = torch.where(missing, torch.nan, visible)
    expected = complete(dbm, visible, missing)
    close(complete(dbm, changed, missing), expected)
    close(complete(dbm, planted, missing), expected)
    assert not torch.allclose(complete(dbm, 1 - visible, missing), expected)


def test_nothing_missing_is_plain_mean_field():
    dbm, visible = make_dbm(sweeps=7), states(8)[::11]
    logits = complete(dbm, visible, torch.zeros_like(visible, dtype=torch.bool))
    layers = dbm.mean_field(visible, tolerance=0)
    close(logits, dbm.layer_input(layers, 0))


def test_multi_prediction_learns_what_goes_together():
    # two units are always equal: either one tells the other
    generator = torch.Generator().manual_seed(0)
    visible = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).repeat(50, 2)
    dbm = DBM((4, 6, 4), weight_scale=0.1, generator=generator)
    optimizer = torch.optim.Adam(dbm.parameters(), lr=0.03)
    for _ in range(150):
        optimizer.zero_grad()
        multi_prediction_loss(dbm, visible, sweeps=4, generator=generator).backward()
        optimizer.step()
    missing = torch.zeros(100, 4, dtype=torch.bool)
    missing[:, 0] = True
    guess = complete(dbm, visible, missing, sweeps=4)[:, 0] > 0
    assert torch.equal(guess.float(), visible[:, 0])


def test_multi_prediction_reaches_every_parameter():
    dbm = make_dbm((8, 6, 4, 3), sweeps=3)
    multi_prediction_loss(dbm, states(8), generator=torch.Generator().manual_seed(0)).backward()
    assert all(bool(p.grad.any()) for p in dbm.parameters())


def test_a_mask_and_a_rate_that_cannot_be_are_named():
    dbm = make_dbm()
    with pytest.raises(TypeError, match=r"mask of torch.bool"):
        complete(dbm, states(8), states(8))
    with pytest.raises(ValueError, match=r"mask of shape \(256, 8\), got \(1, 8\)"):
        complete(dbm, states(8), torch.zeros(1, 8, dtype=torch.bool))
    with pytest.raises(ValueError, match="rate between 0 and 1, got 1"):
        multi_prediction_loss(dbm, states(8), rate=1.0)

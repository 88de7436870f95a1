import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deepbook.feedforward import MLP
from deepbook.regularization import (
    AFFINE_MOVES,
    affine_warp,
    decoder_tangents,
    encoder_tangents,
    image_tangents,
    tangent_penalty,
)
from deepbook.representation import Autoencoder


def seeded(n):
    return torch.Generator().manual_seed(n)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def smooth_picture(size=24):
    """A picture whose derivatives are known: a lopsided Gaussian blot."""
    at = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    r, c = torch.meshgrid(at, at, indexing="ij")
    blot = torch.exp(-(r**2 / 30 + (c - 1) ** 2 / 18 + r * c / 60))
    by_row, by_column = -blot * (r / 15 + c / 60), -blot * ((c - 1) / 9 + r / 60)
    return blot[None], r, c, by_row, by_column


def test_tangents_of_a_smooth_picture_are_its_derivatives():
    picture, r, c, by_row, by_column = smooth_picture()
    degree = torch.pi / 180
    # a picture moved along a field shows what came from against it
    expected = {
        "down": -by_row,
        "right": -by_column,
        "rotation": degree * (by_row * c - by_column * r),
        "shear": degree * by_column * r,
        "scale": -(by_row * r + by_column * c) / 100,
        "stretch": -(by_row * r - by_column * c) / 100,
    }
    found = image_tangents(picture, delta=0.1)[0]
    assert found.shape == (6, 24, 24)
    for name, tangent in zip(AFFINE_MOVES, found, strict=True):
        scale = float(expected[name].abs().max())
        error = float((tangent - expected[name])[2:-2, 2:-2].abs().max())
        assert error < 0.06 * scale, name


def test_a_tangent_predicts_a_small_move():
    picture, *_ = smooth_picture()
    tangents = image_tangents(picture)
    for i, move in enumerate(AFFINE_MOVES.values()):
        moved = move(picture, 0.5)
        left = (moved - picture - 0.5 * tangents[:, i]).norm() / (moved - picture).norm()
        assert float(left) < 0.5


def test_moves_of_zero_leave_a_picture_and_others_are_affine_warps():
    pictures = torch.rand(2, 9, 9, generator=seeded(0), dtype=torch.float64)
    for move in AFFINE_MOVES.values():
        assert torch.equal(move(pictures, 0.0), pictures)
    assert torch.equal(AFFINE_MOVES["rotation"](pictures, 7.0), affine_warp(pictures, rotation=7.0))
    own = image_tangents(pictures, {"brighter": lambda x, amount: x + amount})
    torch.testing.assert_close(own, torch.ones(2, 1, 9, 9, dtype=torch.float64))


@given(st.integers(1, 3), st.integers(0, 100))
def test_the_penalty_is_the_squared_jacobian_along_the_tangents(count, seed):
    model = MLP([5, 7, 3], "tanh", generator=seeded(seed)).double()
    x, tangents = draw(4, 5, seed=seed), draw(4, count, 5, seed=seed + 1)
    jacobians = torch.stack([torch.autograd.functional.jacobian(model, row) for row in x])
    expected = (jacobians @ tangents.mT).square().sum((1, 2))
    torch.testing.assert_close(tangent_penalty(model, x, tangents).detach(), expected)


def test_for_a_linear_model_it_is_exact_and_pictures_keep_their_shape():
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 2)).double()
    x, tangents = draw(3, 2, 3), draw(3, 4, 2, 3, seed=1)
    moved = model((x[:, None] + tangents).flatten(0, 1)).view(3, 4, 2) - model(x)[:, None]
    expected = moved.square().sum((1, 2))
    torch.testing.assert_close(tangent_penalty(model, x, tangents), expected)


def test_its_gradient_reaches_the_weights_and_is_right():
    x, tangents = draw(3, 4), draw(3, 2, 4, seed=1)

    def penalty(weight, out):
        return tangent_penalty(lambda x: (x @ weight).tanh() @ out, x, tangents).mean()

    weights = (draw(4, 5, seed=2).requires_grad_(), draw(5, 2, seed=3).requires_grad_())
    assert torch.autograd.gradcheck(penalty, weights)


def test_training_with_it_flattens_a_network_along_the_tangents():
    x, y = draw(64, 4), (draw(64, 4)[:, 0] > 0).long()
    tangents = torch.zeros(64, 1, 4, dtype=torch.float64)
    tangents[:, 0, 3] = 1
    ends = []
    for strength in (0.0, 1.0):
        model = MLP([4, 16, 2], "tanh", generator=seeded(0)).double()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(100):
            optimizer.zero_grad()
            penalty = tangent_penalty(model, x, tangents).mean()
            (nn.functional.cross_entropy(model(x), y) + strength * penalty).backward()
            optimizer.step()
        ends.append(penalty.item())
    assert ends[1] < ends[0] / 20


def test_an_encoders_tangents_are_orthonormal_and_those_it_feels_most():
    model = Autoencoder([8, 6, 3], "tanh", dtype=torch.float64, generator=seeded(0))
    x = draw(4, 8)
    directions, sizes = encoder_tangents(model.encode, x, 2)
    assert (directions.shape, sizes.shape) == ((4, 2, 8), (4, 2))
    assert not directions.requires_grad
    eye = torch.eye(2, dtype=torch.float64).expand(4, 2, 2)
    torch.testing.assert_close(directions @ directions.mT, eye)
    for row, ways, felt in zip(x, directions, sizes, strict=True):
        jacobian = torch.autograd.functional.jacobian(model.encode, row)
        torch.testing.assert_close((jacobian @ ways.T).norm(dim=0), felt)
        best = torch.linalg.svdvals(jacobian)[:2]
        torch.testing.assert_close(felt, best)


def test_a_decoders_tangents_span_where_its_output_goes():
    model = Autoencoder([8, 6, 2], "tanh", dtype=torch.float64, generator=seeded(0))
    code = draw(4, 2)
    directions, sizes = decoder_tangents(model.decode, code, 2)
    assert bool((sizes[:, 0] >= sizes[:, 1]).all())
    small = 1e-5 * draw(4, 2, seed=1)
    moved = (model.decode(code + small) - model.decode(code)).detach()
    inside = torch.einsum("nkx,nx->nk", directions, moved)
    left = moved - torch.einsum("nkx,nk->nx", directions, inside)
    assert float((left.norm(dim=1) / moved.norm(dim=1)).max()) < 1e-3


def test_on_a_plane_both_find_the_plane():
    basis = torch.linalg.qr(draw(6, 2)).Q.T
    encode, decode = lambda x: basis @ x, lambda h: h @ basis
    for found in (
        encoder_tangents(encode, draw(3, 6, seed=1), 2),
        decoder_tangents(decode, draw(3, 2, seed=1), 2),
    ):
        projector = found.directions.mT @ found.directions
        torch.testing.assert_close(projector, (basis.T @ basis).expand(3, 6, 6))
        torch.testing.assert_close(found.sizes, torch.ones(3, 2, dtype=torch.float64))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="a step delta above 0, got 0"):
        image_tangents(torch.zeros(1, 3, 3), delta=0.0)
    with pytest.raises(ValueError, match="at least 1 move, got none"):
        image_tangents(torch.zeros(1, 3, 3), {})
    with pytest.raises(ValueError, match=r"height, width\), got \(3, 9\)"):
        image_tangents(torch.zeros(3, 9))
    model = nn.Linear(3, 2)
    for wrong in (torch.zeros(4, 3), torch.zeros(4, 1, 2), torch.zeros(3, 1, 3)):
        with pytest.raises(ValueError, match=r"tangents of shape \(N, k, ...\)"):
            tangent_penalty(model, torch.zeros(4, 3), wrong)
    with pytest.raises(ValueError, match="1 to 2 tangents, got 3"):
        encoder_tangents(model, torch.zeros(4, 3), 3)
    with pytest.raises(ValueError, match=r"codes of shape \(N, D\), got \(3,\)"):
        decoder_tangents(model, torch.zeros(3), 1)

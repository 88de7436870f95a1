import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepbook.representation import (
    Autoencoder,
    largest_angle,
    principal_components,
    stack_autoencoders,
)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_it_is_what_torchs_layers_make(generator):
    model = Autoencoder([6, 5, 3], generator=generator, dtype=torch.float64)
    encoder = nn.Sequential(nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 3), nn.Sigmoid())
    decoder = nn.Sequential(nn.Linear(3, 5), nn.Sigmoid(), nn.Linear(5, 6), nn.Sigmoid())
    for twin, ours in ((encoder, model.encoder), (decoder, model.decoder)):
        weights = ours.state_dict().values()
        twin.load_state_dict(dict(zip(twin.state_dict(), weights, strict=True)))
        twin.double()
    x = torch.rand(10, 6, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(model.encode(x), encoder(x))
    torch.testing.assert_close(model(x), decoder(encoder(x)))


def test_the_error_of_bits_is_torchs_cross_entropy(generator):
    model = Autoencoder([6, 3], generator=generator, dtype=torch.float64)
    x, clean = torch.rand(2, 10, 6, generator=generator, dtype=torch.float64)
    for target in (x, clean):
        torchs = F.binary_cross_entropy(model(x), target, reduction="none").sum(1)
        torch.testing.assert_close(model.reconstruction_error(x, target), torchs)
    assert torch.equal(model.reconstruction_error(x), model.reconstruction_error(x, x))


def test_the_error_of_real_numbers_is_half_the_squared_distance(generator):
    model = Autoencoder([6, 3], "tanh", output="gaussian", generator=generator)
    x, clean = torch.randn(2, 10, 6, generator=generator)
    torchs = 0.5 * F.mse_loss(model(x), clean, reduction="none").sum(1)
    torch.testing.assert_close(model.reconstruction_error(x, clean), torchs)


@pytest.mark.parametrize("output", ["bernoulli", "gaussian"])
def test_biases_start_from_the_mean_of_the_data(output, generator):
    model = Autoencoder([6, 5, 3], output=output, generator=generator, dtype=torch.float64)
    data = (torch.rand(40, 6, generator=generator) < 0.3).double()
    model.initialize_biases_(data)
    sums = model.encoder.layers[0](data)
    torch.testing.assert_close(sums.mean(0), torch.zeros(5).double(), rtol=0, atol=1e-12)
    with torch.no_grad():
        model.decoder.layers[-1].weight.zero_()
    rate = (data.sum(0) + 0.5) / 41 if output == "bernoulli" else data.mean(0)
    torch.testing.assert_close(model(data), rate.expand(40, -1))


def test_a_code_may_have_its_own_activation(generator):
    model = Autoencoder([6, 5, 3], "relu", code_activation="identity", generator=generator)
    x = torch.rand(10, 6, generator=generator)
    assert torch.equal(model.encode(x), model.encoder(x))
    assert (model.encode(x) < 0).any()


def test_a_linear_autoencoder_finds_the_plane_of_the_principal_components(generator):
    scale = torch.tensor([4.0, 3.0, 2.0, 1.0, 0.5, 0.2], dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64)).Q
    x = (torch.randn(500, 6, generator=generator, dtype=torch.float64) * scale) @ turn + 1
    model = Autoencoder(
        [6, 2], "identity", output="gaussian", generator=generator, dtype=torch.float64
    )
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=500,
        tolerance_grad=1e-12,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        loss = model.reconstruction_error(x).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    components = principal_components(x, 2)
    directions = model.decoder.layers[0].weight.T.detach()
    assert largest_angle(directions, components.directions) < 1e-4
    torch.testing.assert_close(model(x), components.reconstruct(x), rtol=0, atol=1e-3)
    # what is lost is the variance along the directions that are left out
    lost = principal_components(x, 6).variances[2:].sum()
    torch.testing.assert_close(2 * model.reconstruction_error(x).mean(), lost, rtol=1e-6, atol=0)
    # but its own axes are not those of PCA: any basis of the plane will do
    assert largest_angle(directions[:1], components.directions[:1]) > 0.01


def test_a_stack_is_one_autoencoder_inside_another(generator):
    outer = Autoencoder([8, 5], generator=generator, dtype=torch.float64)
    inner = Autoencoder([5, 3], generator=generator, dtype=torch.float64)
    deep = stack_autoencoders([outer, inner])
    x = torch.rand(10, 8, generator=generator, dtype=torch.float64)
    assert deep.sizes == (8, 5, 3)
    torch.testing.assert_close(deep.encode(x), inner.encode(outer.encode(x)))
    nested = outer.decode(inner(outer.encode(x))).sigmoid()
    torch.testing.assert_close(deep(x), nested)


def test_a_stack_holds_copies(generator):
    shallow = [Autoencoder([8, 5], generator=generator), Autoencoder([5, 3], generator=generator)]
    before = shallow[0].encoder.layers[0].weight.clone()
    deep = stack_autoencoders(shallow)
    with torch.no_grad():
        for parameter in deep.parameters():
            parameter.zero_()
    assert torch.equal(shallow[0].encoder.layers[0].weight, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_generator_repeats_the_weights_in_both_precisions(dtype):
    first, second = (
        Autoencoder([6, 4, 2], generator=torch.Generator().manual_seed(1), dtype=dtype)
        for _ in range(2)
    )
    x = torch.rand(3, 6, dtype=dtype)
    assert torch.equal(first(x), second(x))
    assert first(x).dtype == first.reconstruction_error(x).dtype == dtype


def test_arguments_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="bernoulli, gaussian, got 'poisson'"):
        Autoencoder([6, 3], output="poisson")
    with pytest.raises(ValueError, match="got maxout"):
        Autoencoder([6, 3], code_activation="maxout")
    with pytest.raises(ValueError, match="two or more positive sizes"):
        Autoencoder([6])
    model = Autoencoder([6, 3])
    with pytest.raises(ValueError, match="inputs of size 6"):
        model(torch.zeros(2, 5))
    with pytest.raises(TypeError, match="float32, got torch"):
        model(torch.zeros(2, 6).double())
    with pytest.raises(ValueError, match=r"target units in \[0, 1\], got values from 2"):
        model.reconstruction_error(torch.zeros(2, 6), torch.full((2, 6), 2.0))
    with pytest.raises(ValueError, match=r"visible units in \[0, 1\], got values from 2"):
        model.initialize_biases_(torch.full((2, 6), 2.0))
    with pytest.raises(ValueError, match="nan"):
        model.reconstruction_error(torch.full((2, 6), torch.nan))
    with pytest.raises(ValueError, match=r"target of shape \(2, 6\), got \(3, 6\)"):
        Autoencoder([6, 3], output="gaussian").reconstruction_error(
            torch.zeros(2, 6), torch.zeros(3, 6)
        )


def test_stacks_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="at least 1 autoencoder"):
        stack_autoencoders([])
    with pytest.raises(ValueError, match="expected 3 inputs of autoencoder 1, got 4"):
        stack_autoencoders([Autoencoder([6, 3]), Autoencoder([4, 2])])
    with pytest.raises(ValueError, match="sigmoid units and Bernoulli output in autoencoder 1"):
        stack_autoencoders([Autoencoder([6, 3]), Autoencoder([3, 2], "relu")])


def test_principal_components_are_orthonormal_and_sorted(generator):
    x = torch.randn(50, 6, generator=generator, dtype=torch.float64) @ torch.diag(
        torch.tensor([1.0, 5, 2, 4, 3, 6]).double()
    )
    mean, directions, variances = principal_components(x, 4)
    torch.testing.assert_close(directions @ directions.T, torch.eye(4).double())
    assert (variances.diff() < 0).all()
    torch.testing.assert_close(variances, ((x - mean) @ directions.T).var(0, correction=0))
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    torch.testing.assert_close(variances, eigenvalues[:4])


def test_angles_between_planes_are_those_that_were_made():
    for angle in torch.tensor([0.0, 1e-8, 0.3, torch.pi / 2], dtype=torch.float64):
        turned = torch.eye(3).double()[:2]
        turned[1, 1], turned[1, 2] = angle.cos(), angle.sin()
        plane = torch.eye(3).double()[:2]
        mixed = torch.tensor([[2.0, 1.0], [-1.0, 3.0]]).double() @ turned
        assert abs(largest_angle(plane, mixed) - angle) < 1e-9


def test_components_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="expected 1 to 4 components"):
        principal_components(torch.zeros(5, 8), 5)
    with pytest.raises(ValueError, match=r"shape \(N, D\), got \(5,\)"):
        principal_components(torch.zeros(5), 1)
    with pytest.raises(ValueError, match="same shape"):
        largest_angle(torch.zeros(2, 3), torch.zeros(3, 3))

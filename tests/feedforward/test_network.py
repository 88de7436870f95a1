import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepbook.feedforward import ACTIVATIONS, MLP, maxout, weight_variance


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def network(generator):
    return MLP([6, 5, 4, 3], activation="selu", generator=generator)


def test_the_network_is_what_torchs_layers_make(network, generator):
    twin = nn.Sequential(nn.Linear(6, 5), nn.SELU(), nn.Linear(5, 4), nn.SELU(), nn.Linear(4, 3))
    twin.load_state_dict(dict(zip(twin.state_dict(), network.state_dict().values(), strict=True)))
    x = torch.randn(10, 6, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(network.double()(x), twin.double()(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_makes_a_network(activation, generator):
    network = MLP([6, 5, 4, 3], activation=activation, generator=generator)
    outputs = network.outputs(torch.randn(2, 6, generator=generator))
    assert [tuple(h.shape) for h in outputs] == [(2, 5), (2, 4), (2, 3)]
    assert all(h.isfinite().all() for h in outputs)


def test_outputs_are_those_of_each_layer(network, generator):
    x = torch.randn(2, 6, generator=generator)
    first, second, logits = network.outputs(x)
    torch.testing.assert_close(first, F.selu(network.layers[0](x)))
    torch.testing.assert_close(second, F.selu(network.layers[1](first)))
    assert torch.equal(logits, network.layers[2](second))
    assert torch.equal(logits, network(x))


def test_two_sizes_make_a_linear_model(generator):
    network = MLP([6, 3], generator=generator)
    x = torch.randn(2, 6, generator=generator)
    torch.testing.assert_close(network(x), x @ network.layers[0].weight.T)


def test_a_maxout_layer_has_two_linear_maps_a_unit(generator):
    network = MLP([6, 5, 3], activation="maxout", generator=generator)
    assert [tuple(layer.weight.shape) for layer in network.layers] == [(10, 6), (3, 5)]
    x = torch.randn(2, 6, generator=generator)
    assert torch.equal(network.outputs(x)[0], maxout(network.layers[0](x)))


def test_leading_dimensions_are_kept(network):
    assert network(torch.zeros(2, 7, 6)).shape == (2, 7, 3)
    assert network(torch.zeros(6)).shape == (3,)


@pytest.mark.parametrize(
    ("activation", "initial", "scheme"),
    [
        ("selu", None, "lecun"),
        ("relu", None, "he"),
        ("tanh", None, "xavier"),
        ("relu", "zero", "zero"),
    ],
)
def test_initial_weights_suit_the_activation_unless_named(activation, initial, scheme, generator):
    network = MLP([400, 300, 10], activation, initial, generator)
    measured = network.layers[0].weight.var().item()
    assert measured == pytest.approx(weight_variance(scheme, 400, 300), rel=0.03)


def test_the_same_seed_gives_the_same_network_and_leaves_global_numbers_alone():
    state = torch.get_rng_state()
    a, b = (MLP([6, 5, 3], generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())


def test_without_a_generator_the_global_seed_decides():
    networks = []
    for _ in range(2):
        torch.manual_seed(5)
        networks.append(MLP([6, 5, 3]))
    assert torch.equal(networks[0].layers[0].weight, networks[1].layers[0].weight)


def test_several_networks_run_as_one_batch(generator):
    networks = [MLP([6, 5, 3], generator=generator) for _ in range(4)]
    parameters, buffers = torch.func.stack_module_state(networks)
    x = torch.randn(10, 6, generator=generator)
    together = torch.func.vmap(lambda p, b: torch.func.functional_call(networks[0], (p, b), (x,)))(
        parameters, buffers
    )
    torch.testing.assert_close(together, torch.stack([network(x) for network in networks]))


def test_a_gradient_reaches_every_parameter(network, generator):
    network(torch.randn(10, 6, generator=generator)).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_activation_is_shown(network):
    assert "activation=selu" in repr(network)


@pytest.mark.parametrize("shape", [(2, 28, 28), (2, 5), ()])
def test_inputs_of_another_size_are_refused_with_both_sizes(network, shape):
    message = rf"inputs of size 6 in the last dimension, got shape \({', '.join(map(str, shape))}"
    with pytest.raises(ValueError, match=message):
        network(torch.zeros(shape))


def test_inputs_of_another_dtype_are_refused(network):
    with pytest.raises(TypeError, match=r"dtype torch\.float32, got torch\.uint8"):
        network(torch.zeros(2, 6, dtype=torch.uint8))


@pytest.mark.parametrize("sizes", [[], [784], [784, 0, 10], [784, -1]])
def test_sizes_that_make_no_network_are_refused(sizes):
    with pytest.raises(ValueError, match="two or more positive sizes"):
        MLP(sizes)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="got 'swish'"):
        MLP([2, 2, 2], activation="swish")
    with pytest.raises(ValueError, match="got 'kaiming'"):
        MLP([2, 2, 2], initial="kaiming")

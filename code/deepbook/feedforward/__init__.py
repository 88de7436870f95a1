"""Feedforward networks: the code of chapter 1 (Goodfellow et al. 2016, chapter 6)."""

import lazy_loader

_ATTRIBUTES = {
    "activations": ["ACTIVATIONS", "Activation", "get_activation"],
    "activation_functions": [
        "elu",
        "gelu",
        "identity",
        "leaky_relu",
        "maxout",
        "relu",
        "selu",
        "selu_constants",
        "sigmoid",
        "softplus",
        "step",
        "tanh",
    ],
    # its operations share names with activations: `from deepbook.feedforward import autodiff`
    "autodiff": ["Node"],
    "approximation": ["bump_network", "sawtooth"],
    "derivatives": [
        "central_deriv",
        "chain_deriv",
        "deriv",
        "gradient_error",
        "numerical_gradient",
    ],
    "initialization": ["SCHEMES", "initialize_", "weight_variance"],
    "regions_in_plane": ["linear_cells", "patterns_on_grid"],
    "regions_on_line": ["linear_pieces"],
    "losses": [
        "binary_cross_entropy_with_logits",
        "cross_entropy",
        "gaussian_nll",
        "half_squared_error",
        "log_softmax",
        "logsumexp",
        "mixture_density_nll",
        "softmax",
    ],
    "network": ["MLP"],
    "perceptron": [
        "Perceptron",
        "PerceptronRecord",
        "XorNetwork",
        "mistake_bound",
        "neuron",
        "truth_table",
    ],
    "propagation": ["Signal", "signal_by_depth"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=list(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

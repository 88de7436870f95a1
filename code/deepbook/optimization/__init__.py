"""Optimization: the code of chapter 3 (Goodfellow et al. 2016, chapter 8)."""

import lazy_loader

_ATTRIBUTES = {
    "adagrad": ["AdaGrad"],
    "adam": ["Adam", "AdamW"],
    "curvature": ["directional_curvature", "hessian", "hessian_vector_product"],
    "first_order": ["FirstOrderOptimizer"],
    "flat_loss": ["FlatLoss"],
    "gradient_noise": [
        "accumulate_gradients",
        "gradient_variance",
        "minibatch_gradients",
        "minibatch_variance",
        "per_example_gradients",
    ],
    "lanczos_iteration": ["Eigenpairs", "extreme_eigenvalues", "lanczos"],
    "momentum": ["Momentum", "Nesterov"],
    "rmsprop": ["RMSProp"],
    "sgd": ["SGD"],
    "simulated_annealing": ["anneal", "geometric_temperatures"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

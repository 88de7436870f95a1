"""Optimization: the code of chapter 3 (Goodfellow et al. 2016, chapter 8)."""

import lazy_loader

_ATTRIBUTES = {
    "adagrad": ["AdaGrad"],
    "adam": ["Adam", "AdamW"],
    "batch_normalization": ["BatchNorm", "batch_norm", "batch_norm_gradient"],
    "conjugate_gradients": [
        "ConjugateGradient",
        "LinearSolution",
        "conjugate_gradient",
        "nonlinear_conjugate_gradient",
    ],
    "continuation_method": ["continuation", "gaussian_smoothed"],
    "coordinatewise": ["Sweeps", "coordinate_descent", "quadratic_coordinate"],
    "curvature": ["directional_curvature", "hessian", "hessian_vector_product"],
    "deep_linear": ["DeepLinearLoss"],
    "first_order": ["FirstOrderOptimizer"],
    "flat_loss": ["FlatLoss"],
    "gauss_newton": ["empirical_fisher", "fisher_matrix", "gauss_newton_matrix"],
    "gradient_accumulation": ["accumulate_gradients"],
    "gradient_noise": [
        "gradient_variance",
        "minibatch_gradients",
        "minibatch_variance",
        "per_example_gradients",
    ],
    "greedy_pretraining": ["deepened"],
    "lanczos_iteration": ["Eigenpairs", "extreme_eigenvalues", "lanczos"],
    "landscapes": ["LANDSCAPES", "Landscape"],
    "layer_normalization": ["LayerNorm", "layer_norm"],
    "line_search": [
        "LineSearch",
        "LineSearchError",
        "Trial",
        "backtracking",
        "satisfies_wolfe",
        "secant",
        "strong_wolfe",
    ],
    "line_search_descent": ["SteepestDescent", "minimize"],
    "loss_slices": ["Plane", "filter_normalized_direction", "loss_along_line", "plane_through"],
    "minimization": ["Minimization", "value_and_gradient"],
    "momentum": ["Momentum", "Nesterov"],
    "newton_method": ["newton", "newton_step", "saddle_free_step"],
    "quadratic": [
        "Quadratic",
        "best_gradient_descent",
        "best_heavy_ball",
        "convergence_factor",
        "critical_rate",
        "random_quadratic",
    ],
    "quasi_newton": ["BFGS", "LBFGS", "bfgs", "lbfgs"],
    "rmsprop": ["RMSProp"],
    "sgd": ["SGD"],
    "simulated_annealing": ["anneal", "geometric_temperatures"],
    "weight_averaging": ["AveragedModel"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

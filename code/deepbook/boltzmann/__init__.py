"""Boltzmann machines: the code of chapter 8 (Goodfellow et al. 2016, chapters 14, 16 to 20)."""

import lazy_loader

_ATTRIBUTES = {
    "annealing": ["ais", "reverse_ais"],
    "centring": ["Centred", "SparsityTarget"],
    "energy_model": ["EnergyModel"],
    "estimates": ["BridgeEstimate", "Estimate", "bridge"],
    "gradients": [
        "ContrastiveDivergence",
        "ExactGradient",
        "GradientEstimator",
        "PersistentContrastiveDivergence",
        "expected_cd_gradient",
    ],
    "harmonium": ["Harmonium"],
    "likelihood": ["log_likelihood", "log_partition", "model_statistics"],
    "machine": ["BoltzmannMachine"],
    "mixing_gradients": ["FastPersistentContrastiveDivergence", "TemperedGradient"],
    "rbm": ["RBM", "log_odds"],
    "sampling": [
        "anneal",
        "geometric_temperatures",
        "record_chain",
        "run_chain",
    ],
    "states": ["MAX_UNITS", "all_states", "bernoulli", "state_blocks"],
    "tempering": ["ParallelTempering"],
    "toy_data": ["bars_and_stripes", "shifter"],
    "training": [
        "NonFiniteGradientError",
        "TrainingRecord",
        "constant",
        "linear_decay",
        "train",
    ],
    "transition": [
        "detailed_balance_error",
        "gibbs_transition_matrix",
        "joint_transition_matrix",
        "second_eigenvalue",
        "stationarity_error",
        "stationary_distribution",
        "visible_transition_matrix",
    ],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

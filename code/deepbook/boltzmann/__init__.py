"""Boltzmann machines: the code of chapter 8 (Goodfellow et al. 2016, chapters 14, 16 to 20)."""

import lazy_loader

_ATTRIBUTES = {
    "annealing": ["ais", "reverse_ais"],
    "autoencoders": ["Autoencoder", "stack_autoencoders"],
    "bounds": ["bernoulli_log_likelihood", "check_bits", "log_mean_exp"],
    "centring": ["Centred", "SparsityTarget"],
    "denoising": [
        "denoising_chain",
        "gaussian_noise",
        "learned_score",
        "masking_noise",
        "optimal_denoiser",
        "salt_and_pepper",
    ],
    "convolutional": ["ConvolutionalRBM"],
    "energy_model": ["EnergyModel"],
    "estimates": ["BridgeEstimate", "Estimate", "bridge"],
    "gradient_estimators": [
        "exact_gradient",
        "gaussian_reparameterised",
        "gaussian_score_function",
        "reinforce",
        "relaxed",
        "straight_through",
    ],
    "gradients": [
        "ContrastiveDivergence",
        "ExactGradient",
        "GradientEstimator",
        "PersistentContrastiveDivergence",
        "expected_cd_gradient",
    ],
    "gaussian": ["GaussianRBM"],
    "harmonium": ["Harmonium"],
    "judging": ["Nearest", "nearest", "parzen_log_density"],
    "likelihood": ["log_likelihood", "log_partition", "model_statistics"],
    "machine": ["BoltzmannMachine"],
    "mixing_gradients": ["FastPersistentContrastiveDivergence", "TemperedGradient"],
    "nade": ["NADE"],
    "penalties": [
        "contractive_penalty",
        "kl_sparsity",
        "l1_sparsity",
        "sigmoid_contractive_penalty",
    ],
    "principal_components": ["PrincipalComponents", "largest_angle", "principal_components"],
    "rbm": ["RBM", "log_odds"],
    "sampling": ["ParallelTempering", "record_chain", "run_chain"],
    "simulated_annealing": ["anneal", "geometric_temperatures"],
    "sigmoid_belief": ["SigmoidBeliefNetwork"],
    "softmax": ["SoftmaxRBM"],
    "states": ["MAX_UNITS", "all_states", "bernoulli", "state_blocks"],
    "toy_data": ["bars_and_stripes", "shifter"],
    "training": ["NonFiniteGradientError", "TrainingRecord", "constant", "linear_decay", "train"],
    "transition": [
        "detailed_balance_error",
        "gibbs_transition_matrix",
        "joint_transition_matrix",
        "second_eigenvalue",
        "stationarity_error",
        "stationary_distribution",
        "visible_transition_matrix",
    ],
    "vae": ["VAE", "gaussian_kl"],
    "wake_sleep": ["wake_sleep_loss"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

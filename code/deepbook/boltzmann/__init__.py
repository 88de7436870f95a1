"""Boltzmann machines: the code of chapter 8 (Goodfellow et al. 2016, chapters 14, 16 to 20)."""

import lazy_loader

_ATTRIBUTES = {
    "annealing": ["ais", "reverse_ais"],
    "autoencoders": ["Autoencoder", "stack_autoencoders"],
    "bounds": ["bernoulli_log_likelihood", "check_bits", "log_mean_exp"],
    "centring": ["Centred", "SparsityTarget"],
    "convolutional": ["ConvolutionalRBM"],
    "denoising": [
        "denoising_chain",
        "gaussian_noise",
        "learned_score",
        "masking_noise",
        "optimal_denoiser",
        "salt_and_pepper",
    ],
    "energy_model": ["EnergyModel"],
    "estimates": ["BridgeEstimate", "Estimate", "bridge"],
    "gaussian": ["GaussianRBM"],
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
    "harmonium": ["Harmonium"],
    "judging": ["Nearest", "nearest", "parzen_log_density"],
    "likelihood": ["log_likelihood", "log_partition", "model_statistics"],
    "machine": ["BoltzmannMachine"],
    "mixing_gradients": ["FastPersistentContrastiveDivergence", "TemperedGradient"],
    "nade": ["NADE"],
    "nce": ["NoiseContrastive"],
    "pca": ["PrincipalComponents", "largest_angle", "principal_components"],
    "penalties": [
        "contractive_penalty",
        "kl_sparsity",
        "l1_sparsity",
        "sigmoid_contractive_penalty",
    ],
    "pseudo_likelihood": [
        "flip_log_ratios",
        "pseudo_log_likelihood",
        "ratio_matching",
        "stochastic_pseudo_log_likelihood",
    ],
    "rbm": ["RBM", "log_odds"],
    "sampling": ["ParallelTempering", "record_chain", "run_chain"],
    "score": ["denoising_score_matching", "score_matching"],
    "sigmoid_belief": ["SigmoidBeliefNetwork"],
    "simulated_annealing": ["anneal", "geometric_temperatures"],
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
    "two_sided": ["TwoSidedLikelihood", "two_sided_log_likelihood"],
    "vae": ["VAE", "gaussian_kl"],
    "wake_sleep": ["wake_sleep_loss"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

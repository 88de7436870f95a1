"""Directed models and gradients through random draws."""

import lazy_loader

_ATTRIBUTES = {
    "gaussian_gradients": ["gaussian_reparameterised", "gaussian_score_function"],
    "gradient_estimators": ["exact_gradient", "reinforce", "relaxed", "straight_through"],
    "likelihood_bounds": ["bernoulli_log_likelihood", "check_bits", "log_mean_exp"],
    "nade": ["NADE"],
    "sigmoid_belief": ["Recognition", "SigmoidBeliefNetwork"],
    "vae": ["VAE", "gaussian_kl"],
    "wake_sleep": ["score_function_loss", "wake_sleep_loss"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

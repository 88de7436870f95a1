"""Gradients of the likelihood and what stands in for them, and training."""

import lazy_loader

_ATTRIBUTES = {
    "centred_gradients": ["Centred", "SparsityTarget"],
    "expected_cd": ["expected_cd_gradient"],
    "fast_training": ["FastTrainer", "train_fast"],
    "likelihood_ascent": ["LikelihoodAscent", "train"],
    "likelihood_gradients": [
        "ContrastiveDivergence",
        "ExactGradient",
        "GradientEstimator",
        "PersistentContrastiveDivergence",
    ],
    "many_machines": ["train_many"],
    "noise_contrastive": ["NoiseContrastive"],
    "pseudo_likelihood": [
        "flip_log_ratios",
        "pseudo_log_likelihood",
        "ratio_matching",
        "stochastic_pseudo_log_likelihood",
    ],
    "score": ["denoising_score_matching", "score_matching"],
    "tempered_gradients": ["FastPersistentContrastiveDivergence", "TemperedGradient"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

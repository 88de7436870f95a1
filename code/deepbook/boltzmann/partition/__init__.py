"""The partition function, exactly and estimated, and what follows for the likelihood."""

import lazy_loader

_ATTRIBUTES = {
    "annealed_importance_sampling": ["ais", "reverse_ais"],
    "annealing_paths": ["AnnealingPath", "LayeredPath", "RBMPath", "annealing_path"],
    "bridge_sampling": ["BridgeEstimate", "Estimate", "bridge"],
    "exact_likelihood": ["log_likelihood", "log_partition", "model_statistics"],
    "sample_quality": ["Nearest", "nearest", "parzen_log_density"],
    "two_sided_likelihood": ["TwoSidedLikelihood", "two_sided_log_likelihood"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

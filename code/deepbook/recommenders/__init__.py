"""Recommenders, what they are measured with, and the baselines that they have to beat.

Two chapters share it: the Boltzmann machines (chapter 8) and the applications.
"""

import lazy_loader

_ATTRIBUTES = {
    "baselines": ["AlwaysLike", "BiasModel", "GlobalMean", "LogOddsModel", "Popularity"],
    "checks": ["check_likes", "check_pairs", "check_ratings", "check_stars", "check_users"],
    "course_autoencoder": ["AutoencoderFaults", "CourseAutoencoder"],
    "course_rbm": ["CourseRBM", "RBMFaults"],
    "ensemble": ["RatingEnsemble"],
    "evaluation": [
        "LikeScores",
        "StarScores",
        "like_error",
        "like_scores",
        "log_loss",
        "mean_distance",
        "rmse",
        "star_scores",
    ],
    "factorisation": ["MatrixFactorisation"],
    "guard": ["LeakError", "check_blind", "check_no_leak"],
    "rating_autoencoder": ["RatingAutoencoder"],
    "recommender": ["LIKED_FROM", "Recommender", "liked"],
    "ranking": ["RankingScores", "ranking_scores"],
    "validation": ["hold_out"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

"""Regularization: the code of chapter 2 (Goodfellow et al. 2016, chapter 7)."""

import lazy_loader

_ATTRIBUTES = {
    "attacks": ["Attack", "fgsm", "pgd"],
    "augmentation": ["Augmentation", "RandomAffine", "RandomElastic", "RandomFlip"],
    "bagging": [
        "ErrorMoments",
        "bootstrap_rows",
        "ensemble_error",
        "ensemble_mean",
        "error_moments",
        "out_of_bag",
    ],
    "checks": ["check_not_negative", "check_positive", "check_probability"],
    "code_penalties": [
        "contractive_penalty",
        "kl_sparsity",
        "l1_sparsity",
        "sigmoid_contractive_penalty",
    ],
    "draws": ["normal", "uniform"],
    "dropout_ensembles": [
        "DropoutEnsemble",
        "all_masks",
        "exact_ensemble",
        "monte_carlo_predictions",
        "weight_scaling",
    ],
    "dropout_layers": ["DropConnectLinear", "Dropout", "dropout"],
    "elastic_nets": ["elastic_net", "elastic_net_loss", "elastic_net_path", "largest_alpha"],
    "image_warps": [
        "affine_warp",
        "displacement_warp",
        "pixel_grid",
        "smooth_displacements",
    ],
    "label_smoothing": ["SmoothedCrossEntropy", "smooth_labels", "smoothed_cross_entropy"],
    "label_spreading": ["knn_graph", "propagate_labels", "spread_labels"],
    "linear_solutions": ["LinearFit", "minimum_norm_solution", "pseudo_inverse", "ridge"],
    "mixing": ["CutMix", "Mixup", "cut_box", "mix"],
    "noise": ["gaussian_noise", "masking_noise", "salt_and_pepper"],
    "noise_layers": [
        "GaussianNoise",
        "NoisyLinear",
        "input_noise_penalty",
        "weight_noise_penalty",
    ],
    "norm_balls": [
        "BallMinimum",
        "after_each_step",
        "ball_minimum",
        "max_norm_",
        "project_to_ball",
    ],
    "norm_penalties": [
        "decay_groups",
        "decay_weights_",
        "elastic_net_penalty",
        "l1_penalty",
        "l2_penalty",
        "tying_penalty",
        "weights_of",
    ],
    "proximal_steps": ["elastic_net_prox", "fista", "ista", "proximal_step_", "soft_threshold"],
    "quadratics": [
        "early_stopping_shrinkage",
        "equivalent_decay",
        "equivalent_steps",
        "l1_minimum",
        "l2_minimum",
        "l2_shrinkage",
    ],
    "retraining": ["fit_steps", "fit_until_loss", "steps_of"],
    "robustness": ["adversarial_loss", "robust_accuracy"],
    "semi_supervised": [
        "PseudoLabels",
        "consistency_loss",
        "prediction_entropy",
        "pseudo_label_loss",
        "pseudo_labels",
    ],
    "tangent_distances": ["tangent_distance", "tangent_neighbours"],
    "tangents": [
        "AFFINE_MOVES",
        "ManifoldTangents",
        "decoder_tangents",
        "encoder_tangents",
        "image_tangents",
        "tangent_penalty",
    ],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

"""Convolutional networks: the code of chapter 4 (Goodfellow et al. 2016, chapter 9)."""

import lazy_loader

_ATTRIBUTES: dict[str, list[str]] = {
    "conv_gradients": ["conv2d_bias_gradient", "conv2d_input_gradient", "conv2d_weight_gradient"],
    "conv_loops": ["conv1d_loops", "conv2d_loops"],
    "conv_matrices": ["circulant", "conv1d_matrix", "conv2d_matrix", "toeplitz"],
    "conv_products": ["conv1d", "conv2d"],
    "convolutional_networks": ["ConvNet", "LeNet5", "initialize_convolutions_"],
    "correlation": ["convolve", "cross_correlate", "cross_correlate_loops"],
    "counted_numbers": ["Counted", "Tally"],
    "depthwise_separable": [
        "DepthwiseSeparableConv2d",
        "channel_shuffle",
        "depthwise_conv2d",
        "depthwise_conv2d_loops",
        "pointwise_conv2d",
    ],
    "digit_scenes": ["DigitScenes", "scatter_digits"],
    "feature_maps": ["layer_outputs"],
    "fft_convolution": [
        "fft_conv1d",
        "fft_conv2d",
        "fft_convolve_loops",
        "fft_radix2",
        "transform_size",
    ],
    "folding": ["folded_stages", "scale_and_shift"],
    "fully_convolutional": ["FullyConvolutional"],
    "gabor": ["GaborFilters", "gabor_function"],
    "gabor_fits": ["GaborFits", "fit_gabors"],
    "geometry": [
        "output_size",
        "padding_sizes",
        "receptive_field",
        "same_padding",
        "transposed_output_size",
    ],
    "image_columns": ["col2im", "fold_patches", "im2col", "patches"],
    "kmeans": ["Clustering", "kmeans_clusters", "kmeans_seeds", "triangle_code"],
    "locally_connected": ["Conv2d", "LocallyConnected2d", "TiledConv2d"],
    "occlusion": ["occlusion_map"],
    "padded_inputs": ["ConvGeometry"],
    "patch_features": ["PatchFeatures"],
    "pooling_gradients": [
        "average_pool2d_gradient",
        "lp_pool2d_gradient",
        "max_pool2d_gradient",
    ],
    "pooling_layers": [
        "ChannelMaxPool",
        "average_pool2d",
        "channel_max_pool",
        "global_average_pool",
        "global_max_pool",
        "lp_pool2d",
        "max_pool2d",
        "pool2d_loops",
        "pooling_windows",
        "stochastic_pool2d",
    ],
    "product_counts": ["ConvLayer"],
    "residual_networks": ["ResidualBlock", "ResidualNet"],
    "segmentation": [
        "intersection_over_union",
        "label_confusion",
        "mean_intersection_over_union",
        "pixel_cross_entropy",
        "soft_dice_loss",
    ],
    "separable_kernels": [
        "SeparableFactors",
        "kernel_rank",
        "separable_conv2d",
        "separable_factors",
    ],
    "transposed": ["conv_transpose1d", "conv_transpose2d", "conv_transpose2d_loops"],
    "winograd": ["FilterTransforms", "cook_toom", "winograd_conv2d", "winograd_filter"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

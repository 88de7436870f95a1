"""Sequence models: the code of chapter 5 (Goodfellow et al. 2016, chapter 10)."""

import lazy_loader

_ATTRIBUTES: dict[str, list[str]] = {
    "attention_scores": [
        "AdditiveAttention",
        "DotProductAttention",
        "attend",
        "causal_mask",
        "masked_softmax",
        "scaled_dot_product_attention",
    ],
    "beam_searches": ["Hypotheses", "beam_search", "greedy_search", "transduce"],
    "edit_distances": [
        "Edit",
        "edit_distance",
        "edit_operations",
        "sequence_error_rate",
        "symbol_error_rate",
    ],
    "encoder_decoder": ["EncoderDecoder", "FixedContext", "Memory", "sequence_loss", "shifted"],
    "multi_head": ["MultiHeadAttention"],
    "positions": ["sinusoidal_positions"],
    "pretrained": ["pretrained_pronouncer"],
    "transformers": ["Transformer", "TransformerBlock", "TransformerMemory"],
    "vocabulary": ["Vocabulary"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

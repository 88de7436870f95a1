"""Sequence models: the code of chapter 5 (Goodfellow et al. 2016, chapter 10)."""

import lazy_loader

_ATTRIBUTES: dict[str, list[str]] = {
    "abc_reading": ["parse_abc"],
    "abc_writing": ["write_abc"],
    "attention_scores": [
        "AdditiveAttention",
        "DotProductAttention",
        "attend",
        "causal_mask",
        "masked_softmax",
        "scaled_dot_product_attention",
    ],
    "beam_searches": ["Hypotheses", "beam_search", "greedy_search", "transduce"],
    "character_models": ["CharacterModel", "CharacterTransformer", "next_symbol_loss"],
    "compression": ["compressed_bits"],
    "edit_distances": [
        "Edit",
        "edit_distance",
        "edit_operations",
        "sequence_error_rate",
        "symbol_error_rate",
    ],
    "encoder_decoder": ["EncoderDecoder", "FixedContext", "Memory", "sequence_loss", "shifted"],
    "language_models": [
        "best_mixture_weight",
        "bits_per_character",
        "generate",
        "mixture_log2",
        "symbol_log2",
    ],
    "multi_head": ["MultiHeadAttention"],
    "musical_keys": ["SEMITONES", "key_accidentals", "spell"],
    "ngram_counts": ["GramTable", "counts_before", "gram_codes"],
    "ngram_dictionaries": ["DictionaryNGrams"],
    "ngrams": ["SMOOTHINGS", "NGramModel"],
    "positions": ["sinusoidal_positions"],
    "pretrained": ["pretrained_pronouncer"],
    "rnn_rbm": ["RNNRBM"],
    "smoothing": [
        "absolute_discounting",
        "additive",
        "estimated_discount",
        "jelinek_mercer",
        "maximum_likelihood",
        "witten_bell",
    ],
    "staff_notes": ["played_tune"],
    "stored_models": ["stored_language_model"],
    "temperature_sampling": ["sample_symbols", "sampling_probabilities"],
    "transformers": ["Transformer", "TransformerBlock", "TransformerMemory"],
    "tune_checks": ["TuneCheck", "check_tunes", "longest_copy"],
    "tune_synthesis": ["midi_frequency", "synthesize_tune", "wav_bytes"],
    "tunes": ["ABCError", "Bar", "Note", "Tune"],
    "vocabulary": ["Vocabulary"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)

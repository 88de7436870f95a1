import matplotlib.pyplot as plt
import torch

from deepbook.live import Pronouncer
from deepbook.sequence import pretrained_pronouncer, transduce


def test_it_says_words_that_everybody_knows():
    model, letters, phonemes = pretrained_pronouncer()
    words = {"cat": "K AE T", "ship": "SH IH P", "nation": "N EY SH AH N"}
    found = transduce(model, letters.encode_all(list(words)), longest=12)
    assert [" ".join(phonemes.decode(row)) for row in found] == list(words.values())
    assert not model.training


def test_a_live_figure_computes_with_the_same_numbers():
    model, letters, phonemes = pretrained_pronouncer()
    words = {"fallback": plt.figure(), "alt": "Nothing."}
    made = Pronouncer(model.state_dict(), letters.symbols, phonemes.symbols, **words)
    # packed once more, to the same codes
    found = torch.tensor(made.decoded["net"]["mix"]["weight"]).T
    torch.testing.assert_close(found, model.state_dict()["mix.weight"], rtol=0, atol=1e-6)
    assert len(made._json) < 600_000

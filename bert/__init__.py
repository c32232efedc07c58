"""BERT: text to word pieces, checkpoints to weights, word pieces to attention maps."""

import importlib

from bert.config import BertConfig
from bert.tokenization import Tokenizer
from bert.tokenizer_files import load_tokenizer

__all__ = [
    "BertConfig",
    "BertModel",
    "Tokenizer",
    "embed_words",
    "load_model",
    "load_tokenizer",
]

# These need Keras, which takes seconds to import: only when they are asked for.
_NEED_KERAS = {
    "BertModel": "bert.modeling",
    "embed_words": "bert.embeddings",
    "load_model": "bert.checkpoint",
}


def __getattr__(name: str):
    if name not in _NEED_KERAS:
        raise AttributeError(f"module 'bert' has no attribute {name!r}")
    from toolkit.backend import start_keras

    start_keras()
    return getattr(importlib.import_module(_NEED_KERAS[name]), name)

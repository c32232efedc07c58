"""Folders of encoders with one file that is not as it should be, for test_fuzz.py."""

import copy
import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path

from bert import BertConfig, load_model, load_tokenizer

GOLDEN = Path(__file__).parent / "golden"
KINDS = ("WordPiece", "byte-level BPE", "SentencePiece BPE", "Unigram")
ODD_VALUES = [
    *(None, True, False, 0, 1, -1, 3, 2**31, 2**32, 2**63, 2**70, 1.5, -1e300, 1e-30),
    *("", "a", "false", "[CLS]", "<s>", "[PAD]", "\ud800", "\0", "é" * 1000, "(", "##"),
    *([], [[]], [1], ["a", "a"], {}, {"type": "Sequence"}, {"content": "x"}),
    *({"content": None}, {"type": "Nothing"}, {"0": {"content": 1}}, {"x": -1}),
]
TEXT = "The fox [e1]Möchte 東京 [SEP] <mask></s> e\u0301 \0\ud800 n't  don't"
EXPECTED = {  # settings beside a vocabulary, each key at least once
    "tokenizer_config.json": {
        "do_lower_case": True,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "never_split": ["[e1]"],
        "additional_special_tokens": ["[e1]"],
        "added_tokens_decoder": {
            "990": {"content": "[e1]", "lstrip": False, "special": True},
            "991": {"content": "[/e1]", "normalized": True, "special": False},
        },
        "do_basic_tokenize": True,
        "add_prefix_space": False,
        "keep_accents": False,
    },
    "added_tokens.json": {"[e1]": 990, "[/e1]": 991},
}
Files = dict[str, bytes]


def tokenizer_folders() -> list[Files]:
    """Files of folders with each kind of tokenizer, small ones."""
    folders = []
    settings = {name: _dump(value) for name, value in EXPECTED.items()}
    for kind in KINDS:
        folder = GOLDEN / "tokenizers" / kind
        bundle = (folder / "tokenizer.json").read_bytes()
        config = (folder / "tokenizer_config.json").read_bytes()
        folders.append({"tokenizer.json": bundle, "tokenizer_config.json": config})
        model = json.loads(bundle)["model"]
        if kind == "WordPiece":
            pieces = "\n".join(sorted(model["vocab"], key=model["vocab"].get))
            names = json.loads(config)
            names["cls_token"] = {"content": names["cls_token"], "lstrip": False}
            folder = {"vocab.txt": pieces.encode()} | settings
            folders.append(folder | {"special_tokens_map.json": _dump(names)})
        if kind == "byte-level BPE":
            merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
            folders.append(
                {
                    "config.json": _dump({"model_type": "roberta"}),
                    "vocab.json": _dump(model["vocab"]),
                    "merges.txt": "\n".join(["#version: 0.2", *merges]).encode(),
                    "added_tokens.json": _dump({"[e1]": len(model["vocab"])}),
                }
            )
    model = (GOLDEN / "tokenizers" / "albert.model").read_bytes()
    for family, name in (
        ("albert", "spiece.model"),
        ("xlm-roberta", "sentencepiece.bpe.model"),
    ):
        config = _dump({"model_type": family})
        folders.append({"config.json": config, name: model} | settings)
    return folders


def model_folders() -> list[Files]:
    """Files of a small model of each family."""
    return [
        {
            name: (folder / name).read_bytes()
            for name in ("config.json", "model.safetensors")
        }
        for folder in sorted((GOLDEN / "families").iterdir())
    ]


def write(files: Files, folder: Path) -> None:
    """Write files to a folder that holds nothing else afterwards."""
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def write_odd(
    rng: random.Random,
    folders: list[Files],
    folder: Path,
    mutated: Callable[[random.Random, bytes], bytes],
) -> None:
    """Write one of the folders, with one of its files changed; of JSON a value most
    often, else bytes."""
    files = dict(rng.choice(folders))
    name = rng.choice(sorted(files))
    change = mutated
    if name.endswith(".json") and rng.random() < 0.9:
        change = odd_json
    elif name.endswith(".safetensors") and rng.random() < 0.9:
        change = odd_header
    files[name] = change(rng, files[name])
    write(files, folder)


def odd_json(rng: random.Random, data: bytes) -> bytes:
    """JSON with a few of its values changed, left out, copied or renamed."""
    whole = [json.loads(data)]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(_places(whole))
        # few of those in the long vocabulary, many of those around it
        parent, key = min(rng.choices(places, k=2), key=lambda p: len(p[0]))
        change = rng.randrange(6)
        if change == 0 and parent is not whole:
            del parent[key]
        elif change == 1:
            other, place = rng.choice(places)
            parent[key] = copy.deepcopy(other[place])
        elif change == 2 and isinstance(parent, dict):
            parent[str(rng.choice(ODD_VALUES))[:50]] = parent.pop(key)
        else:
            parent[key] = copy.deepcopy(rng.choice(ODD_VALUES))
    return _dump(whole[0])


def odd_header(rng: random.Random, data: bytes) -> bytes:
    """Safetensors whose header, which is JSON, is changed; its length fits."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = odd_json(rng, data[8:end])
    return len(header).to_bytes(8, "little") + header + data[end:]


def tokenize_with(folder: Path, cased: bool = False) -> list[int]:
    """Numbers of the tokens of a text, by the folder's tokenizer."""
    tokenizer = load_tokenizer(folder, cased)
    pieces, *_ = tokenizer.tokenize([TEXT, ""])
    words = tokenizer.tokenize_words([*TEXT.split(), "", " "])
    return tokenizer.token_ids(tokenizer.sequence(pieces, itertools.chain(*words)))


def tokenize_cased(folder: Path) -> list[int]:
    """The same, with case kept."""
    return tokenize_with(folder, cased=True)


def load(folder: Path) -> list:
    """The weights of the folder's model."""
    return [BertConfig.from_folder(folder), *load_model(folder).get_weights()]


def _places(value):
    """The containers within a JSON value, each with its keys or indices."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _dump(value) -> bytes:
    return json.dumps(value).encode()


TOKENIZERS, MODELS = tokenizer_folders(), model_folders()

"""Inputs nobody thought of: whatever bytes come, a value or an InputError of one line.

`python tests/test_fuzz.py SECONDS [SEED]` goes on for longer and counts."""

import collections
import json
import pickle
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import odd_folders
from hypothesis import given, settings
from hypothesis import strategies as st

from attention.example_files import iter_examples
from attention.pickled_list import HEADER, piece
from attention.store import load_attention, load_pickle
from bert.config import BertConfig
from corpora.coreference import read_documents
from corpora.treebank import read_treebank
from toolkit.files import InputError, read_json

CONFIG = {
    "vocab_size": 40,
    "hidden_size": 15,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 22,
    "max_position_embeddings": 32,
}
EXAMPLES = [
    {"tokens": ["fox"] * n, "id": n, "attns": np.full((1, 2, n, n), 0.5, np.float16)}
    for n in (2, 3)
]
VALUES = [*EXAMPLES, {"a": {1, "b"}, "c": (b"x", 1.5, None, 2**70), "d": bytearray(2)}]
OURS = HEADER + b"".join(b"".join(piece(e)) for e in EXAMPLES) + b"."
PICKLES = [OURS] * 4
PICKLES += [pickle.dumps(v, n) for v in (VALUES, EXAMPLES) for n in range(6)]
TREE = (
    "# newdoc id = a\n1-2\tcan't\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tAnna\tAnna\tPROPN\tNNP\tNumber=Sing\t2\tnsubj\t_\tEntity=(person-1)\n"
    "2\tsaw\tsee\tVERB\tVBD\t_\t0\troot\t_\t_\n"
    "3\thers\tshe\tPRON\tPRP\t_\t2\tobj\t_\tEntity=(person-1)|SpaceAfter=No\n"
    "3.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n\n"
)
COLUMNS = (
    "#begin document (a b); part 000\n"
    "a b 0 0 Anna NNP (S(NP*) - - - - (1)\n"
    "a b 0 1 met VBD (VP* - - - - -\n"
    "a b 0 2 her PRP *)) - - - - (1)\n\n#end document\n"
)
CORPORA = {  # by ending: a file that is read, and its reader
    ".conllu": (TREE, read_treebank),
    ".conll10": (TREE.replace("1-2", "# 1-2"), read_treebank),
    ".txt": ("Anna 2-nsubj\nsaw 0-root\n's 1-case-x\n\n", read_treebank),
    ".coref.conllu": (TREE, lambda path: list(read_documents(path))),
    ".v4_gold_conll": (COLUMNS, lambda path: list(read_documents(path))),
}
TEXTS = [json.dumps(CONFIG).encode(), json.dumps([{"text": "é"}, {"a": [1]}]).encode()]


def mutated(rng: random.Random, data: bytes) -> bytes:
    """`data` with some bytes changed, dropped, put in, repeated or cut off."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 9))):
        place = rng.randrange(len(data) + 1)
        size = rng.choice((1, 1, 2, 4, 30))
        change = rng.randrange(5)
        if change == 0:
            data[place : place + size] = rng.randbytes(size)
        elif change == 1:
            del data[place : place + size]
        elif change == 2:
            data[place:place] = rng.randbytes(size)
        elif change == 3:
            other = rng.randrange(len(data) + 1)
            data[place:place] = data[other : other + size] * rng.choice((1, 2, 50))
        else:
            data[place : place + 1] = rng.choice((b"\xff", b"\0", b"\x85", b"2", b"b"))
    return bytes(data)


def outcome(read, path: Path, longest: int = 300) -> str:
    """ "value" or "refused"; anything else is an error of the reader."""
    try:
        value = read(path)
        collections.deque(value if isinstance(value, list) else [], 0)
        return "value"
    except InputError as error:
        assert str(error).isprintable(), error
        assert len(str(error)) < len(str(path)) + longest, error
        return "refused"


def fuzz_once(rng: random.Random, folder: Path) -> list[str]:
    """Read one mutated file of each kind with its readers."""
    found = []
    path = folder / "x.pkl"
    path.write_bytes(mutated(rng, rng.choice(PICKLES)))
    for read in (load_pickle, load_attention):
        found.append(f"{read.__name__}: {outcome(read, path)}")
    text = mutated(rng, rng.choice(TEXTS))
    for name in ("config.json", "x.jsonl"):
        (folder / name).write_bytes(text)
    for what, read, given_path in (
        ("read_json", read_json, folder / "config.json"),
        ("config", lambda p: BertConfig.from_folder(p.parent), folder / "config.json"),
        ("list", lambda p: list(iter_examples(p)), folder / "config.json"),
        ("lines", lambda p: list(iter_examples(p)), folder / "x.jsonl"),
    ):
        found.append(f"{what}: {outcome(read, given_path)}")
    for ending, (corpus, read) in CORPORA.items():
        path = folder / f"x{ending}"
        path.write_bytes(mutated(rng, corpus.encode()))
        found.append(f"{ending}: {outcome(read, path)}")
    return found


def fuzz_folders(rng: random.Random, folder: Path) -> list[str]:
    """Read a folder of each kind in which one file is not as it should be."""
    found = []
    for what, folders, read in (
        ("uncased", odd_folders.TOKENIZERS, odd_folders.tokenize_with),
        ("cased", odd_folders.TOKENIZERS, odd_folders.tokenize_cased),
        ("model", odd_folders.MODELS, odd_folders.load),
    ):
        odd_folders.write_odd(rng, folders, folder, mutated)
        # of a model, some weights of each kind are named
        longest = 1000 if what == "model" else 300
        found.append(f"{what}: {outcome(read, folder, longest)}")
    return found


def test_mutated_files(tmp_path):
    rng = random.Random(0)
    counts = collections.Counter()
    for _ in range(800):
        counts.update(fuzz_once(rng, tmp_path))
    # some mutations are harmless, more are not
    readers = ("load_pickle", "load_attention", "read_json", "config", "list")
    for reader in (*readers, *CORPORA):
        assert counts[f"{reader}: value"] > 0
        assert counts[f"{reader}: refused"] > 10


def test_folders_are_whole_before_they_are_changed(tmp_path):
    for folder in odd_folders.TOKENIZERS:
        odd_folders.write(folder, tmp_path)
        assert odd_folders.tokenize_with(tmp_path)


def test_odd_folders(tmp_path):
    rng = random.Random(0)
    counts = collections.Counter()
    for _ in range(150):
        counts.update(fuzz_folders(rng, tmp_path))
    for what in ("uncased", "cased", "model"):
        assert counts[f"{what}: value"] > 0
        assert counts[f"{what}: refused"] > 10


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None, database=None)
@given(value=PLAIN, protocol=st.integers(0, 5))
def test_plain_values_come_back(value, protocol):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.pkl")
        path.write_bytes(pickle.dumps(value, protocol))
        assert load_pickle(path) == value


@settings(max_examples=150, deadline=None, database=None)
@given(data=st.binary(max_size=200))
def test_any_bytes(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.pkl")
        for start in (b"", b"\x80\x04", HEADER):
            path.write_bytes(start + data)
            for read in (load_pickle, load_attention):
                outcome(read, path)


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int((*sys.argv, 0)[2])
    ends, counted = time.time() + seconds, collections.Counter()
    source = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as odd:
        try:
            while time.time() < ends:
                counted["rounds"] += 1
                counted.update(fuzz_once(source, Path(scratch)))
                counted.update(fuzz_folders(source, Path(odd)))
        finally:
            print(dict(sorted(counted.items())))

"""How the tokenizers under tokenizers/ were trained, and the pieces that transformers
makes with each of them of texts that tokenizers stumble over.

Needs transformers, sentencepiece and protobuf (benchmarks/requirements.txt). Run with
sentencepiece 0.2.3 and transformers 5.24.0: python tests/golden/make_tokenizers.py
"""

import json
import shutil
from pathlib import Path

import sentencepiece
import tokenizers
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer, UnigramTrainer, WordPieceTrainer

HERE = Path(__file__).parent / "tokenizers"
CORPUS = Path(__file__).parents[2] / "examples" / "unlabeled.txt"
DIFFICULT = [
    "  two  spaces\tand a tab ",
    "don't can't I'll O'Neill's '90s",
    "naïve café — “quoted” … £5 €10",
    "e\u0301 \u00e9 \ufb01n \u2460 \u3000wide\u00a0space",
    "北京 and 東京 and Ωμέγα and мир",
    "😀 👩‍👩‍👧 🇩🇪 x\u200by soft\u00adhyphen",
    "snake_case CamelCase a.b.c http://x.y/z?q=1 #tag @name",
    "1,000.50 3-4 --- ... !!! (a) [b] {c} <d>",
    "<s> </s> <mask> [SEP] [MASK]",
]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
KINDS = ("WordPiece", "byte-level BPE", "SentencePiece BPE", "Unigram")
FAMILIES = ("xlm-roberta", "camembert", "albert")


def train(kind):
    """A small tokenizer of a kind, trained on examples/unlabeled.txt."""
    if kind == "WordPiece":
        backend = tokenizers.Tokenizer(models.WordPiece(unk_token="<unk>"))
        backend.normalizer = normalizers.BertNormalizer(lowercase=True)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = WordPieceTrainer(vocab_size=600, special_tokens=SPECIAL)
    elif kind == "byte-level BPE":
        backend = tokenizers.Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = BpeTrainer(
            vocab_size=700, special_tokens=SPECIAL, initial_alphabet=alphabet
        )
    else:
        unigram = kind == "Unigram"
        model = models.Unigram() if unigram else models.BPE(unk_token="<unk>")
        backend = tokenizers.Tokenizer(model)
        backend.normalizer = normalizers.NFKC()
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        backend.decoder = decoders.Metaspace()
        options = {"vocab_size": 600, "special_tokens": SPECIAL}
        trainer = (
            UnigramTrainer(unk_token="<unk>", **options)
            if unigram
            else BpeTrainer(**options)
        )
    corpus = CORPUS.read_text(encoding="utf-8")
    backend.train_from_iterator(corpus.split("\n"), trainer)
    return backend


def pieces_of(tokenizer, texts):
    """The pieces of each text; and of each of its words, those whose characters are
    the word's in the text of all words."""
    found = []
    for text in texts:
        words = text.split()
        encoded = tokenizer(
            " ".join(words), return_offsets_mapping=True, add_special_tokens=False
        )
        tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
        of_words, begin = [], 0
        for word in words:
            end = begin + len(word)
            inside = [
                token
                for token, (first, last) in zip(
                    tokens, encoded["offset_mapping"], strict=True
                )
                if begin - 1 <= first and last <= end
            ]
            of_words.append(inside)
            begin = end + 1
        text_pieces = tokenizer.convert_ids_to_tokens(
            tokenizer(text, add_special_tokens=False)["input_ids"]
        )
        found.append({"text": text, "pieces": text_pieces, "words": of_words})
    return found


def main():
    roles = {
        "cls_token": "<s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
    }
    for kind in KINDS:
        folder = HERE / kind
        folder.mkdir(parents=True, exist_ok=True)
        train(kind).save(str(folder / "tokenizer.json"), pretty=False)
        (folder / "tokenizer_config.json").write_text(json.dumps(roles))
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(folder / "tokenizer.json"),
            split_special_tokens=True,  # which are text in a text
            **roles,
        )
        # of the last text, Unigram makes special tokens all the same
        texts = DIFFICULT[:-1] if kind == "Unigram" else DIFFICULT
        write(folder / "pieces.json", pieces_of(tokenizer, texts))
    for family in FAMILIES:
        model = HERE / ("albert.model" if family == "albert" else "spm.model")
        if family == "albert":  # which has its special tokens in the model
            more = {
                "normalization_rule_name": "identity",
                "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
                "pad_id": 0,
                "unk_id": 1,
                "bos_id": -1,
                "eos_id": -1,
            }
        else:
            more = {"normalization_rule_name": "nmt_nfkc"}
        sentencepiece.SentencePieceTrainer.train(
            input=str(CORPUS),
            model_prefix=str(model.with_suffix("")),
            vocab_size=500,
            hard_vocab_limit=False,
            **more,
        )
        model.with_suffix(".vocab").unlink()
        folder = HERE / "temporary"
        folder.mkdir()
        name = "spiece.model" if family == "albert" else "sentencepiece.bpe.model"
        shutil.copy(model, folder / name)
        (folder / "config.json").write_text(json.dumps({"model_type": family}))
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        tokenizer.split_special_tokens = True
        write(HERE / f"{family}.json", pieces_of(tokenizer, DIFFICULT[:-1]))
        shutil.rmtree(folder)


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=0) + "\n")


if __name__ == "__main__":
    main()

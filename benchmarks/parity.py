"""Maps beside transformers': the largest difference, for any folder of an encoder.

Prints, for each folder, how many sentences have the same pieces as transformers' own
tokenizer makes, and the largest difference of any attention weight in float32 between
our maps and transformers' (eager). Needs benchmarks/requirements.txt.

Usage: python -m benchmarks.parity FOLDER [FOLDER ...] [--sentences 200]
"""

import argparse
from pathlib import Path

import numpy as np

from attention.extraction import extract_attention
from bert import BertConfig, load_model, load_tokenizer

TEXT = Path(__file__).parents[1] / "examples" / "unlabeled.txt"


def main() -> None:
    """Compare each folder in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--text", type=Path, default=TEXT, help="a sentence a line")
    parser.add_argument("--sentences", type=int, default=200)
    args = parser.parse_args()
    lines = args.text.read_text(encoding="utf-8").split("\n")
    texts = [line for line in lines if line.strip()][: args.sentences]
    print("| folder | family | sentences | same pieces | largest difference |")
    print("|---|---|---|---|---|")
    for folder in args.folders:
        same, largest = compare(folder, texts)
        family = BertConfig.from_folder(folder).model_type
        print(f"| {folder.name} | {family} | {len(texts)} | {same} | {largest:.1e} |")


def compare(folder: Path, texts: list[str]) -> tuple[int, float]:
    """How many texts have the same pieces, and the largest difference of their maps."""
    import torch
    import transformers

    theirs = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    theirs.set_attn_implementation("eager")
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer = load_tokenizer(folder)
    examples = [{"text": text} for text in texts]
    ours = extract_attention(
        examples, load_model(folder), tokenizer, max_length=128, dtype="float32"
    )
    same, largest = 0, 0.0
    for text, maps in zip(texts, ours, strict=True):
        tokens = maps.example["tokens"]
        ids = their_tokenizer(text)["input_ids"]
        same += their_tokenizer.convert_ids_to_tokens(ids) == tokens
        with torch.no_grad():
            output = theirs(
                torch.tensor([tokenizer.token_ids(tokens)]), output_attentions=True
            )
        expected = torch.cat(output.attentions).numpy()
        largest = max(largest, float(np.abs(maps.values - expected).max()))
    return same, largest


if __name__ == "__main__":
    main()

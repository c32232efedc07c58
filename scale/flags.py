"""The flags of corpus_statistics.py: what is read, what is taken, how it is shared."""

import argparse
from pathlib import Path

from corpora.unlabeled import SHORTEST_SPAN
from scale.kinds import KINDS
from toolkit import cli


def add_data_flags(parser: cli.Parser) -> None:
    """What is read, which statistics are taken of it, and where they go."""
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        "--preprocessed-data-file",
        type=cli.file_path,
        metavar="FILE",
        help="JSON or JSON Lines (.jsonl) of examples, also compressed (.gz)",
    )
    data.add_argument(
        "--text",
        type=cli.file_path,
        metavar="FILE",
        help="plain text instead, also compressed (.gz): a sentence a line, an empty "
        "line between documents",
    )
    add = parser.add_argument
    add(
        "--split-sentences",
        metavar="LANGUAGE",
        nargs="?",
        const="en",
        help="with --text: lines end anywhere; see preprocess_unlabeled.py",
    )
    add(
        "--keep-all",
        action="store_true",
        help="with --text: go on with a document after a chunk of a single sentence",
    )
    add(
        "--statistics",
        nargs="+",
        choices=KINDS,
        metavar="NAME",
        help=f"which: {', '.join(KINDS)}; default: all that the examples allow",
    )
    add(
        "--outfile",
        type=cli.file_path,
        metavar="FILE",
        help="ends in .stats.pkl; default: <data>.stats.pkl beside the data",
    )


def add_sharing_flags(parser: cli.Parser) -> None:
    """How the work is cut into shards and shared out."""
    add = parser.add_argument
    add(
        "--shard-size",
        type=cli.positive,
        metavar="N",
        default=1000,
        help="examples that are computed, kept and lost together",
    )
    add("--resume", action="store_true", help="keep the shards that are finished")
    add(
        "--shard",
        type=_part,
        metavar="K/N",
        help="compute only every Nth shard, from the Kth on, and do not merge",
    )
    add("--merge", action="store_true", help="only merge the shards, which are done")
    add(
        "--ray",
        nargs="?",
        const="local",
        type=_address,
        metavar="ADDRESS",
        help="share the shards out over a Ray cluster, or without an address over "
        "processes of this machine; needs requirements-cluster.txt",
    )
    add(
        "--workers",
        type=cli.positive,
        metavar="N",
        help="with --ray: how many encoders; default: as many as fit",
    )
    add(
        "--gpus-per-worker",
        type=_gpus,
        metavar="X",
        help="with --ray: GPUs, or a share of one, for each encoder; default: 1 where "
        "the cluster has any",
    )


def check_flags(parser: cli.Parser, args: argparse.Namespace) -> None:
    """Refuse flags that do not go together, and name the output."""
    if not args.text and (args.split_sentences or args.keep_all):
        parser.error("--split-sentences and --keep-all need --text")
    if args.text and args.word_level:
        parser.error("--word-level needs examples with words, which --text has not")
    if args.text and args.max_sequence_length < SHORTEST_SPAN:
        parser.error(f"--max-sequence-length must be at least {SHORTEST_SPAN}")
    if args.outfile and not args.outfile.name.endswith(".stats.pkl"):
        parser.error("--outfile must end in .stats.pkl")
    if sum(map(bool, (args.shard, args.merge, args.ray))) > 1:
        parser.error("--shard, --merge and --ray exclude each other")
    if args.merge and args.resume:
        parser.error("--merge computes nothing that --resume could go on with")
    if not args.ray and (args.workers or args.gpus_per_worker is not None):
        parser.error("--workers and --gpus-per-worker need --ray")
    if not args.outfile:
        data = args.text or args.preprocessed_data_file
        name = data.name.removesuffix(".gz")
        args.outfile = data.with_name(f"{Path(name).stem}.stats.pkl")


def _part(value: str) -> tuple[int, int]:
    """The value of --shard: a part, from 1, and how many there are."""
    part, slash, parts = value.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal()):
        raise argparse.ArgumentTypeError(f"expected K/N, such as 3/64, found {value!r}")
    if not 1 <= int(part) <= int(parts):
        raise argparse.ArgumentTypeError(f"expected K from 1 to N, found {value!r}")
    return int(part), int(parts)


def _address(value: str) -> str:
    """The value of --ray, which an unset variable of a shell does not give."""
    if not value:
        raise argparse.ArgumentTypeError("expected an address, found nothing")
    return value


def _gpus(value: str) -> float:
    """The value of --gpus-per-worker: whole, or a share of one; 0 for none."""
    number = float(value)
    if not (0 <= number <= 1 or number.is_integer()):
        raise argparse.ArgumentTypeError(
            f"expected a share up to 1 or a whole number, found {value}"
        )
    return number

"""Statistics without maps: the same as from maps, and the same however it is shared."""

import gzip
import itertools
import json
import shutil
import signal
import time
import tracemalloc

import pytest
from corpus import ROOT, run, start, treebank, write

import corpus_statistics
import extract_attention
from analysis.distances import HeadDistances
from analysis.general import GeneralStatistics
from analysis.statistic import accumulate, load_statistics
from analysis.syntax import SyntaxScores
from attention.store import read_meta
from bert import load_tokenizer
from corpora.unlabeled import cut_corpus
from scale.corpus import Corpus

SIZE = 6  # of shards: 40 sentences make seven, the last one of four


@pytest.fixture
def data(tmp_path):
    return write(tmp_path / "dev.json", treebank(40))


@pytest.fixture
def take(bert_dir):
    """Run the script in this process; gives its status."""

    def main(data, outfile, *flags):
        return corpus_statistics.main(
            [
                "--preprocessed-data-file", data, "--bert-dir", bert_dir,
                "--outfile", outfile, "--max-sequence-length", 32, "--word-level",
                "--shard-size", SIZE, *flags,
            ]
        )  # fmt: skip

    return main


def shards(folder):
    return sorted(path.name for path in folder.glob("*.pkl"))


def test_one_shard_of_all_is_the_same_as_from_maps(data, tmp_path, take, bert_dir):
    outfile = tmp_path / "x.stats.pkl"
    assert take(data, outfile, "--shard-size", 100) == 0
    extract_attention.main(
        [
            "--preprocessed-data-file", data, "--bert-dir", bert_dir,
            "--max-sequence-length", 32, "--word-level",
        ]
    )  # fmt: skip
    expected = GeneralStatistics(), HeadDistances(), SyntaxScores()
    accumulate(data.with_name("dev_attn.pkl"), *expected)
    found = load_statistics(outfile, *map(type, expected))
    for ours, theirs in zip(found, expected, strict=True):
        ours, theirs = ours.state(), theirs.state()
        assert ours.keys() == theirs.keys()
        for key in ("counts", "sums"):
            assert ours[key].keys() == theirs[key].keys()
            for name in ours[key]:
                assert (ours[key][name] == theirs[key][name]).all()
    meta, maps_meta = read_meta(outfile), read_meta(data.with_name("dev_attn.pkl"))
    for key in ("input_sha256", "weights_sha256", "examples", "written", "left_out"):
        assert meta[key] == maps_meta[key]
    assert not (tmp_path / "x.shards").exists()


def test_parts_in_any_order_give_the_same_bytes_as_one_run(
    data, tmp_path, take, capsys
):
    one, parts = tmp_path / "one.stats.pkl", tmp_path / "parts.stats.pkl"
    assert take(data, one) == 0
    assert "40 examples in 7 shards" in capsys.readouterr().out
    for part in (3, 1, 2):
        assert take(data, parts, "--shard", f"{part}/3") == 0
    assert "part 2 of 3 computed" in capsys.readouterr().out
    assert len(shards(tmp_path / "parts.shards")) == 7
    assert not parts.exists()
    assert take(data, parts, "--merge") == 0
    assert one.read_bytes() == parts.read_bytes()
    assert read_meta(one) == read_meta(parts)
    assert not (tmp_path / "parts.shards").exists()


def test_lines_and_compressed_files_give_the_same_bytes(data, tmp_path, take):
    assert take(data, tmp_path / "json.stats.pkl") == 0
    lines = write(tmp_path / "lines.jsonl", treebank(40))
    compressed = tmp_path / "dev.json.gz"
    compressed.write_bytes(gzip.compress(data.read_bytes()))
    for number, path in enumerate((lines, compressed)):
        outfile = tmp_path / f"{number}.stats.pkl"
        assert take(path, outfile) == 0
        assert outfile.read_bytes() == (tmp_path / "json.stats.pkl").read_bytes()


def test_a_compressed_file_that_is_cut_short(data, tmp_path, take, capsys):
    path = tmp_path / "cut.json.gz"
    path.write_bytes(gzip.compress(data.read_bytes())[:-20])
    assert take(path, tmp_path / "x.stats.pkl") == 1
    assert "cut.json.gz: not a whole gzip file" in capsys.readouterr().err


def test_text_is_cut_into_the_spans_of_preprocess_unlabeled(bert_dir, tmp_path):
    text = ROOT / "examples" / "unlabeled.txt"
    compressed = tmp_path / "text.txt.gz"
    compressed.write_bytes(gzip.compress(text.read_bytes()))
    tokenizer = load_tokenizer(bert_dir)
    expected = cut_corpus(text, tokenizer, num_docs=10**9, max_length=60, seed=3)
    for path in (text, compressed):
        args = corpus_statistics.parse_args(
            [
                "--text", path, "--bert-dir", bert_dir, "--seed", 3,
                "--max-sequence-length", 60, "--shard-size", 7,
            ]
        )  # fmt: skip
        corpus = Corpus(args, tokenizer)
        found = [example for shard in corpus.shards() for example in shard.examples]
        key = json.dumps
        assert sorted(found, key=key) == sorted(expected.examples, key=key)
        assert corpus.counts.sentences == expected.sentences
        assert corpus.counts.dropped == expected.dropped


def test_text_to_statistics(bert_dir, tmp_path, capsys):
    path = tmp_path / "text.txt"
    path.write_text(
        "the fox .\nthe dog jumping .\n\nover the red fox\nthe dog ,\n\n" * 5
    )
    flags = ["--text", path, "--bert-dir", bert_dir, "--max-sequence-length", 32]
    assert corpus_statistics.main([*flags, "--statistics", "general"]) == 0
    (found,) = load_statistics(tmp_path / "text.stats.pkl", GeneralStatistics)
    assert found.documents == 10
    assert "general of 10 examples in 1 shard" in capsys.readouterr().out
    flags[1] = write(tmp_path / "no.txt", [])
    assert corpus_statistics.main(flags) == 1
    assert "no span found, as no document has more" in capsys.readouterr().err


def test_a_corpus_is_read_as_a_stream(tmp_path, bert_dir):
    path = tmp_path / "x.jsonl"
    example = json.dumps({"words": ["fox"] * 1000})
    path.write_text(f"{example}\n" * 1000)
    args = corpus_statistics.parse_args(
        [
            "--preprocessed-data-file", path, "--bert-dir", bert_dir,
            "--shard-size", 10,
        ]
    )  # fmt: skip
    tracemalloc.start()
    sizes = [shard.size for shard in Corpus(args, None).shards()]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(sizes) == 100
    assert sum(sizes) == path.stat().st_size
    assert peak < 1_500_000


def test_resume_keeps_what_is_finished(data, tmp_path, take, capsys):
    one, two = tmp_path / "one.stats.pkl", tmp_path / "two.stats.pkl"
    assert take(data, one) == 0
    assert take(data, two, "--shard", "1/2") == 0
    assert take(data, two) == 1
    assert "holds shard 0 already; --resume goes on" in capsys.readouterr().err
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "two.shards", kept)
    # a second run in another part of the shards hinders neither
    assert take(data, two, "--shard", "2/2") == 0
    for path in kept.glob("*.pkl"):
        at = tmp_path / "two.shards" / path.name
        assert at.stat().st_mtime_ns == path.stat().st_mtime_ns
    assert take(data, two, "--resume") == 0
    assert two.read_bytes() == one.read_bytes()
    capsys.readouterr()
    assert take(data, two, "--resume") == 0
    assert "two.stats.pkl is whole already" in capsys.readouterr().out


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path, bert_dir):
    data = write(tmp_path / "dev.json", treebank(300))
    flags = [
        "--preprocessed-data-file", data, "--bert-dir", bert_dir, "--word-level",
        "--max-sequence-length", 32, "--shard-size", 5,
    ]  # fmt: skip
    killed, whole = tmp_path / "killed.stats.pkl", tmp_path / "whole.stats.pkl"
    process = start(*flags, "--outfile", killed)
    folder = tmp_path / "killed.shards"
    while not shards(folder):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 0 < len(shards(folder)) < 60
    assert not killed.exists()
    assert run(*flags, "--outfile", killed, "--resume")[0] == 0
    assert run(*flags, "--outfile", whole)[0] == 0
    assert killed.read_bytes() == whole.read_bytes()


def test_merge_names_what_is_missing_doubled_or_foreign(data, tmp_path, take, capsys):
    outfile, folder = tmp_path / "x.stats.pkl", tmp_path / "x.shards"
    assert take(data, outfile, "--shard", "1/2") == 0
    assert take(data, outfile, "--merge") == 1
    assert "of 7 shards, there is no shard 1, 3, 5;" in capsys.readouterr().err
    assert take(data, outfile, "--shard", "2/2") == 0
    # shard 2 of another run, beside our own
    other = tmp_path / "y.stats.pkl"
    assert take(data, other, "--dtype", "float32", "--shard", "3/7") == 0
    (doubled,) = (tmp_path / "y.shards").glob("*.pkl")
    shutil.copy(doubled, folder)
    capsys.readouterr()
    assert take(data, outfile, "--merge") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert (
        f"{doubled.name} was computed with other settings: "
        "dtype ('float32' there, 'float16' here); delete it" in error
    )
    (folder / doubled.name).unlink()
    # and one of examples that this corpus has elsewhere
    own = shards(folder)
    (folder / own[3]).rename(folder / f"000008{own[3][6:]}")
    assert take(data, outfile, "--merge") == 1
    assert "is of examples that the corpus does not have" in capsys.readouterr().err
    assert not outfile.exists()


def test_other_settings_are_refused_by_name(data, tmp_path, take, capsys, monkeypatch):
    outfile = tmp_path / "x.stats.pkl"
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    assert take(data, outfile, "--shard", "1/2") == 0
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    assert take(data, outfile, "--resume") == 1
    assert "other settings: threads (2 there, 1 here)" in capsys.readouterr().err
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    assert take(data, outfile, "--shard", "1/2", "--resume", "--batch-size", 3) == 1
    assert "batch_size ('auto' there, 3 here)" in capsys.readouterr().err


def test_a_poisoned_example_is_named_and_the_rest_is_kept(data, tmp_path, take, capsys):
    whole, outfile = tmp_path / "whole.stats.pkl", tmp_path / "x.stats.pkl"
    examples = treebank(40)
    assert take(data, whole) == 0
    poisoned = [*examples]
    poisoned[20] = examples[20] | {"heads": [99] * len(examples[20]["heads"])}
    write(data, poisoned)
    assert take(data, outfile) == 1
    error = capsys.readouterr().err
    assert "1 shard failed: shard 3: example 20: heads go from 99 to 99" in error
    kept = shards(tmp_path / "x.shards")
    assert [int(name[:6]) for name in kept] == [0, 1, 2, 4, 5, 6]
    write(data, examples)
    assert take(data, outfile, "--resume") == 0
    assert outfile.read_bytes() == whole.read_bytes()


def test_changed_examples_are_computed_anew(data, tmp_path, take):
    whole, outfile = tmp_path / "whole.stats.pkl", tmp_path / "x.stats.pkl"
    for part in (1, 2):
        assert take(data, outfile, "--shard", f"{part}/2") == 0
    examples = treebank(40)
    examples[20] = treebank(1, seed=9)[0]
    write(data, examples)
    assert take(data, outfile, "--resume") == 0
    assert take(data, whole) == 0
    assert outfile.read_bytes() == whole.read_bytes()


def test_a_run_whose_shards_all_fail_is_stopped(tmp_path, take, capsys):
    path = write(tmp_path / "x.json", [{"words": ["fox"], "segment_ids": 3}] * 40)
    assert take(path, tmp_path / "x.stats.pkl", "--statistics", "general") == 1
    error = capsys.readouterr().err
    assert "3 shards failed: shard 0: example 0: 'segment_ids' must be" in error
    assert "shard 3" not in error


def test_tokens_without_special_tokens_are_counted(tmp_path, bert_dir, capsys):
    tokens = [["[CLS]", "fox", "[SEP]"], ["fox"], ["fox", "[SEP]"]]
    path = write(tmp_path / "x.json", [{"tokens": some} for some in tokens])
    flags = ["--preprocessed-data-file", path, "--bert-dir", bert_dir]
    flags += ["--max-sequence-length", 32, "--outfile", tmp_path / "x.stats.pkl"]
    flags += ["--statistics", "general", "--shard-size", 2]
    assert corpus_statistics.main(flags) == 0
    output = capsys.readouterr().out
    assert (
        "the tokens of 2 examples do not begin with [CLS] and end with [SEP]," in output
    )


def test_what_is_left_out_is_counted(tmp_path, take, capsys):
    examples = treebank(10)
    examples[7]["words"] = ["fox"] * 40
    examples[3]["words"] = []
    path = write(tmp_path / "x.json", examples)
    assert take(path, tmp_path / "x.stats.pkl", "--statistics", "general") == 0
    output = capsys.readouterr().out
    assert "1 example left out, longer than 32 tokens" in output
    assert "warning: 1 example without text, whose maps are of special" in output
    meta = read_meta(tmp_path / "x.stats.pkl")
    assert meta["left_out"] == [{"example": 7, "why": "42 tokens"}]
    assert (meta["examples"], meta["written"]) == (10, 9)
    path = write(tmp_path / "y.json", [examples[7]] * 2)
    assert take(path, tmp_path / "y.stats.pkl", "--statistics", "general") == 1
    assert "no example left, as all 2 are too long" in capsys.readouterr().err
    assert not (tmp_path / "y.stats.pkl").exists()


def test_statistics_that_the_examples_allow(data, tmp_path, take, bert_dir, capsys):
    coref = {"document": "a", "sentences": [[0, 1]], "words": ["fox", "."]}
    coref |= {"mentions": []}
    tests = {
        ("general", "distances", "roles", "shares", "mixing", "syntax", "trees"): [
            data,
            "--word-level",
        ],
        ("general", "distances", "roles", "shares", "mixing"): [data],
        ("shares",): [data, "--quantity", "norms"],
        ("mixing",): [data, "--quantity", "layer-norms"],
        ("general", "distances", "roles", "shares", "mixing", "coreference"): [
            write(tmp_path / "coref.json", [coref]),
            "--word-level",
        ],
    }
    for (expected, flags), number in zip(
        tests.items(), itertools.count(), strict=False
    ):
        outfile = tmp_path / f"{number}.stats.pkl"
        command = ["--preprocessed-data-file", *flags, "--outfile", outfile]
        command += ["--bert-dir", bert_dir, "--max-sequence-length", 32]
        assert corpus_statistics.main(command) == 0
        assert read_meta(outfile)["flags"]["statistics"] == list(expected)
    capsys.readouterr()
    for flags, reason in (
        (["--statistics", "coreference", "--word-level"], "has no 'document'"),
        (["--statistics", "syntax"], "--statistics syntax: goes by words: add --word"),
        (["--statistics", "general", "--quantity", "norms"], "is of attention, not"),
    ):
        command = ["--preprocessed-data-file", data, "--bert-dir", bert_dir]
        assert corpus_statistics.main([*command, *flags]) == 1
        assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--shard", "0/3"], "expected K from 1 to N"),
        (["--shard", "3"], "expected K/N"),
        (["--shard", "1/2", "--merge"], "exclude each other"),
        (["--merge", "--resume"], "--merge computes nothing"),
        (["--workers", 2], "--workers and --gpus-per-worker need --ray"),
        (["--keep-all"], "need --text"),
        (["--ray", ""], "expected an address"),
        (["--text", "x.txt"], "not allowed with argument"),
        (["--outfile", "x.pkl"], "must end in .stats.pkl"),
        (["--ray", "--gpus-per-worker", "1.5"], "a share up to 1 or a whole number"),
    ],
)
def test_flags_that_do_not_go_together(flags, message, capsys):
    with pytest.raises(SystemExit):
        corpus_statistics.main(
            ["--preprocessed-data-file", "x.json", "--bert-dir", "x", *flags]
        )
    assert message in capsys.readouterr().err


def test_an_input_that_is_no_corpus(tmp_path, take, capsys):
    outfile = tmp_path / "x.stats.pkl"
    assert take(write(tmp_path / "x.json", []), outfile) == 1
    assert "expected examples, found an empty list" in capsys.readouterr().err
    assert take(write(tmp_path / "x.txt", []), outfile) == 1
    assert "make it from this file with preprocess_" in capsys.readouterr().err
    assert not (tmp_path / "x.shards").exists()

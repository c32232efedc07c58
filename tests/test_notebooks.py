"""The notebooks run from top to bottom, whatever is missing, and were committed after
they had."""

import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import attention_gradients
import corpus_statistics
import extract_attention
import head_distances
import preprocess_coref
import preprocess_depparse
from analysis.coreference import CoreferenceScores
from analysis.general import GeneralStatistics
from analysis.known_heads import COREFERENCE_FILE, GENERAL_FILE, SYNTAX_FILE
from analysis.statistic import load_statistics
from analysis.syntax import SyntaxScores
from attention.meta import SIZE
from attention.store import AttentionWriter, read_attention, read_meta

ROOT = Path(__file__).parent.parent
FIGURES = {
    "General_Analysis": [
        "dendrogram",
        "entropy_heat_map",
        "figure_1",
        "figure_2",
        "figure_4",
        "figure_6",
    ],
    "Syntax_Analysis": ["learning_curve", "probe_weights", "relation_counts"],
    "Coreference_Analysis": [
        "coreference_by_distance",
        "coreference_heat_map",
    ],
    "Beyond_Attention": [
        "beyond_mixing",
        "beyond_rollout",
        "beyond_shares",
        "beyond_sinks",
        "beyond_trees",
    ],
}
# drawn where a head finds something, which none of a tiny random BERT needs to
FINDING = {
    "General_Analysis": [],
    "Syntax_Analysis": ["figure_5", "relation_heat_maps"],
    "Coreference_Analysis": ["figure_5_coreference"],
    "Beyond_Attention": [],
}
# and a row that each table has
TABLES = {
    "General_Analysis": {},
    "Syntax_Analysis": {"table_1": "dobj", "table_3": "right-branching"},
    "Coreference_Analysis": {"table_2": "nearest other mention"},
    "Beyond_Attention": {
        "mixing": "norms with residual",
        "head_roles": "2-3",
        "table_1_ensembles": "dobj",
    },
}
# the statistics that the page of maps and Figure 6 read
SAVED = {
    "General_Analysis": {GENERAL_FILE: GeneralStatistics},
    "Syntax_Analysis": {SYNTAX_FILE: SyntaxScores},
    "Coreference_Analysis": {COREFERENCE_FILE: CoreferenceScores},
    "Beyond_Attention": {},
}


GENERAL, SYNTAX, COREFERENCE, BEYOND = FIGURES
DEV, TRAIN = "depparse/dev_attn.pkl", "depparse/train_attn.pkl"


@pytest.fixture(scope="module")
def data(tmp_path_factory, bert_dir):
    """A data folder with maps of a few spans, as the scripts make them."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    words = ["the", "fox", "dog", "##s", ".", ",", "jump"]
    spans = [
        ["[CLS]", *rng.choice(words, 9), "[SEP]", *rng.choice(words, 12), "[SEP]"]
        for _ in range(6)
    ]
    text = json.dumps([{"tokens": span} for span in spans])
    (folder / "unlabeled.json").write_text(text)
    flags = ["--preprocessed-data-file", folder / "unlabeled.json"]
    flags += ["--bert-dir", bert_dir, "--max-sequence-length", "32"]
    assert extract_attention.main(flags) == 0
    maps = folder / "unlabeled_attn.pkl"
    assert head_distances.main(["--attn-data-file", maps]) == 0

    trees = folder / "depparse"
    flags = ["--data-dir", ROOT / "examples" / "depparse", "--outdir", trees]
    assert preprocess_depparse.main(flags) == 0
    for name in ("train", "dev"):
        flags = ["--preprocessed-data-file", trees / f"{name}.json"]
        flags += ["--bert-dir", bert_dir, "--max-sequence-length", "32", "--word-level"]
        assert extract_attention.main(flags) == 0
        control = trees / "random" / f"{name}_attn.pkl"
        flags += ["--random-init", "keep-embeddings", "--outfile", control]
        assert extract_attention.main(flags) == 0

    flags = ["--data-file", ROOT / "examples" / "depparse" / "dev.txt"]
    assert preprocess_depparse.main([*flags, "--outdir", folder / "beyond"]) == 0
    flags = ["--preprocessed-data-file", folder / "beyond" / "dev.json"]
    flags += ["--bert-dir", bert_dir, "--max-sequence-length", "32", "--quantity"]
    for quantity in ("attention", "norms", "layer-norms"):
        assert extract_attention.main([*flags, quantity]) == 0
    for parts in ("residual", "residual-ln"):
        assert extract_attention.main([*flags, "layer-norms", "--with", parts]) == 0

    flags = ["--data-dir", ROOT / "examples" / "coref", "--bert-dir", bert_dir]
    flags += ["--max-sequence-length", "32", "--windows"]
    coref = folder / "coref" / "dev.json"
    assert preprocess_coref.main([*flags, "--outfile", coref]) == 0
    flags = ["--preprocessed-data-file", coref, "--bert-dir", bert_dir]
    flags += ["--max-sequence-length", "32", "--word-level"]
    assert extract_attention.main(flags) == 0
    return folder


@pytest.fixture(scope="module")
def shell():
    """What a kernel runs cells in, in this process, without a history."""
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def run(shell, monkeypatch):
    """Runs a notebook on a data folder, and gives what each code cell printed and
    showed."""

    def run_cells(name: str, data: Path) -> list[str]:
        monkeypatch.setenv("ATTN_DATA_DIR", str(data))
        monkeypatch.chdir(ROOT)
        plt.switch_backend("agg")
        shell.reset(new_session=False)
        said = []
        for cell in nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells:
            if cell.cell_type == "code":
                with capture_output() as captured:
                    result = shell.run_cell(cell.source)
                result.raise_error()
                assert captured.stderr == ""
                assert not plt.get_fignums()  # a notebook would show it, half drawn
                shown = [output.data["text/plain"] for output in captured.outputs]
                said.append("\n".join([captured.stdout, *shown]))
        return said

    with plt.rc_context():  # which notebooks change
        yield run_cells
    plt.close("all")


def figures_in(data: Path) -> set[str]:
    """The figures that were saved, each in two formats and with its caption."""
    folder = data / "figures"
    found = {path.stem for path in folder.glob("*")}
    for name in found:
        assert (folder / f"{name}.pdf").stat().st_size > 1000
        assert (folder / f"{name}.png").stat().st_size > 1000
        assert len((folder / f"{name}.txt").read_text()) > 50
    return found


@pytest.mark.parametrize("name", FIGURES)
def test_notebook_saves_every_figure_table_and_statistic(data, run, name):
    before = figures_in(data)
    said = run(name, data)
    assert re.search(r"(\d+) of \1 examples", said[0])
    saved = figures_in(data) - before
    assert {*FIGURES[name]} <= saved <= {*FIGURES[name], *FINDING[name]}
    for table, row in TABLES[name].items():
        for kind in ("csv", "tex"):
            assert f"\n{row}" in (data / "tables" / f"{table}.{kind}").read_text()
    for path, kind in SAVED[name].items():
        (statistics,) = load_statistics(data / path, kind)
        assert statistics.source.trained


def test_a_kernel_shows_pictures_and_no_warning(data, tmp_path, monkeypatch):
    """TensorFlow's warnings, which it would write past what `run` sees, too."""
    monkeypatch.setenv("ATTN_DATA_DIR", str(data))
    command = [sys.executable, "-m", "nbconvert", "--KernelManager.transport=ipc"]
    command += ["--to", "notebook", "--execute", "--output-dir", tmp_path]
    subprocess.run([*command, ROOT / f"{SYNTAX}.ipynb"], check=True, cwd=ROOT)
    notebook = nbformat.read(tmp_path / f"{SYNTAX}.ipynb", as_version=4)
    outputs = [o for c in notebook.cells for o in c.get("outputs", ())]
    streams = {o.name for o in outputs if o.output_type == "stream"}
    assert streams == {"stdout"}
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) >= len(FIGURES[SYNTAX])


def test_figures_of_gradients_are_drawn_where_there_are_gradients(
    data, masked_lm_dir, run
):
    for folder in (data, data / "beyond"):
        text = folder / ("unlabeled.json" if folder == data else "dev.json")
        flags = ["--preprocessed-data-file", text, "--bert-dir", masked_lm_dir]
        assert attention_gradients.main([*flags, "--max-sequence-length", "32"]) == 0
    before = figures_in(data)
    assert any("Mean loss of a masked token: " in s for s in run(GENERAL, data))
    assert re.search(r"lower without \d+% of heads", run(BEYOND, data)[-1])
    new = {"figure_3", "beyond_importance", "beyond_ablation"}
    assert not before & new
    assert new <= figures_in(data)


# --- what may be missing --------------------------------------------------------------


def reduced(data, folder, files, examples=None, layers=None, **flags):
    """A data folder with some of the maps of another: the first examples, the first
    layers, and a meta file with other flags."""
    for name in files:
        meta = {k: v for k, v in read_meta(data / name).items() if k != SIZE}
        meta["flags"] = meta["flags"] | flags
        kept = list(read_attention(data / name))[:examples]
        meta["written"] = len(kept)
        if layers:
            meta["layers"] = meta["layers"][:layers]
        with AttentionWriter(folder / name, meta) as writer:
            for example in kept:
                for key in ("attns", "mixing"):
                    if key in example:
                        example[key] = example[key][:layers]
                writer.write(example)
    return folder


def left_out(said):
    """The file that each part of a notebook lacks, or "" for a part that has all."""
    found = [re.search(r"Left out: (\S+) is not there", text) for text in said]
    return [match[1] if match else "" for match in found]


@pytest.mark.parametrize("name", FIGURES)
def test_without_any_data_each_part_says_what_makes_it(tmp_path, run, name):
    said = run(name, tmp_path)
    for text in said:
        assert re.search(r"Left out: \S+ is not there. To make it:\n  python \w+", text)
    assert not [*tmp_path.iterdir()]


def test_syntax_of_dev_alone_has_its_first_half(data, tmp_path, run):
    said = run(SYNTAX, reduced(data, tmp_path, [DEV]))
    train = str(tmp_path / TRAIN)
    assert left_out(said)[-4:] == [train] * 4
    assert not any(left_out(said)[:-4])
    assert f"--preprocessed-data-file {tmp_path}/depparse/train.json" in said[-1]
    assert "relation_counts" in figures_in(tmp_path)
    assert not {"learning_curve", "probe_weights"} & figures_in(tmp_path)


def test_beyond_shows_what_there_is(data, tmp_path, run):
    """Of maps between words alone: means and trees. Of attention between tokens alone:
    mixing by weights, rollout, sinks."""
    run(BEYOND, reduced(data, tmp_path / "words", [DEV]))
    assert figures_in(tmp_path / "words") == {"beyond_trees"}
    run(BEYOND, reduced(data, tmp_path / "tokens", ["beyond/dev_attn.pkl"]))
    drawn = {"beyond_mixing", "beyond_rollout", "beyond_sinks"}
    assert figures_in(tmp_path / "tokens") == drawn


EVERY = {
    GENERAL: ["unlabeled_attn.pkl"],
    SYNTAX: [DEV, TRAIN, "depparse/random/train_attn.pkl"],  # without random/dev
    COREFERENCE: ["coref/dev_attn.pkl"],
    BEYOND: [
        DEV,
        "beyond/dev_attn.pkl",
        "beyond/dev_norms.pkl",
        "beyond/dev_layer-norms.pkl",
    ],
}


@pytest.mark.parametrize(
    ("examples", "layers"), [(3, None), (1, None), (40, 1)], ids=str
)
@pytest.mark.parametrize("name", FIGURES)
def test_few_sentences_and_one_layer(data, tmp_path, run, name, examples, layers):
    """Whatever cannot be shown is said; what can, is."""
    folder = reduced(data, tmp_path, EVERY[name], examples, layers)
    if name == GENERAL:
        maps = folder / "unlabeled_attn.pkl"
        assert head_distances.main(["--attn-data-file", maps]) == 0
    if name == SYNTAX:
        vectors = "".join(f"{word} 0.5 -1\n" for word in ("the", "fox", "."))
        (folder / "glove").mkdir()
        (folder / "glove" / "glove.txt").write_text(vectors)
    said = run(name, folder)
    assert all(text.strip() for text in said)
    assert {path.stem for path in (folder / "figures").glob("*")}
    if name == SYNTAX:
        control = f"{folder}/depparse/random/dev_attn.pkl"
        assert left_out(said).count(control) == 1
        assert "attention + GloVe" in (folder / "tables" / "table_3.csv").read_text()


def test_maps_moved_from_another_machine(data, tmp_path, run):
    """Their BERT is not there, nor is GloVe: probes of attention alone, and no heads
    are taken out."""
    folder = reduced(data, tmp_path, [DEV, TRAIN], 40, bert_dir="/elsewhere/bert")
    said = run(SYNTAX, folder)
    assert "/elsewhere/bert" in said[-4]
    assert said[-4].startswith("Left out: ")
    table = (folder / "tables" / "table_3.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in table[1:]] == [
        "right-branching",
        "attention",
    ]
    assert {"learning_curve", "probe_weights"} <= figures_in(folder)


def test_maps_without_a_meta_file(data, tmp_path, run):
    """As the original's: the notebook goes by what is in them."""
    folder = reduced(data, tmp_path, [DEV, TRAIN], 40)
    for name in (DEV, TRAIN):
        (folder / name).with_suffix(".meta.json").unlink()
    said = run(SYNTAX, folder)
    assert "no .meta.json beside it" in said[0]
    assert {"learning_curve", "probe_weights"} <= figures_in(folder)


def test_the_paper_from_statistics_without_maps(data, tmp_path, bert_dir, run):
    """General and syntax as from maps; what needs other examples than there are, and
    the probes, say so."""
    flags = ["--bert-dir", bert_dir, "--max-sequence-length", "32"]
    for name, more in (
        ("unlabeled", ["--statistics", "general", "distances"]),
        ("depparse/dev", ["--word-level"]),
        ("coref/dev", ["--word-level"]),
    ):
        examples = data / f"{name}.json"
        statistics = tmp_path / f"{name}.stats.pkl"
        out = ["--preprocessed-data-file", examples, "--outfile", statistics]
        assert corpus_statistics.main([*flags, *more, *out]) == 0
    assert not any(left_out(run(GENERAL, tmp_path))[5:])
    said = [run(name, tmp_path) for name in (SYNTAX, COREFERENCE)]
    assert "hold no maps; name examples to show" in said[1][-1]
    found = figures_in(tmp_path)
    assert {"figure_1", "figure_2", "figure_4", "figure_6", "dendrogram"} <= found
    assert {"relation_counts", "coreference_heat_map"} <= found
    for name in ("table_1", "table_2"):
        assert (tmp_path / "tables" / f"{name}.csv").is_file()
    [theirs] = load_statistics(tmp_path / SYNTAX_FILE, SyntaxScores)
    run(SYNTAX, reduced(data, tmp_path / "maps", [DEV]))
    [ours] = load_statistics(tmp_path / "maps" / SYNTAX_FILE, SyntaxScores)
    np.testing.assert_array_equal(ours.accuracies("nsubj"), theirs.accuracies("nsubj"))


# --- as they are kept -----------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_notebook_begins_with_what_it_answers_and_how_long_it_takes(name):
    first = nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"# \w", first.source)
    assert re.search(r"takes .*(second|minute)", first.source)


@pytest.mark.parametrize("name", FIGURES)
def test_notebook_was_committed_with_its_outputs_and_nothing_private(name):
    path = ROOT / f"{name}.ipynb"
    assert path.stat().st_size < 1_000_000
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert re.search(
        r"[\d,]+ of [\d,]+ examples of .* through ", code[0].outputs[0].text
    )
    pictures = [o for c in code for o in c.outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == len(FIGURES[name] + FINDING[name])
    for cell in code:
        assert cell.metadata == {}
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr"
            texts = [output.get("text", ""), *output.get("data", {}).values()]
            assert not re.search(r"(^|[\s'\"])/\w+/", str(texts[0]))
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    sources = [cell.source for cell in code]
    assert "\nPAPER_MODEL = None\n" in sources[0]
    assert any("PAPER_MODEL" in source for source in sources[1:])

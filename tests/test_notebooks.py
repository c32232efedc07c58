"""The notebooks run from top to bottom, and were committed after they had."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

import attention_gradients
import extract_attention
import head_distances
import preprocess_coref
import preprocess_depparse
from analysis.coreference import CoreferenceScores
from analysis.known_heads import COREFERENCE_FILE, SYNTAX_FILE
from analysis.statistic import load_statistics
from analysis.syntax import SyntaxScores

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
    "Syntax_Analysis": [
        "figure_5",
        "learning_curve",
        "probe_weights",
        "relation_counts",
        "relation_heat_maps",
    ],
    "Coreference_Analysis": [
        "coreference_by_distance",
        "coreference_heat_map",
        "figure_5_coreference",
    ],
    "Beyond_Attention": [
        "beyond_mixing",
        "beyond_rollout",
        "beyond_shares",
        "beyond_sinks",
        "beyond_trees",
    ],
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
# the scores that Figure 6 takes its crosses from
SCORES = {
    "General_Analysis": {},
    "Syntax_Analysis": {SYNTAX_FILE: SyntaxScores},
    "Coreference_Analysis": {COREFERENCE_FILE: CoreferenceScores},
    "Beyond_Attention": {},
}


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


def execute(name, data, monkeypatch) -> list:
    """Run a notebook on a data folder; return what it printed."""
    monkeypatch.setenv("ATTN_DATA_DIR", str(data))
    command = [sys.executable, "-m", "nbconvert", "--KernelManager.transport=ipc"]
    command += ["--to", "notebook", "--execute", "--output-dir", data]
    subprocess.run([*command, ROOT / f"{name}.ipynb"], check=True, cwd=ROOT)
    notebook = nbformat.read(data / f"{name}.ipynb", as_version=4)
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream"
    ]


@pytest.mark.parametrize("name", FIGURES)
def test_notebook_runs_headless_and_saves_every_figure(data, monkeypatch, name):
    streams = execute(name, data, monkeypatch)
    assert re.search(r"(\d+) of \1 examples", streams[0].text)
    assert all(s.name == "stdout" for s in streams), streams  # and no warnings
    for figure in FIGURES[name]:
        for kind in ("pdf", "png"):
            assert (data / "figures" / f"{figure}.{kind}").stat().st_size > 1000
    for table, row in TABLES[name].items():
        for kind in ("csv", "tex"):
            assert f"\n{row}" in (data / "tables" / f"{table}.{kind}").read_text()
    for path, kind in SCORES[name].items():
        (scores,) = load_statistics(data / path, kind)
        assert scores.source.trained


def test_figure_3_is_drawn_where_there_are_gradients(data, masked_lm_dir, monkeypatch):
    flags = ["--preprocessed-data-file", data / "unlabeled.json"]
    flags += ["--bert-dir", masked_lm_dir, "--max-sequence-length", "32"]
    figure = data / "figures" / "figure_3.pdf"
    assert not figure.exists()
    assert attention_gradients.main(flags) == 0
    streams = execute("General_Analysis", data, monkeypatch)
    assert all(s.name == "stdout" for s in streams), streams
    assert "Mean loss of a masked token: " in streams[2].text
    assert figure.stat().st_size > 1000


def test_importance_is_drawn_where_there_are_gradients(
    data, masked_lm_dir, monkeypatch
):
    flags = ["--preprocessed-data-file", data / "beyond" / "dev.json"]
    flags += ["--bert-dir", masked_lm_dir, "--max-sequence-length", "32"]
    assert attention_gradients.main(flags) == 0
    streams = execute("Beyond_Attention", data, monkeypatch)
    assert all(s.name == "stdout" for s in streams), streams
    assert re.search(r"lower without \d+% of heads", streams[-1].text)
    figure = data / "figures" / "beyond_importance.pdf"
    assert figure.stat().st_size > 1000


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
    assert len(pictures) == len(FIGURES[name])
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

"""The shape of the house: who imports whom, what README says, the sample corpora."""

import ast
import importlib
import json
import re
import unicodedata
from pathlib import Path

import pytest

from bert import Tokenizer

ROOT = Path(__file__).parent.parent
ROOMS = {"bert", "corpora", "attention", "analysis", "figures", "toolkit"}
SCRIPTS = sorted(
    path.stem for path in ROOT.glob("*.py") if "@cli.script" in path.read_text()
)
README = (ROOT / "README.md").read_text(encoding="utf-8")


def imports(path: Path) -> set[str]:
    """The project's own modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    ours = ROOMS | set(SCRIPTS)
    return {name for name in found if name.split(".")[0] in ours}


ALLOWED = {
    "toolkit": {"toolkit"},
    "bert": {"bert", "toolkit.backend", "toolkit.files"},
    "corpora": {"corpora", "bert", "toolkit.files"},
    "attention": {"attention", "bert", "toolkit"},
    "analysis": {
        "analysis",
        "attention.heads",
        "attention.quantities",
        "attention.record",
        "attention.source",
        "attention.store",
        "toolkit.backend",
        "toolkit.files",
    },
    "figures": {
        "figures",
        "analysis",
        "attention.heads",
        "attention.meta",
        "attention.quantities",
        "attention.record",
        "attention.source",
        "attention.sentences",
        "attention.word_level",
        "bert",
        "toolkit.files",
    },
}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_imports_run_one_way(room):
    files = list((ROOT / room).glob("*.py"))
    assert files
    for path in files:
        for name in imports(path):
            allowed = any(f"{name}.".startswith(f"{a}.") for a in ALLOWED[room])
            assert allowed, f"{path.name} imports {name}"


def test_the_forward_pass_names_no_backend():
    for name in imports_of_all_kinds(ROOT / "bert" / "modeling.py"):
        assert name.split(".")[0] in {"collections", "keras", "bert"}


def imports_of_all_kinds(path: Path) -> set[str]:
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {
        name
        for node in tree
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or node.names[0].name]
    }


def flags_of(script: str) -> set[str]:
    """The long flags that a script's --help shows."""
    module = importlib.import_module(script)
    lines = []

    def collect(self, actions):
        lines.extend(option for a in actions for option in a.option_strings)

    parser = module.cli.Parser
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parser, "print_help", lambda self: collect(self, self._actions))
        with pytest.raises(SystemExit):
            module.main(["--help"])
    return {flag for flag in lines if flag.startswith("--")}


@pytest.mark.parametrize("script", SCRIPTS)
def test_readme_shows_every_script_and_flag(script):
    assert f"{script}.py" in README
    section = README.split(f"### {script}.py")[1].split("\n### ")[0].split("\n## ")[0]
    shown = set(re.findall(r"`(--[a-z-]+)", section))
    assert shown == flags_of(script) - {"--help"}


def test_readme_commands_use_flags_that_exist():
    known = {script: flags_of(script) for script in SCRIPTS}
    commands = re.findall(r"python (\w+)\.py((?:[^\n`]|\\\n)*)", README)
    assert commands
    for script, rest in commands:
        used = set(re.findall(r"--[a-z_-]+", rest))
        assert {flag.replace("_", "-") for flag in used} <= known[script]


def test_readme_tree_names_every_file_and_only_those():
    tree = README.split("## Where things are")[1].split("```")[1]
    named = set(re.findall(r"^ *([\w./-]+)", tree, re.MULTILINE))
    for room in sorted(ROOMS | {"examples", "benchmarks"}):
        for path in (ROOT / room).iterdir():
            if path.suffix in (".py", ".txt", ".md") and path.name != "__init__.py":
                assert path.name in named, f"{room}/{path.name} is not in the tree"
    for path in ROOT.glob("*.py"):
        assert path.name in named, f"{path.name} is not in the tree"
    for name in named:
        found = (ROOT / name).exists() or list(ROOT.glob(f"*/{name}"))
        assert found, f"the tree names {name}, which is not there"


def test_readme_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_sample_text():
    text = (ROOT / "examples" / "unlabeled.txt").read_text(encoding="utf-8")
    documents = [d.split("\n") for d in text.removesuffix("\n").split("\n\n")]
    sentences = [s for d in documents for s in d]
    assert len(documents) >= 40
    assert len(sentences) >= 400
    assert len(set(sentences)) == len(sentences)
    assert all(s and s == s.strip() for s in sentences)
    accented = [s for s in sentences if unicodedata.normalize("NFD", s) != s]
    assert len(accented) >= 5
    cjk = Tokenizer({"[UNK]": 0})
    wholly = [
        d
        for d in documents
        if all("\u4e00" <= c <= "\u9fff" or not c.isalpha() for s in d for c in s)
    ]
    assert len(wholly) == 1
    assert len(cjk.tokenize([wholly[0][0]])[0]) > 10  # each character stands alone


def test_requirements_are_explained_and_pinned():
    wanted = [
        line
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    pinned = (ROOT / "constraints.txt").read_text()
    for line in wanted:
        requirement, comment = line.split("#")
        assert comment.strip()
        name = re.match(r"[\w-]+", requirement)[0]
        assert re.search(rf"^{name}==[\d.]+$", pinned, re.MULTILINE | re.IGNORECASE)


def test_notebooks_are_thin():
    for path in ROOT.glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code":
                assert not re.search(r"^\s*(def|class) ", source, re.MULTILINE)

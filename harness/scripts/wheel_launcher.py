"""Starts clsrl-bench on the libtorch of the PyTorch that this Python has."""

import os
import re
import sys
from importlib import util
from pathlib import Path

WANTED = "2.11"


def fail(message: str, hint: str) -> None:
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    raise SystemExit(1)


def libraries() -> Path:
    """The folder of libtorch; PyTorch is found, not imported, because that takes seconds."""
    spec = util.find_spec("torch")
    hint = f"python3 -m pip install 'torch=={WANTED}.*'"
    if spec is None or spec.origin is None:
        fail(f"no PyTorch in `{sys.prefix}`, expected {WANTED}", hint)
    torch = Path(spec.origin).parent
    found = re.search(r"^__version__ = '([^']*)'", (torch / "version.py").read_text(), re.MULTILINE)
    version = found.group(1) if found else "of no version"
    if not version.startswith(f"{WANTED}."):
        fail(f"`{torch}` is PyTorch {version}, expected {WANTED}", hint)
    # conda keeps libraries of its own apart from packages.
    for folder in (torch / "lib", Path(sys.prefix) / "lib"):
        if (folder / "libtorch_cpu.so").exists():
            return folder
    return fail(f"`{torch}` has no libtorch_cpu.so", hint)


def main() -> None:
    program = Path(__file__).with_name("clsrl-bench")
    path = [str(libraries()), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    os.environ["LD_LIBRARY_PATH"] = ":".join(path)
    os.execv(program, ["clsrl-bench", *sys.argv[1:]])

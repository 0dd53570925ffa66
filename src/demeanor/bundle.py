"""The file format between the lab and the reader: a folder of ONNX graphs, numbers and a card. No code, no pickle.

::

    bundle.json     schema, name, licence, cues (graph, encoder and its settings, calibration), fusion, sha256s
    *.onnx          one graph per cue
    tokenizer.json  what the words' graph was trained with
    card.md         data, scores, limits
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from demeanor.errors import BundleError, UnknownNameError

SCHEMA = "demeanor.bundle/1"
LARGEST = 512 * 2**20
"""Bytes a single file of a bundle may have; a stranger's bundle cannot fill the memory."""


class Bundle:
    """An opened bundle: its description and its graphs, each loaded when first asked for.

    Args:
        folder: where bundle.json lies.
        threads: threads per graph; 0 lets ONNX Runtime choose.

    Raises:
        BundleError: no bundle there, another schema, a file missing, too large or with another sha256.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        self.folder, self.threads = folder, threads
        path = folder / "bundle.json"
        if not path.is_file():
            raise BundleError(f"expected bundle.json in {folder}; it is not there. `demeanor models` lists bundles")
        try:
            self.spec: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BundleError(f"{path}: expected JSON; {error}") from error
        if self.spec.get("schema") != SCHEMA:
            raise BundleError(f"{path}: expected schema {SCHEMA}, got {self.spec.get('schema')}; export it anew")
        self._sessions: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """What the bundle calls itself, with its version."""
        return f"{self.spec['name']}-{self.spec['version']}"

    @cached_property
    def cues(self) -> Mapping[str, Any]:
        """Per cue: graph, encoder settings, calibration."""
        cues: Mapping[str, Any] = self.spec["cues"]
        return cues

    def file(self, name: str) -> Path:
        """A file of the bundle, checked against its sha256.

        Raises:
            BundleError: not listed, missing, too large, or changed.
        """
        listed = self.spec["files"]
        path = self.folder / name
        if name not in listed or Path(name).name != name:
            raise BundleError(
                f"{self.folder}: bundle.json does not list '{name}'; it lists {', '.join(sorted(listed))}"
            )
        if not path.is_file():
            raise BundleError(f"expected {path}; it is missing. Reinstall the package or export the bundle anew")
        if path.stat().st_size > LARGEST:
            raise BundleError(f"{path}: expected at most {LARGEST} bytes, got {path.stat().st_size}")
        found = sha256(path)
        if found != listed[name]:
            raise BundleError(f"{path}: expected sha256 {listed[name]}, got {found}; the file was changed")
        return path

    def run(self, graph: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run a graph: {input: array} → {output: array}."""
        session = self._session(graph)
        names = [o.name for o in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    def _session(self, graph: str) -> Any:
        if graph not in self._sessions:
            import onnxruntime as ort

            options = ort.SessionOptions()
            options.intra_op_num_threads = self.threads
            options.log_severity_level = 3
            path = str(self.file(graph))
            self._sessions[graph] = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return self._sessions[graph]


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shipped() -> dict[str, Path]:
    """Bundles that come with the package: {name: folder}."""
    assets = Path(str(files("demeanor").joinpath("assets")))
    return {p.parent.name: p.parent for p in sorted(assets.glob("*/bundle.json"))}


def load(name: str | Path = "base", threads: int = 0) -> Bundle:
    """Open a bundle by shipped name or by folder.

    Raises:
        UnknownNameError: neither a shipped name nor a folder.
        BundleError: the folder is not a bundle.
    """
    found = shipped()
    if str(name) in found:
        return Bundle(found[str(name)], threads)
    if Path(name).is_dir():
        return Bundle(Path(name), threads)
    raise UnknownNameError("bundle", str(name), found)


def seal(folder: Path, spec: Mapping[str, Any]) -> None:
    """Write bundle.json over a folder of finished files, with the sha256 of each."""
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name != "bundle.json" and p.suffix != ".part")
    whole = {"schema": SCHEMA, **spec, "files": {n: sha256(folder / n) for n in names}}
    temporary = folder / "bundle.part"
    temporary.write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")
    temporary.replace(folder / "bundle.json")

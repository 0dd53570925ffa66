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
from demeanor.weights import strange

SCHEMA = "demeanor.bundle/1"
FUSED = "features"
"""`kind` of a bundle whose one model fuses features (see `features/described.py`); others hold an expert per cue."""

LARGEST = 2**31 - 1
"""Bytes a single file of a bundle may have: no more than a protocol buffer, which a graph is, can hold."""

LARGEST_SPEC = 16 * 2**20
"""Bytes of bundle.json."""


class Bundle:
    """An opened bundle: its description and its graphs, each loaded when first asked for.

    Args:
        folder: where bundle.json lies.
        threads: threads per graph; 0 lets ONNX Runtime choose.
        own: it comes with the package; graphs of others are looked through and run within bounds (weights/strange.py).

    Raises:
        BundleError: no bundle there, another schema, a file missing, too large or with another sha256.
    """

    def __init__(self, folder: Path, threads: int = 0, own: bool = False) -> None:
        self.folder, self.threads, self._own = folder, threads, own
        path = folder / "bundle.json"
        if not path.is_file():
            raise BundleError(f"expected bundle.json in {folder}; it is not there. `demeanor models` lists bundles")
        if path.stat().st_size > LARGEST_SPEC:
            raise BundleError(f"{path}: expected at most {LARGEST_SPEC} bytes, got {path.stat().st_size}")
        try:
            self.spec: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{path}: expected JSON; {error}") from error
        schema = self.spec.get("schema") if isinstance(self.spec, dict) else None
        if schema != SCHEMA:
            raise BundleError(f"{path}: expected schema {SCHEMA}, got {schema}; export it anew")
        if not isinstance(self.spec.get("files"), dict):
            raise BundleError(f"{path}: expected the sha256 of every file under files; export it anew")
        needs = {"name": str, "version": str, "modalities" if self.spec.get("kind") == FUSED else "cues": dict}
        if lacks := [key for key, kind in needs.items() if not isinstance(self.spec.get(key), kind)]:
            raise BundleError(f"{path}: expected {', '.join(needs)}, got no {' or '.join(lacks)}; export it anew")
        self._sessions: dict[str, Any] = {}

    @cached_property
    def name(self) -> str:
        """What the bundle calls itself, with its version and eight digits that change with its weights."""
        weights = sorted(item for item in self.spec["files"].items() if not item[0].endswith(".md"))
        digits = hashlib.sha256(json.dumps(weights).encode()).hexdigest()[:8]
        return f"{self.spec['name']}-{self.spec['version']}+{digits}"

    @cached_property
    def cues(self) -> Mapping[str, Any]:
        """Per cue: graph, encoder settings, calibration; of a model that fuses features, the modality."""
        if self.spec.get("kind") == FUSED:
            return {part["cue"]: {"modality": m} for m, part in self.spec["modalities"].items()}
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
        """Run a graph: {input: array} → {output: array}.

        Raises:
            BundleError: a stranger's graph cannot be run on these inputs, or asks for too much memory.
        """
        session = self._session(graph)
        names = [o.name for o in session.get_outputs()]
        if self._own:
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))
        return dict(zip(names, strange.run(session, self.folder / graph, names, inputs), strict=True))

    def inputs(self, graph: str) -> dict[str, tuple[str, list[int | str | None]]]:
        """Type and shape of a graph's inputs by name; a dimension that varies is a name or None."""
        return {i.name: (i.type, list(i.shape)) for i in self._session(graph).get_inputs()}

    def outputs(self, graph: str) -> dict[str, tuple[str, list[int | str | None]]]:
        """Likewise of its outputs."""
        return {o.name: (o.type, list(o.shape)) for o in self._session(graph).get_outputs()}

    def _session(self, graph: str) -> Any:
        if graph not in self._sessions:
            path = self.file(graph)
            self._sessions[graph] = self._loaded(path) if self._own else strange.load(path, self.threads)
        return self._sessions[graph]

    def _loaded(self, path: Path) -> Any:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shipped() -> dict[str, Path]:
    """Bundles that come with the package: {name: folder}."""
    assets = Path(str(files("demeanor").joinpath("assets")))
    return {p.parent.name: p.parent for p in sorted(assets.glob("*/bundle.json"))}


def load(name: str | Path = "base", threads: int = 0) -> Bundle:
    """Open a bundle by shipped name or by folder; a `Path` is a folder always.

    Raises:
        UnknownNameError: neither a shipped name nor a folder.
        BundleError: the folder is not a bundle, or not there.
    """
    found = shipped()
    if isinstance(name, str) and name in found:
        return Bundle(found[name], threads, own=True)
    if Path(name).is_dir():
        return Bundle(Path(name), threads)
    if isinstance(name, Path):
        raise BundleError(f"{name}: expected the folder of a bundle, found none there; name a shipped one as a string")
    raise UnknownNameError("bundle", name, found)


def seal(folder: Path, spec: Mapping[str, Any]) -> None:
    """Write bundle.json over a folder of finished files, with the sha256 of each."""
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name != "bundle.json" and p.suffix != ".part")
    whole = {"schema": SCHEMA, **spec, "files": {n: sha256(folder / n) for n in names}}
    temporary = folder / "bundle.part"
    temporary.write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")
    temporary.replace(folder / "bundle.json")

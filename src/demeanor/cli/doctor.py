"""`demeanor doctor`: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

_REASONS = {
    "speech": "recognise speech, and read the voice with its encoder",
    "offline": "packaged weights: nothing is downloaded later",
    "frames": "Analysis.to_frame()",
    "plots": "Analysis.plot()",
    "serve": "the service: demeanor serve",
    "ray": "batches on a cluster: demeanor batch --cluster",
    "postgres": "the queue of jobs on PostgreSQL, for several machines",
    "all": "speech, offline, frames, plots and serve",
    "lab": "train (torch)",
    "deep": "text, speech and picture encoders of Hugging Face",
    "sentence": "sentence vectors in 16 languages",
    "tracking": "TensorBoard, Weights & Biases, MLflow",
    "opensmile": "openSMILE's own functionals (not for commercial use)",
    "dev": "run the tests",
}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Tell what is installed, what is missing and how to get it.

    Exit code 1 where no bundle can be read.
    """
    found = examine()
    if as_json:
        from demeanor.cli._terminal import print_json

        print_json(found)
    else:
        from demeanor.cli._terminal import stdout_console

        _render(found, stdout_console())
    if not any(bundle["problem"] is None for bundle in found["bundles"]):
        sys.exit(1)


def examine() -> dict[str, Any]:
    """Everything that `doctor` tells, as plain data."""
    import platform

    from demeanor import __version__

    return {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": _processors(),
        "ffmpeg": _ffmpeg(),
        "cache": _cache(),
        "bundles": _bundles(),
        "weights": _weights(),
        "voice": _voices(),
        "extras": _extras(),
    }


def _cache() -> str:
    from demeanor.errors import ConfigError
    from demeanor.weights import cache_folder

    try:
        return str(cache_folder())
    except ConfigError as error:
        return f"none; {error}"


def _processors() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ffmpeg() -> str:
    import av

    return f"{getattr(av, 'ffmpeg_version_info', 'of unknown version')} in PyAV {av.__version__}"


def _bundles() -> list[dict[str, Any]]:
    from demeanor.bundle import Bundle, shipped
    from demeanor.errors import BundleError

    out = []
    for name, folder in shipped().items():
        entry: dict[str, Any] = {"name": name, "folder": str(folder), "cues": [], "bytes": 0, "problem": None}
        try:
            bundle = Bundle(folder)
            entry["cues"] = list(bundle.cues)
            entry["bytes"] = sum(bundle.file(file).stat().st_size for file in bundle.spec["files"])
        except BundleError as error:
            entry["problem"] = str(error)
        out.append(entry)
    return out


def _weights() -> list[dict[str, Any]]:
    from demeanor.weights import status

    return [
        {
            "name": one.name,
            "found": one.found is not None,
            "origin": one.found.origin if one.found else None,
            "folder": str(one.found.folder) if one.found else None,
            "sha256": one.found.sha256 if one.found else None,
            "licence": one.found.licence if one.found else None,
            "problem": one.problem,
            "how": one.how,
        }
        for one in status()
    ]


def _voices() -> list[dict[str, Any]]:
    """Per bundle with a voice: the expert that reads it here, and why it is not the better one."""
    from demeanor.bundle import Bundle, shipped
    from demeanor.errors import DemeanorError
    from demeanor.media.speech import has_speech_extra
    from demeanor.weights import WEIGHTS, find

    out = []
    for name, folder in shipped().items():
        with contextlib.suppress(DemeanorError, OSError):  # told where bundles are
            for encoder, spec in Bundle(folder).cues.get("voice", {}).items():
                entry: dict[str, Any] = {"bundle": name, "encoder": encoder, "problem": None, "how": ""}
                if encoder not in WEIGHTS:
                    continue
                try:
                    find(encoder, sha256=spec["sha256"])
                    if not has_speech_extra():
                        entry |= {"problem": "the extra speech is missing", "how": "pip install 'demeanor[speech]'"}
                except (DemeanorError, OSError):
                    short = spec["sha256"][:12]
                    what = f"the edition of {encoder} that its expert was trained on (sha256 {short}) lies nowhere here"
                    entry |= {"problem": what, "how": WEIGHTS[encoder].install or WEIGHTS[encoder].how}
                out.append(entry)
    return out


def _extras() -> list[dict[str, Any]]:
    """Per extra: which of its packages are not installed."""
    import re
    from importlib.metadata import PackageNotFoundError, distribution, requires

    needs: dict[str, list[str]] = {}
    for line in requires("demeanor") or ():
        match = re.match(r"([\w.-]+)[^;]*;.*extra\s*==\s*['\"]([\w-]+)['\"]", line)
        if match and match.group(1) != "demeanor":
            needs.setdefault(match.group(2), []).append(match.group(1))
    out = []
    for extra, packages in needs.items():
        missing = []
        for package in packages:
            try:
                distribution(package)
            except PackageNotFoundError:
                missing.append(package)
        purpose = _REASONS.get(extra, "")
        out.append({"name": extra, "purpose": purpose, "installed": not missing, "missing": missing,
                    "how": f"pip install 'demeanor[{extra}]'"})  # fmt: skip
    return out


def _render(found: dict[str, Any], console: Console) -> None:
    console.print(f"demeanor {found['version']}, Python {found['python']}, {found['platform']}")
    console.print(f"{found['processors']} processors, FFmpeg {found['ffmpeg']}")
    console.print(f"cache: {found['cache']}", soft_wrap=True)
    console.print("\nbundles")
    for bundle in found["bundles"]:
        size = f"{bundle['bytes'] / 1e6:.0f} MB, every file has its sha256"
        good = f"reads {', '.join(bundle['cues'])}; {size}"
        _line(console, bundle["problem"] is None, bundle["name"], bundle["problem"] or good)
    if not found["bundles"]:
        _line(console, False, "base", "expected a bundle in the package, found none; reinstall demeanor")
    console.print("\nweights")
    for weights in found["weights"]:
        good = f"{weights['origin']}: {weights['folder']} ({weights['licence']})"
        _line(console, weights["found"], weights["name"], good if weights["found"] else weights["problem"])
    for voice in found["voice"]:
        worse = f"{voice['problem']}, so the small log-mel expert reads the voice: {voice['how']}"
        good = f"read with the states of {voice['encoder']}, the very edition its expert was trained on"
        _line(console, voice["problem"] is None, "voice", worse if voice["problem"] else good)
    console.print("\nextras")
    for extra in found["extras"]:
        lack = f"missing {', '.join(extra['missing'])}: {extra['how']}"
        _line(console, extra["installed"], extra["name"], extra["purpose"] if extra["installed"] else lack)


def _line(console: Console, good: bool, name: str, what: str) -> None:
    from rich.text import Text

    mark = ("✓", "green") if good else ("✗", "red")
    console.print(Text.assemble("  ", mark, f" {name:<14}", what), soft_wrap=True)

"""Weights that a run starts from: of a run folder or a file, by their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from demeanor.errors import ConfigError
from demeanor.fusion._model import Model


def start_from(model: Model, source: Path, say: Callable[[str], None] = print) -> list[str]:
    """Load the weights of `source` (a run folder or a file) that fit by name and shape; the names that did.

    The names are this model's own, or those of another library that it knows (`Model.renamed`).

    Raises:
        ConfigError: nothing there, no file of weights, or not one weight fits.
    """
    path = source / "best.pt" if source.is_dir() else source
    if not path.is_file():
        raise ConfigError(f"init_from: expected weights at {path}; found nothing there")
    found = _weights_in(path)
    own, found = model.state_dict(), {**found, **model.renamed(found)}
    fits = {k: v for k, v in found.items() if k in own and own[k].shape == v.shape}
    if not fits:
        raise ConfigError(f"init_from: no weight of {path} fits this model; it has {', '.join(list(found)[:4])} …")
    model.load_state_dict(fits, strict=False)
    say(f"started from {len(fits)} of {len(own)} weights of {path}")
    return sorted(fits)


def _weights_in(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            found: Any = load_file(str(path))
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a strange file makes readers of two formats fail in a dozen ways
        raise ConfigError(
            f"init_from: expected weights that torch or safetensors saved, got {path} ({str(error)[:80]}); name a run "
            "folder, or a .pt, .pth or .safetensors file"
        ) from None
    if not isinstance(found, dict):
        raise ConfigError(
            f"init_from: expected weights by name in {path}, got a {type(found).__name__}; save a model's state_dict"
        )
    return found

"""Pretrained Transformers from a local folder or the Hugging Face hub: loading, layers, pooling. Torch in functions."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import expanduser
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from demeanor.encoders._encoder import EncoderConfig
from demeanor.errors import ConfigError
from demeanor.plugins import require


def _local(model: str | Path) -> str | Path:
    """A folder as a path: the key of a stored feature then hangs on its content, not on its name."""
    folder = Path(expanduser(model))  # noqa: PTH111 – Path's own raises where there is no such user
    return folder if folder.is_dir() else model


class PretrainedConfig(EncoderConfig):
    """Settings of encoders that run somebody's model.

    `model`: a folder, or a name on the hub, which is asked only with `download = true`; pin `revision` then.
    `layer`: whose states; -1 is the last, 0 the embeddings. `pooling`: all steps, their mean, or the first.
    """

    running: ClassVar[frozenset[str]] = frozenset({"device", "download"})
    model: Annotated[str | Path, AfterValidator(_local)]
    revision: str | None = None
    download: bool = False
    layer: int = -1
    pooling: Literal["none", "mean", "cls"] = "none"
    device: str = "cpu"


def load(config: PretrainedConfig, kind: str, options: Mapping[str, Any] | None = None) -> Any:
    """What `transformers`' class of that name loads, by its `from_pretrained`, which takes `options`.

    Raises:
        MissingExtraError: transformers or torch is not installed.
        ConfigError: there is no such model here.
    """
    require("torch", "lab", "pretrained models")
    transformers = require("transformers", "deep", "pretrained models")
    transformers.utils.logging.disable_progress_bar()
    try:
        return getattr(transformers, kind).from_pretrained(
            str(config.model),
            revision=config.revision or "main",
            local_files_only=not config.download,
            **(options or {}),
        )
    except (OSError, ValueError) as error:
        where = "no such folder" if not config.download else "neither a folder nor a model of the hub"
        raise ConfigError(
            f"model: expected a model of transformers, got '{config.model}' ({where}, or it lacks a part: "
            f"{str(error).splitlines()[0]}); give a local folder, or set download = true"
        ) from error


def load_model(config: PretrainedConfig, side: str = "") -> Any:
    """The bare model, for inference; of one that pairs pictures with texts (CLIP) the side `text` or `vision`."""
    whole = load(config, "AutoConfig")
    paired = all(hasattr(whole, f"{part}_config") for part in ("text", "vision"))
    options = {"config": getattr(whole, f"{side}_config")} if side and paired else {}
    return load(config, "AutoModel", options).to(config.device).eval()


def states(model: Any, layer: int, inputs: dict[str, Any], device: str) -> NDArray[np.float32]:
    """Hidden states (time, dim) of one input's chosen layer.

    Raises:
        ConfigError: the model has no such layer.
    """
    torch = require("torch", "lab", "pretrained models")
    with torch.inference_mode():
        inner = model.get_encoder() if getattr(model.config, "is_encoder_decoder", False) else model
        found = inner(**{k: v.to(device) for k, v in inputs.items()}, output_hidden_states=True).hidden_states
    if not -len(found) <= layer < len(found):
        raise ConfigError(f"layer: expected {-len(found)} to {len(found) - 1} for this model, got {layer}")
    out: NDArray[np.float32] = found[layer][0].float().cpu().numpy()
    return out


def pooled(values: NDArray[np.float32], pooling: str) -> NDArray[np.float32]:
    """(time, dim), or (1, dim): the mean or the first step."""
    mean: NDArray[np.float32] = values.mean(0, keepdims=True)
    return {"mean": mean, "cls": values[:1], "none": values}[pooling]


def heard_at_once(sound: NDArray[np.float32], rate: int, longest: float) -> list[NDArray[np.float32]]:
    """Sound (time,) in pieces of `longest` seconds; a last one under a tenth of a second joins the one before."""
    size = round(longest * rate)
    pieces = [sound[i : i + size] for i in range(0, len(sound), size)]
    if len(pieces) > 1 and len(pieces[-1]) < rate // 10:
        pieces[-2:] = [np.concatenate(pieces[-2:])[-size:]]
    return pieces

"""Known models by the cue they read: what `preset = "words-large"` in a run file's `[encoders.MODALITY]` stands for.

They are somebody else's weights: loaded from a local folder (`model = "…"` beside the preset), the local hub cache, or,
with `download = true`, from the hub. Sizes are those of the models in float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demeanor.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings of an encoder, and what a user should know before taking them."""

    settings: Mapping[str, Any]
    licence: str
    gigabytes: float


_CLIP = "openai/clip-vit-large-patch14"

PRESETS: Mapping[str, Preset] = {
    "words-large": Preset({"name": "text_hf", "model": "FacebookAI/xlm-roberta-large", "longest": 128}, "MIT", 2.2),
    "voice-large": Preset(
        {"name": "audio_hf", "model": "facebook/wav2vec2-xls-r-300m", "layer": 12}, "Apache-2.0", 1.3
    ),
    "face-large": Preset(
        {"name": "visual_vit", "model": "trpakov/vit-face-expression", "faces": True}, "Apache-2.0", 0.3
    ),
    "scene-large": Preset(
        {"name": "visual_vit", "model": "google/vit-large-patch16-224", "fps": 1.0}, "Apache-2.0", 1.2
    ),
    "image-text-large.text": Preset({"name": "text_hf", "model": _CLIP, "longest": 77}, "MIT", 0.5),
    "image-text-large.image": Preset({"name": "visual_vit", "model": _CLIP, "fps": 1.0}, "MIT", 1.2),
}


def expanded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """An encoder's section with its preset, if it names one, under its own keys.

    Raises:
        UnknownNameError: no preset of that name.
    """
    own = {key: value for key, value in settings.items() if key != "preset"}
    if (name := settings.get("preset")) is None:
        return own
    if name not in PRESETS:
        raise UnknownNameError("preset", str(name), PRESETS)
    return {**PRESETS[name].settings, **own}


def presets_of(encoder: str) -> list[dict[str, Any]]:
    """The presets of one encoder: preset, licence, gigabytes, and the settings."""
    return [
        {"preset": name, "licence": preset.licence, "gigabytes": preset.gigabytes, **preset.settings}
        for name, preset in PRESETS.items()
        if preset.settings["name"] == encoder
    ]

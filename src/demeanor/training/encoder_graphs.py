"""Encoders that need torch, as graphs that do not: traced with the layer and the pooling that the run chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from demeanor.encoders import audio_onnx, text_onnx, visual_onnx
from demeanor.encoders._encoder import Encoder
from demeanor.encoders._faces import ShownConfig
from demeanor.encoders._pretrained import load, load_model
from demeanor.errors import ConfigError
from demeanor.features.described import encoder_file
from demeanor.features.digest import name_of
from demeanor.training.export import Variant, stored, traced, write_onnx


@dataclass(frozen=True)
class Graphs:
    """The encoder that runs the graph: its name, version and settings (files by their names in the bundle)."""

    name: str
    version: int
    settings: Mapping[str, Any]


class States(nn.Module):
    """A pretrained model as a function of plain tensors: the chosen layer of one input, pooled.

    Args:
        model: of transformers.
        layer: whose states.
        pooling: all steps, their mean, or the first.
        names: of the model's arguments, in order.
    """

    def __init__(self, model: nn.Module, layer: int, pooling: str, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.layer, self.pooling, self.names = model, layer, pooling, names

    def forward(self, *tensors: Tensor) -> Tensor:
        """Tensors (1, …) → (rows, dim)."""
        found = self.model(**dict(zip(self.names, tensors, strict=True)), output_hidden_states=True, return_dict=True)
        states: Tensor = found.hidden_states[self.layer][0].float()
        return {"mean": lambda: states.mean(0, keepdim=True), "cls": lambda: states[:1], "none": lambda: states}[
            self.pooling
        ]()


class Maps(nn.Module):
    """The last map of a ResNet-18: a row per picture, or per region."""

    def __init__(self, network: Any, regions: bool) -> None:
        super().__init__()
        self.network, self.regions = network, regions

    def forward(self, values: Tensor) -> Tensor:
        """(1, 3, H, W) → (rows, dim)."""
        last: Tensor = self.network.maps(values)[-1][0]
        return last.flatten(1).T if self.regions else last.mean((1, 2))[None]


class Regions(nn.Module):
    """The last map of an EfficientNet, averaged over the regions of a grid: a row each."""

    def __init__(self, network: Any, size: int, grid: int) -> None:
        super().__init__()
        self.network = network
        with torch.no_grad():
            height, width = network.maps(torch.zeros(1, 3, size, size))[-1].shape[2:]
        # What each place of the map counts for in each region, as a matrix: regions of unlike size export as well.
        places = torch.eye(height * width).view(-1, height, width)
        self.register_buffer("places", nn.functional.adaptive_avg_pool2d(places, grid).flatten(1))

    def forward(self, values: Tensor) -> Tensor:
        """(1, 3, H, W) → (regions, dim)."""
        last: Tensor = self.network.maps(values)[-1][0].flatten(1)
        return (last @ self.places).T


def graphs_of(encoder: Encoder, modality: str, folder: Path, variant: Variant) -> Graphs:
    """Write an encoder's graph into a bundle's folder.

    Raises:
        ConfigError: there is no way to export it.
    """
    way = _WAYS.get(name_of(encoder))
    if way is None:
        raise ConfigError(
            f"encoders.{modality}: {name_of(encoder)} needs torch and there is no way to export it; known are "
            f"{', '.join(_WAYS)}"
        )
    return way(encoder, modality, folder, variant)


def _text(encoder: Any, modality: str, folder: Path, variant: Variant) -> Graphs:
    c = encoder.config
    tokenizer, model = load(c, "AutoTokenizer"), _eager(load_model(c, "text"))
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise ConfigError(f"encoders.{modality}: expected a model with a tokenizer.json, got one without ('{c.model}')")
    file = encoder_file(modality, "-tokenizer.json")
    fast.save(str(folder / file))
    said = tokenizer("a b c d", return_tensors="pt")
    names = tuple(n for n in ("input_ids", "attention_mask", "token_type_ids") if n in said)
    example = tuple(said[n] for n in names)
    axes = {n: {1: "time"} for n in names}
    inner = model.get_encoder() if model.config.is_encoder_decoder else model
    graph = _written(States(inner, c.layer, c.pooling, names), example, names, axes, modality, folder, variant)
    width = _width(model)
    return Graphs(
        "text_onnx",
        text_onnx.ENCODER.version,
        {"graph": graph, "tokenizer": file, "width": width} | {"longest": c.longest, "prefix": c.prefix},
    )


def _speech(encoder: Any, modality: str, folder: Path, variant: Variant) -> Graphs:
    c = encoder.config
    extractor, model = load(c, "AutoFeatureExtractor"), _eager(load_model(c))
    if "input_values" not in extractor.model_input_names:
        raise ConfigError(
            f"encoders.{modality}: '{c.model}' hears spectra, whose making is not exported; audio_states gives the "
            "states of Whisper without torch"
        )
    rate = extractor.sampling_rate
    example = (torch.randn(1, rate, generator=torch.Generator().manual_seed(0)),)
    states = _Renamed(States(model, c.layer, "none", ("input_values",)))
    graph = _written(states, example, ("values",), {"values": {1: "samples"}}, modality, folder, variant)
    return Graphs(
        "audio_onnx",
        audio_onnx.ENCODER.version,
        {"graph": graph, "rate": rate, "normalise": bool(extractor.do_normalize)}
        | {"longest": c.longest, "pooling": c.pooling},
    )


def _vit(encoder: Any, modality: str, folder: Path, variant: Variant) -> Graphs:
    from demeanor.encoders.visual_vit import _scale

    c = encoder.config
    model = _eager(load_model(c, "vision"))
    size = model.config.image_size
    height, width = (size, size) if isinstance(size, int) else size
    mean, spread = _scale(c)
    states = _Renamed(States(model, c.layer, c.pooling, ("pixel_values",)))
    graph = _written(states, (torch.zeros(1, 3, height, width),), ("values",), {}, modality, folder, variant)
    colours = {"mean": [float(x) for x in mean], "spread": [float(x) for x in spread]}
    return _pictures(graph, c, height, width, colours)


def _resnet(encoder: Any, modality: str, folder: Path, variant: Variant) -> Graphs:
    from demeanor.encoders.visual_resnet18 import MEAN, SPREAD, network

    c = encoder.config
    example = (torch.zeros(1, 3, c.size, c.size),)
    graph = _written(Maps(network(c.weights), c.regions), example, ("values",), {}, modality, folder, variant)
    return _pictures(graph, c, c.size, c.size, {"mean": list(MEAN), "spread": list(SPREAD)})


def _efficientnet(encoder: Any, modality: str, folder: Path, variant: Variant) -> Graphs:
    from demeanor.encoders.visual_efficientnet import network

    c = encoder.config
    example = (torch.zeros(1, 3, c.size, c.size),)
    graph = _written(Regions(network(c.weights), c.size, c.grid), example, ("values",), {}, modality, folder, variant)
    return _pictures(graph, c, c.size, c.size, {"mean": [127 / 255] * 3, "spread": [128 / 255] * 3})


def _pictures(graph: str, c: Any, height: int, width: int, colours: Mapping[str, Any]) -> Graphs:
    taken = {key: getattr(c, key) for key in ShownConfig.model_fields if hasattr(c, key)}
    settings = {"graph": graph, "height": height, "width": width, **colours, **taken}
    return Graphs("visual_onnx", visual_onnx.ENCODER.version, settings)


class _Renamed(nn.Module):
    """One tensor in, under the name that the graph gives it."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, values: Tensor) -> Tensor:
        """As `inner`."""
        found: Tensor = self.inner(values)
        return found


def _eager(model: Any) -> Any:
    """Attention as plain operators, which the exporter can trace."""
    model.set_attn_implementation("eager")
    return model.to("cpu")


def _width(model: Any) -> int:
    return int(model.config.hidden_size)


def _written(
    graph: nn.Module,
    example: tuple[Tensor, ...],
    names: tuple[str, ...],
    axes: Mapping[str, Mapping[int, str]],
    modality: str,
    folder: Path,
    variant: Variant,
) -> str:
    name = encoder_file(modality, ".onnx")
    with torch.no_grad():
        found = traced(graph, example, names, ["states"], axes)
    write_onnx(stored(found, variant), folder / name)
    return name


_WAYS: Mapping[str, Callable[[Any, str, Path, Variant], Graphs]] = {
    "text_hf": _text,
    "audio_hf": _speech,
    "visual_vit": _vit,
    "visual_resnet18": _resnet,
    "visual_efficientnet": _efficientnet,
}

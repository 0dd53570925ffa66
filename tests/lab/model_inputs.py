"""Small batches for every model of the lab, and how each is built small: `PRESETS["tiny"]` of its file."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import torch

from demeanor import plugins
from demeanor.batch import FeatureBatch
from demeanor.fusion._model import FusionConfig, Model

DIMS = {"text": 6, "audio": 5, "visual": 4}
VOCABULARY = 50

Values = Callable[[int, int, torch.Generator], torch.Tensor]


def ids(count: int, time: int, g: torch.Generator) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (count, time), generator=g)


def frames(dim: int) -> Values:
    return lambda count, time, g: torch.randn(count, time, dim, generator=g)


def pictures(channels: int, side: int = 16) -> Values:
    return lambda count, time, g: torch.randn(count, channels, side, side, generator=g)


# Models whose input is not "frames of every modality in DIMS": modality → values, and a `tiny` preset to match.
INPUTS: dict[str, dict[str, Values]] = {
    "text_transformer": {"text": ids},
    "image_cnn": {"visual": pictures(1)},
    "audio_cnn": {"audio": frames(12)},
    "textcnn": {"text": ids},
    "bilstm": {"text": ids},
    "resnet18": {"visual": pictures(3, 64)},
    "image_rnn": {"visual": pictures(3)},
    "vit": {"visual": pictures(3)},
    "audio_lstm": {"audio": frames(6)},
    "cnn_rnn": {"text": ids, "audio": frames(8), "visual": pictures(3), "sensor": frames(4)},
    "bert_resnet": {"text": ids, "visual": pictures(3, 32)},
    "tuned_concat": {"text": ids, "audio": frames(5)},
}


def module_of(name: str) -> ModuleType:
    return plugins.load("fusion", name)


def build(name: str, seed: int = 0, **changes: object) -> Model:
    """The model's `tiny` preset, in eval mode."""
    module = module_of(name)
    settings = {**module.PRESETS["tiny"], **changes}
    if issubclass(module.Config, FusionConfig):
        settings.setdefault("dims", DIMS)
    torch.manual_seed(seed)
    model: Model = module.MODEL(module.Config(**settings)).eval()
    return model


def tasks_of(model: Model) -> dict[str, int]:
    return dict(getattr(model.config, "tasks", {"polarity": 3, "emotions": 7, "score": 1}))


def batch_of(name: str, count: int, time: int = 9, seed: int = 0) -> FeatureBatch:
    """Random values; the first sample is the longest, each modality has lengths of its own."""
    g = torch.Generator().manual_seed(seed)
    model = build(name)
    makers = INPUTS.get(name) or {m: frames(d) for m, d in model.config.dims.items()}
    values, valid = {}, {}
    for modality, make in makers.items():
        values[modality] = make(count, time, g)
        lengths = torch.randint(1, time + 1, (count,), generator=g)
        lengths[0] = time
        pictured = values[modality].ndim == 4
        valid[modality] = None if pictured else torch.arange(time)[None] < lengths[:, None]
    labels: dict[str, torch.Tensor] = {}
    for task, size in tasks_of(model).items():
        numbers = torch.linspace(-0.9, 0.9, count)
        labels[task] = numbers if size == 1 else torch.eye(size)[torch.arange(count) % size]
    present = {m: torch.ones(count, dtype=torch.bool) for m in values}
    return FeatureBatch(values, valid, present, labels, torch.arange(count))

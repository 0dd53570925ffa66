"""What a run file's `[training]` section may say."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class Settings(BaseModel):
    """`[training]`: how the model learns; unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=3, ge=1)
    """At most: see `patience`."""
    batch: int = Field(default=32, ge=1)
    """Rows per batch."""
    accumulate: int = Field(default=1, ge=1)
    """Batches per step, each weighing as many rows as it has; a last, shorter window is a step too.

    That is one batch of all their rows only where each row has every label, and no task `balance`: a loss is the mean
    over the labelled rows of a batch (under `torchrun`: of a process' share), in which few of them count for more each.
    """
    optimiser: Literal["adamw", "adam", "sgd"] = "adamw"
    """What takes the steps."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """The highest of the run; `lr` is the same key."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Of matrices; biases, norms and the like have none."""
    schedule: Literal["cosine", "linear", "constant", "plateau"] = "cosine"
    """How the rate goes on after `warmup`; `plateau` lowers it where validation no longer gets better."""
    warmup: float = Field(default=0.06, ge=0, lt=1)
    """Share of all steps over which the rate rises."""
    plateau_patience: int = Field(default=5, ge=1)
    """Epochs without a better validation score after which the rate is lowered."""
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    """What it is multiplied with then."""
    patience: int = Field(default=0, ge=0)
    """Epochs without a better validation score after which the run ends (0: never)."""
    clip: float = Field(default=1.0, ge=0)
    """Largest norm (or value, see `clip_by`) of the gradients; 0: as they are."""
    clip_by: Literal["norm", "value"] = "norm"
    """Whether `clip` bounds the norm of all gradients or each number."""
    average: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the weights' moving average (0: off); the average is what is validated and kept."""
    modality_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Chance that a sample loses a modality for one step; one modality always stays."""
    self_distillation: float = Field(default=0.0, ge=0)
    """Weight with which a second reading, without what `modality_dropout` takes, is pulled towards the whole one."""
    task_weights: Literal["fixed", "learned"] = "fixed"
    """`learned`: a task's loss L counts as `e^(-s) L + s`, s learned beside the model; noisy ones weigh less."""
    sampling: Literal["shuffled", "balanced"] = "shuffled"
    """`balanced` draws rows so that all classes come equally often."""
    precision: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    """A CPU without 16-bit arithmetic computes in float32 whatever stands here."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, `mps`; `auto` takes the best there is."""
    seed: int = Field(default=0, ge=0)
    """Of weights, order and dropout."""
    threads: int = Field(default=0, ge=0)
    """Of the processor; 0 leaves it to torch."""
    compile: bool = False
    """Whether the model goes through `torch.compile`."""
    keep: Literal["best", "last"] = "best"
    """`best` epoch by the validation score, or `last` where the schedule ends at rate 0 anyway."""
    init_from: str | None = None
    """A run folder, or a file of weights, whose matching weights this run starts from.

    Some models also take weights by the names of other libraries: `resnet18` and `bert_resnet` torchvision's ResNet-18,
    `bert_resnet` a Hugging Face BERT.
    """
    pretrain: int = Field(default=0, ge=0)
    """Epochs of self-supervised pretraining over pairs of modalities before the first labelled one (fusion models)."""
    track: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] | None = None
    """Where numbers go beside history.json; not given, to TensorBoard where it is installed."""

    @field_validator("self_distillation")
    @classmethod
    def _has_less_to_read(cls, weight: float, info: ValidationInfo) -> float:
        if weight and not info.data.get("modality_dropout", 1.0):
            raise ValueError(
                "expected a modality_dropout above 0 beside it, which says how much the second reading lacks"
            )
        return weight

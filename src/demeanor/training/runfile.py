"""What a run file of the lab may say, checked before any work starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from demeanor.encoders._presets import expanded
from demeanor.errors import ConfigError
from demeanor.training.settings import Settings


class Section(BaseModel):
    """A section of a run file: frozen, unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Run(Section):
    """`[run]`: what is trained."""

    name: str
    """Of the run folder, `runs/NAME`."""
    model: str
    """A name of `demeanor models`: a file of fusion/."""
    select: str | None = None
    """The validation metric that picks the epoch; else `mae` or `uar` of the first task (TASK_mae with several)."""

    @field_validator("name")
    @classmethod
    def _is_a_folder(cls, name: str) -> str:
        if any(part.strip() in ("", ".", "..") for part in name.split("/")) or not name.isprintable() or "\\" in name:
            raise ValueError(f"expected a plain name, of which a folder is made, got '{name}'")
        return name


class Features(Section):
    """`[features]`: what happens between the encoders and the model."""

    normalise: Literal["zscore", "none"] = "zscore"
    """`zscore`: each number on the scale of the training part."""
    context: NonNegativeInt | dict[str, NonNegativeInt] = 0
    """Utterances before and after the target in the same group, as one sequence of vectors; or per modality."""
    before: dict[str, PositiveInt] = {}
    """Modality → how many utterances before the target make a further modality, NAME_context (as mmml takes it)."""
    longest: dict[str, PositiveInt] = {}
    """Steps per modality beyond which a sequence is cut."""
    mean: tuple[str, ...] = ()
    """Modalities reduced to their mean over time."""
    moments: tuple[str, ...] = ()
    """Modalities reduced to their mean and standard deviation over time, side by side."""
    per_speaker: tuple[str, ...] = ()
    """Modalities put on each speaker's own scale first; needs all of a test speaker's clips, without their labels."""
    as_in: str | None = None
    """A run folder whose fitted encoders and scales are taken as they are: its weights fit no others."""

    def reach(self, modality: str) -> int:
        """How many utterances on either side a modality is read with."""
        return self.context.get(modality, 0) if isinstance(self.context, dict) else self.context


class Task(Section):
    """`[tasks.NAME]`: a label to predict. With `classes` a classification, else a regression of label · `scale`."""

    classes: tuple[str, ...] | None = None
    """What the label can be; without it a number is predicted, but for `polarity` and `emotions`."""
    ignore: tuple[str, ...] = ()
    """Labels outside the classes whose samples count as unlabelled; any other such label is an error."""
    label: str | None = None
    """Which label of the samples it is; NAME where it is not given."""
    scale: float = 1.0
    """What a number is multiplied with before it is learned."""
    metrics: Literal["mosi", "sims"] | None = None
    """The figures of that corpus' literature in place of `mae` and `corr` (metrics.md)."""
    balance: float = Field(default=0.0, ge=0)
    """Rows weigh as their class' frequency to minus this power; of tasks with classes."""

    @field_validator("ignore")
    @classmethod
    def _outside(cls, ignore: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if both := sorted(set(ignore) & set(info.data.get("classes") or ())):
            raise ValueError(f"expected labels that are none of the classes, got {', '.join(both)}")
        return ignore


class Data(BaseModel):
    """`[data]`: what is learned from; further keys are options of the data set's reader."""

    model_config = ConfigDict(frozen=True, extra="allow")

    dataset: str
    """A name of `demeanor datasets`: a file of datasets/."""
    name: str | None = None
    """What records call it; the data set's name by default."""
    root: str = "."
    """The data set's folder or table, below --data."""
    protocol: str = "as given"
    """What records call the division into parts."""
    valid: float = Field(default=0.1, gt=0, lt=1)
    """Share set aside for validation: of the training groups where the data name parts but not this one, or with folds;
    of all groups where they name none, and then below 0.8, for a fifth is the test part."""
    folds: int = Field(default=0, ge=0)
    """With more than 1: groups are dealt into as many, and the data's own parts are passed over."""
    fold: int = Field(default=0, ge=0)
    """Which of them is the test part, from 0 on; `demeanor bench` takes each in turn."""
    fold_seed: int = Field(default=0, ge=0)
    """Of the deal into folds, and of what is set aside of training groups; nothing without parts and folds."""
    by: Literal["group", "speaker"] = "group"
    """What folds and the validation share are dealt by; groups are never divided either way."""
    also: tuple[str, ...] = ()
    """Further tables whose rows join the training part: see `features/more.py`."""


class Bench(Section):
    """`[bench]`: what `demeanor bench` compares; `settings` changes sections per model."""

    models: tuple[str, ...] = ()
    """Those compared, unless --models names others."""
    seeds: int = Field(default=3, ge=1)
    """Runs of each model (and fold), with the seeds 0, 1, 2 …"""
    text_only: bool = True
    """Also every model of `alone` over each single modality, and over text alone in any case."""
    alone: str | tuple[str, ...] = "concat"
    """Models of these rows."""
    single: tuple[str, ...] | None = None
    """The modalities taken alone; all unless named."""
    modalities: dict[str, tuple[str, ...]] = {}
    """Model → the modalities it gets, where a model does not read all of them."""
    metric: str | None = None
    """What the leaderboard is ordered by; `run.select`, or the first, where it is not named."""
    settings: dict[str, dict[str, dict[str, Any]]] = {}
    """Model → section → keys that differ for it."""

    @property
    def baselines(self) -> tuple[str, ...]:
        """The models that are also trained on single modalities, the plainest first."""
        return (self.alone,) if isinstance(self.alone, str) else self.alone


class Missing(Section):
    """`[missing]`: under what losses `demeanor bench` also measures the test part, with the same weights."""

    subsets: bool = True
    """Each non-empty set of the modalities."""
    frame_loss: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    """Shares of the frames of every sequence that are taken out at random."""
    seed: int = Field(default=0, ge=0)
    """Of the frames taken out: the same ones for every model."""


class Range(Section):
    """`[search]`: what is tried of one key, `choices` or what lies from `low` to `high`."""

    choices: tuple[Any, ...] | None = Field(default=None, min_length=1)
    """Values, one of which a trial takes."""
    low: int | float | None = None
    """Or a range: its lowest value; whole numbers give whole numbers."""
    high: int | float | None = None
    """Its highest."""
    log: bool = False
    """As many trials from 0.001 to 0.01 as from 0.01 to 0.1."""
    step: PositiveInt | PositiveFloat | None = None
    """What lies between two values that are tried; without it any may be."""

    @model_validator(mode="after")
    def _one_way(self) -> Range:
        if self.choices is None:
            if self.low is None or self.high is None or self.low > self.high:
                raise ValueError("expected choices = […], or low and high with low no more than high")
            if self.log and (self.low <= 0 or self.step is not None):
                raise ValueError("expected, beside log = true, a low above 0 and no step")
        elif self.model_fields_set != {"choices"}:
            raise ValueError("expected choices alone, or low and high")
        return self


class RunFile(Section):
    """A whole run file of the lab."""

    run: Run
    data: Data
    encoders: dict[str, dict[str, Any]]
    features: Features = Features()
    tasks: dict[str, Task]
    model: dict[str, Any] = {}
    training: Settings = Settings()
    bench: Bench = Bench()
    missing: Missing | None = None
    search: dict[str, Range] = {}
    """Key → the range that `demeanor search` tries; the other commands pass it over."""

    @field_validator("encoders")
    @classmethod
    def _expanded(cls, encoders: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Presets as the settings they stand for."""
        return {modality: expanded(settings) for modality, settings in encoders.items()}


SECTIONS: dict[str, type[BaseModel]] = {
    "run": Run, "data": Data, "features": Features, "tasks": Task, "training": Settings,
    "bench": Bench, "missing": Missing, "search": Range,
}  # fmt: skip
"""What each section may say; of `tasks` each of its own, of `search` what is said of a key."""


def checked(spec: Mapping[str, Any]) -> RunFile:
    """The run file as an object.

    Raises:
        ConfigError: a wrong key or value: names it, and near keys.
    """
    try:
        return RunFile(**spec)
    except ValidationError as error:
        raise ConfigError("; ".join(explain(e) for e in error.errors())) from None


def explain(error: Any) -> str:
    """One line for one of pydantic's findings."""
    path = [str(p) for p in error["loc"]]
    where = ".".join(path)
    if error["type"] == "extra_forbidden":
        known = _keys(path[:-1])
        near = difflib.get_close_matches(path[-1], known, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known keys: {', '.join(sorted(known))}"
        return f"unknown key {where}; {hint}"
    if error["type"] == "missing":
        return f"expected a key {where}, found none"
    return f"{where}: {error['msg']}, got {error['input']!r}"


def _keys(path: list[str]) -> list[str]:
    return list((SECTIONS[path[0]] if path and path[0] in SECTIONS else RunFile).model_fields)

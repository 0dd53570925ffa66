"""Self-distillation: each batch is read whole and once more with less, and the second reading learns from the first."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build, module_of  # noqa: E402

from demeanor import plugins  # noqa: E402
from demeanor.batch import FeatureBatch, Output  # noqa: E402
from demeanor.datasets.synthetic import DIMS, read  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.experiments.rows import Entry, spec_for  # noqa: E402
from demeanor.fusion._model import FusionConfig, Model  # noqa: E402
from demeanor.losses.distillation import distillation  # noqa: E402
from demeanor.training import lab, loop  # noqa: E402
from demeanor.training.data import Rows, batches  # noqa: E402
from demeanor.training.degrade import drop_modalities, only, subsets_of  # noqa: E402
from demeanor.training.loop import Settings, fit, predict  # noqa: E402

pytestmark = pytest.mark.lab

FUSING = [n for n in plugins.names("fusion") if issubclass(module_of(n).Config, FusionConfig)]


class Two(Model):
    """Two modalities, two tasks, a hidden vector, and a loss of its own."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Dropout(dropout))
        self.score, self.polarity = torch.nn.Linear(4, 1), torch.nn.Linear(4, 3)

    def forward(self, batch: FeatureBatch) -> Output:
        parts = [batch.values[m] * batch.present[m][:, None] for m in ("text", "audio")]
        hidden = self.net(torch.cat(parts, 1))
        return Output({"score": self.score(hidden)[:, 0], "polarity": self.polarity(hidden)}, hidden)

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, torch.Tensor]:
        return {**super().loss(output, batch), "own": 0.01 * output.hidden.square().mean()}


def rows(count: int = 22) -> Rows:
    rng = np.random.default_rng(0)
    values = {m: rng.standard_normal((count, width)).astype(np.float32) for m, width in (("text", 3), ("audio", 2))}
    score = values["text"].sum(1)
    labels = {"score": score, "polarity": np.eye(3, dtype=np.float32)[1 + np.sign(score.round()).astype(int)]}
    return Rows(values, labels, np.ones(count, np.float32))


PLAIN = {
    "epochs": 1, "batch": 24, "learning_rate": 0.05, "weight_decay": 0.0, "optimiser": "sgd", "schedule": "constant",
    "warmup": 0.0, "clip": 0.0, "precision": "float32", "device": "cpu", "keep": "last", "track": (),
}  # fmt: skip


def run(folder: Path, dropout: float = 0.0, score=lambda m: {"score": 0.0}, **settings: object) -> dict:
    torch.manual_seed(0)
    model, data = Two(dropout), rows()
    fit(model, lambda e: data, score, Settings(**{**PLAIN, **settings}), folder, say=lambda line: None)
    return model.state_dict()


def same(one: dict, two: dict, atol: float = 0.0) -> None:
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, atol=atol, rtol=0, msg=name)


def audio_goes(batch: FeatureBatch, chance: float, generator: torch.Generator) -> FeatureBatch:
    """What is dropped hangs on the row alone, so that batches can be cut in another way."""
    return replace(batch, present={**batch.present, "audio": batch.index % 2 == 0})


def test_a_hand_case_teaches_the_student_alone() -> None:
    """Logits 0, 0 against ln 9, 0: at temperature 2 the teacher says ¾, ¼."""
    student = Output({"polarity": torch.zeros(1, 2, requires_grad=True), "score": torch.zeros(1, requires_grad=True)})
    teacher = Output(
        {"polarity": torch.tensor([[math.log(9), 0.0]], requires_grad=True), "score": torch.ones(1, requires_grad=True)}
    )
    expected = 4 * (0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)) + 1
    found = distillation(student, teacher)
    assert found.item() == pytest.approx(expected)
    hidden = torch.tensor([[4 * math.log(3), 0.0]])  # at temperature 4: ¾, ¼ against ½, ½
    more = distillation(replace(student, hidden=hidden), replace(teacher, hidden=torch.zeros(1, 2)))
    assert more.item() == pytest.approx(expected + 0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    found.backward()
    assert student.tasks["score"].grad.item() == -1
    assert student.tasks["polarity"].grad[0, 0] < 0
    assert all(y.grad is None for y in teacher.tasks.values())
    assert distillation(teacher, teacher).item() == 0


def test_off_every_step_is_what_it_was(tmp_path: Path) -> None:
    """Beside modality dropout as it is: each batch dropped and read once, by the same draws, to the last bit."""
    torch.manual_seed(0)
    model, data = Two(0.3).train(), rows()
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.SGD(model.param_groups(0.05, 0.0), lr=0.05, momentum=0.9, nesterov=True)
    for batch in batches(data, 6, np.random.default_rng([0, 0])):
        less = drop_modalities(batch, 0.4, generator)
        optimiser.zero_grad()
        torch.stack([t.reshape(()) for t in model.loss(model(less), less).values()]).sum().backward()
        optimiser.step()
    same(model.state_dict(), run(tmp_path, 0.3, batch=6, modality_dropout=0.4))


def test_a_step_learns_both_readings_and_pulls_the_second(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, batch = Two().train(), next(batches(rows(), 24, np.random.default_rng([0, 0])))
    less = drop_modalities(batch, 0.5, torch.Generator().manual_seed(0))
    whole, fewer = model(batch), model(less)
    terms = [*model.loss(whole, batch).values(), *model.loss(fewer, less).values()]
    fixed = Output({t: y.detach() for t, y in whole.tasks.items()}, whole.hidden.detach())
    optimiser = torch.optim.SGD(model.param_groups(0.05, 0.0), lr=0.05, momentum=0.9, nesterov=True)
    (torch.stack(terms).sum() + 0.7 * distillation(fewer, fixed)).backward()
    optimiser.step()
    same(model.state_dict(), run(tmp_path, modality_dropout=0.5, self_distillation=0.7), atol=1e-6)


def test_accumulated_batches_equal_one_large_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "drop_modalities", audio_goes)
    given = {"modality_dropout": 0.5, "self_distillation": 0.7}
    same(run(tmp_path / "one", **given), run(tmp_path / "many", batch=3, accumulate=8, **given), atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_stopped_run_ends_as_an_unstopped_one(precision: str, tmp_path: Path) -> None:
    given = {
        "epochs": 4, "batch": 6, "optimiser": "adamw", "schedule": "cosine", "modality_dropout": 0.5,
        "self_distillation": 0.7, "precision": precision,
    }  # fmt: skip
    whole = run(tmp_path / "whole", 0.3, **given)
    calls: list[int] = []

    def stop(model: Model) -> dict[str, float]:
        calls.append(1)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return {"score": 0.0}

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", 0.3, stop, **given)
    same(whole, run(tmp_path / "cut", 0.3, **given))


PARALLEL = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
import torch
torch.set_num_threads(1)
from test_self_distillation import run
state = run(Path(sys.argv[1]), epochs=2, batch=5, clip=1.0, modality_dropout=0.5, self_distillation=0.7)
from demeanor.training.parallel import join
if join(torch.device("cpu")).leads:
    torch.save(state, Path(sys.argv[1]) / "end.pt")
if torch.distributed.is_initialized():
    torch.distributed.destroy_process_group()
"""


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    script = tmp_path / "go.py"
    script.write_text(PARALLEL.format(tests=str(Path(__file__).parent)))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, str(script), str(tmp_path / "both")], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    alone = run(tmp_path / "alone", epochs=2, batch=5, clip=1.0, modality_dropout=0.5, self_distillation=0.7)
    same(alone, torch.load(tmp_path / "both" / "end.pt"), atol=1e-6)


def rows_of(batch: FeatureBatch) -> Rows:
    """A batch back as rows: sequences cut to their real steps."""
    values = {
        m: v.numpy() if batch.valid[m] is None else [x[real].numpy() for x, real in zip(v, batch.valid[m], strict=True)]
        for m, v in batch.values.items()
    }
    labels = {t: y.numpy() for t, y in batch.labels.items()}
    return Rows(values, labels, np.ones(len(batch), np.float32))


@pytest.mark.parametrize("name", FUSING)
def test_every_model_that_fuses_takes_a_step(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In mixed precision, two tasks, memories and losses of their own included."""
    batch = batch_of(name, 6)
    labels = {"score": torch.linspace(-1, 1, 6), "polarity": torch.eye(3)[torch.arange(6) % 3]}
    model = build(name, tasks={"score": 1, "polarity": 3})
    before = {k: v.clone() for k, v in model.named_parameters()}
    pulled: list[float] = []

    def watched(student: Output, teacher: Output) -> torch.Tensor:
        found = distillation(student, teacher)
        pulled.append(float(found.detach()))
        return found

    monkeypatch.setattr(loop, "distillation", watched)
    data = rows_of(replace(batch, labels=labels))
    settings = Settings(epochs=1, batch=6, modality_dropout=0.6, self_distillation=0.5, device="cpu", track=())
    progress = fit(model, lambda e: data, lambda m: {"score": 0.0}, settings, tmp_path, say=lambda line: None)
    assert len(pulled) == len(list(model.phases()))
    assert all(math.isfinite(x) and x > 0 for x in pulled)
    assert math.isfinite(progress.history[0]["loss"])
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert any(not torch.equal(p, before[k]) for k, p in model.named_parameters())


def test_one_modality_is_refused(tmp_path: Path) -> None:
    settings = {"modality_dropout": 0.5, "self_distillation": 0.5}
    for alone in (["text"], []):
        with pytest.raises(ConfigError, match="self_distillation: expected samples with two modalities"):
            fit(Two(), lambda e, alone=alone: only(rows(), alone), lambda m: {}, Settings(**settings), tmp_path)
    spec = {
        "run": {"name": "a", "model": "concat"}, "data": {"dataset": "synthetic"}, "tasks": {"score": {}},
        "encoders": {"text": {"name": "series"}, "audio": {"name": "series"}}, "training": settings,
    }  # fmt: skip
    lab.check(spec)
    one = {"text": {"name": "series"}}
    before = {"encoders": one, "features": {"before": {"text": 2}}}  # what came before goes with its modality
    for changed in ({"encoders": one}, before, {"run": {"name": "a", "model": "textcnn"}}):
        with pytest.raises(ConfigError, match="self_distillation: expected two modalities or more"):
            lab.check({**spec, **changed})
    lab.check(spec_for(spec, Entry("concat", ("text",), False), 0, 0))  # a row of `bench` over text alone


def test_without_modality_dropout_there_is_nothing_to_distil() -> None:
    with pytest.raises(ConfigError, match=r"training\.self_distillation.*modality_dropout above 0"):
        lab.checked(
            {
                "run": {"name": "a", "model": "concat"}, "data": {"dataset": "synthetic"}, "tasks": {"score": {}},
                "encoders": {"text": {"name": "series"}}, "training": {"self_distillation": 0.5},
            }
        )  # fmt: skip


def made(seed: int, split: str) -> Rows:
    part = [s for s in read(samples=400, seed=seed, lengths=(2, 4)) if s.split == split]
    values = {m: [s.series[m] for s in part] for m in DIMS}
    return Rows(values, {"score": np.array([s.labels["score"] for s in part], np.float32)}, np.ones(len(part)))


def errors(seed: int, folder: Path, **settings: float) -> tuple[float, float]:
    """Mean absolute error of `concat` on the test part: with all there is, and the mean over every lesser set."""
    torch.manual_seed(seed)
    model = build("concat", seed, dims=DIMS, dropout=0.1)
    train, test = made(seed, "train"), made(seed, "test")
    given = {**PLAIN, "epochs": 10, "batch": 32, "learning_rate": 0.01, "optimiser": "adamw", "schedule": "cosine"}
    fit(
        model, lambda e: train, lambda m: {"score": 0.0}, Settings(**{**given, "seed": seed, **settings}), folder,
        say=lambda line: None,
    )  # fmt: skip
    *less, whole = (
        float(np.abs(predict(model, only(test, m), 256, "cpu", "float32")["score"] - test.labels["score"]).mean())
        for m in subsets_of(list(DIMS))
    )
    return whole, float(np.mean(less))


def test_a_model_trained_with_it_loses_less_where_modalities_are_missing(tmp_path: Path) -> None:
    """Paired over seeds. Measured: 0.025 less than a model that never lacked any, 0.007 of it by the pull itself."""
    found = {"without": {}, "unpulled": {"self_distillation": 1e-9}, "with": {"self_distillation": 0.5}}
    whole, less = {}, {}
    for name, settings in found.items():
        dropped = {"modality_dropout": 0.5} if settings else {}
        each = [errors(seed, tmp_path / f"{name}-{seed}", **dropped, **settings) for seed in range(3)]
        whole[name], less[name] = np.array(each).T
    gain, pull = less["without"] - less["with"], less["unpulled"] - less["with"]
    assert (gain > 0).all()
    assert gain.mean() > 0.015
    assert pull.mean() > 0
    assert (whole["with"] - whole["without"]).mean() < 0.01, "and no more where all is there"

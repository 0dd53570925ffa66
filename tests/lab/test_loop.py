"""What the training loop promises: every row counts, stops when told, resumes the same, divides among processes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from demeanor.batch import FeatureBatch, Output  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.fusion._model import Model  # noqa: E402
from demeanor.losses.tasks import task_loss  # noqa: E402
from demeanor.training import lab, loop  # noqa: E402
from demeanor.training.data import Rows, batches, class_chances, collate  # noqa: E402
from demeanor.training.degrade import drop_modalities  # noqa: E402
from demeanor.training.loop import Settings, fit  # noqa: E402
from demeanor.training.parallel import Group, join  # noqa: E402
from demeanor.training.schedule import rate  # noqa: E402
from demeanor.training.start import start_from  # noqa: E402

pytestmark = pytest.mark.lab


class Line(Model):
    """The least a model can be: one weight vector."""

    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(3, 1)

    def forward(self, batch: FeatureBatch) -> Output:
        values = batch.values["text"].sum(1) * batch.present["text"][:, None]
        return Output({"score": self.line(values)[:, 0]})


class TwoPhases(Line):
    """Trains its bias in one pass and its weight in another."""

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict]:
        return [
            {"params": [self.line.weight], "lr": learning_rate, "phase": "weight"},
            {"params": [self.line.bias], "lr": learning_rate, "phase": "bias"},
        ]

    def phases(self):
        yield "bias"
        yield "weight"


def rows(count: int = 22) -> Rows:
    rng = np.random.default_rng(0)
    values = [rng.standard_normal((1 + n % 4, 3)).astype(np.float32) for n in range(count)]
    score = np.array([v.sum() for v in values], np.float32)
    return Rows({"text": values}, {"score": score}, np.ones(count, np.float32))


def run(folder: Path, model: Model | None = None, scores: list[float] | None = None, **settings: object):
    given = {"epochs": 3, "batch": 4, "learning_rate": 0.02, "precision": "float32", "device": "cpu", "track": ()}
    torch.manual_seed(0)
    model = model or Line()
    said = iter(scores or range(100))
    data = rows()
    progress = fit(
        model, lambda e: data, lambda m: {"score": float(next(said))}, Settings(**{**given, **settings}), folder,
        say=lambda line: None,
    )  # fmt: skip
    return model, progress


def test_a_slow_machine_says_how_far_it_is_and_a_fast_one_only_the_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(name: str) -> list[str]:
        found: list[str] = []
        settings = Settings(epochs=2, batch=11, device="cpu", track=())
        fit(Line(), lambda e: rows(), lambda m: {"score": 0.5}, settings, tmp_path / name, say=found.append)
        return found

    assert [" score 0.5" in line for line in said("fast")] == [True, True]
    monkeypatch.setattr(loop, "_QUIET", -1.0)  # as if every step took long
    half, trained, scored, *_ = said("slow")
    assert half.startswith("epoch 1/2  50% loss ")
    assert half.endswith(" s left")
    assert trained == "epoch 1/2 trained; now it is scored on validation rows"
    assert " score 0.5" in scored


def test_accumulated_batches_equal_one_large_batch_also_in_the_last_window(tmp_path: Path) -> None:
    """22 rows in batches of 3, eight to a window: the last window of one batch must not be lost, nor weigh double."""
    seen: list[int] = []

    class Counting(Line):
        def loss(self, output, batch):
            if self.training:
                seen.append(len(batch))
            return super().loss(output, batch)

    torch.manual_seed(0)
    one, _ = run(tmp_path / "one", batch=24, epochs=1, warmup=0.0, clip=0.0, optimiser="sgd", weight_decay=0.0)
    many, _ = run(
        tmp_path / "many", Counting(), batch=3, accumulate=8, epochs=1, warmup=0.0, clip=0.0, optimiser="sgd",
        weight_decay=0.0,
    )  # fmt: skip
    assert sum(seen) == 22
    torch.testing.assert_close(many.line.weight, one.line.weight, atol=1e-6, rtol=0)


def test_it_stops_early_and_keeps_the_best(tmp_path: Path) -> None:
    _, progress = run(tmp_path, scores=[1, 5, 4, 3, 2, 1, 0], epochs=7, patience=3)
    assert progress.epoch == 5
    assert progress.best == 5
    assert progress.best_epoch == 2


def test_the_plateau_lowers_the_rate_once_per_patience(tmp_path: Path) -> None:
    _, progress = run(
        tmp_path, scores=[1, 1, 1, 1, 1, 1], epochs=6, schedule="plateau", plateau_patience=2, plateau_factor=0.1
    )
    assert progress.scale == pytest.approx(0.01)


@pytest.mark.parametrize(("shape", "middle", "end"), [("cosine", 0.5, 0.0), ("linear", 0.5, 0.0), ("constant", 1, 1)])
def test_schedules(shape: str, middle: float, end: float) -> None:
    assert rate(0, 1000, 0.1, shape) == pytest.approx(0.01)
    assert rate(100, 1000, 0.1, shape) == pytest.approx(1.0)
    assert rate(550, 1000, 0.1, shape) == pytest.approx(middle, abs=0.01)
    assert rate(999, 1000, 0.1, shape) == pytest.approx(end, abs=0.01)


def test_each_phase_trains_its_own_weights(tmp_path: Path) -> None:
    moved: list[tuple[str, bool, bool]] = []

    class Watched(TwoPhases):
        def after_step(self, output, batch, epoch):
            before = self.before
            moved.append(
                (self.phase, not torch.equal(before[0], self.line.weight), not torch.equal(before[1], self.line.bias))
            )
            self.before = (self.line.weight.detach().clone(), self.line.bias.detach().clone())

    model = Watched()
    model.before = (model.line.weight.detach().clone(), model.line.bias.detach().clone())
    run(tmp_path, model, epochs=1)
    assert {m for m in moved if m[0] == "bias"} == {("bias", False, True)}
    assert {m for m in moved if m[0] == "weight"} == {("weight", True, False)}
    assert len(moved) == 12


def test_modality_dropout_leaves_every_sample_something_it_has() -> None:
    count = 2000
    present = {"text": torch.ones(count, dtype=torch.bool), "audio": torch.arange(count) % 2 == 0}
    values = {m: torch.zeros(count, 1, 1) for m in present}
    batch = FeatureBatch(values, dict.fromkeys(present), present)
    dropped = drop_modalities(batch, 0.5, torch.Generator().manual_seed(0)).present
    assert (dropped["text"] | dropped["audio"]).all()
    assert not (dropped["audio"] & ~present["audio"]).any()
    assert dropped["text"][1::2].all(), "the only modality of a sample stays"
    assert 0.6 < dropped["text"][::2].float().mean() < 0.65  # ½, and half of the ¼ that would lose both


def test_what_came_before_goes_with_its_modality_and_is_not_the_last_one() -> None:
    count = 2000
    text, audio, before = (torch.ones(count, dtype=torch.bool) for _ in range(3))
    audio[::2] = False
    text[1::4] = False
    present = {"text": text, "audio": audio, "text_context": before}
    batch = FeatureBatch({m: torch.zeros(count, 1, 1) for m in present}, dict.fromkeys(present), present)
    dropped = drop_modalities(batch, 0.5, torch.Generator().manual_seed(0)).present
    assert (dropped["text"] | dropped["audio"]).all(), "what came before does not stand for the sample"
    assert torch.equal(dropped["text_context"], dropped["text"] | ~text), "lost with its modality and no other way"


def test_a_missing_modality_is_absent_not_zeros() -> None:
    data = Rows(
        {"text": [np.ones((2, 3), np.float32), None]}, {"score": np.zeros(2, np.float32)}, np.ones(2, np.float32)
    )
    batch = collate(data, np.array([0, 1]))
    assert batch.present["text"].tolist() == [True, False]
    assert batch.mask("text").tolist() == [[True, True], [False, False]]
    alone = collate(data, np.array([1]))
    assert alone.values["text"].shape == (1, 1, 3)


def test_balanced_sampling_draws_classes_alike() -> None:
    classes = np.eye(3, dtype=np.float32)[[0] * 80 + [1] * 15 + [2] * 5]
    data = Rows({"text": np.zeros((100, 2), np.float32)}, {"emotions": classes}, np.ones(100, np.float32))
    assert class_chances(data.labels)[classes.argmax(1) == 2].sum() == pytest.approx(1 / 3)
    rng = np.random.default_rng(0)
    drawn = np.concatenate([b.labels["emotions"].argmax(1) for _ in range(20) for b in batches(data, 10, rng, True)])
    shares = np.bincount(drawn, minlength=3) / len(drawn)
    assert shares == pytest.approx([1 / 3] * 3, abs=0.05)


def test_balanced_sampling_takes_no_unlabelled_row_for_a_class() -> None:
    classes = np.eye(2, dtype=np.float32)[[0] * 4 + [1] * 2 + [0] * 10]
    classes[6:] = np.nan
    chances = class_chances({"emotions": classes})
    assert [chances[a:b].sum() for a, b in ((0, 4), (4, 6), (6, 16))] == pytest.approx([1 / 3] * 3)
    score = np.array([-1, -2, 0, 1, np.nan, np.nan, np.nan], np.float32)
    chances = class_chances({"score": score})
    assert [chances[a:b].sum() for a, b in ((0, 2), (2, 3), (3, 4), (4, 7))] == pytest.approx([1 / 4] * 4)


def test_weights_to_start_from_that_fit_nothing_are_refused(tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(2)}, tmp_path / "best.pt")
    with pytest.raises(ConfigError, match="no weight"):
        start_from(Line(), tmp_path)
    for name in ("best.pt", "best.safetensors"):
        (tmp_path / name).write_text("no weights")
        with pytest.raises(ConfigError, match="init_from: expected weights that torch or safetensors saved, got"):
            start_from(Line(), tmp_path / name)
    torch.save([1], tmp_path / "best.pt")
    with pytest.raises(ConfigError, match=r"expected weights by name in .*, got a list"):
        start_from(Line(), tmp_path)
    torch.save({"line.weight": torch.ones(1, 3), "line.bias": torch.zeros(5)}, tmp_path / "best.pt")
    model = Line()
    assert start_from(model, tmp_path, lambda line: None) == ["line.weight"]
    assert torch.equal(model.line.weight, torch.ones(1, 3))


def test_a_stopped_run_goes_on_though_what_it_started_from_is_gone(tmp_path: Path) -> None:
    source = tmp_path / "source"
    run(source, epochs=1)
    run(tmp_path / "run", epochs=1, init_from=str(source))
    shutil.rmtree(source)
    _, progress = run(tmp_path / "run", epochs=2, init_from=str(source))
    assert progress.epoch == 2
    with pytest.raises(ConfigError, match="init_from: expected weights at"):
        run(tmp_path / "new", init_from=str(source))


def test_unknown_and_impossible_settings_fail() -> None:
    for wrong in ({"epochz": 3}, {"epochs": 0}, {"schedule": "sine"}, {"modality_dropout": 1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Settings(**wrong)


class Pair(Line):
    """Two tasks; the loss of the second counts `factor` times."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.line, self.factor = torch.nn.Linear(3, 2), factor

    def forward(self, batch: FeatureBatch) -> Output:
        said = self.line(batch.values["text"].sum(1))
        return Output({"score": said[:, 0], "noise": said[:, 1]})

    def loss(self, output: Output, batch: FeatureBatch) -> dict:
        return {"task": task_loss(output.tasks, batch.labels, {"noise": self.factor})}


def learned_weights(folder: Path, model: Model, noise: float = 20.0, **settings: object):
    """Train on a score that can be learned and a number that is chance; the model's weights, and the last row."""
    data = rows()
    data.labels["noise"] = np.random.default_rng(1).normal(0, noise, len(data)).astype(np.float32)
    given = {"epochs": 4, "batch": 4, "learning_rate": 0.05, "precision": "float32", "device": "cpu", "track": ()}
    settings = Settings(**{**given, "task_weights": "learned", "keep": "last", **settings})
    said = iter(range(9))
    progress = fit(model, lambda e: data, lambda m: {"score": float(next(said))}, settings, folder, say=lambda _: None)
    return model.line.weight, progress.history[-1]


def test_the_learned_weight_of_a_noisy_task_falls(tmp_path: Path) -> None:
    _, row = learned_weights(tmp_path / "learned", Pair())
    assert row["weight_noise"] < 0.6 < row["weight_score"]
    assert not [k for k in torch.load(tmp_path / "learned" / "best.pt") if "noise" in k]  # the model is as ever
    _, row = learned_weights(tmp_path / "fixed", Pair(), task_weights="fixed")
    assert not [k for k in row if k.startswith("weight_")]


def test_a_task_that_counts_nothing_or_has_no_label_learns_no_weight(tmp_path: Path) -> None:
    assert learned_weights(tmp_path / "zero", Pair(0.0))[1]["weight_noise"] == 1
    assert learned_weights(tmp_path / "none", Pair(), noise=np.nan)[1]["weight_noise"] == 1


def test_learned_weights_of_tasks_go_on_where_a_stopped_run_left_them(tmp_path: Path) -> None:
    class Stopped(Pair):
        def forward(self, batch: FeatureBatch) -> Output:
            self.steps = getattr(self, "steps", 0) + 1
            if self.steps > 12:  # of six an epoch
                raise KeyboardInterrupt
            return super().forward(batch)

    torch.manual_seed(0)
    whole, row = learned_weights(tmp_path / "whole", Pair())
    torch.manual_seed(0)
    with pytest.raises(KeyboardInterrupt):
        learned_weights(tmp_path / "stopped", Stopped())
    resumed, again = learned_weights(tmp_path / "stopped", Pair())
    torch.testing.assert_close(resumed, whole)
    assert {k: v for k, v in again.items() if k.startswith("weight_")} == pytest.approx(
        {k: v for k, v in row.items() if k.startswith("weight_")}
    )


@pytest.mark.parametrize("name", ["concat", "late_mean", "mmml", "umdf", "djmf"])
def test_every_kind_of_model_learns_its_tasks_weights(tmp_path: Path, name: str) -> None:
    tasks = {"score": {"scale": 3.0}, "polarity": {}}
    lab_run(tmp_path, name, tasks, task_weights="learned", self_distillation=0.1, modality_dropout=0.3)
    spreads = torch.load(tmp_path / "last.pt")["spreads"]
    assert spreads["score"] != 0
    assert spreads["polarity"] != 0


def test_learned_weights_want_two_tasks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected two tasks or more"):
        lab_run(tmp_path, "concat", task_weights="learned")


PARALLEL = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
import torch
torch.set_num_threads(1)
torch.manual_seed(0)
from test_loop import TwoPhases, lab_run, run
run(Path(sys.argv[1]) / "phases", TwoPhases(), epochs=2, batch=5)
lab_run(Path(sys.argv[1]) / "stack", "late_stack")
lab_run(Path(sys.argv[1]) / "pretrained", "concat", pretrain=2)
model, progress = run(Path(sys.argv[1]), epochs=2, batch=5, clip=1.0)
import json
from demeanor.training.parallel import join
if join(torch.device("cpu")).leads:
    torch.save(model.state_dict(), Path(sys.argv[1]) / "end.pt")
    (Path(sys.argv[1]) / "losses.json").write_text(json.dumps([row["loss"] for row in progress.history]))
if torch.distributed.is_initialized():
    torch.distributed.destroy_process_group()
"""


def lab_run(folder: Path, name: str, tasks: dict | None = None, **training: object) -> None:
    """A run of the lab over numbers made up, trained into a folder."""
    run = lab.check(
        {
            "run": {"name": name, "model": name},
            "data": {"dataset": "synthetic", "samples": 60, "seed": 1},
            "encoders": {m: {"name": "series"} for m in ("text", "audio")},
            "tasks": tasks or {"score": {"scale": 3.0}},
            "model": {"dropout": 0.0},
            "training": {"epochs": 1, "batch": 15, "learning_rate": 0.01, "precision": "float32", "device": "cpu"}
            | {"track": ()} | training,
        }
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    lab.train(run, folder, folder, Store(folder / "features"), lambda line: None)


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    script = tmp_path / "go.py"
    script.write_text(PARALLEL.format(tests=str(Path(__file__).parent)))
    alone, both = tmp_path / "alone", tmp_path / "both"
    subprocess.run([sys.executable, str(script), str(alone)], check=True, capture_output=True, timeout=120)
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(script),
        str(both),
    ]
    done = subprocess.run(launch, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for kept in ("end.pt", "phases/best.pt", "stack/weights.pt", "pretrained/pretrained.pt", "pretrained/weights.pt"):
        one, two = torch.load(alone / kept), torch.load(both / kept)
        for name in one:
            torch.testing.assert_close(two[name], one[name], atol=1e-5, rtol=1e-4, msg=lambda m, k=kept: f"{k}: {m}")
    losses = [json.loads((where / "losses.json").read_text()) for where in (alone, both)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4), "of all rows, not of one process' share"
    assert not [p for p in (both / "stack").iterdir() if p.name.startswith("tmp")]


def test_numbers_go_to_tensorboard_where_it_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run(tmp_path, track=None)
    assert list((tmp_path / "tensorboard").glob("events*"))
    assert json.dumps(Settings().model_dump())


def test_each_process_of_a_machine_takes_its_own_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the names that torchrun gives; there is no card here."""
    taken: list[int] = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend: None)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 3)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "1")
    for device in ("cuda", "cuda:2", "cpu"):
        assert join(torch.device(device)) == Group(3, 4)
    assert taken == [1]

"""A wrong run file fails before any work starts, naming the key and the near ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build, module_of  # noqa: E402

from demeanor.errors import ConfigError, DemeanorError  # noqa: E402
from demeanor.fusion._model import by_modality  # noqa: E402
from demeanor.plugins import names  # noqa: E402
from demeanor.training.prepare import targets_of  # noqa: E402
from demeanor.training.run import read_run_file, train  # noqa: E402
from demeanor.training.runfile import Task, checked  # noqa: E402
from demeanor.types import Sample  # noqa: E402

pytestmark = pytest.mark.lab

RECIPES = Path(__file__).parents[2] / "recipes" / "lab"


def spec(**changes: Any) -> dict[str, Any]:
    good: dict[str, Any] = {
        "run": {"name": "x", "model": "concat"},
        "data": {"dataset": "synthetic"},
        "encoders": {"text": {"name": "series"}},
        "tasks": {"score": {}},
        "training": {"epochs": 1},
    }
    for path, value in changes.items():
        section, _, key = path.partition("__")
        good.setdefault(section, {})[key] = value
    return good


def test_a_right_one_passes_with_its_defaults() -> None:
    run = checked(spec())
    assert run.training.epochs == 1
    assert run.features.normalise == "zscore"
    assert run.data.valid == 0.1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"training__epoch": 3}, "unknown key training.epoch; did you mean epochs"),
        ({"training__batch": 0}, "training.batch"),
        ({"training__seed": -1}, "training.seed: .*greater than or equal to 0, got -1"),
        ({"data__fold_seed": -1}, "data.fold_seed: .*greater than or equal to 0, got -1"),
        ({"missing__seed": -1}, "missing.seed: .*greater than or equal to 0, got -1"),
        ({"training__schedule": "sinus"}, "training.schedule"),
        ({"features__normalize": "none"}, "did you mean normalise"),
        ({"run__name": "../evil"}, "expected a plain name, of which a folder is made, got '../evil'"),
        ({"run__name": "/tmp/x"}, "expected a plain name"),
        ({"run__name": ""}, "expected a plain name"),
        ({"run__modell": "tfn"}, "did you mean model"),
        ({"tasks__score": {"scales": 3}}, "did you mean scale"),
        ({"data__valid": 2.0}, "data.valid"),
        ({"tasks__mood": {"classes": ["glad"], "ignore": ["glad"]}}, "none of the classes, got glad"),
        ({"search__lr": 3}, "search.lr"),
        ({"search__lr": {"low": 1, "high": 2, "logg": True}}, "unknown key search.lr.logg; did you mean log"),
        ({"search__lr": {"low": 0, "high": 2, "log": True}}, "a low above 0"),
        ({"search__lr": {"low": 2, "high": 1}}, "low no more than high"),
        ({"search__lr": {"low": 2, "high": 3, "choices": [2]}}, "choices alone"),
        ({"search__lr": {"choices": []}}, "search.lr.choices"),
        ({"features__longest": {"text": -1}}, "features.longest.text"),
        ({"features__longest": {"text": 0}}, "features.longest.text"),
        ({"missing__frame_loss": [0.3, 30]}, "missing.frame_loss.1"),
    ],
)
def test_wrong_keys_and_values_are_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        checked(spec(**change))


def test_a_missing_section_is_named() -> None:
    wrong = spec()
    del wrong["tasks"]
    with pytest.raises(ConfigError, match="expected a key tasks"):
        checked(wrong)


def test_names_are_looked_up_before_work_starts() -> None:
    from demeanor.training import lab

    for change, near in (
        ({"run__model": "concatt"}, "concat"),
        ({"model__witdh": 3}, "width"),
        ({"run__select": "mse"}, "run.select: unknown metric 'mse'; this run has corr, mae"),
        ({"run__select": "mood_mae", "tasks__mood": {"classes": ["glad", "cross"]}}, "mood_uar"),
        ({"training__device": "gpu"}, "training.device: expected auto, cpu, cuda"),
    ):
        with pytest.raises(DemeanorError, match=near):
            lab.check(spec(**change))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"run__model": "audio_cnn"}, r"audio_cnn predicts tasks of these sizes alone, .*got \{'score': 1\}"),
        ({"run__model": "image_cnn", "tasks__mood": {"classes": ["a", "b", "c"]}}, "'mood': 3"),
        ({"run__model": "text_transformer", "tasks__polarity": {"classes": ["bad", "good"]}}, "got {'polarity': 2}"),
        (
            {"run__model": "text_transformer", "tasks__polarity": {"classes": ["positive", "neutral", "negative"]}},
            "tasks.polarity: expected the classes of text_transformer, negative, neutral, positive, in this order, got "
            "positive, neutral, negative; leave tasks.polarity.classes out",
        ),
        ({"run__model": "textcnn", "encoders__audio": {"name": "series"}, "model__modality": "visual"}, "got visual"),
        ({"run__model": "vit", "encoders__audio": {"name": "series"}}, "one of text, audio, got visual; name model"),
        (
            {"tasks__score": {"balance": 0.5}},
            "tasks.score.balance: expected a task with classes, whose frequencies it weighs by, got one of numbers",
        ),
        ({"run__model": "context_lstm"}, "expected features.context of every modality, got none of text"),
        (
            {"run__model": "context_lstm", "encoders__audio": {"name": "series"}, "features__context": {"text": 2}},
            "got none of audio",
        ),
        ({"encoders__eye.gaze": {"name": "series"}}, "encoders: expected a name of letters.*say encoders.my_eyegaze"),
        *(
            ({f"encoders__{n}": {"name": "series"}}, f"got '{n}'")
            for n in ("type", "keys", "values", "pop", "", "fused")
        ),
        *(({f"tasks__{n}": {}}, f"tasks: .*got '{n}'") for n in ("type", "half", "tasks", "weight", "a b")),
        ({"model__l2": {"txt": 1.0}}, "model.l2: expected modalities of the run, text, got txt; name one of those"),
        ({"run__model": "cdml", "encoders__audio": {"name": "series"}, "model__contextual": ["txt"]}, "got txt"),
        *(
            (
                {
                    "run__model": name,
                    "encoders__audio": {"name": "series"},
                    f"model__{key}": {"fused": 0.1, "sound": 1},
                },
                got,
            )
            for name in ("self_mm", "adafn_ag")
            for key, got in (
                ("rates", "model.rates: .*text, audio, got fused, sound"),
                ("dropouts", "audio, got sound"),
            )
        ),
        (
            {"features__before": {"text": 2}, "training__modality_dropout": 0.3, "training__self_distillation": 1.0},
            "expected two modalities or more",
        ),
    ],
)
def test_what_a_model_cannot_do_is_told_before_work_starts(changes: dict[str, Any], says: str) -> None:
    from demeanor.training import lab

    with pytest.raises(ConfigError, match=says):
        lab.check(spec(**changes))


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("concat", {"dropout": 7}, "model.dropout: Value error, expected a chance in"),
        ("misa", {"dropout": 7}, "model.dropout: Value error, expected a chance in"),
        ("concat", {"width": -3}, "negative dimension -3"),
        ("mult", {"width": 30, "heads": 8}, "width 30 cannot be cut into 8 heads"),
        ("concat", {"width": "wide"}, "model.width"),
        ("mag", {"width": 100, "heads": 3}, "width 100 cannot be cut into 3 heads"),
        ("cmka_lstm", {"width": 65, "heads": 5}, "model.width: .*multiple of 2"),
        ("audio_cnn", {"kernel": 4}, "kernel: expected an odd number of frames, got 4"),
        ("mult", {"input_dropout": {"text": 1.5}}, "model.input_dropout: .*a chance in"),
        ("self_mm", {"dropouts": {"text": 1.5}}, "model.dropouts: .*a chance in"),
    ],
)
def test_values_that_a_model_cannot_have_are_told_before_work_starts(name: str, settings: dict, says: str) -> None:
    from demeanor.training import lab

    tasks = {"emotions": {}} if name == "audio_cnn" else {"score": {}}
    wrong = {**spec(run__model=name, encoders__audio={"name": "series"}), "model": settings, "tasks": tasks}
    with pytest.raises(ConfigError, match=says):
        lab.check(wrong)
    lab.check(wrong, builds=False)
    lab.check({**wrong, "model": {}})


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("text_transformer", {"dim": 30, "heads": 4}), ("vit", {"drop_path": 1.0}),
        ("visual_textual", {"width": 9, "heads": 3}),
    ],
)  # fmt: skip
def test_sizes_that_no_layer_can_have_fail_when_it_is_built(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, ValidationError)):
        build(name, **settings)


def test_what_hangs_on_the_widths_of_the_data_is_left_to_these() -> None:
    from demeanor.training import lab

    both = spec(run__model="bert_resnet", encoders__audio={"name": "series"}, model__dropout=0.2)
    lab.check(both)  # without data it is not known whether one of them gives pictures


def test_a_model_of_one_modality_reads_its_own_or_the_only_one() -> None:
    from demeanor.fusion import audio_lstm, concat, text_transformer
    from demeanor.training.refuse import modality_of

    both = {"run__model": "audio_lstm", "encoders__audio": {"name": "series"}}
    assert modality_of(checked(spec(**both)), audio_lstm) == "audio", "not the first one"
    assert modality_of(checked(spec(**both, model__modality="text")), audio_lstm) == "text"
    assert modality_of(checked(spec(run__model="audio_lstm")), audio_lstm) == "text"
    assert modality_of(checked(spec()), concat) is None
    named = spec(run__model="text_transformer")
    named["encoders"] = {"words": named["encoders"].pop("text")}
    assert modality_of(checked(named), text_transformer) == "words"
    words = build("text_transformer", modality="words")
    one = batch_of("text_transformer", 3)
    there = {part: {"words": getattr(one, part)["text"]} for part in ("values", "valid", "present")}
    assert torch.equal(words(replace(one, **there)).hidden, build("text_transformer")(one).hidden)


@pytest.mark.parametrize("name", names("fusion"))
def test_every_setting_by_modality_is_marked(name: str) -> None:
    """A mapping or a row of names that is not `dims`, `tasks` or `weights`."""
    config = module_of(name).Config
    kinds = {key: str(field.annotation) for key, field in config.model_fields.items()}
    named = {key for key, kind in kinds.items() if kind.startswith(("dict[str", "tuple[str, ..."))}
    assert set(by_modality(config)) == named - {"dims", "tasks", "weights"}


def test_a_row_of_a_bench_has_the_settings_of_its_own_modalities() -> None:
    from demeanor.experiments.rows import Entry, spec_for
    from demeanor.training import lab

    both = spec(encoders__audio={"name": "series"}, model__l2={"text": 0.1, "audio": 0.2})
    one = spec_for(both, Entry("concat", ("text",), False), 0, 0)
    assert lab.check(one).model["l2"] == {"text": 0.1}
    assert lab.check(spec_for(both, Entry("concat", ("text", "audio"), True), 0, 0)).model == both["model"]
    both["model"]["l2"]["sound"] = 0.3
    with pytest.raises(ConfigError, match="got sound"):
        lab.check(spec_for(both, Entry("concat", ("text",), False), 0, 0))


def test_settings_for_the_words_around_are_left_out_with_their_modality() -> None:
    from demeanor.experiments.rows import Entry, spec_for
    from demeanor.training import lab

    l2 = {"text": 0.1, "text_context": 0.2, "audio": 0.3}
    both = spec(encoders__audio={"name": "series"}, model__l2=l2, features__before={"text": 2})
    alone = spec_for(both, Entry("concat", ("audio",), False), 0, 0)
    assert lab.check(alone).model["l2"] == {"audio": 0.3}
    words = spec_for(both, Entry("concat", ("text",), False), 0, 0)
    assert lab.check(words).model["l2"] == {"text": 0.1, "text_context": 0.2}


@pytest.mark.parametrize(
    "earlier",
    [
        {"tasks__score": {"balance": 0.5}}, {"model__l2": {"txt": 1.0}}, {"encoders__fused": {"name": "series"}},
        {"encoders__audio": {"name": "series"}, "run__model": "self_mm", "model__rates": {"fused": 1.0}},
    ],
)  # fmt: skip
def test_what_finished_runs_say_without_effect_is_refused_only_where_training_begins(earlier: dict[str, Any]) -> None:
    from demeanor.training import lab

    with pytest.raises(ConfigError):
        lab.check(spec(**earlier))
    lab.check(spec(**earlier), begins=False)


WORDS, VECTORS, PICTURE = ({"name": n} for n in ("text_words", "text_vectors", "visual_picture"))


@pytest.mark.parametrize(
    ("model", "encoders", "settings", "says"),
    [
        ("gated", {"text": WORDS}, {}, "encoders.text: expected frames, which gated reads .* got text_words, which "
         "gives token ids; take .*text_vectors.* or what reads token ids, .*bert_resnet, bilstm, cnn_rnn, .*textcnn"),
        ("concat", {"text": VECTORS, "visual": PICTURE}, {}, "got visual_picture, .*: bert_resnet, .*, resnet18, vit$"),
        ("vit", {"visual": {"name": "visual_hog"}}, {}, "expected pictures, which vit reads .*take visual_picture"),
        ("tuned_concat", {"text": VECTORS}, {}, "expected token ids, .*take text_words or text_tokens, .*most models"),
        ("textcnn", {"text": WORDS}, {"preset": "features"}, "expected frames, which textcnn reads with"),
        ("bilstm", {"text": VECTORS}, {"vocabulary": 90}, "expected token ids, which bilstm reads with these settings"),
        ("cnn_rnn", {"visual": PICTURE}, {}, "what reads pictures, by its defaults or a preset: .*cnn_rnn, "),
        ("bert_resnet", {"text": WORDS, "visual": WORDS}, {}, "encoders.visual: expected pictures"),
    ],
)  # fmt: skip
def test_an_encoder_that_gives_what_a_model_does_not_read_is_told_before_work_starts(
    model: str, encoders: dict[str, Any], settings: dict[str, Any], says: str
) -> None:
    from demeanor.training import lab

    with pytest.raises(ConfigError, match=says):
        lab.check({**spec(run__model=model), "encoders": encoders, "model": settings})


@pytest.mark.parametrize(
    ("model", "encoders", "settings"),
    [
        ("textcnn", {"text": WORDS, "visual": PICTURE}, {}),
        ("textcnn", {"text": VECTORS}, {}),
        ("cnn_rnn", {"text": WORDS, "visual": PICTURE, "voice": VECTORS}, {"kinds": {"visual": "picture"}}),
        ("bert_resnet", {"text": VECTORS, "visual": PICTURE}, {}),
    ],
)
def test_what_a_model_reads_passes(model: str, encoders: dict[str, Any], settings: dict[str, Any]) -> None:
    from demeanor.training import lab

    lab.check({**spec(run__model=model), "encoders": encoders, "model": settings})


def test_a_run_of_an_expert_is_told_from_one_of_a_model() -> None:
    from demeanor.training import lab

    path = Path(__file__).parents[2] / "recipes" / "words.toml"
    with pytest.raises(ConfigError, match=r"expert 'words'.*recipes/make_model.py"):
        lab.check(read_run_file(path))


def test_a_file_that_is_no_run_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("[run]\nname = 'x'\n")
    with pytest.raises(ConfigError, match="model"):
        read_run_file(path)
    path.write_text("[run\n")
    with pytest.raises(ConfigError, match="TOML"):
        read_run_file(path)
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        read_run_file(tmp_path / "none.toml") if not path.exists() else read_run_file(_good(path), ["epochs=3"])


def test_a_run_file_is_saved_as_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    path, text = tmp_path / "run.toml", "# 训练\n[run]\nname = '训练'\nmodel = 'concat'\n"
    path.write_text(text, encoding="utf-8-sig")  # as Notepad does
    assert read_run_file(path)["run"]["name"] == "训练"
    path.write_text(text, encoding="gbk")
    with pytest.raises(ConfigError, match=r"expected TOML in UTF-8, got another encoding .*; save it as UTF-8"):
        read_run_file(path)


def test_lr_is_the_learning_rate(tmp_path: Path) -> None:
    path = _good(tmp_path / "run.toml")
    path.write_text(path.read_text() + "[training]\nlearning_rate = 0.1\nepochs = 2\n")
    expected = {"learning_rate": 1e-4, "epochs": 2}
    assert read_run_file(path, ["training.lr=1e-4"])["training"] == expected
    path.write_text(path.read_text().replace("learning_rate", "lr"))
    assert read_run_file(path, ["training.learning_rate=1e-4"])["training"] == expected
    path.write_text(
        path.read_text()
        + '[search]\n"training.lr" = { choices = [1e-4] }\n[bench.settings]\n'
        + "mult.training.lr = 0.1\ntfn.training.lr = 0.2\n"
    )
    found = read_run_file(path, ["bench.settings.tfn.training.lr=0.3"])
    assert list(found["search"]) == ["training.learning_rate"]
    assert found["bench"]["settings"] == {
        "mult": {"training": {"learning_rate": 0.1}}, "tfn": {"training": {"learning_rate": 0.3}},
    }  # fmt: skip


def _good(path: Path) -> Path:
    path.write_text("[run]\nname = 'x'\nmodel = 'concat'\n")
    return path


def test_overrides_reach_nested_sections(tmp_path: Path) -> None:
    path = _good(tmp_path / "run.toml")
    found = read_run_file(path, ["encoders.text.name=text_bag", "features.longest.text=7", "training.epochs=3"])
    assert found["encoders"]["text"]["name"] == "text_bag"
    assert found["features"]["longest"] == {"text": 7}
    assert found["training"]["epochs"] == 3
    with pytest.raises(ConfigError, match=r"--set run\.name\.x: expected a section name"):
        read_run_file(path, ["run.name.x=1"])


def test_the_example_of_big_encoders_is_a_run_file() -> None:
    from demeanor.training import lab

    found = lab.check(read_run_file(RECIPES / "large.toml"))
    assert {m: e["name"] for m, e in found.encoders.items()} == {
        "text": "text_hf", "audio": "audio_hf", "face": "visual_vit", "visual": "visual_vit",
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_what_train_is_given_of_a_shipped_run_file_can_be_trained(path: Path) -> None:
    from demeanor.training import lab

    lab.check(read_run_file(path), builds=False)


def moods(*labels: float | str | None) -> list[Sample]:
    return [Sample(str(i), labels={} if label is None else {"mood": label}) for i, label in enumerate(labels)]


def test_a_label_outside_the_classes_is_told_and_not_left_out() -> None:
    task = Task(classes=("glad", "mad", "sad"))
    with pytest.raises(ConfigError) as told:
        targets_of(moods("glad", "cross", "cross", "made", None, ""), "mood", task)
    for said in (
        "expected labels among glad, mad, sad", "'cross' (2 samples), 'made' (1 sample)", "no sample has mad, sad",
        "did you mean mad?", 'ignore = ["cross", "made"]',
    ):  # fmt: skip
        assert said in str(told.value)


def test_a_class_that_nothing_has_is_the_slip_beside_a_label_that_several_have() -> None:
    task = Task(classes=("negative", "postive"))
    with pytest.raises(ConfigError, match=r"no sample has postive; did you mean positive\?"):
        targets_of(moods("negative", "positive", "positive"), "mood", task)


def test_labels_that_are_ignored_count_as_none() -> None:
    found = targets_of(
        moods("glad", "other", "glad, mad", "other,mad", None), "mood", Task(classes=("glad", "mad"), ignore=("other",))
    )
    nan = float("nan")
    np.testing.assert_array_equal(found, [[1, 0], [nan, nan], [0.5, 0.5], [0, 1], [nan, nan]])


def test_a_class_is_meant_by_its_number_and_nan_is_none() -> None:
    said = moods(1, "2", "1.0", "nan", "NaN", float("nan"), "3")
    found = targets_of(said, "mood", Task(classes=("1.0", "2"), ignore=("3.0",)))
    none = [float("nan")] * 2
    np.testing.assert_array_equal(found, [[1, 0], [0, 1], [1, 0], none, none, none, none])
    np.testing.assert_array_equal(targets_of(moods("nan", "a"), "mood", Task(classes=("a", "nan"))), [[0, 1], [1, 0]])


def test_a_name_where_a_number_is_expected_asks_for_classes() -> None:
    with pytest.raises(ConfigError, match=r"got the label 'glad'; name the classes: classes = \["):
        targets_of(moods(1, "glad"), "mood", Task())


def test_a_run_whose_classes_are_wrong_fails_before_anything_is_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOR_FEATURES", str(tmp_path / "features"))
    for name in ("glad", "cross"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for i in range(8):
            (tmp_path / "mine" / name / f"{i}.txt").write_text(f"{name} {i}")
    path = tmp_path / "run.toml"
    path.write_text(
        '[run]\nname = "x"\nmodel = "concat"\n[data]\ndataset = "folder"\nroot = "mine"\n'
        '[encoders.text]\nname = "text_tfidf"\n[tasks.label]\nclasses = ["glad", "mad"]\n'
    )
    with pytest.raises(ConfigError, match=r"tasks\.label: .*'cross' \(8 samples\); no sample has mad"):
        train(path, (), tmp_path / "run", tmp_path)
    assert not (tmp_path / "features").exists()
    assert not (tmp_path / "run" / "weights.pt").exists()

"""What each classic model promises beyond the contract (MODELS 12.1-12.12)."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion import (  # noqa: E402
    audio_lstm,
    autoencoder,
    bert_resnet,
    bilstm,
    cnn_rnn,
    concat,
    context_lstm,
    ef_lstm,
    image_rnn,
    late_mean,
    late_product,
    late_stack,
    late_vote,
    lf_dnn,
    lmf,
    mean,
    resnet18,
    sum,
    textcnn,
    tfn,
    vit,
    weighted,
)
from demeanor.layers.heads import READING, ReadingHeads  # noqa: E402
from demeanor.layers.operators import LowRank, TensorProduct  # noqa: E402
from demeanor.layers.patches import patches_of, picture_of_patches, picture_of_rows, rows_of  # noqa: E402
from demeanor.layers.resnet18 import ResNet18  # noqa: E402
from demeanor.layers.vision_transformer import VisionTransformer  # noqa: E402
from demeanor.training.export import export_fusion  # noqa: E402
from demeanor.training.start import start_from  # noqa: E402

pytestmark = pytest.mark.lab

LATE = {"late_mean": late_mean, "late_product": late_product, "late_vote": late_vote, "late_stack": late_stack}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def batch(values: dict[str, torch.Tensor], labels: dict[str, torch.Tensor] | None = None, **lengths) -> FeatureBatch:
    """All present; sequences are real throughout unless `lengths` names how many steps are."""
    count = len(next(iter(values.values())))
    valid: dict[str, torch.Tensor | None] = {}
    for m, v in values.items():
        sequence = v.ndim == 3 or v.dtype == torch.int64
        length = torch.as_tensor(lengths.get(m, [v.shape[1]] * count))
        valid[m] = torch.arange(v.shape[1])[None] < length[:, None] if sequence else None
    return FeatureBatch(values, valid, {m: torch.ones(count, dtype=torch.bool) for m in values}, labels or {})


def without(whole: FeatureBatch, *modalities: str) -> FeatureBatch:
    gone = {m: torch.zeros_like(p) if m in modalities else p for m, p in whole.present.items()}
    return replace(whole, present=gone)


# --- one modality -------------------------------------------------------------------------------------------------


def test_textcnn_finds_a_phrase_wherever_it_stands() -> None:
    model = build("textcnn")
    ids = torch.zeros(3, 20, dtype=torch.int64)  # row 0 of the table is zero for good
    for row, start in enumerate((5, 8, 11)):
        ids[row, start : start + 3] = torch.tensor([7, 9, 4])
    score = model(batch({"text": ids})).tasks["score"]
    torch.testing.assert_close(score, score[:1].expand(3))
    other = ids.clone()
    other[0, 5:8] = torch.tensor([4, 9, 7])
    assert not torch.allclose(model(batch({"text": other})).tasks["score"][0], score[0])


def test_textcnn_has_its_filters_and_reads_short_sentences() -> None:
    model = textcnn.TextCnn(textcnn.Config(vocabulary=50)).eval()
    assert [tuple(c.weight.shape) for c in model.convs] == [(100, 300, w) for w in (3, 4, 5)]
    assert model.heads.score.in_features == 300
    ids = torch.tensor([[3, 4]])
    short = model(batch({"text": ids})).hidden
    x = F.pad(model.words.table(ids), (0, 0, 0, 3)).transpose(1, 2)
    by_hand = [
        F.relu(F.conv1d(x[..., :w], c.weight, c.bias))[..., 0] for w, c in zip((3, 4, 5), model.convs, strict=True)
    ]
    torch.testing.assert_close(short, torch.cat(by_hand, 1))


def test_textcnn_pads_with_a_row_that_stays_zero() -> None:
    model, ids = build("textcnn").train(), torch.tensor([[0, 3, 0, 5, 2]])
    model(batch({"text": ids})).tasks["score"].sum().backward()
    table = model.words.table
    assert (table.weight[0] == 0).all()
    assert (table.weight.grad[0] == 0).all()
    assert table.weight.grad[3].abs().sum() > 0


def test_text_models_take_features_too() -> None:
    for module in (textcnn, bilstm):
        model = module.MODEL(module.Config(vocabulary=0, dim=6)).eval()
        assert model(batch({"text": noise(3, 5, 6)})).tasks["score"].shape == (3,)


def test_bilstm_attends_to_real_words_only() -> None:
    model = build("bilstm")
    output = model(batch({"text": torch.randint(1, 50, (3, 7))}, text=[7, 4, 1]))
    weights = output.extra["attention"]
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert (weights[1, 4:] == 0).all()
    assert weights[2, 0] == 1


def test_bilstm_read_backwards_swaps_its_directions() -> None:
    model = build("bilstm", attention=False)
    swapped = build("bilstm", attention=False)
    with torch.no_grad():
        for one, two in ((model.lstm.ahead[0], swapped.lstm.back[0]), (model.lstm.back[0], swapped.lstm.ahead[0])):
            two.load_state_dict(one.state_dict())
        swapped.words.load_state_dict(model.words.state_dict())
    ids = torch.randint(1, 50, (2, 6))
    one, two = model(batch({"text": ids})).hidden, swapped(batch({"text": ids.flip(1)})).hidden
    torch.testing.assert_close(one, torch.cat([two[:, 8:], two[:, :8]], 1))


def test_bilstm_agrees_with_torchs_packed_lstm() -> None:
    model = build("bilstm", attention=False)
    theirs = nn.LSTM(8, 8, batch_first=True, bidirectional=True)
    state = {f"{k}": v for k, v in model.lstm.ahead[0].state_dict().items()}
    state |= {f"{k}_reverse": v for k, v in model.lstm.back[0].state_dict().items()}
    theirs.load_state_dict(state)
    ids, lengths = torch.randint(1, 50, (3, 7)), [7, 4, 1]
    packed = nn.utils.rnn.pack_padded_sequence(model.words.table(ids), lengths, batch_first=True)
    last = theirs(packed)[1][0]
    torch.testing.assert_close(model(batch({"text": ids}, text=lengths)).hidden, torch.cat([last[0], last[1]], 1))


def test_resnet18_has_the_published_size_and_names_and_starts_from_torchvisions(tmp_path: Path) -> None:
    network = ResNet18(classes=1000)
    assert torch.tensor([p.numel() for p in network.parameters()]).sum() == 11_689_512
    names = set(network.state_dict())
    assert {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight"} <= names
    assert {"layer2.0.downsample.1.running_var", "layer4.1.bn2.num_batches_tracked", "fc.weight", "fc.bias"} <= names
    assert len(names) == 122
    torch.save(network.state_dict(), tmp_path / "resnet18.pth")
    model = resnet18.MODEL(resnet18.Config())
    assert len(start_from(model, tmp_path / "resnet18.pth", lambda line: None)) == 120
    torch.testing.assert_close(model.network.layer3[1].conv2.weight, network.layer3[1].conv2.weight)


@pytest.mark.parametrize("side", [32, 50, 96])
def test_resnet18_halves_five_times_and_pools_to_512(side: int) -> None:
    network = ResNet18().eval()
    x = noise(1, 3, side, side)
    assert network(x).shape == (1, 512)
    sides = [-(-side // stride) for stride in (4, 8, 16, 32)]
    assert [tuple(m.shape[1:]) for m in network.maps(x)] == [
        (c, s, s) for c, s in zip((64, 128, 256, 512), sides, strict=True)
    ]


@pytest.mark.parametrize(("name", "side"), [("resnet18", 32), ("bert_resnet", 32), ("image_cnn", 4)])
def test_a_last_batch_of_one_small_picture_trains(name: str, side: int) -> None:
    model, batch = build(name).train(), batch_of(name, 1)
    pictures = torch.randn(1, batch.values["visual"].shape[1], side, side)
    before = {k: v.clone() for k, v in model.named_buffers() if k.endswith("running_var")}
    terms = model.loss(model(replace(batch, values={**batch.values, "visual": pictures})), batch)
    torch.stack(list(terms.values())).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert all(torch.isfinite(v).all() for k, v in model.named_buffers() if k in before)


def test_missing_pictures_do_not_enter_the_statistics_of_bert_resnet() -> None:
    batch = batch_of("bert_resnet", 8)
    here = torch.arange(8) < 3
    less = replace(batch, present={**batch.present, "visual": here})
    blank = replace(less, values={**less.values, "visual": less.values["visual"] * here[:, None, None, None]})
    found = []
    for one in (less, blank):
        model = build("bert_resnet").train()
        found.append((model(one).tasks["score"], *(v for k, v in model.named_buffers() if "running" in k)))
    for with_content, without in zip(*found, strict=True):
        torch.testing.assert_close(with_content, without)
    model = build("bert_resnet").train()
    none = replace(batch, present={**batch.present, "visual": torch.zeros(8, dtype=torch.bool)})
    assert torch.isfinite(model(none).tasks["score"]).all(), "not one picture in a batch"


def test_resnet18_learns_slower_than_its_heads() -> None:
    model = build("resnet18", backbone_rate=0.1)
    rates = {id(p): g["lr"] for g in model.param_groups(1e-3, 0.01) for p in g["params"]}
    assert rates[id(model.network.conv1.weight)] == pytest.approx(1e-4)
    assert rates[id(model.heads.score.weight)] == pytest.approx(1e-3)
    assert len(rates) == len(list(model.parameters()))


def test_rows_and_patches_lose_nothing() -> None:
    x = noise(2, 3, 8, 12)
    assert rows_of(x).shape == (2, 8, 36)
    assert torch.equal(picture_of_rows(rows_of(x), 3), x)
    assert patches_of(x, 4).shape == (2, 6, 48)
    assert torch.equal(picture_of_patches(patches_of(x, 4), 4, 3), x)
    # row by row: the second patch is right of the first, the fourth below it
    assert torch.equal(patches_of(x, 4)[0, 1], x[0, :, :4, 4:8].flatten())
    assert torch.equal(patches_of(x, 4)[0, 3], x[0, :, 4:, :4].flatten())
    kernel = noise(5, 3, 4, 4, seed=1)
    convolved = F.conv2d(x, kernel, stride=4).flatten(2).transpose(1, 2)
    torch.testing.assert_close(patches_of(x, 4) @ kernel.flatten(1).T, convolved, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("order", ["rows", "patches"])
def test_image_rnn_reads_a_lossless_sequence(order: str) -> None:
    model = build("image_rnn", order=order, patch=4)
    x = noise(2, 3, 16, 16)
    found = model.sequence(x)
    back = picture_of_rows(found, 3) if order == "rows" else picture_of_patches(found, 4, 4)
    assert torch.equal(back, x)
    plain = model.sequence(torch.full((1, 3, 40, 30), 0.7))
    torch.testing.assert_close(plain, plain[:, :1].expand_as(plain))
    assert plain.shape == ((1, 16, 48))
    assert model(batch({"visual": noise(2, 3, 40, 30)})).tasks["score"].shape == (2,)


def test_vit_without_positions_does_not_care_where_patches_lie() -> None:
    torch.manual_seed(0)
    network = VisionTransformer(3, 16, 4, 16, 2, 2).eval()
    x = noise(1, 3, 16, 16)
    shuffled = picture_of_patches(patches_of(x, 4)[:, torch.randperm(16)], 4, 4)
    assert not torch.allclose(network(x)[:, 0], network(shuffled)[:, 0], atol=1e-5)
    with torch.no_grad():
        network.positions.zero_()
    torch.testing.assert_close(network(x)[:, 0], network(shuffled)[:, 0], atol=1e-5, rtol=0)


def test_vit_interpolates_positions_and_keeps_them_at_their_own_size() -> None:
    network = VisionTransformer(3, 16, 4, 8, 1, 2)
    torch.testing.assert_close(network.positions_for(4, 4), network.positions)
    assert network.positions_for(6, 5).shape == (1, 31, 8)
    assert network(noise(1, 3, 24, 20)).shape == (1, 31, 8)
    with pytest.raises(ConfigError, match="divide"):
        VisionTransformer(3, 18, 4, 8, 1, 2)


def test_vit_gives_what_transformers_gives_with_the_same_weights() -> None:
    """Every token, from a Hugging Face `ViTModel` of random weights at the original's epsilon."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=16, patch_size=4,
        layer_norm_eps=1e-6,
    )  # fmt: skip
    theirs = transformers.ViTModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for p in theirs.parameters():  # biases, norms and the summary too must matter
            p.add_(0.3 * torch.randn_like(p))
    network = VisionTransformer(3, 16, 4, 16, 2, 2).eval()
    network.load_state_dict(as_ours(theirs.state_dict()))
    x = noise(2, 3, 16, 16)
    found = network(x)
    torch.testing.assert_close(found, theirs(x).last_hidden_state, atol=1e-5, rtol=1e-5)
    sizes = [len(nn.utils.parameters_to_vector(m.parameters())) for m in (network, theirs)]
    assert sizes[0] == sizes[1]


def as_ours(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights of transformers' ViT under our names: theirs come in order, with q, k and v apart."""
    parts = ("weight", "bias")
    patches = "embeddings.patch_embeddings.projection"
    out = {
        "summary": state["embeddings.cls_token"],
        "positions": state["embeddings.position_embeddings"],
        "embed.weight": state[f"{patches}.weight"].flatten(1),
        "embed.bias": state[f"{patches}.bias"],
        **{f"norm.{part}": state[f"layernorm.{part}"] for part in parts},
    }
    names = {"out": "attention.o_proj", "norm1": "layernorm_before", "norm2": "layernorm_after"}
    names |= {"up": "mlp.fc1", "down": "mlp.fc2"}
    for layer in range(len([k for k in state if k.endswith("layernorm_before.weight")])):
        for part in parts:
            out |= {f"blocks.{layer}.{ours}.{part}": state[f"layers.{layer}.{n}.{part}"] for ours, n in names.items()}
            qkv = [state[f"layers.{layer}.attention.{n}_proj.{part}"] for n in "qkv"]
            out[f"blocks.{layer}.qkv.{part}"] = torch.cat(qkv)
    return out


def test_vit_lowers_the_rate_towards_the_patches() -> None:
    model = build("vit", layer_decay=0.5)
    rates = {id(p): g["lr"] for g in model.param_groups(1.0, 0.01) for p in g["params"]}
    assert len(rates) == len(list(model.parameters()))
    of = [model.heads.score.weight, model.network.blocks[1].qkv.weight, model.network.blocks[0].qkv.weight]
    assert [rates[id(p)] for p in (*of, model.network.positions)] == [1.0, 0.5, 0.25, 0.125]


def test_audio_lstm_takes_out_gain_and_offset_of_an_utterance() -> None:
    model = build("audio_lstm", normalise="utterance")
    x = noise(2, 9, 6)
    lengths = {"audio": [9, 5]}
    before = model(batch({"audio": x}, **lengths)).tasks["score"]
    after = model(batch({"audio": 3 * x + 2}, **lengths)).tasks["score"]
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)
    found = audio_lstm.by_utterance(x[1:], torch.arange(9)[None] < 5)
    torch.testing.assert_close(found[0, :5].mean(0), torch.zeros(6), atol=1e-6, rtol=0)
    torch.testing.assert_close(found[0, :5].std(0, unbiased=False), torch.ones(6), atol=1e-3, rtol=0)
    longer = torch.cat([x, torch.full((2, 4, 6), 9.0)], 1)
    torch.testing.assert_close(model(batch({"audio": longer}, **lengths)).tasks["score"], before)


def test_audio_lstm_reads_a_single_frame_as_it_is() -> None:
    """By its own statistics nothing would be left of it."""
    x = noise(2, 3, 6)
    found = audio_lstm.by_utterance(x, torch.arange(3)[None] < torch.tensor([[1], [3]]))
    torch.testing.assert_close(found[0], torch.cat([x[0, :1], torch.zeros(2, 6)]))
    model = build("audio_lstm", normalise="utterance")
    one, other = (model(batch({"audio": noise(1, 1, 6, seed=s)})).tasks["score"] for s in (1, 2))
    assert not torch.allclose(one, other)


@pytest.mark.parametrize("name", ["textcnn", "bilstm", "resnet18", "image_rnn", "vit", "audio_lstm"])
def test_models_of_one_modality_run_in_onnx(name: str, tmp_path) -> None:
    import onnxruntime

    model = build(name)
    path = export_fusion(model, batch_of(name, 3), tmp_path / "model.onnx")
    ran = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    one = batch_of(name, 2, 5, seed=4)
    (modality,) = one.values
    fed = {modality: one.values[modality].numpy(), f"{modality}_present": one.present[modality].numpy()}
    if one.valid[modality] is not None:
        fed[f"{modality}_mask"] = one.mask(modality).numpy()
    known = {i.name for i in ran.get_inputs()}
    (found,) = ran.run(["score"], {k: v for k, v in fed.items() if k in known})
    torch.testing.assert_close(torch.from_numpy(found), model(one).tasks["score"].detach(), atol=1e-4, rtol=0)


# --- operators as models ------------------------------------------------------------------------------------------


def test_concat_keeps_the_names_and_numbers_of_the_shipped_heads() -> None:
    model = concat.Concat(concat.Config(dims={"words": 4, "scene": 3}, reads=True)).eval()
    assert isinstance(model.heads, ReadingHeads)
    assert model.config.tasks == READING
    buffers = {"mean_words", "spread_words", "mean_scene", "spread_scene"}
    heads = {f"heads.{t}.{k}" for t in READING for k in ("weight", "bias")}
    assert set(model.state_dict()) == buffers | heads
    rows = {"words": noise(50, 4) * 3 + 1, "scene": noise(50, 3, seed=1)}
    model.standardise(rows)
    output = model(batch({m: x[:2] for m, x in rows.items()}))
    scaled = [((x - x.mean(0)) / x.std(0))[:2].clamp(-6, 6) for x in rows.values()]
    torch.testing.assert_close(output.tasks["polarity"], model.heads.polarity(torch.cat(scaled, 1)))
    labels = {"polarity": torch.eye(3)[:2], "emotions": torch.eye(7)[:2], "score": torch.tensor([50.0, 50.0])}
    terms = model.loss(output, replace(batch(rows), labels=labels))
    expected = F.cross_entropy(output.tasks["polarity"], torch.arange(2)) + F.cross_entropy(
        output.tasks["emotions"], torch.arange(2)
    )
    torch.testing.assert_close(terms["task"], expected)


def test_concat_learns_the_score_of_a_run_with_the_readers_tasks() -> None:
    """Their names alone are not the reader's recipe: the score has a gradient and no end, and nothing is cut."""
    torch.manual_seed(0)
    model = concat.Concat(concat.Config(dims={"text": 4}, dropout=0.0))
    values = {"text": torch.full((2, 4), 50.0)}
    labels = {"polarity": torch.eye(3)[:2], "emotions": torch.eye(7)[:2], "score": torch.tensor([200.0, 300.0])}
    one = batch(values, labels)
    output = model(one)
    torch.testing.assert_close(output.tasks["score"], model.heads.score(values["text"])[:, 0])
    model.loss(output, one)["task"].backward()
    assert model.heads.score.weight.grad.abs().min() > 0
    with pytest.raises(ConfigError, match="reads: expected the reader's tasks"):
        concat.Concat(concat.Config(dims={"text": 4}, tasks={"score": 1}, reads=True))


def test_concat_penalises_each_modality_by_its_own_weight() -> None:
    model = concat.Concat(concat.Config(dims={"a": 2, "b": 3}, tasks={"score": 1}, l2={"a": 2.0, "b": 0.5}))
    weight = model.heads.score.weight
    one = batch({"a": noise(2, 2), "b": noise(2, 3)}, {"score": torch.zeros(2)})
    expected = 2 * weight[:, :2].square().sum() + 0.5 * weight[:, 2:].square().sum()
    torch.testing.assert_close(model.loss(model(one), one)["l2"], expected)
    with pytest.raises(ConfigError, match="steps"):
        concat.Concat(concat.Config(dims={"a": 2}, l2={"a": 1.0}, steps="lstm"))


def test_concat_means_over_real_steps_or_reads_them() -> None:
    x = noise(2, 6, 4)
    model = build("concat", dims={"text": 4})
    vectors = torch.stack([x[0].mean(0), x[1, :2].mean(0)])
    torch.testing.assert_close(model(batch({"text": x}, text=[6, 2])).hidden, model(batch({"text": vectors})).hidden)
    for kind in ("cnn", "rnn", "lstm"):
        model = build("concat", dims={"text": 4}, steps=kind)
        score = model(batch({"text": x}, text=[6, 2])).tasks["score"]
        turned = model(batch({"text": x.flip(1)}, text=[6, 6])).tasks["score"]
        assert not torch.allclose(score[0], turned[0], atol=1e-6)  # order counts
        longer = torch.cat([x, torch.ones(2, 3, 4)], 1)
        torch.testing.assert_close(model(batch({"text": longer}, text=[6, 2])).tasks["score"], score)


def test_mean_of_the_same_modality_twice_is_that_modality() -> None:
    model = build("mean", dims={"one": 4, "two": 4})
    model.project["two"].load_state_dict(model.project["one"].state_dict())
    whole = batch({"one": noise(3, 4), "two": noise(3, 4)})
    torch.testing.assert_close(model(whole).hidden, model(without(whole, "two")).hidden)


@pytest.mark.parametrize("mode", ["fixed", "learned", "dynamic"])
def test_weighted_in_every_mode(mode: str) -> None:
    model = build("weighted", mode=mode)
    assert torch.isfinite(model(batch_of("weighted", 3)).tasks["score"]).all()
    silenced = weighted.MODEL(weighted.Config(dims={"a": 2, "b": 2}, mode="fixed", weights={"b": 0.0})).eval()
    one, two = (batch({"a": noise(2, 2), "b": noise(2, 2, seed=s)}) for s in (1, 2))
    torch.testing.assert_close(silenced(one).tasks["score"], silenced(two).tasks["score"])


def test_balance_holds_back_the_modality_that_is_ahead() -> None:
    """Text gives the label away, audio is noise: after some training only text's gradient shrinks."""
    labels = {"polarity": torch.eye(2)[torch.arange(40) % 2]}
    values = {"text": labels["polarity"] * 4 - 2, "audio": noise(40, 3)}
    one = batch(values, labels)
    config = {"dims": {"text": 2, "audio": 3}, "tasks": {"polarity": 2}, "width": 8, "hidden": 8, "dropout": 0.0}
    torch.manual_seed(0)
    plain = sum.MODEL(sum.Config(**config)).train()
    optimiser = torch.optim.Adam(plain.parameters(), 0.02)
    for _ in range(20):
        optimiser.zero_grad()
        plain.loss(plain(one), one)["task"].backward()
        optimiser.step()
    held = sum.MODEL(sum.Config(**config, balance=1.0)).train()
    held.load_state_dict(plain.state_dict())
    for model in (plain, held):
        model.zero_grad()
        model.loss(model(one), one)["task"].backward()
    torch.testing.assert_close(held(one).tasks["polarity"], plain(one).tasks["polarity"])
    for name, low, high in (("text", 0.0, 0.6), ("audio", 1.0, 1.0)):
        share = held.project[name][0].weight.grad.norm() / plain.project[name][0].weight.grad.norm()
        assert low <= round(share.item(), 4) <= high, name


def test_balance_leaves_the_only_modality_present_alone() -> None:
    config = {"dims": {"text": 2, "audio": 3}, "tasks": {"polarity": 2}, "width": 8, "hidden": 8, "dropout": 0.0}
    one = batch({"text": noise(4, 2), "audio": noise(4, 3)}, {"polarity": torch.eye(2)[torch.arange(4) % 2]})
    gradients = []
    for balance in (0.0, 1.0):
        torch.manual_seed(0)
        model = sum.MODEL(sum.Config(**config, balance=balance)).train()
        model.loss(model(without(one, "audio")), one)["task"].backward()
        gradients.append(model.project["text"][0].weight.grad)
    assert gradients[0].abs().sum() > 0
    torch.testing.assert_close(gradients[1], gradients[0])


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("weighted", {"mode": "dynamic", "weights": {"text": 2.0}}, 'expected none beside "dynamic" ones'),
        ("weighted", {"mode": "fixed", "weights": {"txt": 2.0}}, "expected some of text, audio, visual, got txt"),
        ("late_mean", {"weights": {"txt": 2.0}}, "got txt"),
        ("late_mean", {"weights": {"text": -1.0}}, "or more of text, got -1.0"),
        ("mmml", {"dims": {"text": 6, "audio": 5}, "weights": {"words": 2.0}}, "expected some of fused, text, audio"),
        ("djmf", {"weights": {"polarity": -0.5}}, "or more of polarity"),
        ("djmf", {"weights": {"emotions": 1.0}}, "expected some of score, polarity, got emotions"),
    ],
)
def test_weights_that_count_for_nothing_or_against_are_refused(name: str, settings: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build(name, **settings)


# --- late fusion --------------------------------------------------------------------------------------------------

SAID = {
    "a": torch.tensor([[0.7, 0.2, 0.1]]),
    "b": torch.tensor([[0.1, 0.6, 0.3]]),
    "c": torch.tensor([[0.6, 0.3, 0.1]]),
}


def joined(name: str, present: list[bool] | None = None, said=SAID, **changes: object) -> torch.Tensor:
    """The probabilities a late model makes of the given ones."""
    module = LATE[name]
    model = module.MODEL(module.Config(dims=dict.fromkeys(said, 2), tasks={"polarity": 3}, **changes))
    logits = torch.stack(list(said.values()), 1).log()
    there = torch.tensor([present or [True] * len(said)])
    return model.join("polarity", logits, there).softmax(1)[0]


def test_late_rules_by_hand() -> None:
    torch.testing.assert_close(joined("late_mean"), torch.tensor([1.4, 1.1, 0.5]) / 3)
    torch.testing.assert_close(joined("late_mean", weights={"b": 2.0}), torch.tensor([1.5, 1.7, 0.8]) / 4)
    torch.testing.assert_close(joined("late_mean", [False, True, True]), torch.tensor([0.35, 0.45, 0.2]))
    product = torch.tensor([0.7 * 0.1 * 0.6, 0.2 * 0.6 * 0.3, 0.1 * 0.3 * 0.1])
    torch.testing.assert_close(joined("late_product"), product / product.sum())
    torch.testing.assert_close(joined("late_product", [True, False, False]), SAID["a"][0])
    assert joined("late_vote").argmax() == 0
    torch.testing.assert_close(joined("late_vote"), (torch.tensor([2, 1, 0]) + torch.tensor([1.4, 1.1, 0.5]) / 3) / 4)
    torch.testing.assert_close(joined("late_vote", rule="surest"), SAID["a"][0])
    torch.testing.assert_close(joined("late_stack"), joined_log_mean())


def joined_log_mean() -> torch.Tensor:
    return torch.stack([p.log() for p in SAID.values()]).mean(0).softmax(1)[0]


def test_a_majority_beats_certainty_and_a_tie_goes_to_the_surer() -> None:
    sure = {
        "a": torch.tensor([[0.98, 0.01, 0.01]]),
        "b": torch.tensor([[0.3, 0.4, 0.3]]),
        "c": torch.tensor([[0.3, 0.4, 0.3]]),
    }
    assert joined("late_vote", said=sure).argmax() == 1
    assert joined("late_mean", said=sure).argmax() == 0
    assert joined("late_vote", [True, True, False], said=sure).argmax() == 0


def test_numbers_are_joined_by_mean_or_median() -> None:
    said = torch.tensor([[1.0, 2.0, 6.0], [1.0, 2.0, 6.0], [1.0, 2.0, 6.0], [1.0, 2.0, 6.0]])
    there = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]]).bool()
    found = {n: m.MODEL(m.Config(dims={"a": 1, "b": 1, "c": 1})).join("score", said, there) for n, m in LATE.items()}
    for name in ("late_mean", "late_product", "late_stack"):
        torch.testing.assert_close(found[name], torch.tensor([3.0, 3.5, 6.0, 0.0]), msg=name)
    torch.testing.assert_close(found["late_vote"], torch.tensor([2.0, 3.5, 6.0, 0.0]))


def test_weights_by_validation_error() -> None:
    model = late_mean.MODEL(late_mean.Config(dims={"a": 1, "b": 1}))
    model.weigh_by_error({"a": 0.5, "b": 2.0})
    found = model.join("score", torch.tensor([[1.0, 6.0]]), torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(found, torch.tensor([(2 * 1 + 0.5 * 6) / 2.5]))


@pytest.mark.parametrize("name", LATE)
def test_each_predictor_learns_as_if_alone(name: str) -> None:
    one = batch_of(name, 6)
    there = torch.tensor([1, 1, 0, 1, 0, 1]).bool()
    one = replace(one, present={**one.present, "audio": there})
    model = build(name).train()
    model.loss(model(one), one)["task"].backward()
    alone = build(name).train()
    said = alone.predictors["audio"](
        torch.stack([one.values["audio"][i, one.mask("audio")[i]].mean(0) for i in torch.where(there)[0]])
    )
    (said["score"] - one.labels["score"][there]).abs().mean().backward()
    for ours, theirs in zip(
        model.predictors["audio"].parameters(), alone.predictors["audio"].parameters(), strict=True
    ):
        torch.testing.assert_close(ours.grad, theirs.grad)


def stacked(labels: torch.Tensor, folds: torch.Tensor, values: dict[str, torch.Tensor]) -> late_stack.LateStack:
    """A stack whose predictors are trained a little on the rows they are given."""
    config = late_stack.Config(dims={m: v.shape[1] for m, v in values.items()}, hidden=8, layers=1, dropout=0.0)

    def learn(rows: FeatureBatch) -> late_stack.LateStack:
        torch.manual_seed(0)
        model = late_stack.LateStack(config).train()
        optimiser = torch.optim.Adam(model.parameters(), 0.02)
        for _ in range(60):
            optimiser.zero_grad()
            model.loss(model(rows), rows)["task"].backward()
            optimiser.step()
        return model

    train = folds >= 0  # -1 marks the test rows
    whole = late_stack.rows(batch(values, {"score": labels}), train)
    found, present = late_stack.out_of_fold(learn, whole, folds[train])
    model = learn(whole)
    model.fit_stack(found, whole.labels, present)
    return model.eval()


def test_stacking_never_sees_test_labels_and_trusts_what_holds_out_of_fold() -> None:
    values = {"good": noise(90, 2), "bad": noise(90, 6, seed=1)}
    labels = values["good"][:, 0]
    folds = torch.arange(90) % 3
    folds[60:] = -1
    model = stacked(labels, folds, values)
    shuffled = labels.clone()
    shuffled[60:] = labels[60:].flip(0)
    again = stacked(shuffled, folds, values)
    assert torch.equal(model.weight_score, again.weight_score)
    assert torch.equal(model.bias_score, again.bias_score)
    good, bad = model.weight_score[:, 0].tolist()
    assert good > 0.6
    assert abs(bad) < 0.25  # plain mean has 0.5; the training fit of `bad` is far better than that


def test_out_of_fold_predictions_do_not_depend_on_the_labels_of_their_own_fold() -> None:
    values = {"a": noise(12, 2), "b": noise(12, 3, seed=1)}
    folds, labels = torch.arange(12) % 3, noise(12, seed=2)

    def learn(rows: FeatureBatch) -> late_stack.LateStack:
        torch.manual_seed(0)
        model = late_stack.LateStack(late_stack.Config(dims={"a": 2, "b": 3}, hidden=4, layers=1))
        for predictor in model.predictors.values():  # remembers what it was shown
            predictor.heads.score.bias.data.fill_(rows.labels["score"].sum())
        return model

    def predicted(y: torch.Tensor) -> torch.Tensor:
        return late_stack.out_of_fold(learn, batch(values, {"score": y}), folds)[0]["a"]["score"]

    changed = labels.clone()
    changed[folds == 1] += 100
    same = predicted(labels) == predicted(changed)
    assert same[folds == 1].all()
    assert not same[folds != 1].any()


def test_stack_is_ridge_regression_towards_the_mean() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    x, y = noise(40, 2), noise(40, seed=1)
    model = late_stack.LateStack(late_stack.Config(dims={"a": 1, "b": 1}, ridge=0.1))
    model.fit_stack({"a": {"score": x[:, 0]}, "b": {"score": x[:, 1]}}, {"score": y})
    ridge = linear.Ridge(alpha=0.1 * 40).fit(x.numpy(), (y - x.mean(1)).numpy())
    assert (model.weight_score[:, 0] - 0.5).tolist() == pytest.approx(ridge.coef_.tolist(), abs=1e-5)
    assert model.bias_score.item() == pytest.approx(float(ridge.intercept_), abs=1e-5)
    with pytest.raises(ConfigError, match="expected predictions of"):
        model.fit_stack({"b": {"score": y}, "a": {"score": y}}, {"score": y})


def test_stack_of_a_task_without_labels_stays_the_mean() -> None:
    model = late_stack.LateStack(late_stack.Config(dims={"a": 1, "b": 1}))
    before = model.weight_score.clone()
    said = {m: {"score": noise(4)} for m in ("a", "b")}
    model.fit_stack(said, {"score": torch.full((4,), float("nan"))})
    assert torch.equal(model.weight_score, before)


def test_stack_of_classes_learns_whom_to_trust() -> None:
    truth = torch.arange(120) % 3
    right = torch.eye(3)[truth] * 2 + noise(120, 3) * 0.5
    wrong = noise(120, 3, seed=1) * 3
    model = late_stack.LateStack(late_stack.Config(dims={"a": 1, "b": 1}, tasks={"polarity": 3}))
    said, there = torch.stack([right, wrong], 1), torch.ones(120, 2, dtype=torch.bool)
    before = (model.join("polarity", said, there).argmax(1) == truth).float().mean()
    labels = torch.eye(3)[truth]
    labels[::5] = float("nan")
    model.fit_stack({"a": {"polarity": right}, "b": {"polarity": wrong}}, {"polarity": labels})
    after = (model.join("polarity", said, there).argmax(1) == truth).float().mean()
    assert before < 0.75
    assert after > 0.95


# --- sequences and tensors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["lstm", "rnn", "cnn"])
def test_ef_lstm_reads_aligned_steps_with_any_head(head: str) -> None:
    model = build("ef_lstm", head=head)
    one = batch_of("ef_lstm", 4)
    once = model(one).tasks["score"]
    longer = {m: torch.cat([v, torch.full_like(v[:, :2], 9)], 1) for m, v in one.values.items()}
    valid = {m: torch.cat([v, torch.zeros(4, 2, dtype=torch.bool)], 1) for m, v in one.valid.items()}
    torch.testing.assert_close(model(replace(one, values=longer, valid=valid)).tasks["score"], once)


def test_ef_lstm_is_an_lstm_over_the_joined_steps() -> None:
    model = build("ef_lstm", dims={"a": 2, "b": 3}, layers=1)
    a, b = noise(2, 5, 2), noise(2, 5, 3, seed=1)
    lstm = nn.LSTM(5, 24, batch_first=True)
    lstm.load_state_dict(model.head.lstm.ahead[0].state_dict())
    scale = (1 + 1e-5) ** -0.5  # the norms have seen nothing yet
    last = lstm(torch.cat([a, b], 2) * scale)[1][0][0]
    torch.testing.assert_close(model(batch({"a": a, "b": b})).hidden, model.dense(last))


def test_lf_dnn_averages_all_but_text() -> None:
    model = build("lf_dnn")
    one = batch({m: noise(2, 6, d) for m, d in {"text": 6, "audio": 5, "visual": 4}.items()})
    base = model(one).tasks["score"]

    def turned(name: str) -> torch.Tensor:
        return model(replace(one, values={**one.values, name: one.values[name].flip(1)})).tasks["score"]

    torch.testing.assert_close(turned("audio"), base)
    assert not torch.allclose(turned("text"), base, atol=1e-6)
    assert isinstance(lf_dnn.MODEL(lf_dnn.Config(dims={"sensor": 3, "text": 2})).nets["sensor"].layers, nn.Sequential)


def test_tfn_is_bounded_by_the_labels_range_and_refuses_giants() -> None:
    model = build("tfn", limit=3.0, tasks={"score": 1, "polarity": 3})
    with torch.no_grad():
        model.heads.score.weight.mul_(1e4)
        model.heads.polarity.weight.mul_(1e4)
    output = model(batch_of("tfn", 6))
    assert output.tasks["score"].abs().max() <= 3
    assert output.tasks["score"].abs().max() > 2.9
    assert output.tasks["polarity"].abs().max() > 10
    with pytest.raises(ConfigError, match="lmf"):
        tfn.MODEL(tfn.Config(dims={"a": 4, "b": 4, "c": 4, "d": 4}, width=128))


@pytest.mark.parametrize(("preset", "size"), [("mosi", 140_481), ("mosei", 282_897), ("sims", 1_094_049)])
def test_tfn_has_the_benchmarks_sizes(preset: str, size: int) -> None:
    model = tfn.MODEL(tfn.Config(dims={"audio": 5, "visual": 20, "text": 768}, **tfn.PRESETS[preset]))
    assert model.product.out == size


# Early fusion normalises features where the reference normalises over its 50 time steps: 2 · 793 weights for 2 · 50.
@pytest.mark.parametrize(
    ("module", "count"),
    [(tfn, 9_497_043), (lmf, 505_071), (lf_dnn, 597_171), (ef_lstm, 885_605 + 2 * (793 - 50))],
    ids=lambda value: getattr(value, "__name__", "").rpartition(".")[2],
)
def test_as_many_weights_as_the_reference_has(module: ModuleType, count: int) -> None:
    """MMSA's own at its settings for MOSI: 9.50 M, 0.51 M, 0.60 M, 0.89 M."""
    dims = {"text": 768, "audio": 5, "visual": 20}
    model = module.MODEL(module.Config(dims=dims, **module.PRESETS["mosi"]))
    sizes = [p.numel() for p in model.parameters() if p.requires_grad]
    assert torch.tensor(sizes).sum() == count


def test_tfn_without_audio_keeps_exactly_the_interactions_of_the_others() -> None:
    model = build("tfn")
    whole = batch_of("tfn", 3)
    order = list(model.nets)
    seen: list[torch.Tensor] = []
    model.product.register_forward_hook(lambda _, __, z: seen.append(z))
    model(whole)
    model(without(whole, "audio"))
    sizes = [net.out + 1 for net in model.nets.values()]
    full, gone = (z.view(3, *sizes).movedim(1 + order.index("audio"), 1) for z in seen)
    torch.testing.assert_close(gone[:, 0], full[:, 0])
    assert (gone[:, 1:] == 0).all()
    assert (full[:, 0, 0, 0] == 1).all()


def test_lmf_gives_what_the_full_tensor_would() -> None:
    model = build("lmf", tasks={"score": 1, "polarity": 3})
    one = batch_of("lmf", 4)
    seen: list[tuple] = []
    model.fuse.register_forward_hook(lambda _, given, __: seen.append(given))
    tasks = model(one).tasks
    vectors, present = seen[0]
    full = torch.einsum("k,kao,kbo,kco->abco", model.fuse.mix[0], *model.fuse.factors).flatten(0, 2)
    z = TensorProduct([v.shape[1] for v in vectors])(vectors, present) @ full + model.fuse.bias
    torch.testing.assert_close(tasks["score"], z[:, 0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(tasks["polarity"], z[:, 1:], atol=1e-5, rtol=1e-5)


def test_lmf_trains_its_factors_at_their_own_rate_with_the_common_decay() -> None:
    model = build("lmf", factor_rate=0.25)
    groups = model.param_groups(2e-3, 5e-3)
    assert [(g["lr"], g["weight_decay"]) for g in groups] == [(5e-4, 5e-3), (2e-3, 5e-3)]
    assert {id(p) for p in groups[0]["params"]} == {id(p) for p in model.fuse.factors}
    assert [len(g["params"]) for g in groups] == [3, len(list(model.parameters())) - 3]
    assert isinstance(model.fuse, LowRank)
    assert lmf.PRESETS["sims"]["factor_rate"] == 0.25


# --- context, autoencoder, joint models ---------------------------------------------------------------------------


def dialogue(target: int, seed: int = 0) -> FeatureBatch:
    """One video of six utterances in two modalities, one of them marked."""
    mark = (torch.arange(6) == target).float()[None, :, None]
    return batch({m: torch.cat([noise(1, 6, 4, seed=seed + i), mark], 2) for i, m in enumerate(("text", "audio"))})


def context(**changes: object) -> context_lstm.ContextLstm:
    torch.manual_seed(0)
    config = {"dims": {"text": 5, "audio": 5}, "width": 8, "dropout": 0.0, **changes}
    return context_lstm.ContextLstm(context_lstm.Config(**config)).eval()


def test_tfn_refuses_labels_that_no_answer_reaches() -> None:
    model = build("tfn", limit=1.0)
    one = batch_of("tfn", 3)
    far = replace(one, labels={"score": torch.tensor([0.5, -2.4, float("nan")])})
    with pytest.raises(ConfigError, match=r"limit: expected 'score' within ±1, got 2\.4; set model\.limit"):
        model.loss(model(far), far)
    free = build("tfn", limit=0.0)
    assert free.loss(free(far), far)["task"] > 0


def test_context_lstm_reads_the_marked_utterance_in_the_light_of_the_others() -> None:
    model = context()
    scores = [model(dialogue(t)).tasks["score"].item() for t in range(6)]
    assert len({round(s, 6) for s in scores}) == 6
    one = dialogue(2)
    for other in (0, 5):  # a neighbour before, one after
        values = {m: v.clone() for m, v in one.values.items()}
        values["text"][:, other, :4] += 1
        assert abs(model(replace(one, values=values)).tasks["score"].item() - scores[2]) > 1e-6


def test_context_lstm_in_one_direction_does_not_see_what_comes() -> None:
    model, one = context(bidirectional=False), dialogue(2)
    before = model(one).tasks["score"]
    values = {m: v.clone() for m, v in one.values.items()}
    for v in values.values():
        v[:, 3:, :4] += 5
    torch.testing.assert_close(model(replace(one, values=values)).tasks["score"], before)


def test_context_lstm_never_takes_the_mark_for_a_feature() -> None:
    model = context()
    seen: list[torch.Tensor] = []
    model.top.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    model(dialogue(1))
    model(dialogue(4))
    torch.testing.assert_close(seen[0], seen[1])
    with pytest.raises(ConfigError, match="mark"):
        context(dims={"text": 1})


def test_context_lstm_without_own_losses_has_no_own_heads() -> None:
    assert not len(context(own=0.0).own)
    one = replace(dialogue(0), labels={"score": torch.tensor([1.0])})
    model = context()
    output = model(one)
    each = [(said["score"] - 1).abs() for said in output.extra["each"].values()]
    torch.testing.assert_close(model.loss(output, one)["own"], 0.3 * torch.cat(each).mean())


def trained_autoencoder(values: dict[str, torch.Tensor], steps: int, **changes: object) -> autoencoder.Autoencoder:
    torch.manual_seed(0)
    config = {"dims": {m: v.shape[1] for m, v in values.items()}, "noise": 0.0, "dropout": 0.0, "task": 0.0, **changes}
    model = autoencoder.Autoencoder(autoencoder.Config(**config)).train()
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    one = batch(values, {"score": torch.zeros(len(next(iter(values.values()))))})
    for _ in range(steps):
        optimiser.zero_grad()
        model.loss(model(one), one)["rebuild"].backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def normal(x: torch.Tensor) -> torch.Tensor:
    return (x - x.mean(0)) / x.std(0)


def test_autoencoder_rebuilds_data_of_low_rank() -> None:
    latent = noise(64, 3)
    values = {"a": normal(latent @ noise(3, 6, seed=1)), "b": normal(latent @ noise(3, 4, seed=2))}
    model = trained_autoencoder(values, 1000, code=4, width=32, modality_dropout=0.0)
    output = model(batch(values))
    for name, x in values.items():
        assert (output.extra["rebuilt"][name] - x).square().mean() < 1e-3
        assert output.extra["rebuilt"][name].min() < -1  # linear outputs: no range


@pytest.mark.parametrize("related", [True, False])
def test_autoencoder_rebuilds_a_missing_modality_where_the_other_tells_of_it(related: bool) -> None:
    latent = noise(400, 2)
    other = latent if related else noise(400, 2, seed=9)
    values = {"a": normal(latent @ noise(2, 5, seed=1)), "b": normal(other @ noise(2, 5, seed=2))}
    model = trained_autoencoder({m: x[:300] for m, x in values.items()}, 300, code=8, width=32)
    fresh = batch({m: x[300:] for m, x in values.items()})
    rebuilt = model(without(fresh, "b")).extra["rebuilt"]["b"]
    error, floor = (rebuilt - values["b"][300:]).square().mean(), values["b"][300:].var(0, unbiased=False).mean()
    if related:
        assert error < 0.2 * floor
    else:
        assert error > 0.9 * floor


def test_autoencoder_frozen_keeps_the_task_from_the_code() -> None:
    one = batch_of("autoencoder", 6)
    for frozen in (True, False):
        model = build("autoencoder", frozen=frozen).train()
        model.loss(model(one), one)["task"].backward()
        assert (model.code.weight.grad is None) == frozen
        assert model.heads.score.weight.grad.abs().sum() > 0


def test_autoencoder_never_drops_a_samples_last_modality() -> None:
    model = build("autoencoder", modality_dropout=0.9)
    torch.manual_seed(0)
    present = torch.rand(500, 3) > 0.5
    seen = model._some(present)
    assert (seen <= present).all()
    assert torch.equal(seen.any(1), present.any(1))
    assert seen.sum(1).float().mean() < 1.1  # nearly always one is left


@pytest.mark.parametrize(("time", "pool"), [(9, 1), (9, 2), (9, 3), (1, 2), (8, 4)])
def test_cnn_rnn_pools_time_and_mask_alike(time: int, pool: int) -> None:
    model = build("cnn_rnn", pool=pool)
    ids = torch.randint(1, 50, (2, time))
    short = max(1, time // 2)
    x, mask = model.fronts["text"](batch({"text": ids}, text=[time, short]), "text")
    assert x.shape[1] == -(-time // pool)
    assert mask.sum(1).tolist() == [-(-time // pool), -(-short // pool)]
    assert (x[~mask] == 0).all()


def test_cnn_rnn_keeps_the_time_of_sound_and_the_places_of_a_picture() -> None:
    model = build("cnn_rnn")
    x, mask = model.fronts["audio"](batch({"audio": noise(2, 7, 8)}, audio=[7, 3]), "audio")
    assert x.shape == (2, 7, 8 * 2)
    assert mask.sum(1).tolist() == [7, 3]
    places, real = model.fronts["visual"](batch({"visual": noise(2, 3, 24, 16)}), "visual")
    assert places.shape == (2, 3 * 2, 16)
    assert real.all()
    with pytest.raises(ConfigError, match="frequencies"):
        cnn_rnn.MODEL(cnn_rnn.Config(dims={"audio": 3}, kinds={"audio": "bands"}))


def test_cnn_rnn_with_one_modality_is_that_modalitys_branch() -> None:
    model = build("cnn_rnn")
    one = batch_of("cnn_rnn", 3)
    x, mask = model.fronts["sensor"](one, "sensor")
    width, at = model.config.width, list(model.fronts).index("sensor")
    vectors = torch.zeros(3, width * 4)
    vectors[:, at * width : (at + 1) * width] = model.lstms["sensor"](x, mask)[1]
    alone = without(one, "text", "audio", "visual")
    torch.testing.assert_close(model(alone).hidden, model.dense(vectors))


def test_bert_resnet_joins_first_token_and_pooled_features() -> None:
    model = build("bert_resnet")
    one = batch_of("bert_resnet", 3)
    states, _ = model.words(one, "text")
    both = torch.cat([model.pooler(states[:, 0]), model.network(one.values["visual"])], 1)
    torch.testing.assert_close(model(one).hidden, model.dense(both))
    published = bert_resnet.Config(dims={"text": 768, "visual": 3}, vocabulary=0, layers=0)
    full = bert_resnet.MODEL(published)
    assert full.dense[0].weight.shape == (128, 768 + 512)
    with pytest.raises(ConfigError, match="expected dims"):
        bert_resnet.MODEL(bert_resnet.Config(dims={"text": 768, "audio": 3}))


def test_bert_resnet_starts_from_torchvisions_resnet_and_a_bert_together(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    bert = transformers.BertModel(transformers.BertConfig(vocab_size=50, max_position_embeddings=32, **sizes)).eval()
    model = build("bert_resnet", width=64)
    theirs = ResNet18(classes=10).eval()
    torch.save({**bert.state_dict(), **theirs.state_dict()}, tmp_path / "both.pt")
    started = set(start_from(model, tmp_path / "both.pt", lambda line: None))
    assert {k for k in model.state_dict() if k.startswith(("words.", "pooler.", "network."))} == started
    ids, pictures = torch.randint(1, 50, (2, 9)), noise(2, 3, 32, 32)
    both = torch.cat([bert(ids).pooler_output, theirs.maps(pictures)[-1].mean((2, 3))], 1)
    hidden = model(batch({"text": ids, "visual": pictures})).hidden
    torch.testing.assert_close(hidden, model.dense(both), atol=1e-4, rtol=1e-4)


def test_a_bert_may_have_old_names_and_lacks_nothing() -> None:
    bert = a_bert()
    old = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta") for k in bert}
    model = build("bert_resnet")
    found = model.renamed(dict(zip(sorted(old), (bert[k] for k in sorted(bert)), strict=True)))
    assert found.keys() == model.renamed(bert).keys()
    assert torch.equal(found["words.norm.weight"], bert["embeddings.LayerNorm.weight"])
    for lacks in ("embeddings.LayerNorm.bias", "encoder.layer.0.attention.self.key.weight"):
        with pytest.raises(ConfigError, match=f"whole BERT, got none named {lacks}"):
            model.renamed({k: v for k, v in bert.items() if k != lacks})


def test_words_of_a_bert_are_those_of_its_own_ids() -> None:
    for settings, ids in (({"own_ids": True}, "ids learned from"), ({"vocabulary": 51}, "51 ids")):
        with pytest.raises(ConfigError, match=f"one of 50 words for {ids}.*encode with text_tokens"):
            build("bert_resnet", **settings).renamed(a_bert())
    assert build("bert_resnet", vocabulary=0).renamed(a_bert()), "features need no table"


def a_bert() -> dict[str, torch.Tensor]:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(vocab_size=50, max_position_embeddings=32, **sizes)
    return dict(transformers.BertModel(config).state_dict())


@pytest.mark.parametrize("name", ["bert_resnet", "cnn_rnn"])
def test_token_ids_have_no_width_and_get_vectors_of_one(name: str) -> None:
    """So the lab gives `dims`; an Embedding of width 0 would hear nothing of the text."""
    model = build(
        name, dims={"text": 0, "visual": 3}, **({"kinds": {"visual": "picture"}} if name == "cnn_rnn" else {})
    )
    one, other = (batch({"text": torch.full((2, 5), n), "visual": noise(2, 3, 32, 32)}) for n in (3, 4))
    assert not torch.allclose(model(one).tasks["score"], model(other).tasks["score"])


def test_what_has_no_width_is_no_features() -> None:
    with pytest.raises(ConfigError, match="set vocabulary"):
        build("bert_resnet", dims={"text": 0, "visual": 3}, vocabulary=0)
    with pytest.raises(ConfigError, match="expected 'text' as ids"):
        build("cnn_rnn", dims={"text": 0}, kinds={"text": "steps"})


def test_bert_resnet_tunes_its_backbones_gently() -> None:
    model = build("bert_resnet", text_rate=0.02, picture_rate=0.1)
    rates = {id(p): g["lr"] for g in model.param_groups(1e-3, 0.01) for p in g["params"]}
    assert len(rates) == len(list(model.parameters()))
    of = (model.words.words.table.weight, model.network.conv1.weight, model.dense[0].weight, model.pooler[0].weight)
    assert [rates[id(p)] for p in of] == pytest.approx([2e-5, 1e-4, 1e-3, 1e-3])


def test_bert_resnet_cuts_long_texts_and_takes_features() -> None:
    model = build("bert_resnet", positions=4)
    ids = torch.randint(1, 50, (2, 9))
    pictures = noise(2, 3, 32, 32)
    long, cut = (model(batch({"text": t, "visual": pictures})).tasks["score"] for t in (ids, ids[:, :4]))
    torch.testing.assert_close(long, cut)
    features = build("bert_resnet", vocabulary=0, layers=0)
    assert features(batch({"text": noise(2, 16), "visual": pictures})).tasks["score"].shape == (2,)


@pytest.mark.parametrize("module", [mean, concat, ef_lstm, late_mean, lf_dnn, tfn, lmf, autoencoder, image_rnn, vit])
def test_unknown_settings_are_refused(module) -> None:
    with pytest.raises(ValueError, match="bogus"):
        module.Config(dims={"text": 3}, bogus=1)


def test_a_text_beyond_the_positions_is_cut_by_text_transformer() -> None:
    model, batch = build("text_transformer", positions=4), batch_of("text_transformer", 3)
    first = {part: {"text": getattr(batch, part)["text"][:, :4]} for part in ("values", "valid")}
    torch.testing.assert_close(model(batch).hidden, model(replace(batch, **first)).hidden)

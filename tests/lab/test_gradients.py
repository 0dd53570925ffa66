"""Integrated gradients against hand-worked cases, and as the check on what leaving out says."""

import numpy as np
import pytest
import torch
from model_inputs import batch_of, build
from torch import nn

from demeanor.errors import DataError
from demeanor.explain.game import Game, Masks, Said
from demeanor.explain.gradients import integrated_gradients, over_batch
from demeanor.explain.occlusion import remaining
from demeanor.explain.shapley import shares


def test_a_linear_function_by_hand() -> None:
    w = torch.tensor([2.0, -1.0, 0.5])
    x, b = torch.tensor([[1.0, 3.0, -2.0], [0.0, 1.0, 1.0]]), torch.tensor([[1.0, 1.0, 0.0]])
    found = integrated_gradients(lambda v: v["a"] @ w + 7, {"a": x}, {"a": b}, steps=1)
    assert found["a"].tolist() == [[0.0, -2.0, -1.0], [-2.0, 0.0, 0.5]]


def test_a_product_is_parted_evenly_and_a_cube_exactly() -> None:
    """f = x y + x³ from 0: x gets xy/2 + x³, y gets xy/2; two Gauss-Legendre points are exact for a cube."""
    x, y = torch.tensor([[2.0]], dtype=torch.float64), torch.tensor([[3.0]], dtype=torch.float64)
    found = integrated_gradients(lambda v: (v["x"] * v["y"] + v["x"] ** 3)[:, 0], {"x": x, "y": y}, steps=2)
    assert found["x"].item() == pytest.approx(3.0 + 8.0)
    assert found["y"].item() == pytest.approx(3.0)


def test_what_has_no_part_in_the_output_gets_nothing() -> None:
    found = integrated_gradients(lambda v: v["x"][:, 0], {"x": torch.ones(2, 2), "z": torch.ones(2, 3)})
    assert found["x"].flatten().tolist() == pytest.approx([1.0, 0.0, 1.0, 0.0])
    assert not found["z"].any()


@pytest.mark.parametrize("name", ["concat", "tfn", "mult", "late_mean"])
def test_values_are_complete_for_fusion_models(name: str) -> None:
    model, batch = build(name), batch_of(name, 3)

    def choose(output: object) -> torch.Tensor:
        return output.tasks["score"]  # type: ignore[attr-defined]

    found = over_batch(model, batch, choose, steps=96)
    nothing = {m: torch.zeros_like(v) for m, v in batch.values.items()}
    with torch.no_grad():
        rise = choose(model(batch)) - choose(model(type(batch)(nothing, batch.valid, batch.present)))
    assert torch.allclose(sum(v.flatten(1).sum(1) for v in found.values()), rise, atol=5e-3)
    for modality, value in found.items():
        assert not value[~batch.mask(modality)].any(), "padding says nothing"


def test_leaving_out_agrees_in_sign_and_order_on_a_linear_model() -> None:
    """Sum over time of w · x: stretches of frames, left out (Shapley) and by gradients, must give the very same."""
    g = torch.Generator().manual_seed(4)
    head = nn.Linear(5, 1, bias=False).double()
    frames = torch.randn(12, 5, generator=g, dtype=torch.float64)
    spans = [(0, 3), (3, 6), (6, 9), (9, 12)]

    def score(values: torch.Tensor) -> torch.Tensor:
        return head(values).sum(dim=(1, 2))

    def read(masks: Masks) -> list[Said]:
        kept = [remaining(frames.numpy().astype(np.float32), spans, m) for m in masks]
        return [(score(torch.tensor(k, dtype=torch.float64)[None]).item(), None) for k in kept]

    left_out = shares(Game(4, read)).values
    gradients = integrated_gradients(lambda v: score(v["audio"]), {"audio": frames[None]})["audio"][0].sum(1)
    by_span = np.array([gradients[a:b].sum().item() for a, b in spans])
    assert np.sign(left_out).tolist() == np.sign(by_span).tolist()
    assert left_out == pytest.approx(by_span, abs=1e-5)


def test_leaving_out_follows_gradients_on_a_model_with_a_bend() -> None:
    """Of a small trained network the two need not be equal, but must order the stretches alike."""
    g = torch.Generator().manual_seed(1)
    body = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
    x, w = torch.randn(256, 8, 6, generator=g), torch.randn(6, generator=g)
    target = torch.tanh(x.mean(1) @ w)
    optimiser = torch.optim.Adam(body.parameters(), 0.02)
    for _ in range(150):
        optimiser.zero_grad()
        nn.functional.mse_loss(body(x.mean(1))[:, 0], target).backward()
        optimiser.step()
    agreed = []
    for row in range(40):
        gradients = integrated_gradients(lambda v: body(v["x"].mean(1))[:, 0], {"x": x[row : row + 1]})["x"][0]

        def read(masks: Masks, row: int = row) -> list[Said]:
            values = x[row] * torch.tensor(masks, dtype=torch.float32)[..., None]
            with torch.no_grad():
                return [(float(v), None) for v in body(values.mean(1))[:, 0]]

        left_out = shares(Game(8, read)).values
        agreed.append(np.corrcoef(left_out, gradients.sum(1).numpy())[0, 1])
    assert np.mean(agreed) > 0.9


def test_token_ids_and_outputs_of_many_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="whole numbers in text"):
        integrated_gradients(lambda v: v["text"].sum(1), {"text": torch.ones(2, 3, dtype=torch.long)})
    with pytest.raises(DataError, match="one number per row"):
        integrated_gradients(lambda v: v["x"], {"x": torch.ones(2, 3)})
    with pytest.raises(DataError, match="token ids only"):
        over_batch(build("textcnn"), batch_of("textcnn", 2), lambda o: o.tasks["score"])

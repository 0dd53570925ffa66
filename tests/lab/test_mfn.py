"""MFN: the cells against torch's own, the memory against a loop over the paper's equations."""

import pytest

torch = pytest.importorskip("torch")

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.mfn import PRESETS, Config, Mfn  # noqa: E402
from demeanor.layers import cell_lstm  # noqa: E402
from demeanor.layers.cell_lstm import CellLstm, linear_recurrence  # noqa: E402

pytestmark = pytest.mark.lab
DIMS = {"text": 7, "audio": 5, "visual": 4}


def batch_of(lengths: list[int], time: int) -> FeatureBatch:
    g = torch.Generator().manual_seed(0)
    count = len(lengths)
    values = {m: torch.randn(count, time, d, generator=g) for m, d in DIMS.items()}
    valid = {m: torch.arange(time)[None] < torch.tensor(lengths)[:, None] for m in DIMS}
    present = {m: torch.ones(count, dtype=torch.bool) for m in DIMS}
    return FeatureBatch(values, valid, present, {"score": torch.zeros(count)}, torch.arange(count))


def small(**changes: object) -> Mfn:
    torch.manual_seed(0)
    return Mfn(Config(**{**PRESETS["tiny"], "dims": DIMS, **changes})).eval()


def test_cells_are_those_of_an_lstm_cell() -> None:
    torch.manual_seed(0)
    net, x = CellLstm(5, 6), torch.randn(3, 7, 5)
    mask = torch.arange(7)[None] < torch.tensor([[7], [4], [0]])
    cells, last = net(x, mask)
    cell = torch.nn.LSTMCell(5, 6)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict({n: getattr(net.lstm, f"{n}_l0") for n in names})
    for row, length in enumerate((7, 4, 0)):
        h = c = torch.zeros(1, 6)
        for step in range(7):
            if step < length:
                h, c = cell(x[row : row + 1, step], (h, c))
            torch.testing.assert_close(cells[row, step], c[0], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(last[row], h[0], atol=1e-6, rtol=1e-5)


def test_gradients_of_the_cells_are_those_of_an_lstm_cell() -> None:
    torch.manual_seed(0)
    net, x = CellLstm(3, 4).double(), torch.randn(2, 5, 3, dtype=torch.float64)
    weights = torch.randn(2, 5, 4, dtype=torch.float64)
    (net(x, torch.ones(2, 5, dtype=torch.bool))[0] * weights).sum().backward()
    cell = torch.nn.LSTMCell(3, 4).double()
    cell.load_state_dict(
        {n: getattr(net.lstm, f"{n}_l0").detach() for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    )
    h = c = torch.zeros(2, 4, dtype=torch.float64)
    total = 0
    for step in range(5):
        h, c = cell(x[:, step], (h, c))
        total = total + (c * weights[:, step]).sum()
    total.backward()
    torch.testing.assert_close(net.lstm.weight_hh_l0.grad, cell.weight_hh.grad)
    torch.testing.assert_close(net.lstm.weight_ih_l0.grad, cell.weight_ih.grad)


@pytest.mark.parametrize("time", [1, 2, 5, 8, 33])
def test_doubling_gives_what_the_loop_gives(time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    keep, add = torch.rand(2, time, 3), torch.randn(2, time, 3)
    x, expected = torch.zeros(2, 3), []
    for step in range(time):
        x = keep[:, step] * x + add[:, step]
        expected.append(x)
    torch.testing.assert_close(linear_recurrence(keep, add), torch.stack(expected, 1))
    monkeypatch.setattr(cell_lstm.torch.jit, "is_tracing", lambda: True)
    torch.testing.assert_close(linear_recurrence(keep, add), torch.stack(expected, 1), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("gates_see_memory", [False, True])
def test_the_memory_is_the_papers(gates_see_memory: bool) -> None:
    """Attention over c^[t-1, t], proposal, retain and write gates: step by step, sample by sample."""
    model = small(gates_see_memory=gates_see_memory)
    lengths = [6, 3]
    batch = batch_of(lengths, 6)
    hidden = model(batch).hidden
    for row, length in enumerate(lengths):
        states = []
        for name, net in model.lstms.items():
            cell = torch.nn.LSTMCell(DIMS[name], 8)
            parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            cell.load_state_dict({n: getattr(net.lstm, f"{n}_l0") for n in parts})
            states.append((cell, torch.zeros(1, 8), torch.zeros(1, 8), batch.values[name][row : row + 1]))
        memory = torch.zeros(1, 8)
        for step in range(length):
            before = torch.cat([c for _, _, c, _ in states], 1)
            states = [(cell, *cell(x[:, step], (h, c)), x) for cell, h, c, x in states]
            delta = torch.cat([before, *(c for _, _, c, _ in states)], 1)
            attended = model.attend(delta).softmax(1) * delta
            seen = torch.cat([attended, memory], 1) if gates_see_memory else attended
            memory = model.retain(seen).sigmoid() * memory + model.write(seen).sigmoid() * model.update(attended).tanh()
        out = model.answer(torch.cat([*(h for _, h, _, _ in states), memory], 1)).relu()
        torch.testing.assert_close(hidden[row], out[0], atol=1e-5, rtol=1e-4)


def test_attention_weights_sum_to_one_over_all_cells() -> None:
    model = small()
    seen = []
    model.attend.register_forward_hook(lambda net, args, out: seen.append((args[0], out)))
    model(batch_of([4], 4))
    delta, scores = seen[0]
    assert delta.shape == (1, 4, 48)
    torch.testing.assert_close(scores.softmax(2).sum(2), torch.ones(1, 4))
    torch.testing.assert_close(delta[:, 1:, :24], delta[:, :-1, 24:])
    assert (delta[:, 0, :24] == 0).all()


def test_as_many_weights_as_the_reference_has() -> None:
    """MMSA's 2.17 M at MOSI's settings, where the gates see the memory."""
    dims = {"text": 768, "audio": 5, "visual": 20}
    parity = Mfn(Config(dims=dims, gates_see_memory=True, **PRESETS["mosi"]))
    assert sum(p.numel() for p in parity.parameters()) == 2_172_657
    paper = Mfn(Config(dims=dims, **PRESETS["mosi"]))
    assert sum(p.numel() for p in paper.parameters()) == 2_172_657 - 400 * (256 + 32)


def test_gates_that_see_the_memory_are_not_exported(tmp_path) -> None:
    from demeanor.training.export import export_fusion

    with pytest.raises(ConfigError, match="cannot be exported"):
        export_fusion(small(gates_see_memory=True), batch_of([4, 4], 4), tmp_path / "model.onnx")

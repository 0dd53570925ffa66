"""What pooling promises, as properties; Shapley values against hand-worked games."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from demeanor.calibration import pool as module
from demeanor.calibration.pool import Pooled, PoolRule, pool, shapley, shares
from demeanor.errors import ConfigError, DataError
from demeanor.types import EMOTIONS, POLARITIES

RULE = PoolRule()
CUES = ("words", "voice", "face", "scene")
Cue = tuple[np.ndarray, np.ndarray, float, float]


def feeling(top: str, p: float) -> np.ndarray:
    """Emotions with `p` on one and the rest spread evenly."""
    out = np.full(7, (1 - p) / 6)
    out[EMOTIONS.index(top)] = p
    return out


def join(cues: dict[str, Cue], rule: PoolRule = RULE) -> Pooled:
    return pool(*({name: cue[i] for name, cue in cues.items()} for i in range(4)), rule)  # type: ignore[arg-type]


def dist(k: int) -> st.SearchStrategy[np.ndarray]:
    return st.lists(st.floats(0.001, 1), min_size=k, max_size=k).map(lambda v: np.array(v) / sum(v))


def cue_like(reliability: st.SearchStrategy[float]) -> st.SearchStrategy[Cue]:
    return st.tuples(dist(3), dist(7), st.floats(-1, 1), reliability)


some = st.floats(0.01, 1)
cue = cue_like(some)
cues = st.integers(1, 4).flatmap(lambda n: st.tuples(*[cue] * n)).map(lambda c: dict(zip(CUES, c, strict=False)))
rules = st.builds(
    PoolRule,
    base=st.dictionaries(st.sampled_from(CUES), st.floats(0.1, 3)),
    floor=st.floats(0, 1),
    kappa=st.floats(0, 1),
)

ANGRY_VOICE: Cue = (np.array([0.8, 0.15, 0.05]), feeling("anger", 0.8), -0.6, 1.0)
NEUTRAL_SENTENCE: Cue = (np.array([0.1, 0.8, 0.1]), feeling("neutral", 0.8), 0.0, 1.0)
GLAD_SENTENCE: Cue = (np.array([0.05, 0.10, 0.85]), feeling("joy", 0.7), 0.7, 1.0)
NEUTRAL_SCENE: Cue = (np.array([0.2, 0.5, 0.3]), feeling("neutral", 0.5), 0.05, 1.0)


def label(found: Pooled) -> str:
    return POLARITIES[int(found.polarity.argmax())]


def emotion(found: Pooled) -> str:
    return EMOTIONS[int(found.emotions.argmax())]


# What the rule is for


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("certainty", [0.8, 0.9, 0.98])
def test_a_neutral_sentence_does_not_drown_an_angry_voice(kappa: float, certainty: float) -> None:
    rest = (1 - certainty) / 2
    sentence = (np.array([rest, certainty, rest]), feeling("neutral", certainty), 0.0, 1.0)
    found = join({"voice": ANGRY_VOICE, "words": sentence}, PoolRule(kappa=kappa))
    assert (label(found), emotion(found)) == ("negative", "anger")
    assert found.score < -0.3
    assert found.weights["voice"] > 0.8


def test_a_weaker_angry_voice_is_still_heard() -> None:
    voice = (np.array([0.6, 0.3, 0.1]), feeling("anger", 0.5), -0.4, 0.8)
    sentence = (np.array([0.01, 0.98, 0.01]), feeling("neutral", 0.98), 0.0, 1.0)
    found = join({"voice": voice, "words": sentence})
    assert (label(found), emotion(found)) == ("negative", "anger")


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0])
def test_a_photograph_without_feeling_does_not_drown_a_glad_sentence(kappa: float) -> None:
    found = join({"words": GLAD_SENTENCE, "scene": NEUTRAL_SCENE}, PoolRule(kappa=kappa))
    assert (label(found), emotion(found)) == ("positive", "joy")
    assert found.polarity[2] > 0.8
    assert found.score > 0.5


def test_an_unsure_cue_says_little() -> None:
    flat = (np.full(3, 1 / 3), np.full(7, 1 / 7), 0.0, 1.0)
    found = join({"words": GLAD_SENTENCE, "voice": flat, "face": flat})
    assert found.polarity == pytest.approx(GLAD_SENTENCE[0])  # with kappa = 1 a flat cue changes nothing at all
    assert found.weights["words"] > 0.85


def test_two_neutral_cues_stay_neutral() -> None:
    found = join({"words": NEUTRAL_SENTENCE, "scene": NEUTRAL_SCENE})
    assert (label(found), emotion(found)) == ("neutral", "neutral")
    assert abs(found.score) <= module.NEUTRAL_BOUND


def test_agreement_makes_surer_and_contradiction_less_sure() -> None:
    face = (np.array([0.7, 0.2, 0.1]), feeling("anger", 0.6), -0.5, 1.0)
    both = join({"voice": ANGRY_VOICE, "face": face})
    assert both.polarity[0] > 0.9
    assert join({"voice": ANGRY_VOICE, "words": GLAD_SENTENCE}).polarity.max() < 0.65
    average = join({"voice": ANGRY_VOICE, "face": face}, PoolRule(kappa=0))
    assert 0.7 < average.polarity[0] < 0.8


def test_reliability_turns_a_cue_down() -> None:
    previous = 1.0
    for reliability in (1.0, 0.5, 0.2, 0.05):
        voice = (*ANGRY_VOICE[:3], reliability)
        found = join({"voice": voice, "words": GLAD_SENTENCE})
        assert found.weights["voice"] < previous
        previous = found.weights["voice"]
    assert label(found) == "positive"


def test_base_and_priors() -> None:
    cues = {"voice": ANGRY_VOICE, "words": GLAD_SENTENCE}
    assert label(join(cues, PoolRule(base={"voice": 3.0}))) == "negative"
    assert label(join(cues, PoolRule(base={"words": 3.0}))) == "positive"
    # A voice expert that hears 80 % anger in everything says nothing by saying so once more.
    usual = PoolRule(
        polarity_priors={"voice": (0.8, 0.15, 0.05)}, emotion_priors={"voice": tuple(ANGRY_VOICE[1].tolist())}
    )
    assert join(cues, usual).weights["voice"] < 0.1


# Properties


@given(cues, rules)
def test_probabilities_weights_and_score_are_in_range(given_cues: dict[str, Cue], rule: PoolRule) -> None:
    found = join(given_cues, rule)
    assert found.polarity.sum() == pytest.approx(1)
    assert found.emotions.sum() == pytest.approx(1)
    assert min(found.polarity.min(), found.emotions.min()) >= 0
    assert sum(found.weights.values()) == pytest.approx(1)
    assert min(found.weights.values()) >= 0
    assert set(found.weights) == set(given_cues)
    assert -1 <= found.score <= 1


@given(cues, rules)
def test_label_and_score_never_contradict(given_cues: dict[str, Cue], rule: PoolRule) -> None:
    found = join(given_cues, rule)
    said = label(found)
    if said == "negative":
        assert found.score <= -module.SIGN_MARGIN
    elif said == "positive":
        assert found.score >= module.SIGN_MARGIN
    else:
        assert abs(found.score) <= module.NEUTRAL_BOUND


@given(cues, rules, st.randoms())
def test_order_of_cues_does_not_matter(given_cues: dict[str, Cue], rule: PoolRule, random) -> None:  # type: ignore[no-untyped-def]
    mixed = {name: given_cues[name] for name in random.sample(list(given_cues), len(given_cues))}
    a, b = join(given_cues, rule), join(mixed, rule)
    assert (a.polarity == b.polarity).all()
    assert (a.emotions == b.emotions).all()
    assert (a.score, a.weights) == (b.score, b.weights)


@given(cue, rules)
def test_one_cue_alone_is_returned_unchanged(alone: Cue, rule: PoolRule) -> None:
    found = join({"voice": alone}, rule)
    assert found.polarity == pytest.approx(alone[0], abs=1e-9)
    assert found.emotions == pytest.approx(alone[1], abs=1e-9)
    assert found.weights == {"voice": 1.0}
    # The score too, unless the cue contradicts its own label.
    assert found.score == pytest.approx(module.agree(alone[2], alone[0]), abs=1e-9)


def test_one_cue_alone_keeps_certainty_and_score() -> None:
    certain = (np.array([0.0, 0.0, 1.0]), feeling("joy", 1.0), 0.9, 0.3)
    found = join({"face": certain})
    assert found.polarity == pytest.approx([0, 0, 1], abs=1e-9)
    assert found.score == pytest.approx(0.9)
    assert join({"face": (certain[0], certain[1], -0.9, 1.0)}).score == module.SIGN_MARGIN


@given(cues, cue_like(st.just(0.0)), rules)
def test_zero_reliability_is_absent(given_cues: dict[str, Cue], mute: Cue, rule: PoolRule) -> None:
    found, without = join({**given_cues, "sensor": mute}, rule), join(given_cues, rule)
    assert found.polarity == pytest.approx(without.polarity, abs=1e-9)
    assert found.emotions == pytest.approx(without.emotions, abs=1e-9)
    assert found.score == pytest.approx(without.score, abs=1e-9)
    assert found.weights == pytest.approx({**without.weights, "sensor": 0.0})


@given(cues, rules)
def test_all_zero_reliabilities_count_as_equal(given_cues: dict[str, Cue], rule: PoolRule) -> None:
    mute, equal = ({n: (*c[:3], r) for n, c in given_cues.items()} for r in (0.0, 0.7))
    a, b = join(mute, rule), join(equal, rule)
    assert a.polarity == pytest.approx(b.polarity, abs=1e-9)
    assert a.weights == pytest.approx(b.weights)


def weight_before_sharing(c: Cue) -> float:
    return c[3] * (RULE.floor + (1 - RULE.floor) * module.expressiveness(c[0], c[1]))


@given(cues, cue)
def test_a_cue_that_agrees_never_lowers_the_agreed_label(given_cues: dict[str, Cue], new: Cue) -> None:
    """Same most probable class, and not above the weightiest cue present."""
    before = join(given_cues)
    top = int(before.polarity.argmax())
    assume(int(new[0].argmax()) == top)
    assume(weight_before_sharing(new) <= max(map(weight_before_sharing, given_cues.values())))
    assert join({**given_cues, "sensor": new}).polarity[top] >= before.polarity[top] - 1e-12


@given(cues, cue, st.lists(st.floats(0.01, 1), min_size=3, max_size=3))
def test_a_weightier_cue_that_agrees_as_strongly_never_lowers_it_either(
    given_cues: dict[str, Cue], new: Cue, less: list[float]
) -> None:
    before = join(given_cues)
    top = int(before.polarity.argmax())
    less[top] = 1.0
    as_strong = before.polarity * less / (before.polarity @ less)
    after = join({**given_cues, "sensor": (as_strong, *new[1:])})
    assert after.polarity[top] >= before.polarity[top] - 1e-12


@given(cues, st.floats(0.05, 3))
def test_only_ratios_of_reliability_matter(given_cues: dict[str, Cue], scale: float) -> None:
    scaled = {n: (*c[:3], c[3] * scale) for n, c in given_cues.items()}
    assert join(scaled).polarity == pytest.approx(join(given_cues).polarity, abs=1e-9)


@given(cues)
def test_small_changes_change_little(given_cues: dict[str, Cue]) -> None:
    """The pool is continuous: rounding on another processor does not flip it."""
    keep, moved = 1 - 1e-6, {}
    for name, (p, e, score, reliability) in given_cues.items():
        moved[name] = (keep * p + 1e-6 / 3, keep * e + 1e-6 / 7, score, reliability)
    a, b = join(given_cues), join(moved)
    assert a.polarity == pytest.approx(b.polarity, abs=1e-3)
    assert a.emotions == pytest.approx(b.emotions, abs=1e-3)


def test_by_hand() -> None:
    """Expressiveness .7 and .25, reliability 1 and .5, floor 0: weights .7 : .125, exponents 1 and .1786."""
    a = (np.array([0.8, 0.1, 0.1]), np.full(7, 1 / 7), -0.5, 1.0)
    b = (np.array([0.2, 0.3, 0.5]), np.full(7, 1 / 7), 0.4, 0.5)
    assert module.expressiveness(a[0], a[1]) == pytest.approx(0.7)
    assert module.expressiveness(b[0], b[1]) == pytest.approx(0.25)
    found = join({"words": a, "face": b}, PoolRule(floor=0))
    assert found.weights == pytest.approx({"words": 0.7 / 0.825, "face": 0.125 / 0.825})
    raw = np.array([0.8 * 0.2**0.178571, 0.1 * 0.3**0.178571, 0.1 * 0.5**0.178571])
    assert found.polarity == pytest.approx(raw / raw.sum(), abs=1e-5)
    tilt = (0.7 * -0.7 + 0.125 * 0.3) / 0.825
    pooled_tilt = (raw[2] - raw[0]) / raw.sum()
    assert found.score == pytest.approx((0.7 * -0.5 + 0.125 * 0.4) / 0.825 + pooled_tilt - tilt, abs=1e-5)


# The rule as data


def test_rule_round_trip() -> None:
    rule = PoolRule({"words": 1.2}, 0.1, 0.5, {"voice": (0.5, 0.3, 0.2)}, {"voice": (0.1,) * 3 + (0.175,) * 4})
    assert PoolRule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
    assert PoolRule.from_dict({}) == RULE


@pytest.mark.parametrize(
    "data",
    [
        {"flor": 0.1}, {"floor": 2}, {"kappa": -0.1}, {"base": {"words": -1}}, {"base": 3}, {"floor": "low"},
        {"polarity_priors": {"voice": [0.5, 0.5]}}, {"polarity_priors": {"voice": [1.0, 0.0, 0.0]}},
    ],
)  # fmt: skip
def test_bad_rules_are_refused(data: dict) -> None:
    with pytest.raises(ConfigError, match="expected"):
        PoolRule.from_dict(data)


def test_bad_cues_are_refused() -> None:
    with pytest.raises(DataError, match="none"):
        pool({}, {}, {}, {}, RULE)
    with pytest.raises(DataError, match="emotions for the cues"):
        pool({"words": np.full(3, 1 / 3)}, {}, {"words": 0.0}, {"words": 1.0}, RULE)
    good = NEUTRAL_SENTENCE
    for bad in (
        (np.ones(3), *good[1:]), (good[0], np.full(6, 1 / 6), 0.0, 1.0), (*good[:2], 3.0, 1.0),
        (*good[:3], -1.0), (*good[:2], float("nan"), 1.0), (*good[:3], float("nan")),
    ):  # fmt: skip
        with pytest.raises(DataError, match="expected"):
            join({"words": bad})


# Shapley values


def test_shapley_of_a_hand_worked_game() -> None:
    """A glove game: a and b own left gloves, c a right one; a pair is worth 1. Known: 1/6, 1/6, 4/6."""

    def worth(s: frozenset[str]) -> float:
        return float("c" in s and bool(s & {"a", "b"}))

    assert shapley(worth, "abc") == pytest.approx({"a": 1 / 6, "b": 1 / 6, "c": 4 / 6})


def test_shapley_of_a_game_without_symmetry() -> None:
    """Marginal contributions of (1, 2, 3), worked by hand, in each order of arrival:

    123: 4 3 3 - 132: 4 4 2 - 213: 6 1 3 - 231: 7 1 2 - 312: 6 4 0 - 321: 7 3 0; sums 34, 16, 10.
    """
    worth = {"": 0, "1": 4, "2": 1, "3": 0, "12": 7, "13": 6, "23": 3, "123": 10}
    got = shapley(lambda s: worth["".join(sorted(s))], "123")
    assert got == pytest.approx({"1": 34 / 6, "2": 16 / 6, "3": 10 / 6})


def permutations_of(worth: dict[frozenset[str], float], players: list[str]) -> dict[str, float]:
    """Independent reference: the mean marginal contribution over every order."""
    total = dict.fromkeys(players, 0.0)
    for order in itertools.permutations(players):
        for i, player in enumerate(order):
            total[player] += worth[frozenset(order[: i + 1])] - worth[frozenset(order[:i])]
    return {player: value / math.factorial(len(players)) for player, value in total.items()}


@given(st.integers(1, 5), st.integers(0, 10_000))
def test_shapley_against_all_orders(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    players = list("vwxyz"[:n])
    worth = {frozenset(c): float(rng.normal()) for size in range(n + 1) for c in itertools.combinations(players, size)}
    got = shapley(worth.__getitem__, players)
    assert got == pytest.approx(permutations_of(worth, players))
    assert sum(got.values()) == pytest.approx(worth[frozenset(players)] - worth[frozenset()])  # efficiency


def test_shapley_symmetry_dummy_and_calls() -> None:
    asked = []

    def worth(s: frozenset[str]) -> float:
        asked.append(s)
        return len(s & {"a", "b"}) ** 2 + 0.5 * ("d" in s)

    got = shapley(worth, ["d", "a", "idle", "b"])
    assert list(got) == ["d", "a", "idle", "b"]
    assert got["a"] == got["b"] == pytest.approx(2)
    assert got["idle"] == 0
    assert got["d"] == pytest.approx(0.5)  # its own worth, whoever else is there
    assert len(asked) == len(set(asked)) == 16
    assert shapley(lambda s: 3.0, []) == {}


def test_shapley_refuses_doubles_and_crowds() -> None:
    with pytest.raises(DataError, match="distinct"):
        shapley(lambda s: 0.0, ["a", "a"])
    with pytest.raises(DataError, match="16"):
        shapley(lambda s: 0.0, [str(i) for i in range(17)])


@given(cues, st.floats(-0.2, 0.2))
def test_shares_sum_to_the_score(given_cues: dict[str, Cue], prior: float) -> None:
    parts = [{name: c[i] for name, c in given_cues.items()} for i in range(4)]
    got = shares(*parts, RULE, prior)  # type: ignore[arg-type]
    assert sum(got.values()) == pytest.approx(join(given_cues).score - prior)
    assert set(got) == set(given_cues)


def test_shares_have_the_sign_of_what_was_said() -> None:
    cues = {"voice": ANGRY_VOICE, "words": GLAD_SENTENCE, "scene": NEUTRAL_SCENE}
    parts = [{name: c[i] for name, c in cues.items()} for i in range(4)]
    got = shares(*parts, RULE)  # type: ignore[arg-type]
    assert got["voice"] < 0 < got["words"]
    assert abs(got["scene"]) < min(-got["voice"], got["words"])

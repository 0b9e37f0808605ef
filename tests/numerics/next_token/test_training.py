"""Training against closed forms and against the numbers computed by another program."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from numerics.next_token import network
from numerics.next_token.again import digits_for
from numerics.next_token.asymptotics import Asymptotics, asymptotics
from numerics.next_token.descent import normalised_descent
from numerics.next_token.growth import watch_growth
from numerics.next_token.stage import aligned_output, attention_stage, feed_forward_stage
from numerics.next_token.training import Measured, Training, train_attention, train_feed_forward
from proofs.next_token.dataset import Dataset, Sentence
from proofs.next_token.examples import NAMED, REPEATED, from_optimal, random_dataset
from proofs.next_token.max_margin import attention_problems, degenerate, support
from proofs.next_token.max_margin_solver import solve
from tests.proofs.next_token.closed_form import pairs_log_excess_loss, uniform_feed_forward_loss

ETA = 0.5
DS_A, DS_B, DS_C, DS_D = NAMED.values()


@pytest.fixture(scope="module")
def named() -> Training:
    """The four datasets for 20000 steps, as the reference values ask."""
    datasets = list(NAMED.values())
    return train_attention(datasets, aligned_output(datasets, 3.0), ETA, 20_000, times=(1, 10, 100))


def test_ds_a_has_its_closed_forms() -> None:
    stage = attention_stage([DS_A], aligned_output([DS_A], 3.0))
    for t, w in normalised_descent(stage, ETA, (0, 1, 5, 20, 40, 1500)).items():
        assert stage.log_excess_loss(w).item() == pytest.approx(pairs_log_excess_loss(4, 4, ETA, 3.0, t), abs=1e-11)
    stage = feed_forward_stage([DS_A])
    for t, w in normalised_descent(stage, ETA, (0, 1, 2, 5, 10, 20, 40)).items():
        expected = uniform_feed_forward_loss(DS_A, ETA, t)
        assert stage.log_excess_loss(w).exp().item() == pytest.approx(expected, rel=1e-12)


def test_stage_1_with_3_of_5_collocations() -> None:
    sentences = [Sentence((x,), x + 1) for x in range(3)]
    dataset = Dataset("d", tuple("01234"), (*sentences, Sentence((1, 0), 2)))
    training = train_feed_forward([dataset], ETA, 40)
    assert training.predictions[0].norm ** 2 == pytest.approx(12 / 5, rel=1e-14)
    assert training.direction_error(0, 40) < 1e-14
    assert math.exp(training.log_excess_losses[40][0]) == pytest.approx(uniform_feed_forward_loss(dataset, ETA, 40))


def test_stage_1_constant_is_the_spread_of_the_weights() -> None:
    """NT6: t * direction error tends to |W_ov*| std(log pi) / eta = 2.684547; 2.68466 was seen at t = 2e4."""
    training = train_feed_forward([DS_B], ETA, 20_000)
    logs = torch.tensor([8.0, 4.0, 2.0, 1.0], dtype=torch.float64).log()
    expected = math.sqrt(3) * float(logs.std(correction=0)) / ETA
    assert training.predictions[0].direction_constant(ETA) == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(2.684547, abs=1e-6)
    assert 20_000 * training.direction_error(0, 20_000) == pytest.approx(2.68466, abs=1e-5)
    assert training.loss_slope(0).value == pytest.approx(-0.28867513, abs=1e-8)


@pytest.mark.parametrize(
    ("index", "predicted", "seen"), [(0, 0.0, 0.0), (1, 2.191924, 2.19197), (2, 2.937387, 2.93744)]
)
def test_direction_constants(named: Training, index: int, predicted: float, seen: float) -> None:
    assert named.predictions[index].direction_constant(ETA) == pytest.approx(predicted, abs=1e-6)
    assert 20_000 * named.direction_error(index, 20_000) == pytest.approx(seen, abs=1e-5)


def test_ds_d_has_log_t_over_t(named: Training) -> None:
    """NT8: t err = (sqrt 3 / 2) log((4/3) eta t / sqrt 2) / eta + o(1)."""
    for t in (5000, 10_000, 20_000):
        expected = math.sqrt(3) / 2 * math.log(4 / 3 * ETA * t / math.sqrt(2)) / ETA
        assert t * named.direction_error(3, t) == pytest.approx(expected, abs=20 / t)
    assert named.predictions[3].drift_constant(ETA) == pytest.approx(math.sqrt(3) / 2 / ETA, rel=1e-14)
    assert named.drift(3).agrees(math.sqrt(3) / 2 / ETA, 0.01)
    assert named.weights(3, 20_000)[1 * 5 + 3].item() == pytest.approx(-6.86, abs=0.01)  # NT9: -(3/4) log c_t + O(1)


def test_named_loss_slopes(named: Training) -> None:
    for index, squared_norm in enumerate((2, 2, 23 / 6, 2)):
        predicted = named.predictions[index].loss_slope(ETA)
        assert predicted == pytest.approx(-ETA / math.sqrt(squared_norm), rel=1e-14)
        assert named.loss_slope(index).agrees(predicted, 1e-4 * abs(predicted))


def test_loss_slopes_of_90_random_datasets() -> None:
    """NT7, with beta = 1, 6, 20: four digits at least; and the offsets within the span of the support."""
    batch = [random_dataset(7, 3 + index % 6, index) for index in range(90)]
    W_ov = torch.cat(
        [aligned_output([*batch[i::3], random_dataset(0, 8)], beta)[:-1] for i, beta in enumerate((1.0, 6.0, 20.0))]
    )
    ordered = [dataset for i in range(3) for dataset in batch[i::3]]
    training = train_attention(ordered, W_ov, ETA, 2000)
    stable = [i for i in range(90) if training.stable(i)]
    assert len(stable) >= 85
    for i in stable:
        predicted = training.predictions[i].loss_slope(ETA)
        assert training.loss_slope(i).value == pytest.approx(predicted, rel=1e-4)
        assert training.offset_distance(i).agrees(0.0, 0.1)
    drifting = [i for i in stable if training.predictions[i].degenerate_pairs]
    assert len(drifting) >= 10
    for i in drifting:
        predicted = training.predictions[i].drift_constant(ETA)
        assert training.drift(i).agrees(predicted, 0.2 * predicted)


def independent_constant(dataset: Dataset, prediction: Asymptotics) -> float:
    """sqrt(r^T K^-1 r) with r_i = log(omega_i / alpha_i) - c and sum alpha_i r_i = 0, see NT7d."""
    vectors, ratios, alphas = [], [], []
    for q, problem in attention_problems(dataset).items():
        certificate = solve(problem)
        for (a, b), alpha in zip(problem.pairs, certificate.duals, strict=True):
            if alpha > 0:
                v = torch.zeros(dataset.V, dataset.V, dtype=torch.float64)
                v[a, q], v[b, q] = 1, -1
                vectors.append(v.flatten())
                omega = sum(
                    float(s.weight) * s.counts[b] / s.counts[a]
                    for s in dataset.longer
                    if s.query == q and dataset.optimal(s) == a and b in s.counts
                )
                ratios.append(math.log(omega / float(alpha)))
                alphas.append(float(alpha))
    v = torch.stack(vectors)
    r, weights = torch.tensor(ratios, dtype=torch.float64), torch.tensor(alphas, dtype=torch.float64)
    r = r - (weights @ r) / weights.sum()
    return float((r @ torch.linalg.solve(v @ v.T, r)).sqrt())


def test_offset_is_the_formula_of_the_design_when_support_pairs_are_independent() -> None:
    compared = 0
    for index in range(40):
        dataset = random_dataset(11, 6, index)
        stage = attention_stage([dataset], aligned_output([dataset], 3.0))
        problems = attention_problems(dataset)
        certificates = {q: solve(problem) for q, problem in problems.items()}
        prediction = asymptotics(stage, 0, problems, certificates)
        pairs = sum(len(support(problem, certificates[q])) for q, problem in problems.items())
        if pairs == len(prediction.rates) + 1:
            compared += 1
            assert prediction.direction_constant(1.0) == pytest.approx(
                independent_constant(dataset, prediction), rel=1e-8, abs=1e-8
            )
    assert compared >= 20


def test_frozen_component_adds_in_quadrature() -> None:
    """A pair outside the span of the support moves early and then stops."""
    found = 0
    for index in range(60):
        dataset = random_dataset(3, 6, index)
        training = train_attention([dataset], aligned_output([dataset], 3.0), ETA, 8)
        prediction = training.predictions[0]
        if prediction.spanning or prediction.degenerate_pairs or not training.stable(0):
            continue
        found += 1
        training = train_attention([dataset], aligned_output([dataset], 3.0), ETA, 4000)
        w, unit = training.weights(0, 4000), prediction.solution / prediction.norm
        across = w - unit * (w @ unit)
        frozen = across - prediction.within(across)
        earlier = training.weights(0, 2000)
        assert float((frozen - (earlier - unit * (earlier @ unit) - prediction.within(earlier))).norm()) < 1e-9
        total = math.hypot(prediction.direction_constant(ETA), float(frozen.norm()) / ETA)
        assert 4000 * training.direction_error(0, 4000) == pytest.approx(total, rel=1e-3)
        assert total > prediction.direction_constant(ETA)
        if found == 2:
            return
    raise AssertionError("no such dataset among these")


@pytest.mark.parametrize("name", ["DS-B", "DS-C", "DS-D"])
def test_step_size_threshold(name: str) -> None:
    """Just below it the slope is -eta/|W*|; above it the loss falls more slowly."""
    dataset = NAMED[name]
    W_ov = aligned_output([dataset], 3.0)
    threshold = train_attention([dataset], W_ov, ETA, 8).predictions[0].largest_stable_eta
    ratios = []
    for factor in (0.9, 1.2):
        training = train_attention([dataset], W_ov, factor * threshold, 2000)
        assert training.stable(0) == (factor < 1)
        ratios.append(training.loss_slope(0).value / training.predictions[0].loss_slope(training.step))
    assert ratios[0] == pytest.approx(1, abs=1e-4)
    assert ratios[1] < 0.97


def test_plain_descent_is_sublinear() -> None:
    """NT10: eta t (L - L*) -> 2 on DS-A, and |W*|^2 in general."""
    batch = [DS_A, DS_B, DS_C]
    training = train_attention(batch, aligned_output(batch, 3.0), ETA, 20_000, normalised=False)
    for index, limit in enumerate((2, 2, 23 / 6)):
        assert training.sublinear_constant(index).agrees(limit, 0.05 * limit)
    assert training.sublinear_constant(0).value == pytest.approx(1.9965, abs=1e-4)


def two_stages(weights: tuple[int, ...], steps: int) -> tuple[Dataset, Tensor]:
    """DS-A with these weights of collocations, and W_ov after so many steps of stage 1."""
    singles = tuple(replace(s, weight=s.weight * w) for s, w in zip(DS_A.collocations, weights, strict=True))
    dataset = replace(DS_A, sentences=(*singles, *DS_A.longer))
    return dataset, normalised_descent(feed_forward_stage([dataset]), ETA, (steps,))[steps].reshape(1, 4, 4)


def test_dataset_shift_on_ds_a() -> None:
    """NT9: probabilities computed by another program, and half the slope of training."""
    dataset, W_ov = two_stages((1, 1, 1, 1), 20)
    training = train_attention([dataset], W_ov, ETA, 1000, times=(10, 50, 100))
    one = torch.eye(4, dtype=torch.float64)
    for tokens, predicted in (((1, 2, 0), (0.9653, 0.99075, 0.990760)), ((2, 0), (0.9698, 0.99075, 0.990760))):
        best = tokens[0]
        for t, expected in zip((10, 50, 100), predicted, strict=True):
            W_kq = training.weights(0, t).reshape(4, 4)
            p = network.next_token_probabilities(Sentence(tokens, best + 1), W_ov[0], W_kq, one)
            assert p[best + 1].item() == pytest.approx(expected, abs=6e-5 if t == 10 else 6e-6)
    logs = {t: float(training.weights(0, t).reshape(4, 4)[1, 0]) for t in training.snapshots}
    assert -training.slope_of(logs).value == pytest.approx(training.loss_slope(0).value / 2, rel=1e-9)
    assert -training.slope_of(logs).value == pytest.approx(-0.17678, abs=1e-5)


def test_unequal_stage_1() -> None:
    """NT11: slope -.3545 near the early times, -.35355 later; direction error .111 -> .026 for t = 10 -> 80."""
    dataset, W_ov = two_stages((8, 4, 2, 1), 40)
    training = train_attention([dataset], W_ov, ETA, 4000, times=(10, 80))
    assert training.direction_error(0, 10) == pytest.approx(0.111, abs=5e-4)
    assert training.direction_error(0, 80) == pytest.approx(0.026, abs=5e-4)
    assert training.loss_slope(0).agrees(-ETA / math.sqrt(2), 1e-5)
    assert training.offset_distance(0).agrees(0.0, 0.01)
    assert training.predictions[0].direction_constant(ETA) > 0.5  # unequal tails, though stage 2 has equal weights
    assert bool((training.stage.tails() >= 0).all())


def test_dominance_is_not_automatic() -> None:
    """NT5: a middle token and unequal weights: [5, 4] -> 5 (1.43), [2, 1, 5, 4] -> 2 (1.05)."""
    n = (1, 2, 3, 4, 5, 0)
    dataset = from_optimal("d", n, [((5, 4), 5, 143), ((2, 1, 5, 4), 2, 105)])
    stage = attention_stage([dataset], aligned_output([dataset], 3.0))
    snapshots = normalised_descent(stage, 0.1, range(100))
    violated = [t for t, w in snapshots.items() if bool((stage.log_odds(w) > 1e-12).any())]
    assert violated == [1, 2, 3, 4, 5]


def test_measured_numbers_need_a_small_error() -> None:
    assert Measured(1.0, 0.1).agrees(1.05, 0.2)
    assert not Measured(1.0, 0.1).agrees(1.05, 0.05)  # too coarse to mean anything
    assert not Measured(1.0, 0.1).agrees(1.2, 0.5)
    assert not Measured(math.nan, 0.1).agrees(1.0, 0.5)
    assert not Measured(1.0, math.nan).agrees(1.0, 0.5)
    assert not Measured(1.0, 0.1).agrees(math.nan, 0.5)


def test_measured_numbers_differ_only_beyond_error_and_resolution() -> None:
    assert Measured(1.0, 0.1).differs(1.31, 0.2)
    assert not Measured(1.0, 0.1).differs(1.29, 0.2)
    assert not Measured(1.0, 0.3).differs(9.0, 0.2)  # too coarse to mean anything
    assert Measured(1.0, 0.0).differs(0.9, 0.0) and not Measured(1.0, 0.0).differs(1.0, 0.0)
    for value, error, predicted in ((math.nan, 0.1, 1.0), (1.0, math.nan, 9.0), (1.0, 0.1, math.nan)):
        assert not Measured(value, error).differs(predicted, 0.2)


@pytest.mark.parametrize("normalised", [True, False])
def test_runs_made_again_are_the_same(normalised: bool) -> None:
    """W at T/2 and T and the loss, from the formulas with many digits: counts, weights and padding included."""
    batch = [REPEATED, DS_B, random_dataset(3, 6, 1)]
    training = train_attention(batch, aligned_output(batch, 3.0), ETA, 40, normalised=normalised)
    for i in range(3):
        again = training.again(i, 40)
        first, last = again.weights(training.V)
        assert (training.weights(i, 20) - first).abs().max() < 1e-12
        assert (training.weights(i, 40) - last).abs().max() < 1e-12
        logs = training.log_excess_losses
        assert again.slope() == pytest.approx(float(logs[40][i] - logs[20][i]) / 20, rel=1e-9)
        assert again.scaled_excess() == pytest.approx(40 * math.exp(logs[40][i]), rel=1e-9)


def test_stage_1_made_again_is_the_same() -> None:
    batch = [REPEATED, DS_B]
    training = train_feed_forward(batch, ETA, 40)
    for i in range(2):
        again = training.again(i, 40)
        assert (training.weights(i, 40) - again.weights(training.V)[1]).abs().max() < 1e-12
        logs = training.log_excess_losses
        assert again.slope() == pytest.approx(float(logs[40][i] - logs[20][i]) / 20, rel=1e-9)


def test_runs_made_again_have_their_length() -> None:
    training = train_attention([DS_A], aligned_output([DS_A], 3.0), ETA, 8)
    assert training.again(0).T == 128 and training.again(0, 8).T == 8
    plain = train_attention([DS_A], aligned_output([DS_A], 3.0), ETA, 8, normalised=False)
    assert plain.again(0).T == 1000
    assert digits_for(0, 0) == 30 and digits_for(math.log(10), 0) == 32  # sqrt 2 per e-fold
    assert digits_for(0, 3 * math.log(10)) == 33


def test_runs_made_again_have_digits_for_large_beta() -> None:
    """beta = 100, where after 20 steps 1 - p is about e^-99: 30 digits and those of the path would leave nothing."""
    batch = [DS_B, DS_C]
    training = train_attention(batch, aligned_output(batch, 100.0), ETA, 20)
    for i in range(2):
        _, last = training.again(i, 20).weights(training.V)
        assert (training.weights(i, 20) - last).abs().max() < 1e-10


def test_growth_is_watched_at_every_step() -> None:
    """NT5's dataset without dominance at t = 1..5, and DS-A, whose norm is eta t."""
    n = (1, 2, 3, 4, 5, 0)
    dataset = from_optimal("d", n, [((5, 4), 5, 143), ((2, 1, 5, 4), 2, 105)])
    batch = [dataset, DS_A]
    growth = watch_growth(attention_stage(batch, aligned_output(batch, 3.0)), 0.1, 50)
    assert growth.T == 50 and [growth.lasts(i) for i in range(2)] == [1, 50]
    assert (~growth.dominance[:, 0]).nonzero().flatten().tolist() == [1, 2, 3, 4, 5]
    torch.testing.assert_close(growth.speeds(1), torch.ones(50, dtype=torch.float64))
    training = train_attention(batch, aligned_output(batch, 3.0), 0.1, 48)
    assert growth.norms[48, 0].item() == pytest.approx(training.weights(0, 48).norm().item(), rel=1e-14)
    assert growth.speeds(0)[47].item() == pytest.approx(training.weights(0, 48).norm().item() / 4.8, rel=1e-14)


def test_losses_of_sentences_add_up() -> None:
    batch = [REPEATED, DS_C]
    W_ov = aligned_output(batch, 3.0)
    stage = attention_stage(batch, W_ov)
    w = train_attention(batch, W_ov, ETA, 80).snapshots[80]
    each = stage.log_excess_losses(w)
    torch.testing.assert_close(each.logsumexp(-1), stage.log_excess_loss(w))
    for b, dataset in enumerate(batch):
        for i, sentence in enumerate(dataset.longer):
            alone = replace(dataset, sentences=(*dataset.collocations, sentence))
            one = attention_stage([alone], W_ov[b : b + 1]).log_excess_loss(w[b : b + 1])
            torch.testing.assert_close(each[b, i], one[0])
        assert bool(each[b, len(dataset.longer) :].isneginf().all())


def test_the_limit_of_the_direction_error_is_measured_at_the_end(named: Training) -> None:
    measured = named.direction_limit(1)
    assert measured.value == 20_000 * named.direction_error(1, 20_000)
    assert measured.agrees(2.191924, 0.01) and measured.differs(2.25, 0.01)


def test_degenerate_pairs_are_common() -> None:
    """NT8 saw 21 in 30 of its random datasets: a bound of O(1/t) is not enough in general."""
    with_ties = sum(
        any(degenerate(p, solve(p)) for p in attention_problems(random_dataset(7, 6, i, max_sentences=20)).values())
        for i in range(30)
    )
    assert with_ties >= 5

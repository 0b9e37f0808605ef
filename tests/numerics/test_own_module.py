"""Modules for which a wrong number is a breath away: the right one, or a ValueError that says why not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from numerics.sub_ngrams.own_module import LEAST_NORMAL, Output
from numerics.sub_ngrams.population_gradient import population_gradient, population_loss
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF
from proofs.sub_ngrams.law import NGramLaw

LAW = NGramLaw(2, 2)
Body = Callable[["Own", Tensor], Tensor]


class Own(nn.Module):
    """p from one pair of parameters w, by a body that each test writes."""

    def __init__(self, body: Body, w: tuple[float, ...] = (0.3, -0.2), dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.body, self.w = body, nn.Parameter(torch.tensor(w, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self, x)


def logits(own: Own, x: Tensor) -> Tensor:
    return own.w.expand(len(x), 2)


def softmax(own: Own, x: Tensor) -> Tensor:
    return logits(own, x).softmax(1)


def guess(own: Own, x: Tensor) -> Tensor:
    """Token 1 never comes (logits w) as long as it has not been seen; 1/2 : 1/2 afterwards."""
    seen = (x == 1).any(1, keepdim=True)
    return torch.where(seen, torch.zeros(len(x), 2, dtype=own.w.dtype), logits(own, x))


ENDINGS: dict[str, tuple[Callable[[Tensor], Tensor], Output]] = {
    "softmax": (lambda z: z.softmax(1), "probabilities"),
    "nn.Softmax": (lambda z: nn.Softmax(-1)(z), "probabilities"),
    "exp": (lambda z: z.log_softmax(1).exp(), "probabilities"),
    "log_softmax": (lambda z: z.log_softmax(1), "log_probabilities"),
    "none": (lambda z: z, "logits"),
}


def test_a_softmax_of_an_expanded_parameter_does_not_underflow() -> None:
    found = population_gradient(Own(softmax, (0.0, -900.0)), LAW, 4)["w"]
    assert abs(float(found[0]) - 1 / 2) + abs(float(found[1]) + 1 / 2) <= 100 * UNIT_ROUNDOFF


@pytest.mark.parametrize("c", [1.0, 700.0, 730.0, 900.0, 1e6])
@pytest.mark.parametrize("ending", ENDINGS)
def test_large_gaps_do_not_underflow(ending: str, c: float) -> None:
    """P(x = 000) = 1/6 and P(1 | 000) = 1/4 by alpha = 1, T = 3: gradient (1/6) (softmax(w) - P)."""
    end, output = ENDINGS[ending]
    module = Own(lambda own, x: end(guess(own, x)), (0.0, -c))
    found = population_gradient(module, LAW, 3, output=output)["w"]
    loss = population_loss(module, LAW, 3, output=output)
    p = 1 / (1 + math.exp(c)) if c < 700 else 0.0
    due = (1 / 4 - p) / 6
    assert abs(float(found[0]) - due) + abs(float(found[1]) + due) <= 100 * UNIT_ROUNDOFF
    assert abs(loss - (c / 24 + math.log1p(math.exp(-c)) / 6 + 5 / 6 * math.log(2))) <= 100 * UNIT_ROUNDOFF * max(1, c)


ZEROS: dict[str, Body] = {
    "a softmax that is not the last operation": lambda own, x: (1e4 * logits(own, x)).softmax(1).clone(),
    "a softmax whose logits were changed in place": lambda own, x: afterwards(
        1e4 * logits(own, x), lambda z: z.zero_()
    ),
    "1 - sigmoid": lambda own, x: torch.stack([s := torch.sigmoid(300 * own.w[0]), 1 - s]).expand(len(x), 2),
    "tanh": lambda own, x: torch.stack([1 + (t := torch.tanh(300 * own.w[0])), 1 - t]).expand(len(x), 2) / 2,
    "a finite mask": lambda own, x: masked(own, x, -1e9).softmax(1).clone(),
    "a constant gap": lambda own, x: (logits(own, x) + torch.tensor([0, -1e6]).double()).softmax(1).clone(),
    "a sigmoid of a constant": lambda own, x: pair(torch.sigmoid(own.w[0] * 0 - 1e4)).expand(len(x), 2),
    "a sigmoid in place": lambda own, x: pair((own.w[0] * 0 - 1e4).sigmoid_()).expand(len(x), 2),
    "an exponential of a constant": lambda own, x: pair((own.w[0] * 0 - 1e4).exp()).expand(len(x), 2),
    "an exponential in place": lambda own, x: pair((own.w[0] * 0 - 1e4).exp_()).expand(len(x), 2),
}


def pair(p: Tensor) -> Tensor:
    return torch.stack([1 - p, p])


def afterwards(z: Tensor, change: Callable[[Tensor], object]) -> Tensor:
    p = z.softmax(1)
    change(z)
    return p


def masked(own: Own, x: Tensor, value: float) -> Tensor:
    """Tokens that do not occur are left out."""
    return logits(own, x).masked_fill(~one_hot(x, 2).bool().any(1), value)


@pytest.mark.parametrize("function", [population_gradient, population_loss])
@pytest.mark.parametrize("name", ZEROS)
def test_zero_by_rounding_is_not_zero_by_construction(name: str, function: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match=r"p = 0 for token 1 .* underflow or rounding .* output='logits'"):
        function(Own(ZEROS[name]), LAW, 4)


def test_where_other_parameters_give_no_probabilities_zero_is_not_told() -> None:
    with pytest.raises(ValueError, match=r"cannot be told: at small ones .* do not sum to 1"):
        population_gradient(Own(lambda own, x: (1e4 * logits(own, x)).softmax(1).pow_(2)), LAW, 4)


def test_numbers_below_the_normal_floats_are_refused() -> None:
    small = math.log(LEAST_NORMAL) - 2

    def tiny(own: Own, x: Tensor) -> Tensor:
        return torch.stack([0 * own.w[0] + 1, (own.w[1] * 0 + small).exp()]).expand(len(x), 2)

    with pytest.raises(ValueError, match=r"probabilities below 2.23e-308"):
        population_gradient(Own(tiny), LAW, 4)
    assert population_gradient(Own(tiny), LAW, 4, epsilon=1e-8)["w"].tolist() == [0, 0]


@pytest.mark.parametrize("ending", [*ENDINGS.values(), (lambda z: z.softmax(1).clone(), "probabilities")])
def test_zero_by_construction_contributes_nothing(ending: tuple[Callable[[Tensor], Tensor], Output]) -> None:
    """Absent tokens masked by -inf: log p of the others is a logit minus a logsumexp over those that occur."""
    end, output = ending
    module = Own(lambda own, x: end(masked(own, x, -math.inf)))
    found = population_gradient(module, LAW, 4, output=output)["w"]
    w = module.w.detach().clone().requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for i in range(1, 15):  # all but 0000 and 1111, where the one token that occurs has p = 1
        x = [i >> t & 1 for t in reversed(range(4))]
        P = torch.tensor([float(value) for value in LAW.predictive(x)], dtype=torch.float64)
        total = total - float(LAW.probability(x)) * (P * w.log_softmax(0)).sum()
    (due,) = torch.autograd.grad(total, w)
    assert bool(((found - due).abs() <= 100 * UNIT_ROUNDOFF).all())
    assert population_loss(module, LAW, 4, output=output) == math.inf


def test_a_weight_that_underflows_leaves_an_infinite_loss_infinite() -> None:
    law = NGramLaw(3, 2, Fraction(1, 10**200))  # the weight of 001101 is of order alpha^2
    module = Own(lambda own, x: one_hot(x, 3).double().mean(1) + 0 * own.w[0])
    assert population_loss(module, law, 6) == math.inf


class Copying(nn.Module):
    """p is the attention that the positions of a token get; c is the gap between neighbouring positions."""

    def __init__(self, c: float) -> None:
        super().__init__()
        self.a = nn.Parameter(c * torch.arange(4, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return (self.a.softmax(0)[:, None] * one_hot(x, 2)).sum(1)


def test_copying_needs_attention_that_does_not_underflow() -> None:
    assert population_loss(Copying(1.0), LAW, 4) == math.inf
    assert float(population_gradient(Copying(1.0), LAW, 4)["a"].sum()) == pytest.approx(0, abs=1e-15)
    with pytest.raises(ValueError, match=r"p = 0 for token 0 after \[0, 1, 1, 1\]"):
        population_gradient(Copying(300.0), LAW, 4)


NEIGHBOURS: dict[str, Body] = {
    "centred": lambda own, x: (
        (z := logits(own, x) * x[:, -1:] - (logits(own, x) * x[:, -1:]).mean(0)).softmax(1) + 0 * z
    ),
    "divided by the batch": lambda own, x: (logits(own, x) / len(x)).softmax(1),
    "the first sequence": lambda own, x: (logits(own, x) * x[:1, -1:]).softmax(1),
    "the next sequence": lambda own, x: (logits(own, x) * x.roll(1, 0)[:, -1:]).softmax(1),
    "the largest in the batch": lambda own, x: (logits(own, x) * x.sum(1).max()).softmax(1),
    "by a little": lambda own, x: (logits(own, x) + 1e-8 * x.double().std() * own.w).softmax(1),
}


@pytest.mark.parametrize("batch", [1024, 3, 2, 1])
@pytest.mark.parametrize("name", NEIGHBOURS)
@pytest.mark.parametrize("function", [population_gradient, population_loss])
def test_an_answer_that_depends_on_its_neighbours_is_refused(
    function: Callable[..., object], name: str, batch: int
) -> None:
    with pytest.raises(ValueError, match=r"differently .* beside other sequences"):
        function(Own(NEIGHBOURS[name]), LAW, 2, batch=batch)


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(one_hot(x, 2).to(self.norm.weight.dtype).sum(1)).softmax(1)


@pytest.mark.parametrize("batch", [1024, 3])
def test_batch_norm_is_refused_in_training_and_taken_in_evaluation(batch: int) -> None:
    module = Normed().double()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ValueError, match=r"beside other sequences.*module\.eval\(\)"):
        population_gradient(module.train(), LAW, 4, batch=batch)
    assert module.training and all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    found = population_gradient(module.eval(), LAW, 4, batch=batch)
    assert found.keys() == {"norm.weight", "norm.bias"} and bool(found["norm.weight"].any())


def test_a_module_that_does_not_take_one_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one sequence by itself: the module returns \(2,\) for 1 sequences"):
        population_gradient(Own(lambda own, x: softmax(own, x).squeeze(0)), LAW, 4)


def test_randomness_is_refused() -> None:
    noise, state = random.Random(0), torch.get_rng_state()
    with pytest.raises(ValueError, match=r"draws random numbers: module\.eval\(\)"):
        population_gradient(Own(lambda own, x: nn.functional.dropout(logits(own, x), 1e-9).softmax(1)), LAW, 4)
    assert torch.equal(state, torch.get_rng_state())
    with pytest.raises(ValueError, match="when asked again"):
        population_gradient(Own(lambda own, x: (logits(own, x) * noise.random()).softmax(1)), LAW, 4)


class Recurrent(nn.Module):
    """Embedding, GRU, linear: weights in many places, some of them cached by torch."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.gru, self.out = nn.Embedding(2, 3), nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)
        with torch.no_grad():
            for i, value in enumerate(self.parameters()):
                value.copy_(0.5 * torch.randn(value.shape, generator=torch.Generator().manual_seed(i)))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.gru(self.embedding(x))[0][:, -1]).softmax(1)


@pytest.mark.parametrize("module", [Recurrent, Normed])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_single_parameters_are_computed_in_double(module: Callable[[], nn.Module], dtype: torch.dtype) -> None:
    single = module().to(dtype).eval()
    double = module().to(dtype).double().eval()
    found, due = population_gradient(single, LAW, 5), population_gradient(double, LAW, 5)
    assert all(value.dtype == torch.float64 and torch.equal(value, due[name]) for name, value in found.items())
    assert {value.dtype for value in single.parameters()} == {dtype}
    assert population_loss(single, LAW, 5) == population_loss(double, LAW, 5)


TENTH = torch.tensor(0.1)
SINGLE: dict[str, Body] = {
    "softmax": lambda own, x: logits(own, x).float().softmax(1).double(),
    "a constant": lambda own, x: (torch.tensor(0.1) * logits(own, x)).softmax(1),
    "a constant made before": lambda own, x: (TENTH * logits(own, x)).softmax(1),
    "a quotient of whole numbers": lambda own, x: (torch.ones(2) / 3 * logits(own, x)).softmax(1),
    "half": lambda own, x: logits(own, x).half().double().softmax(1),
    "complex": lambda own, x: (logits(own, x) * torch.tensor(1j, dtype=torch.complex64)).imag.softmax(1),
    "a filled tensor": lambda own, x: filled(own, x).softmax(1).double(),
    "rounded to whole numbers": lambda own, x: (logits(own, x) + nearly_whole(x).float()).softmax(1),
    "whole numbers with a gradient": lambda own, x: ((0 * logits(own, x)).float().double() + logits(own, x)).softmax(1),
    "numbers too large to be whole": lambda own, x: (logits(own, x) + 0 * torch.full((2,), 2.0**25 + 4)).softmax(1),
}


def nearly_whole(x: Tensor) -> Tensor:
    return one_hot(x[:, -1], 2).double() * (1 + 1e-9)


def filled(own: Own, x: Tensor) -> Tensor:
    z = torch.empty(len(x), 2, dtype=torch.float32)
    z[:] = logits(own, x)
    return z


@pytest.mark.parametrize("name", SINGLE)
def test_single_precision_inside_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"computes in (float32|float16|complex64) \(aten\..*must be float64"):
        population_gradient(Own(SINGLE[name]), LAW, 4)


def test_whole_numbers_in_single_precision_are_exact() -> None:
    def body(own: Own, x: Tensor) -> Tensor:
        mask = torch.tril(torch.ones(2, 2)).log()  # 0 and -inf
        count = torch.empty(len(x), 2).copy_(one_hot(x, 2).sum(1))
        return (logits(own, x) * count + (own.w * torch.ones(2) + mask).exp().sum(1)).softmax(1)

    def twin(own: Own, x: Tensor) -> Tensor:
        kept = own.w.exp()
        return (logits(own, x) * one_hot(x, 2).sum(1) + torch.stack([kept[0], kept.sum()])).softmax(1)

    found, due = (population_gradient(Own(each), LAW, 4)["w"] for each in (body, twin))
    assert bool(((found - due).abs() <= 100 * UNIT_ROUNDOFF).all()) and bool(due.any())


def test_a_module_that_cannot_run_in_double_is_refused() -> None:
    module = Own(lambda own, x: (one_hot(x[:, -1], 2).float() @ own.w.diag()).softmax(1), dtype=torch.float32)
    with pytest.raises(ValueError, match=r"parameters in torch\.float32 and does not run in float64.*dtype"):
        population_gradient(module, LAW, 4)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_modes_of_the_caller_do_not_matter(mode: Callable[[], AbstractContextManager[None]]) -> None:
    due = population_gradient(Own(softmax), LAW, 4)
    with mode():
        module = Own(softmax)
        assert torch.equal(population_gradient(module, LAW, 4)["w"], due["w"]) and bool(due["w"].any())
        assert not torch.is_grad_enabled()


HIDDEN: dict[str, Body] = {
    "detach": lambda own, x: logits(own, x).detach().softmax(1),
    "data": lambda own, x: own.w.data.expand(len(x), 2).softmax(1),
    "item": lambda own, x: torch.stack(
        [torch.full((len(x),), w.item(), dtype=torch.float64) for w in own.w], 1
    ).softmax(1),
    "no_grad": torch.no_grad()(softmax),
    "inference_mode": torch.inference_mode()(softmax),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_hidden_path_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"output changes with w, .* no gradient path"):
        population_gradient(Own(HIDDEN[name]), LAW, 4)


def test_without_a_path_there_is_no_gradient() -> None:
    flat = Own(lambda own, x: torch.full((len(x), 2), 0.5, dtype=torch.float64))
    assert population_gradient(flat, LAW, 4)["w"].tolist() == [0, 0]
    assert population_gradient(Own(softmax).requires_grad_(False), LAW, 4) == {}


def test_shared_parameters_are_one_and_other_ways_to_them_are_refused() -> None:
    shared = Own(lambda own, x: (own.w + own.again).expand(len(x), 2).softmax(1))
    shared.again = shared.w
    twice = Own(lambda own, x: (2 * own.w).expand(len(x), 2).softmax(1))
    assert torch.equal(population_gradient(shared, LAW, 4)["w"], population_gradient(twice, LAW, 4)["w"])
    listed = Own(lambda own, x: own.all[0].expand(len(x), 2).softmax(1))
    listed.all = [listed.w]
    with pytest.raises(ValueError, match="its parameter 'w' by another way"):
        population_gradient(listed, LAW, 4)


def test_a_gradient_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="gradient in w is not finite"):
        population_gradient(Own(lambda own, x: ((0 * own.w).sqrt() + own.w).expand(len(x), 2).softmax(1)), LAW, 4)


class Restless(nn.Module):
    """Changes all it has at every call; its answers stay the same."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.3, -0.2], dtype=torch.float64))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.seen: list[int] = []
        self.last: object = None
        self.plain = torch.zeros(1)
        self.table: dict[str, int] = {}

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.calls = self.calls.clone()
        self.seen.append(len(x))
        self.plain += 1
        self.table["calls"] = self.table.get("calls", 0) + 1
        self.extra = self.last = self.w * 2
        self.w.data *= 1
        x *= 0
        self.train(not self.training)
        return self.w.expand(len(x), 2).softmax(1)


def test_a_module_may_return_the_same_memory_again() -> None:
    out = torch.zeros(100, 2, dtype=torch.float64)

    def body(own: Own, x: Tensor) -> Tensor:
        out[: len(x)] = (logits(own, x) * x[:, -1:]).log_softmax(1)
        return out[: len(x)]

    due = population_loss(Own(lambda own, x: logits(own, x) * x[:, -1:]), LAW, 4, output="logits")
    assert population_loss(Own(body), LAW, 4, output="log_probabilities") == due


def test_a_module_may_overwrite_what_it_is_given() -> None:
    def overwriting(own: Own, x: Tensor) -> Tensor:
        z = logits(own, x) * x[:, -1:].clone()
        x.zero_()
        return z.softmax(1)

    due = population_gradient(Own(lambda own, x: (logits(own, x) * x[:, -1:]).softmax(1)), LAW, 4)["w"]
    assert torch.equal(population_gradient(Own(overwriting), LAW, 4)["w"], due)


@pytest.mark.parametrize("refused", [False, True])
def test_the_module_is_left_as_it_was(refused: bool) -> None:
    module = Restless()
    module.w.grad = torch.ones(2, dtype=torch.float64)
    module.w.register_hook(lambda g: 100 * g)
    w, grad, calls, version, state = module.w, module.w.grad, module.calls, module.w._version, torch.get_rng_state()
    attributes = list(vars(module))
    if refused:
        with pytest.raises(ValueError, match="81 x 3"):
            population_gradient(module, NGramLaw(3, 2), 4)
    else:
        found = population_gradient(module, LAW, 4)["w"]
        assert torch.equal(found, population_gradient(Own(softmax), LAW, 4)["w"])  # the hook does not run
    assert module.w is w and module.w.grad is grad and w._version == version and module.calls is calls
    assert int(calls) == 0 and module.seen == [] and module.table == {} and module.last is None
    assert float(module.plain) == 0 and module.training and list(vars(module)) == attributes
    assert w.tolist() == [0.3, -0.2] and grad.tolist() == [1, 1] and torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Sequential(nn.LazyLinear(2)), "parameter '0.weight' has no values yet"),
        (lambda: Own(softmax).to("meta"), "parameter 'w' has no values yet"),
        (lambda: Own(softmax, dtype=torch.complex128), "parameter 'w' is complex"),
        (lambda: softmax, "a function: must be a torch.nn.Module"),
    ],
)
def test_what_is_no_module_with_real_parameters_is_refused(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        population_gradient(make(), LAW, 4)


@pytest.mark.parametrize("function", [population_gradient, population_loss])
@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("batch", [0, -1, 2.5, True, "1"]),
        ("T", [1, 0, -1, 4.0, True, 60, 10**15]),
        ("epsilon", [-1, math.nan, math.inf, 1e-320, True, "0"]),
        ("output", ["logit", None]),
    ],
)
def test_arguments_out_of_range_are_refused(
    function: Callable[..., object], argument: str, values: list[object]
) -> None:
    for value in values:
        arguments = {"T": 4, argument: value}
        with pytest.raises(ValueError, match=rf"{argument}=|S\^T"):
            function(Own(softmax), LAW, **arguments)


@pytest.mark.parametrize(
    ("output", "spoil", "message"),
    [
        ("logits", lambda z: z / 0, "inf or NaN"),
        ("logits", lambda z: z * math.nan, "inf or NaN"),
        ("logits", lambda z: z - math.inf, "a row of -inf"),
        ("log_probabilities", lambda z: z, "do not sum to 1 after exp"),
        ("log_probabilities", lambda z: z.log_softmax(1) - 1, "do not sum to 1 after exp"),
        ("log_probabilities", lambda z: z.softmax(1), "do not sum to 1 after exp"),
        ("log_probabilities", lambda z: z * math.nan, "do not sum to 1 after exp"),
        ("probabilities", lambda z: z, r"output='logits'"),
    ],
)
def test_outputs_of_another_kind_are_refused(output: str, spoil: Callable[[Tensor], Tensor], message: str) -> None:
    for function in (population_gradient, population_loss):
        with pytest.raises(ValueError, match=message):
            function(Own(lambda own, x: spoil(logits(own, x))), LAW, 4, output=output)

"""What holds for every first-order optimizer: equal to torch's, saved and resumed, careful."""

import copy
import io
import math
from collections.abc import Callable
from functools import cache, partial

import pytest
import torch

from deepbook.optimization import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    FirstOrderOptimizer,
    Momentum,
    Nesterov,
    RMSProp,
)
from deepbook.training import NonFiniteError

SHAPES = [(3, 4), (4,), (2, 3, 2), (), (5,)]


def start():
    generator = torch.Generator().manual_seed(11)
    return [
        torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for s in SHAPES
    ]


def grouped(parameters, **second):
    """Three tensors with the defaults, two with settings of their own."""
    return [{"params": parameters[:3]}, {"params": parameters[3:], **second}]


@cache
def noise(number):
    """Noise for each parameter, and whether it sleeps, in this step."""
    generator = torch.Generator().manual_seed(1000 + number)
    return [
        (
            torch.randn(shape, generator=generator, dtype=torch.float64),
            bool(torch.rand((), generator=generator) < 0.3),
        )
        for shape in SHAPES
    ]


def steps(optimizer, parameters, numbers, *, sleepy=False):
    """Walk through noisy gradients of a bent bowl; yield the parameters after each step.

    With ``sleepy`` some parameters have no gradient in some steps, one in none of the first ten.
    """
    for number in numbers:
        for i, (p, (push, asleep)) in enumerate(zip(parameters, noise(number), strict=True)):
            if sleepy and (asleep or (i == 1 and number < 10)):
                p.grad = None
            else:
                place = p.detach()
                p.grad = place.sin().add_(place, alpha=1 + 3 * i).add_(push, alpha=0.5)
        optimizer.step()
        yield [p.detach().clone() for p in parameters]


def largest_gap(ours, torchs, *, count=1000, sleepy=False, second=None):
    """The largest difference of any entry after any of ``count`` steps."""
    first, other = start(), start()
    second = {"lr": 0.003, "weight_decay": 0.2} if second is None else second
    pair = zip(
        steps(ours(grouped(first, **second)), first, range(count), sleepy=sleepy),
        steps(torchs(grouped(other, **second)), other, range(count), sleepy=sleepy),
        strict=True,
    )
    return max(
        float((a - b).abs().max()) for left, right in pair for a, b in zip(left, right, strict=True)
    )


Made = Callable[..., torch.optim.Optimizer]
# a name, ours, torch's, and settings that both know
TWINS: dict[str, tuple[Made, Made, dict]] = {
    "sgd": (SGD, torch.optim.SGD, {"lr": 0.01}),
    "sgd with decay": (SGD, torch.optim.SGD, {"lr": 0.01, "weight_decay": 0.3}),
    "momentum": (Momentum, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}),
    "momentum, dampened, with decay": (
        Momentum,
        torch.optim.SGD,
        {"lr": 0.01, "momentum": 0.7, "dampening": 0.4, "weight_decay": 0.1},
    ),
    "nesterov": (
        Nesterov,
        lambda p, **s: torch.optim.SGD(p, nesterov=True, **s),
        {"lr": 0.01, "momentum": 0.8, "weight_decay": 0.1},
    ),
    "adagrad": (AdaGrad, torch.optim.Adagrad, {"lr": 0.1}),
    "adagrad with decay": (AdaGrad, torch.optim.Adagrad, {"lr": 0.1, "weight_decay": 0.1}),
    "rmsprop": (RMSProp, torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.9, "eps": 1e-3}),
    "rmsprop with momentum and decay": (
        RMSProp,
        torch.optim.RMSprop,
        {"lr": 0.003, "alpha": 0.95, "momentum": 0.8, "weight_decay": 0.1},
    ),
    "adam": (Adam, torch.optim.Adam, {"lr": 0.01}),
    "adam with decay": (
        Adam,
        torch.optim.Adam,
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-2, "weight_decay": 0.1},
    ),
    "adamw": (AdamW, torch.optim.AdamW, {"lr": 0.01}),
    "adamw with decay": (AdamW, torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.4, "eps": 1e-3}),
}
OURS: dict[str, Made] = {
    **{name: partial(ours, **settings) for name, (ours, _, settings) in TWINS.items()},
    "rmsprop, eps inside": lambda p: RMSProp(p, eps=0.1, eps_inside=True),
    "rmsprop, nesterov": lambda p: RMSProp(p, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("sleepy", [False, True], ids=["", "some without gradient"])
def test_every_weight_is_torchs_for_a_thousand_steps(name, sleepy):
    ours, torchs, settings = TWINS[name]
    gap = largest_gap(lambda p: ours(p, **settings), lambda p: torchs(p, **settings), sleepy=sleepy)
    assert gap < 1e-10


@pytest.mark.parametrize("name", OURS)
def test_saved_in_the_middle_and_resumed_equals_never_stopped(name):
    make = OURS[name]
    whole = start()
    *_, expected = steps(make(grouped(whole, lr=0.004)), whole, range(60), sleepy=True)

    first = start()
    optimizer = make(grouped(first, lr=0.004))
    *_, reached = steps(optimizer, first, range(25), sleepy=True)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)

    second = [p.requires_grad_() for p in reached]
    resumed = make(grouped(second))
    resumed.load_state_dict(torch.load(file, weights_only=True))
    *_, ended = steps(resumed, second, range(25, 60), sleepy=True)
    assert all(torch.equal(a, b) for a, b in zip(ended, expected, strict=True))


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("to_torch", [False, True], ids=["torch to ours", "ours to torch"])
def test_a_state_goes_from_one_twin_to_the_other(name, to_torch):
    ours, torchs, settings = TWINS[name]
    before, after = (ours, torchs) if to_torch else (torchs, ours)
    whole, other = start(), start()
    *_, expected = steps(torchs(grouped(whole), **settings), whole, range(40))
    optimizer = before(grouped(other), **settings)
    list(steps(optimizer, other, range(20)))
    heir = after(grouped(other), **settings)
    # torch's SGD has momentum, dampening and nesterov in one class: its groups stay its own
    state = {**heir.state_dict(), "state": copy.deepcopy(optimizer.state_dict()["state"])}
    heir.load_state_dict(state)
    *_, ended = steps(heir, other, range(20, 40))
    for a, b in zip(ended, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


def test_a_whole_state_dict_of_torchs_is_taken_with_its_settings():
    parameters, others = start(), start()
    torchs = torch.optim.RMSprop(parameters, lr=0.03, alpha=0.8, eps=0.1)
    list(steps(torchs, parameters, range(5)))
    ours = RMSProp(others, eps_inside=False)
    ours.load_state_dict(copy.deepcopy(torchs.state_dict()))
    group = ours.param_groups[0]
    found = [group[name] for name in ("lr", "alpha", "eps", "nesterov")]
    assert found == [0.03, 0.8, 0.1, False]
    with torch.no_grad():
        for p, q in zip(parameters, others, strict=True):
            q.copy_(p)
    *_, expected = steps(torchs, parameters, range(5, 10))
    *_, ended = steps(ours, others, range(5, 10))
    for a, b in zip(ended, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "torchs", "message"),
    [
        (SGD, lambda p: torch.optim.SGD(p, momentum=0.9), "momentum False for SGD, .* 0.9"),
        (
            Momentum,
            lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True),
            "nesterov False for Momentum, .* True",
        ),
        (
            Nesterov,
            lambda p: torch.optim.SGD(p, momentum=0.9),
            "nesterov True for Nesterov, .* False",
        ),
        (AdaGrad, lambda p: torch.optim.Adagrad(p, lr_decay=0.1), "lr_decay False .* 0.1"),
        (RMSProp, lambda p: torch.optim.RMSprop(p, centered=True), "centered False .* True"),
        (Adam, lambda p: torch.optim.Adam(p, amsgrad=True), "amsgrad False for Adam, .* True"),
        (Adam, torch.optim.AdamW, "decoupled_weight_decay False for Adam, .* True"),
        (AdamW, torch.optim.Adam, "decoupled_weight_decay True for AdamW, .* False"),
        (SGD, lambda p: torch.optim.SGD(p, maximize=True), "maximize False .* True"),
    ],
)
def test_a_state_that_asks_for_what_ours_cannot_do_is_refused(ours, torchs, message):
    parameters = start()
    optimizer = ours(parameters, lr=0.5)
    with pytest.raises(ValueError, match=f"expected a state with {message}"):
        optimizer.load_state_dict(torchs(parameters).state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("name", TWINS)
def test_a_whole_state_dict_of_the_twin_is_taken(name):
    ours, torchs, settings = TWINS[name]
    parameters = start()
    optimizer = ours(parameters, lr=9.0)
    optimizer.load_state_dict(torchs(parameters, **settings).state_dict())
    assert optimizer.param_groups[0]["lr"] == settings["lr"]


@pytest.mark.parametrize("name", OURS)
def test_torchs_schedulers_turn_the_rate_of_every_group(name):
    parameters = start()
    optimizer = OURS[name](grouped(parameters, lr=0.2))
    before = [group["lr"] for group in optimizer.param_groups]
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)
    for _ in steps(optimizer, parameters, range(3)):
        scheduler.step()
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.1 * r for r in before])


@pytest.mark.parametrize("name", OURS)
def test_gradients_are_left_as_they_are_and_a_closure_is_called_with_autograd(name):
    p = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = OURS[name]([p])

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 5
    assert p.grad.tolist() == [2, -4]
    assert p.requires_grad
    assert p.is_leaf


@pytest.mark.parametrize("name", OURS)
def test_a_first_step_shrinks_the_loss_at_a_small_rate_and_leaves_sleepers_alone(name):
    p, asleep = torch.tensor([1.0, -2.0, 0.5], requires_grad=True), torch.ones(2)
    asleep.requires_grad_()
    optimizer = OURS[name]([{"params": [p, asleep], "lr": 1e-3}])
    (before := (p**2).sum()).backward()
    optimizer.step()
    assert (p**2).sum() < before
    assert asleep.tolist() == [1, 1]
    assert asleep not in optimizer.state


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", OURS)
def test_a_gradient_that_is_not_finite_is_refused_before_anything_changes(name, bad):
    first, second = torch.ones(3, requires_grad=True), torch.ones(2, 2, requires_grad=True)
    optimizer = OURS[name]([{"params": [first]}, {"params": [second], "lr": 0.25}])
    first.grad, second.grad = torch.ones(3), torch.tensor([[1.0, bad], [0.0, bad]])
    message = (
        r"2 of 4 entries of the gradient.*parameter 0 of group 1, shape \(2, 2\), "
        r"learning rate 0.25; no weight has been changed"
    )
    with pytest.raises(NonFiniteError, match=message):
        optimizer.step()
    assert bool((first == 1).all())
    assert bool((second == 1).all())
    assert not optimizer.state


def test_infinities_of_both_signs_do_not_cancel():
    p = torch.ones(2, requires_grad=True)
    p.grad = torch.tensor([math.inf, -math.inf])
    with pytest.raises(NonFiniteError, match="2 of 2"):
        SGD([p]).step()


def test_finite_numbers_whose_sum_overflows_are_no_error():
    p = torch.zeros(4, requires_grad=True)
    p.grad = torch.full((4,), 3e38)
    SGD([p], lr=1e-38).step()
    assert p.tolist() == pytest.approx([-3] * 4)


@pytest.mark.parametrize("name", OURS)
def test_sparse_and_complex_gradients_are_refused(name):
    table = torch.nn.Embedding(4, 2, sparse=True)
    optimizer = OURS[name](table.parameters())
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(TypeError, match=r"dense, real gradient.*a sparse one: parameter 0"):
        optimizer.step()
    wave = torch.ones(2, dtype=torch.complex64, requires_grad=True)
    optimizer = OURS[name]([wave])
    wave.grad = torch.ones_like(wave)
    with pytest.raises(TypeError, match=r"dense, real gradient.*a complex one: parameter 0"):
        optimizer.step()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: SGD(p, lr=-1), r"lr in \[0, inf\), got -1"),
        (lambda p: SGD(p, lr=math.nan), "lr in .* got nan"),
        (lambda p: SGD(p, lr=math.inf), "lr in .* got inf"),
        (lambda p: Adam(p, weight_decay=-0.1), r"weight_decay in \[0, inf\), got -0.1"),
        (lambda p: Momentum(p, momentum=9), r"momentum in \[0, 1.0\), got 9"),
        (lambda p: Nesterov(p, momentum=1), r"momentum in \[0, 1.0\), got 1"),
        (lambda p: Momentum(p, dampening=-1), "dampening in"),
        (lambda p: AdaGrad(p, eps=-1), "eps in"),
        (lambda p: RMSProp(p, alpha=1.0), "alpha in"),
        (lambda p: RMSProp(p, nesterov=True), "momentum above 0 for Nesterov's"),
        (lambda p: Adam(p, betas=(0.9, 1.0)), r"two betas in \[0, 1\), got \(0.9, 1.0\)"),
        (lambda p: AdamW(p, betas=(0.9,)), "two betas"),
        (lambda p: SGD([{"params": p, "lr": -3}]), "lr in .* got -3"),
        (lambda p: Adam([{"params": p, "betas": (-0.1, 0.9)}]), "two betas"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_also_in_a_group(make, message):
    with pytest.raises(ValueError, match=message):
        make([torch.ones(2, requires_grad=True)])


def test_a_class_that_does_not_say_its_step_says_so():
    p = torch.ones(2, requires_grad=True)
    p.grad = torch.ones(2)
    with pytest.raises(NotImplementedError, match="does not say what its step is"):
        FirstOrderOptimizer([p], lr=0.1, weight_decay=0.0).step()


def test_a_copy_goes_on_by_itself():
    parameters = start()
    optimizer = Adam(parameters)
    list(steps(optimizer, parameters, range(3)))
    copied = copy.deepcopy(optimizer)
    own = copied.param_groups[0]["params"]
    *_, expected = steps(copied, own, range(3, 6))
    *_, ended = steps(optimizer, parameters, range(3, 6))
    assert all(torch.equal(a, b) for a, b in zip(ended, expected, strict=True))

"""Theorems on the margin losses: values by hand, another library, limits, symmetries, bounded gradients."""

import json
import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import ArcFaceLoss
from torch.nn import functional

from frlib.training import margins
from frlib.training.margins import AdaFace, ArcFace, fixed_image_loss, margin_loss

torch.set_num_threads(1)

seeds = st.integers(0, 2**32 - 1)
widths = st.floats(0, math.pi / 2)
kinds = pytest.mark.parametrize("kind", [ArcFace, AdaFace])


def problem(seed: int, n: int = 12, classes: int = 5, d: int = 3, norm: float = 20.0):
    """Random embeddings (n, d) of norms around ``norm``, centres (classes, d) and labels (n,), in float64."""
    random = torch.Generator().manual_seed(seed)
    embeddings = norm * torch.randn(n, d, generator=random, dtype=torch.float64)
    centers = torch.randn(classes, d, generator=random, dtype=torch.float64)
    return embeddings, centers, torch.randint(classes, (n,), generator=random)


def cosines_of(embeddings: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
    return functional.cosine_similarity(embeddings[:, None], centers[None], dim=2)


def logits(margin, cosines, labels=(0,), norms=(20.0,)) -> torch.Tensor:
    as_doubles = partial(torch.tensor, dtype=torch.float64)
    return margin(as_doubles(cosines), torch.tensor(labels), as_doubles(norms))


def gap(margin, embeddings, centers, labels) -> torch.Tensor:
    """By how much the best other cosine exceeds the image's own, which has the margin; 0 where it does not."""
    cosines = margin(cosines_of(embeddings, centers), labels, embeddings.norm(dim=1)) / margin.settings["scale"]
    own = cosines.gather(1, labels[:, None])[:, 0]
    return (cosines.max(dim=1).values - own).clip(min=0)


# -------------------------------------------------------------------------------------------------- values by hand


def test_arcface_adds_the_margin_to_the_own_angle():
    # arccos(1/2) + 30 degrees is a right angle; the other cosines are only scaled.
    given_cosines = [[0.5, -0.25, 0.75], [0.1, 0.5, 0.2]]
    found = logits(ArcFace(math.pi / 6, 8.0), given_cosines, [0, 1], [1.0, 2.0])
    assert torch.allclose(found, torch.tensor([[0.0, -2.0, 6.0], [0.8, 0.0, 1.6]]).double(), atol=1e-12)


def test_arcface_continues_beyond_the_opposite_of_the_centre():
    # 150 degrees + 60 degrees pass 180: cos(150) - m sin(60) takes the place of cos(210) = cos(150), which is larger.
    found = logits(ArcFace(math.pi / 3, 2.0), [[-math.sqrt(3) / 2, 0.0]])
    assert found[0, 0] == pytest.approx(-math.sqrt(3) - math.pi / math.sqrt(3), abs=1e-12)


@pytest.mark.parametrize(
    ("norm", "own_angle", "expected"),
    [
        (20.0, 60.0, 0.5 - math.pi / 6),  # the mean: an additive margin m
        (20.0 + 25.0, 75.0, 0.5 - math.pi / 4),  # half a clip above: 75 - 15 degrees, m + m / 2
        (70.0, 90.0, 0.5 - math.pi / 3),  # n = 1: 90 - 30 degrees, 2 m
        (90.0, 90.0, 0.5 - math.pi / 3),  # clipped
        (0.001, 60.0, math.cos(math.radians(60 + 30 * 0.39998)) - math.pi / 6 * (1 - 0.39998)),
        (70.0, 20.0, math.cos(1e-3) - math.pi / 3),  # 20 - 30 degrees are clipped to 0.001
    ],
)
def test_adaface_by_hand(norm, own_angle, expected):
    margin = AdaFace(math.pi / 6, h=1.0, scale=4.0, mean=20.0, deviation=50 - 1e-3).eval()
    found = logits(margin, [[math.cos(math.radians(own_angle)), 0.3]], [0], [norm])
    assert found.tolist()[0] == pytest.approx([4 * expected, 1.2], abs=1e-6)


def test_adaface_of_the_shortest_norms_is_arcface():
    shortest = AdaFace(0.4, h=1e3).eval()
    cosines = torch.linspace(-0.9, 0.99, 50, dtype=torch.float64)[:, None] * torch.tensor([[1.0, 0.5]])
    labels, norms = torch.zeros(50, dtype=torch.long), torch.ones(50).double()
    assert torch.allclose(shortest(cosines, labels, norms), ArcFace(0.4)(cosines, labels, norms), atol=1e-12)


# ----------------------------------------------------------------------------------------------- another library


@settings(max_examples=50)
@given(seeds, st.floats(0.01, 1.5), st.floats(0.1, 64), st.sampled_from([3, 16]))
def test_arcface_is_that_of_pytorch_metric_learning(seed, width, scale, d):
    embeddings, centers, labels = (x.requires_grad_(x.is_floating_point()) for x in problem(seed, d=d))
    oracle = ArcFaceLoss(len(centers), d, margin=math.degrees(width), scale=scale)
    oracle.W = torch.nn.Parameter(centers.detach().T.clone())
    theirs, ours = oracle(embeddings, labels), margin_loss(ArcFace(width, scale), embeddings, centers, labels)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-10, abs=1e-12)
    their_gradients = torch.autograd.grad(theirs, [embeddings, oracle.W])
    our_gradients = torch.autograd.grad(ours, [embeddings, centers])
    for our, their in zip(our_gradients, (their_gradients[0], their_gradients[1].T), strict=True):
        assert torch.allclose(our, their, rtol=1e-7, atol=1e-9)


# -------------------------------------------------------------------------------------------- limits of the margin


@kinds
@settings(max_examples=25)
@given(seed=seeds, scale=st.floats(0.1, 64))
def test_without_a_margin_the_loss_is_softmax_cross_entropy(kind, seed, scale):
    embeddings, centers, labels = problem(seed, d=8)
    expected = functional.cross_entropy(scale * cosines_of(embeddings, centers), labels, reduction="none")
    found = margin_loss(kind(0.0, scale=scale).eval(), embeddings, centers, labels, reduction="none")
    assert torch.allclose(found, expected, atol=1e-9)


def test_adaface_without_concentration_has_an_additive_margin():
    embeddings, centers, labels = problem(0)
    cosines = cosines_of(embeddings, centers) - 0.4 * functional.one_hot(labels, 5).double()
    found = margin_loss(AdaFace(0.4, h=0, scale=8.0), embeddings, centers, labels)
    assert float(found) == pytest.approx(float(functional.cross_entropy(8 * cosines, labels)), abs=1e-9)


@kinds
@settings(max_examples=50)
@given(seed=seeds, one=widths, other=widths)
def test_a_wider_margin_never_has_a_smaller_loss(kind, seed, one, other):
    narrow, wide = (
        margin_loss(kind(width, scale=10.0).eval(), *problem(seed), reduction="none") for width in sorted((one, other))
    )
    assert (narrow <= wide + 1e-9).all()


@kinds
def test_a_margin_has_a_larger_loss_than_none(kind):
    without, with_margin = (margin_loss(kind(width).eval(), *problem(1), reduction="none") for width in (0.0, 0.3))
    assert (without < with_margin).all()


# --------------------------------------------------------------------------------------------- limits of the scale


@kinds
@settings(max_examples=50)
@given(seed=seeds, scale=st.floats(1e-6, 1e4))
def test_the_loss_is_the_gap_times_the_scale_up_to_the_logarithm_of_the_classes(kind, seed, scale):
    # Hence log C without a scale, nothing for separable images at a large scale, and a straight line for others.
    margin = kind(scale=scale).eval()
    found = margin_loss(margin, *problem(seed), reduction="none")
    excess = found - scale * gap(margin, *problem(seed))
    assert (excess >= -1e-7).all() and (excess <= math.log(5) + 1e-7).all()


@kinds
def test_the_limits_of_the_scale(kind):
    embeddings, centers, labels = problem(2, n=40)
    tiny, large = kind(scale=1e-6).eval(), kind(scale=1e4).eval()
    small = margin_loss(tiny, embeddings, centers, labels, reduction="none")
    assert torch.allclose(small, torch.tensor(5.0).double().log(), atol=1e-5)
    separable = gap(large, embeddings, centers, labels) == 0
    assert 0 < separable.sum() < 40
    losses = margin_loss(large, embeddings, centers, labels, reduction="none")
    assert losses[separable].median() < 1e-12
    slope = (margin_loss(kind(scale=2e4).eval(), embeddings, centers, labels, reduction="none") - losses) / 1e4
    assert torch.allclose(slope, gap(large, embeddings, centers, labels), atol=2e-4)


# ---------------------------------------------------------------------------------------------------- symmetries


@kinds
@settings(max_examples=25)
@given(seed=seeds)
def test_the_loss_sees_angles_only(kind, seed):
    embeddings, centers, labels = problem(seed)
    margin = kind(scale=8.0).eval()
    expected = margin_loss(margin, embeddings, centers, labels, reduction="none")
    rotation = torch.linalg.qr(centers[:3])[0]
    order = torch.tensor([2, 4, 3, 0, 1])
    same = {
        "rotated": (embeddings @ rotation, centers @ rotation, labels),
        "longer centres": (embeddings, centers * torch.arange(1, 6)[:, None], labels),
        "identities in another order": (embeddings, centers[order], torch.argsort(order)[labels]),
    }
    for name, arguments in same.items():
        found = margin_loss(margin, *arguments, reduction="none")
        assert torch.allclose(found, expected, atol=1e-9), name


def test_arcface_ignores_the_length_of_embeddings_and_adaface_does_not():
    embeddings, centers, labels = problem(3)
    for margin, same in ((ArcFace(), True), (AdaFace().eval(), False)):
        once, twice = (margin_loss(margin, factor * embeddings, centers, labels) for factor in (1, 2))
        assert (abs(float(once - twice)) < 1e-9) is same


@kinds
def test_the_reduction_is_the_mean(kind):
    each = margin_loss(kind().eval(), *problem(4), reduction="none")
    assert each.shape == (12,)
    assert float(margin_loss(kind().eval(), *problem(4))) == pytest.approx(float(each.mean()), rel=1e-12)


@kinds
def test_mixed_precision_computes_the_same_loss(kind):
    embeddings, centers, labels = problem(5, d=64)
    embeddings, centers = embeddings.bfloat16(), centers.bfloat16()
    expected = margin_loss(kind().eval(), embeddings.float(), centers.float(), labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = margin_loss(kind().eval(), embeddings, centers, labels)
    assert found.dtype == torch.float32 and torch.equal(found, expected)


# ------------------------------------------------------------------------------------------------- norms in AdaFace


@settings(max_examples=50)
@given(st.lists(st.floats(0, 200), min_size=2, max_size=20), st.floats(-1, 1))
def test_long_embeddings_have_the_harder_margin(norms, cosine):
    norms = sorted(norms)
    found = logits(AdaFace(h=2.0).eval(), [[cosine, 0.0]] * len(norms), [0] * len(norms), norms)[:, 0]
    assert (found.diff() <= 1e-9).all()


def test_norms_are_clipped():
    margin = AdaFace(h=1.0, mean=50.0, deviation=100.0).eval()
    found = logits(margin, [[0.5, 0.0]] * 4, [0] * 4, [0.0, 1e-3, 100.0, 1e6])[:, 0]
    assert found[0] == found[1] and found[2] == found[3] and found[1] > found[2]


def test_running_estimates_move_before_use_and_rest_in_evaluation():
    margin, mean, deviation = AdaFace(rate=0.25, mean=10.0, deviation=4.0), 10.0, 4.0
    cosines, labels = [[0.5, 0.1]] * 3, [0, 1, 0]
    for norms in ([10.0, 20.0, 60.0], [1.0, 2.0, 500.0]):
        clipped = torch.tensor(norms).double().clip(1e-3, 100)
        mean = 0.25 * float(clipped.mean()) + 0.75 * mean
        deviation = 0.25 * float(clipped.std(correction=1)) + 0.75 * deviation
        found = logits(margin, cosines, labels, norms)
        assert float(margin.mean) == pytest.approx(mean, rel=1e-6)
        assert float(margin.deviation) == pytest.approx(deviation, rel=1e-6)
        after = AdaFace(rate=0.25, mean=mean, deviation=deviation).eval()
        assert torch.allclose(found, logits(after, cosines, labels, norms), atol=1e-4)
        margin.eval()
        assert torch.equal(logits(margin, cosines, labels, norms), found)
        assert float(margin.mean) == pytest.approx(mean, rel=1e-6)
        margin.train()


def test_a_state_dict_holds_the_running_estimates():
    margin = AdaFace(rate=0.5)
    margin_loss(margin, *problem(6))
    assert set(margin.state_dict()) == {"mean", "deviation"} and float(margin.mean) != 20.0
    restored = AdaFace(rate=0.5)
    restored.load_state_dict(margin.state_dict())
    assert torch.equal(margin_loss(restored, *problem(7)), margin_loss(margin, *problem(7)))
    assert torch.equal(restored.mean, margin.mean) and torch.equal(restored.deviation, margin.deviation)


@kinds
@settings(max_examples=25)
@given(seed=seeds)
def test_no_gradient_flows_through_the_norm(kind, seed):
    # Then the loss has no slope along an embedding.
    embeddings, centers, labels = problem(seed)
    gradient = torch.autograd.grad(margin_loss(kind(), embeddings.requires_grad_(), centers, labels), embeddings)[0]
    assert torch.allclose((gradient * embeddings).sum(dim=1), torch.zeros(12).double(), atol=1e-9)


def test_settings_are_plain_values_that_make_the_margin_again():
    for margin in (ArcFace(0.3, 30), AdaFace(0.2, 0.5, 32, 0.1, 10, 5)):
        stored = json.loads(json.dumps(margin.settings))
        again = getattr(margins, stored.pop("class"))(**stored)
        assert again.settings == margin.settings
    margin_loss(margin, *problem(8))
    assert margin.settings["mean"] == 10.0 != float(margin.mean)
    assert ArcFace().settings == {"class": "ArcFace", "margin": 0.5, "scale": 64.0}
    defaults = {"margin": 0.4, "h": 0.333, "scale": 64.0, "rate": 0.01, "mean": 20.0, "deviation": 100.0}
    assert AdaFace().settings == {"class": "AdaFace", **defaults}


# ------------------------------------------------------------------------------------------ loss without parameters


@kinds
@pytest.mark.parametrize("detach", [False, True])
def test_fixed_images_are_the_centres(kind, detach):
    varied, fixed, _ = problem(9, n=15)
    labels = torch.arange(5).repeat_interleave(3)
    found = fixed_image_loss(kind(), fixed, varied.view(5, 3, 3), detach=detach, reduction="none")
    expected = margin_loss(kind(), varied, fixed, labels, reduction="none")
    assert found.shape == (5, 3) and torch.equal(found.flatten(), expected)
    found = fixed_image_loss(kind(), fixed, varied.view(5, 3, 3), detach=detach)
    assert torch.equal(found, margin_loss(kind(), varied, fixed, labels))


def test_two_identities_by_hand():
    # Two orthogonal people; the variation of the first lies half-way between them, that of the second on its own.
    fixed = torch.tensor([[3.0, 0.0], [0.0, 0.5]]).double()
    varied = torch.tensor([[[1.0, 1.0]], [[0.0, 7.0]]]).double()
    found = fixed_image_loss(ArcFace(math.pi / 4, 2.0), fixed, varied, reduction="none")
    assert float(found[0]) == pytest.approx(math.log1p(math.exp(2 * math.sqrt(0.5))), rel=1e-9)
    assert float(found[1]) == pytest.approx(math.log1p(math.exp(-2 * math.sqrt(0.5))), rel=1e-6)


@kinds
def test_the_order_of_identities_does_not_matter(kind):
    varied, fixed, _ = problem(10, n=15)
    varied, order = varied.view(5, 3, 3), torch.tensor([3, 1, 4, 0, 2])
    expected = fixed_image_loss(kind(), fixed, varied, reduction="none")
    found = fixed_image_loss(kind(), fixed[order], varied[order], reduction="none")
    assert torch.allclose(found, expected[order], atol=1e-9)


@kinds
def test_detach_stops_the_gradients_of_the_centres_alone(kind):
    gradients = []
    for detach in (False, True):
        varied, fixed, _ = (x.requires_grad_(x.is_floating_point()) for x in problem(11, n=10))
        fixed_image_loss(kind(), fixed, varied.view(5, 2, 3), detach=detach).backward()
        gradients.append((fixed.grad, varied.grad))
    assert torch.equal(gradients[0][1], gradients[1][1])
    assert gradients[0][0].abs().max() > 1e-3 and gradients[1][0] is None


# ----------------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("margin", [ArcFace(0.5, 4.0), AdaFace(0.4, scale=4.0, h=1e3).eval()])
def test_gradients_are_those_of_finite_differences(margin):
    # AdaFace lets no gradient through the norm, so norms lie where a small change is clipped: below and above the mean.
    for norm in (1.0, 60.0):
        embeddings, centers, labels = (x.requires_grad_(x.is_floating_point()) for x in problem(12, norm=norm, d=4))
        assert torch.autograd.gradcheck(lambda z, w, y=labels: margin_loss(margin, z, w, y), (embeddings, centers))
        varied = embeddings.detach()[:10].view(5, 2, 4).requires_grad_()
        assert torch.autograd.gradcheck(lambda f, v: fixed_image_loss(margin, f, v), (centers, varied))


@kinds
def test_gradients_in_the_cosines_are_those_of_finite_differences(kind):
    embeddings, centers, labels = problem(13)
    cosines, norms, margin = cosines_of(embeddings, centers), embeddings.norm(dim=1), kind().eval()
    assert torch.autograd.gradcheck(lambda c: margin(c, labels, norms), (cosines.requires_grad_(),))


@kinds
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("d", [2, 128])
def test_gradients_are_bounded_at_a_centre_and_at_its_opposite(kind, dtype, side, d):
    # The slope of an angle is 1 over the norm, and no logit is steeper in an angle than the scale.
    random = torch.Generator().manual_seed(0)
    centers = torch.randn(20, d, generator=random, dtype=dtype)
    for distance in (0.0, *torch.logspace(-9, 0, 46).tolist()):
        away = distance * torch.randn(20, d, generator=random, dtype=dtype) / d**0.5
        embeddings = (5 * side * (functional.normalize(centers) + away)).requires_grad_()
        loss = margin_loss(kind(scale=2.0).eval(), embeddings, centers, torch.arange(20), reduction="none")
        gradient = torch.autograd.grad(loss.sum(), embeddings)[0]
        assert torch.isfinite(loss).all()
        assert (gradient.norm(dim=1) * embeddings.norm(dim=1) <= 2 * 2.0).all(), distance


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("margin", "opposite"), [(ArcFace(0.5, 1.0), 1.0), (AdaFace(0.4, h=1e3, scale=1.0), 0.0)])
def test_a_cosine_within_rounding_of_one_has_no_angle_to_follow(dtype, margin, opposite):
    # ArcFace follows the cosine itself on the opposite side of its centre. One step outside 1 is rounding as well.
    one, eps = torch.ones((), dtype=dtype), torch.finfo(dtype).eps
    own = torch.stack([one, one - eps / 2, one + eps, -one, -one + eps / 2, -one - eps]).requires_grad_()
    cosines, labels = torch.stack([own, 0 * own.detach()], dim=1), torch.zeros(6, dtype=torch.long)
    found = margin.eval()(cosines, labels, torch.ones(6, dtype=dtype))[:, 0]
    assert torch.isfinite(found).all()
    assert torch.autograd.grad(found.sum(), own)[0].tolist() == [0.0] * 3 + [opposite] * 3


@kinds
def test_variations_that_change_nothing_teach_nothing(kind):
    fixed = torch.randn(8, 128, generator=torch.Generator().manual_seed(1)).requires_grad_()
    varied = fixed.detach()[:, None].repeat(1, 2, 1).requires_grad_()
    loss = fixed_image_loss(kind(), fixed, varied)
    gradients = torch.autograd.grad(loss, [fixed, varied])
    assert loss.item() < 1e-6 and all(g.norm() < 1e-6 for g in gradients)


def test_the_slope_close_to_a_centre_is_that_of_the_margin():
    # At 0.01 rad, 20 times the distance at which float32 rounds the cosine to 1, the clamp does not yet take it away.
    for margin, slope in ((ArcFace(0.5, 1.0), math.sin(0.51)), (AdaFace(0.4, h=1e3, scale=1.0).eval(), math.sin(0.41))):
        angle = torch.tensor(0.01)
        embeddings = torch.stack([angle.cos(), angle.sin()])[None].requires_grad_()
        loss = margin_loss(margin, embeddings, torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.tensor([0]))
        gradient = torch.autograd.grad(loss, embeddings)[0]
        weight = 1 - math.exp(-loss.item())  # how much softmax leaves to the other centre
        assert float(gradient[0, 1]) == pytest.approx(weight * (slope + math.sin(0.01)), rel=2e-3)


# -------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ArcFace(margin=-0.1), "margin must lie between 0 and 1.57.*; got -0.1"),
        (lambda: ArcFace(margin=28.6), "margin must lie between 0 and 1.57.*; got 28.6"),
        (lambda: ArcFace(scale=0), "scale must lie between 1e-06 and 1000000.0; got 0.0"),
        (lambda: AdaFace(margin=math.nan), "margin must lie between .*; got nan"),
        (lambda: AdaFace(scale=-64), "scale must lie between .*; got -64.0"),
        (lambda: AdaFace(h=-1), "h must lie between 0 and .*; got -1.0"),
        (lambda: AdaFace(rate=1.5), "rate must lie between 0 and 1; got 1.5"),
        (lambda: AdaFace(mean=-20), "mean must lie between 0 and 100.0; got -20.0"),
        (lambda: AdaFace(deviation=101), "deviation must lie between 0 and 100.0; got 101.0"),
    ],
)
def test_constructors_name_what_is_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@kinds
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((4,), (4,), (4,)), r"cosines must have shape \(N, C\); got \(4,\)"),
        (((4, 3), (4, 1), (4,)), r"labels must have shape \(4,\), one per row; got \(4, 1\)"),
        (((4, 3), (4,), (3,)), r"norms must have shape \(4,\), one per row; got \(3,\)"),
    ],
)
def test_margins_name_a_wrong_shape(kind, shapes, message):
    cosines, labels, norms = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match=message):
        kind()(cosines, labels.long(), norms)


def test_a_single_norm_has_no_deviation_and_moves_nothing():
    margin = AdaFace()
    with pytest.raises(ValueError, match="norms must hold at least 2 numbers in training mode; got 1"):
        logits(margin, [[0.5, 0.1]])
    assert float(margin.mean) == 20.0 and float(margin.deviation) == 100.0
    assert torch.isfinite(logits(margin.eval(), [[0.5, 0.1]])).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embeddings": torch.ones(3)}, r"embeddings must have shape \(N, d\), N, d >= 1; got \(3,\)"),
        ({"embeddings": torch.ones(0, 3)}, r"embeddings must have shape \(N, d\), N, d >= 1; got \(0, 3\)"),
        ({"centers": torch.ones(5, 2)}, r"centers must have shape \(C, 3\) with C >= 2 identities; got \(5, 2\)"),
        ({"centers": torch.ones(1, 3)}, r"centers must have shape \(C, 3\) with C >= 2 identities; got \(1, 3\)"),
        ({"labels": torch.zeros(3).long()}, r"labels must be int64 of shape \(12,\); got torch.int64 of \(3,\)"),
        ({"labels": torch.zeros(12)}, r"labels must be int64 of shape \(12,\); got torch.float32 of \(12,\)"),
        ({"labels": torch.full((12,), 5)}, "labels must lie between 0 and 4; got 5"),
        ({"labels": torch.full((12,), -1)}, "labels must lie between 0 and 4; got -1"),
        ({"reduction": "sum"}, "reduction must be one of 'mean', 'none'; got 'sum'"),
    ],
)
def test_margin_loss_names_what_is_wrong(arguments, message):
    right = dict(zip(("embeddings", "centers", "labels"), problem(0), strict=True))
    with pytest.raises(ValueError, match=message):
        margin_loss(ArcFace(), **right | arguments)


@pytest.mark.parametrize(
    ("fixed", "varied", "reduction", "message"),
    [
        ((1, 3), (1, 2, 3), "mean", r"fixed must have shape \(B, d\) with B >= 2 identities; got \(1, 3\)"),
        ((4, 2, 3), (4, 2, 3), "mean", r"fixed must have shape \(B, d\) with B >= 2 identities; got \(4, 2, 3\)"),
        ((4, 3), (4, 3), "mean", r"varied must have shape \(4, V, 3\) with V >= 1; got \(4, 3\)"),
        ((4, 3), (5, 2, 3), "mean", r"varied must have shape \(4, V, 3\) with V >= 1; got \(5, 2, 3\)"),
        ((4, 3), (4, 2, 5), "mean", r"varied must have shape \(4, V, 3\) with V >= 1; got \(4, 2, 5\)"),
        ((4, 3), (4, 0, 3), "mean", r"varied must have shape \(4, V, 3\) with V >= 1; got \(4, 0, 3\)"),
        ((4, 3), (4, 2, 3), "sum", "reduction must be one of 'mean', 'none'; got 'sum'"),
    ],
)
def test_fixed_image_loss_names_what_is_wrong(fixed, varied, reduction, message):
    with pytest.raises(ValueError, match=message):
        fixed_image_loss(ArcFace(), torch.ones(fixed), torch.ones(varied), reduction=reduction)

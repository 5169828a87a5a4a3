"""Maps between networks: what they recover, what they minimise, and what can be done with them."""

import dataclasses
import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from scipy import linalg
from scipy.stats import ortho_group
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GroupKFold

from frlib.clouds import Cloud
from frlib.geometry import Alignment, fit_alignment
from frlib.geometry.alignment.solutions import RIDGE_GRID
from frlib.geometry.pairs import unit_rows
from frlib.store import arrays_digest, save_arrays

seeds = given(seed=st.integers(0, 10**6))
few = settings(max_examples=20)


def pairs_of(seed, n=40, d_s=6, d_t=6, noise=0.3):
    """Two networks that see the same six-dimensional things, each with noise and a mean of its own."""
    rng = np.random.default_rng(seed)
    things = rng.normal(size=(n, 6)) * np.arange(1, 7)
    return [things @ rng.normal(size=(6, d)) + noise * rng.normal(size=(n, d)) + rng.normal(size=d) for d in (d_s, d_t)]


def rotation(seed, d=6):
    return ortho_group.rvs(d, random_state=seed)


def squared_error(found, X, Y):
    return float(((Y - np.asarray(found.transform(X))) ** 2).sum())


# Procrustes


@few
@seeds
@pytest.mark.parametrize(("dtype", "within"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_a_rotated_and_moved_copy_gives_the_rotation(dtype, within, seed):
    X, _ = pairs_of(seed)
    Q = rotation(seed)
    found = fit_alignment(X.astype(dtype), (X @ Q + 5).astype(dtype), "procrustes")
    np.testing.assert_allclose(found.matrix, Q, atol=within)
    np.testing.assert_allclose(found.offset, 5 * np.ones(6), atol=20 * within)
    assert found.residual < within**2 and found.pairs == 40 and found.rank == 6 and found.alpha is None
    assert found.condition == pytest.approx(1) and found.matrix.dtype == found.offset.dtype == torch.float64


@few
@seeds
def test_square_procrustes_is_that_of_scipy(seed):
    X, Y = pairs_of(seed)
    expected = linalg.orthogonal_procrustes(X - X.mean(0), Y - Y.mean(0))[0]
    np.testing.assert_allclose(fit_alignment(X, Y, "procrustes").matrix, expected, atol=1e-9)
    raw = fit_alignment(X, Y, "procrustes", center=False)
    np.testing.assert_allclose(raw.matrix, linalg.orthogonal_procrustes(X, Y)[0], atol=1e-9)
    assert not raw.offset.any()


@pytest.mark.parametrize("n", [4, 9, 40])
@pytest.mark.parametrize(("d_s", "d_t"), [(6, 6), (6, 10), (10, 6), (30, 6), (6, 30), (30, 20)])
@pytest.mark.filterwarnings("ignore:.*pairs from")
def test_procrustes_is_semi_orthogonal_whatever_the_numbers_of_pairs_and_dimensions(n, d_s, d_t):
    W = fit_alignment(*pairs_of(1, n, d_s, d_t), "procrustes").matrix.numpy()
    gram = W @ W.T if d_s <= d_t else W.T @ W
    np.testing.assert_allclose(gram, np.eye(min(d_s, d_t)), atol=1e-12)


@few
@seeds
@pytest.mark.parametrize(("d_s", "d_t"), [(5, 5), (4, 7), (7, 4)])
def test_no_other_semi_orthogonal_matrix_agrees_more(d_s, d_t, seed):
    """In the inner product always; in the squared error up to as many dimensions as the target has."""
    X, Y = pairs_of(seed, d_s=d_s, d_t=d_t)
    found = fit_alignment(X, Y, "procrustes")
    X, Y, best = X - X.mean(0), Y - Y.mean(0), found.matrix.numpy()
    for k in range(50):
        near = linalg.expm(0.1 * (A := np.random.default_rng(k).normal(size=(d_s, d_s))) - 0.1 * A.T) @ best
        for other in (rotation(k, 7)[:d_s, :d_t] if d_s != d_t else rotation(k, d_s), near):
            assert np.vdot(X @ other, Y) <= np.vdot(X @ best, Y) * (1 + 1e-12)
            if d_s <= d_t:
                assert ((Y - X @ best) ** 2).sum() <= ((Y - X @ other) ** 2).sum() * (1 + 1e-12)


@pytest.mark.parametrize("n", [8, 40])
@pytest.mark.filterwarnings("ignore:.*pairs from")
def test_the_way_back_is_the_transpose(n):
    X, Y = pairs_of(4, n=n, d_s=12, d_t=20)
    there, back = fit_alignment(X, Y, "procrustes"), fit_alignment(Y, X, "procrustes")
    np.testing.assert_allclose(there.matrix.T, back.matrix, atol=1e-9)


def test_few_pairs_give_what_the_large_problem_gives():
    """In fewer dimensions than the embeddings have, the pairs are mapped as by scipy in all dimensions."""
    X, Y = pairs_of(3, n=9, d_s=20, d_t=20)
    with pytest.warns(UserWarning, match="determine 8 of 20 directions"):
        found = fit_alignment(X, Y, "procrustes")
    expected = linalg.orthogonal_procrustes(X - X.mean(0), Y - Y.mean(0))[0]
    np.testing.assert_allclose((X - X.mean(0)) @ found.matrix.numpy(), (X - X.mean(0)) @ expected, atol=1e-9)


# Linear and ridge


@few
@seeds
@pytest.mark.parametrize(("d_s", "d_t"), [(6, 6), (4, 9), (9, 4)])
def test_linear_is_that_of_numpy(d_s, d_t, seed):
    X, Y = pairs_of(seed, d_s=d_s, d_t=d_t)
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), Y)[0]
    found = fit_alignment(X, Y, "linear")
    np.testing.assert_allclose(np.vstack([found.matrix, found.offset]), expected, atol=1e-8)
    raw = fit_alignment(X, Y, "linear", center=False)
    np.testing.assert_allclose(raw.matrix, np.linalg.lstsq(X, Y)[0], atol=1e-8)
    assert not raw.offset.any()


def test_fewer_pairs_than_dimensions_take_the_smallest_norm_and_say_so():
    X, Y = pairs_of(2, n=9, d_s=20, d_t=5)
    said = (
        "9 pairs from 20 to 5 dimensions determine 8 of 20 directions of the linear map: of the maps that fit them best"
    )
    with pytest.warns(UserWarning, match=said):
        found = fit_alignment(X, Y, "linear")
    expected = np.linalg.lstsq(X - X.mean(0), Y - Y.mean(0))[0]
    np.testing.assert_allclose(found.matrix, expected, atol=1e-9)
    assert found.residual < 1e-20 and found.rank == 8


@pytest.mark.parametrize("kind", ["procrustes", "linear"])
@pytest.mark.parametrize("damage", ["constant", "twice"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dependent_columns_are_said_and_change_nothing_else(kind, damage, dtype):
    X, Y = pairs_of(5, d_s=5, d_t=7)
    more = np.full(len(X), 3.7) if damage == "constant" else X[:, 0] + X[:, 1]
    wide = np.column_stack([X, more]).astype(dtype)
    with pytest.warns(UserWarning, match=f"40 pairs from 6 to 7 dimensions determine 5 of 6 directions of the {kind}"):
        found = fit_alignment(wide, Y, kind)
    if kind == "linear":
        expected = LinearRegression().fit(X, Y).predict(X)
        np.testing.assert_allclose(found.transform(wide), expected, rtol=1e-4 if dtype == np.float32 else 1e-9)
        assert found.condition == float("inf")


@few
@seeds
@pytest.mark.parametrize("center", [True, False])
def test_ridge_is_that_of_scikit_learn(center, seed):
    for X, Y in (pairs_of(seed, d_s=8, d_t=3), pairs_of(seed, n=6, d_s=20, d_t=4)):
        expected = Ridge(alpha=2.5, fit_intercept=center).fit(X, Y)
        found = fit_alignment(X, Y, "ridge", alpha=2.5, center=center)
        np.testing.assert_allclose(found.transform(X), expected.predict(X), atol=1e-9)
        np.testing.assert_allclose(found.matrix, expected.coef_.T, atol=1e-9)
        assert found.alpha == 2.5


def test_ridge_lies_between_least_squares_and_the_mean():
    X, Y = pairs_of(7)
    linear = fit_alignment(X, Y, "linear")
    apart = [float((fit_alignment(X, Y, "ridge", alpha=a).matrix - linear.matrix).norm()) for a in (1e-2, 1e-4, 1e-8)]
    assert apart[0] > 50 * apart[1] > 50 * 50 * apart[2] and apart[2] < 1e-8
    mean = fit_alignment(X, Y, "ridge", alpha=1e12)
    np.testing.assert_allclose(mean.transform(X), np.tile(Y.mean(0), (40, 1)), atol=1e-6)
    assert mean.residual == pytest.approx(1)


@settings(max_examples=5)
@seeds
@pytest.mark.parametrize("center", [True, False])
def test_alpha_is_the_one_with_the_smallest_error_on_held_out_identities(center, seed):
    X, Y = pairs_of(seed, n=30, d_s=12, d_t=4, noise=3)
    who = np.random.default_rng(seed).integers(0, 8, 30).astype(str)
    rows = X - X.mean(0) * center
    alphas = np.array(RIDGE_GRID) * np.linalg.eigvalsh(rows.T @ rows).mean()
    errors = np.zeros(len(alphas))
    for fitted, held_out in GroupKFold(min(5, len(np.unique(who)))).split(X, groups=who):
        for k, alpha in enumerate(alphas):
            model = Ridge(alpha=alpha, fit_intercept=center).fit(X[fitted], Y[fitted])
            errors[k] += ((Y[held_out] - model.predict(X[held_out])) ** 2).sum()
    found = fit_alignment(X, Y, "ridge", identities=who, center=center)
    assert found.alpha == pytest.approx(alphas[errors.argmin()])
    order = np.random.default_rng(seed).permutation(30)
    again = fit_alignment(X[order], Y[order], "ridge", identities=who[order], center=center)
    assert again.alpha == pytest.approx(found.alpha)


# All kinds

KINDS = {"procrustes": {}, "linear": {}, "ridge": {"alpha": 1.5}}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
@pytest.mark.parametrize("normalize", [False, True])
def test_residual_is_the_unexplained_share(kind, normalize):
    X, Y = pairs_of(11)
    found = fit_alignment(X, Y, kind, normalize=normalize, **KINDS[kind])
    Y = unit_rows(torch.from_numpy(Y)).numpy() if normalize else Y
    assert found.residual == pytest.approx(squared_error(found, X, Y) / ((Y - Y.mean(0)) ** 2).sum())
    assert 0 < found.residual < 1 or kind == "procrustes"
    assert found.condition == pytest.approx(np.linalg.cond(found.matrix))


@kinds
def test_the_order_of_the_pairs_does_not_matter(kind):
    X, Y = pairs_of(12)
    order = np.random.default_rng(0).permutation(40)
    first, second = (fit_alignment(X[k], Y[k], kind, **KINDS[kind]) for k in (slice(None), order))
    np.testing.assert_allclose(first.matrix, second.matrix, atol=1e-10)


@kinds
def test_rotations_of_both_spaces_rotate_the_map(kind):
    X, Y = pairs_of(13)
    P, Q = rotation(1), rotation(2)
    first = fit_alignment(X, Y, kind, **KINDS[kind])
    second = fit_alignment(X @ P, Y @ Q, kind, **KINDS[kind])
    np.testing.assert_allclose(second.matrix, P.T @ first.matrix.numpy() @ Q, atol=1e-9)
    np.testing.assert_allclose(second.transform(X @ P), first.transform(X).numpy() @ Q, atol=1e-9)


@kinds
def test_float32_gives_what_float64_gives(kind):
    X, Y = (m.astype(np.float32) for m in pairs_of(14))
    single = fit_alignment(X, Y, kind, **KINDS[kind])
    double = fit_alignment(X.astype(float), Y.astype(float), kind, **KINDS[kind])
    assert torch.equal(single.matrix, double.matrix)
    assert single.transform(X).dtype == torch.float32 and double.transform(X.astype(float)).dtype == torch.float64
    np.testing.assert_allclose(single.transform(X), double.transform(X.astype(float)), rtol=1e-5, atol=1e-5)


@kinds
def test_normalised_maps_see_directions_only(kind):
    X, Y = pairs_of(15)
    lengths = np.random.default_rng(0).uniform(0.1, 9, (2, 40, 1))
    first = fit_alignment(X, Y, kind, normalize=True, **KINDS[kind])
    second = fit_alignment(X * lengths[0], Y * lengths[1], kind, normalize=True, **KINDS[kind])
    np.testing.assert_allclose(first.matrix, second.matrix, atol=1e-10)
    np.testing.assert_allclose(first.transform(X), first.transform(X * lengths[0]), atol=1e-12)
    plain = fit_alignment(*(unit_rows(torch.from_numpy(m)) for m in (X, Y)), kind, **KINDS[kind])
    np.testing.assert_allclose(first.matrix, plain.matrix, atol=1e-12)


def test_clouds_stand_for_their_points():
    X, Y = map(torch.from_numpy, pairs_of(16))
    clouds = [Cloud(points, {}, {}, "cosine", "network", None) for points in (X, Y)]
    found = fit_alignment(*clouds, "linear")
    assert torch.equal(found.matrix, fit_alignment(X, Y, "linear").matrix)
    assert torch.equal(found.transform(clouds[0]), found.transform(X))


# Composition and inverse


def three_maps():
    things = [pairs_of(20, d_s=a, d_t=b) for a, b in ((5, 7), (7, 4), (4, 6))]
    return [fit_alignment(*pair, "ridge", alpha=1.0, normalize=k == 0) for k, pair in enumerate(things)]


def test_composition_is_one_map_after_the_other_and_associative():
    first, second, third = three_maps()
    X = np.random.default_rng(0).normal(size=(9, 5))
    both = first.then(second)
    np.testing.assert_allclose(both.transform(X), second.transform(first.transform(X)), atol=1e-12)
    left, right = both.then(third), first.then(second.then(third))
    torch.testing.assert_close(left.matrix, right.matrix)
    torch.testing.assert_close(left.offset, right.offset)
    assert left.normalize and right.normalize and np.isnan(left.residual) and left.kind == "ridge then ridge then ridge"


@few
@seeds
@pytest.mark.parametrize(("kind", "d_s", "d_t"), [("procrustes", 6, 6), ("procrustes", 4, 7), ("linear", 6, 6)])
def test_an_inverse_undoes_its_map(kind, d_s, d_t, seed):
    X, Y = pairs_of(seed, d_s=d_s, d_t=d_t)
    found = fit_alignment(X, Y, kind)
    back = found.inverse()
    np.testing.assert_allclose(back.transform(found.transform(X)), X, atol=1e-8)
    torch.testing.assert_close(found.then(back).matrix, torch.eye(d_s, dtype=torch.float64), atol=1e-8, rtol=0)
    if kind == "procrustes":
        torch.testing.assert_close(back.matrix, found.matrix.T)
    else:
        torch.testing.assert_close(back.matrix, torch.linalg.inv(found.matrix), atol=1e-8, rtol=1e-6)


def test_the_inverse_of_a_normalised_map_gives_directions():
    X, Y = pairs_of(21)
    found = fit_alignment(X, Y, "procrustes", normalize=True)
    back = found.inverse()
    np.testing.assert_allclose(back.transform(found.transform(X)), X / np.linalg.norm(X, axis=1)[:, None], atol=1e-12)
    assert not back.normalize


def test_what_cannot_be_undone_or_composed_is_refused():
    X, Y = pairs_of(22, d_s=7, d_t=4)
    lossy = fit_alignment(X, Y, "procrustes")
    with pytest.raises(ValueError, match="a map from 7 to 4 dimensions has no inverse: it loses 3 of them"):
        lossy.inverse()
    flat = dataclasses.replace(lossy, matrix=torch.diag(torch.tensor([1.0, 0.0], dtype=torch.float64)))
    with pytest.raises(ValueError, match="a map of condition inf has no inverse; at most 1e\\+07"):
        flat.inverse()
    with pytest.raises(ValueError, match="other must map from 4 dimensions; it maps from 7"):
        lossy.then(lossy)
    with pytest.raises(ValueError, match="other must have normalize=False"):
        lossy.then(dataclasses.replace(fit_alignment(Y, X, "procrustes"), normalize=True))


# On disk


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_map_is_read_as_it_was(tmp_path, kind):
    found = fit_alignment(*pairs_of(30, d_s=4), kind, normalize=kind == "ridge", **KINDS[kind])
    found.save(tmp_path / "map.safetensors")
    read = Alignment.load(tmp_path / "map.safetensors")
    for field in dataclasses.fields(Alignment):
        first, second = getattr(found, field.name), getattr(read, field.name)
        assert torch.equal(first, second) if torch.is_tensor(first) else first == second
    back = fit_alignment(*pairs_of(30), "procrustes").inverse()
    back.save(tmp_path / "back.safetensors")
    assert np.isnan(Alignment.load(tmp_path / "back.safetensors").residual)


def test_a_map_that_cannot_be_saved_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        fit_alignment(*pairs_of(32), "linear").save(tmp_path / "file/map.safetensors")


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    path = tmp_path / "map.safetensors"
    fit_alignment(*pairs_of(31), "linear").save(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="is damaged"):
        Alignment.load(path)
    save_arrays(path, {"points": torch.ones(2, 2)}, {})
    with pytest.raises(ValueError, match="must hold an alignment; it holds points"):
        Alignment.load(path)
    save_file({"matrix": torch.ones(2, 2)}, path, metadata={"sha256": arrays_digest({"matrix": torch.ones(2, 2)})})
    with pytest.raises(OSError, match="holds no parameters that can be read"):
        Alignment.load(path)
    with pytest.raises(FileNotFoundError, match="no stored arrays"):
        Alignment.load(tmp_path / "none.safetensors")


# What is refused

X, Y = pairs_of(40, n=4, d_s=2, d_t=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "affine"}, "kind must be one of 'procrustes', 'linear', 'ridge'; got 'affine'"),
        ({"target": Y[:3]}, "target must have 4 rows; got 3"),
        ({"source": X[:0]}, "source must be a non-empty matrix (N, d); got shape (0, 2)"),
        ({"source": X[0]}, "source must be a non-empty matrix (N, d); got shape (2,)"),
        ({"source": X * np.nan}, "source must be finite; row 0 holds NaN or infinity"),
        ({"target": Y + np.inf}, "target must be finite; row 0 holds NaN or infinity"),
        ({"target": np.ones((4, 3))}, "target must have two different rows among those to fit; got 4, all equal"),
        (
            {"source": X[:1], "target": Y[:1]},
            "source must have two different rows among those to fit; got 1, all equal",
        ),
        (
            {"source": X * [[1], [1], [0], [1]], "normalize": True},
            "source must have no zero vector with normalize=True; row 2",
        ),
        ({"alpha": 1.0}, "alpha must be None for kind='linear'; got 1.0, which only 'ridge' has"),
        ({"kind": "ridge", "alpha": 0}, "alpha must be a positive number; got 0"),
        ({"kind": "ridge", "alpha": float("nan")}, "alpha must be a positive number; got nan"),
        ({"kind": "ridge"}, "identities must be given for kind='ridge' without alpha"),
        ({"kind": "ridge", "identities": "aaaa"}, "identities must have shape (4,), one per pair; got ()"),
        ({"kind": "ridge", "identities": list("aaa")}, "identities must have shape (4,), one per pair; got (3,)"),
        (
            {"kind": "ridge", "identities": list("aaaa")},
            "identities must hold at least two different ones to hold one out",
        ),
    ],
)
def test_what_is_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        fit_alignment(**{"source": X, "target": Y, "kind": "linear"} | change)


def test_transform_refuses_other_dimensions_and_directions_of_nothing():
    found = fit_alignment(X, Y, "procrustes", normalize=True)
    with pytest.raises(ValueError, match="X must have 2 columns; got 3"):
        found.transform(Y)
    with pytest.raises(ValueError, match="X must have no zero vector with normalize=True; row 0 is zero"):
        found.transform(np.zeros((1, 2)))


def test_ridge_with_few_pairs_is_determined_and_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_alignment(*pairs_of(41, n=5, d_s=20), "ridge", identities=[0, 0, 1, 1, 2])

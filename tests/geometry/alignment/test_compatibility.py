"""Recognition across networks: known answers, chance, who is trained on and who is tested on, and what is refused."""

import re
from itertools import permutations

import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from scipy.spatial.distance import cdist
from scipy.stats import binom, ortho_group

from frlib.geometry import compatibility
from frlib.geometry.alignment import compatibility as module
from frlib.geometry.alignment.compatibility import BASELINES
from frlib.geometry.alignment.maps import KINDS, fit_rows, paired_rows

FIGURES = ["rank1", "auc", "eer", "tar_at_1e-2", "tar_at_1e-3", "gallery_size"]


def people(seed=0, n=20, images=6, d=8, spread=0.5):
    """Identities and one network's embeddings of their images."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n), images)
    return who, rng.normal(size=(n, d))[who] + spread * rng.normal(size=(n * images, d))


def three_networks(seed=0):
    rng = np.random.default_rng(seed)
    who, X = people(seed)
    mixed = {
        name: X @ rng.normal(size=(8, d)) + 0.3 * rng.normal(size=(len(X), d)) for name, d in (("b", 10), ("c", 5))
    }
    return who, {"a": X} | mixed


def pair(table, source, target):
    (row,) = table[(table.source == source) & (table.target == target)].to_dict("records")
    return row


def test_the_table_has_every_ordered_pair_once():
    who, networks = three_networks()
    table = compatibility(networks, who, "procrustes")
    assert list(table.columns) == ["source", "target", *FIGURES]
    assert list(zip(table.source, table.target, strict=True)) == [(a, b) for a in "abc" for b in "abc"]
    assert (table.gallery_size == 10).all() and table.gallery_size.dtype == int


def test_given_places_are_those_that_are_fitted_and_tested_on():
    """The split of a seed, given by hand, and the same maps on images of one kind only."""
    who, networks = three_networks()
    codes = np.unique(who, return_inverse=True)[1]
    places = module.held_out(codes, 20, 0.5, np.random.default_rng(4))
    run = {"accepted_at_least": 0}
    assert_frame_equal(
        compatibility(networks, who, "linear", places=places, seed=9, **run),
        compatibility(networks, who, "linear", seed=4, **run),
    )
    train, gallery, probes = places
    few = compatibility(
        networks, who, "linear", places=(train, gallery[:3], probes[np.isin(who[probes], who[gallery[:3]])])
    )
    assert (few.gallery_size == 3).all()


@pytest.mark.parametrize(
    "places, message",
    [
        (([0, 1], [6]), "places must be three lists of whole numbers"),
        (([0, 1], [], [7]), "places must be three lists of whole numbers"),
        (([0, 1], [6.0], [7]), "places must be three lists of whole numbers"),
        (([0, 1], [6, 12], [120]), "places must be from 0 to 119; got 120"),
        (([0, 6], [7, 12], [8]), "places must test on people who are not fitted; 1 is both"),
        (([0, 1], [6, 12], [18]), "gallery_identities must hold those of the probes; 3 is missing"),
        (([0, 1], [6, 12], [7, 12]), "places must have a gallery without probes; image 12 is both"),
    ],
)
def test_places_that_can_not_be_used_are_refused(places, message):
    who, networks = three_networks()
    with pytest.raises(ValueError, match=message):
        compatibility(networks, who, "procrustes", places=places)


def test_among_all_of_the_gallery_everybody_is_found():
    who, networks = three_networks()
    table = compatibility(networks, who, "procrustes", ranks=(1, 3, 10))
    assert list(table.columns[2:5]) == ["rank1", "rank3", "rank10"]
    assert (table.rank1 <= table.rank3).all() and (table.rank10 == 1).all() and table.rank1.min() < 1


@pytest.mark.parametrize("kind", ["procrustes", "linear"])
def test_a_rotated_copy_is_recognised_as_the_network_itself(kind):
    who, X = people()
    table = compatibility({"a": X, "b": X @ ortho_group.rvs(8, random_state=0) + 1}, who, kind, accepted_at_least=0)
    for source, target in ("ab", "ba"):
        assert {**pair(table, source, target), "source": target} == pytest.approx(pair(table, target, target))


def test_people_far_apart_are_all_found_through_a_rotation():
    who, X = people(spread=0.01)
    table = compatibility({"a": X, "b": X @ ortho_group.rvs(8, random_state=1)}, who, "procrustes")
    assert (table.rank1 == 1).all() and (table.auc == 1).all() and (table.eer == 0).all()


@pytest.mark.parametrize("kind", ["procrustes", "linear", "ridge"])
def test_rotations_of_both_spaces_change_no_figure(kind):
    who, networks = three_networks(1)
    turned = {name: X @ ortho_group.rvs(X.shape[1], random_state=k) for k, (name, X) in enumerate(networks.items())}
    first, second = (compatibility(own, who, kind, accepted_at_least=0) for own in (networks, turned))
    assert_frame_equal(first, second)


@pytest.mark.parametrize("kind", ["procrustes", "linear", "ridge", "within"])
def test_the_unit_of_a_network_and_where_its_origin_is_do_not_matter(kind):
    who, networks = three_networks(6)
    moved = {name: (1 + k) ** 5 * (X - 9 * k) for k, (name, X) in enumerate(networks.items())}
    first, second = (compatibility(own, who, kind, accepted_at_least=0) for own in (networks, moved))
    assert_frame_equal(first, second)


def test_lengths_of_embeddings_do_not_matter_to_normalised_maps():
    who, networks = three_networks(7)
    lengths = np.random.default_rng(0).uniform(0.1, 9, (120, 1))
    changed = {name: X * lengths for name, X in networks.items()}
    for center in (True, False):
        options = {"normalize": True, "center": center, "accepted_at_least": 0}
        first, second = (compatibility(own, who, "procrustes", **options) for own in (networks, changed))
        assert_frame_equal(first, second)


def test_without_centring_scores_are_plain_cosines(monkeypatch):
    who, networks = three_networks(8)
    tests, test = [], module.identification
    monkeypatch.setattr(module, "identification", lambda *a, **k: tests.append(a) or test(*a, **k))
    compatibility(networks, who, "linear", center=False)
    for name, (probes, _, gallery, _) in zip("abc", tests[::4], strict=True):
        nearest(np.concatenate([probes, gallery]), networks[name])


@pytest.mark.parametrize("kind", ["random", "shuffled"])
def test_a_map_that_knows_nothing_finds_people_by_chance(kind):
    """One probe of each of 10 people: a hit has probability 1 / 10 by the symmetry of the people."""
    hits, draws = 0, 150
    for seed in range(draws):
        who, X = people(seed, images=2, spread=0.1)
        Y = X @ ortho_group.rvs(8, random_state=seed)
        row = pair(compatibility({"a": X, "b": Y}, who, kind, seed=seed), "a", "b")
        hits += round(10 * row["rank1"])
    low, high = binom.interval(0.999, 10 * draws, 0.1)
    assert low <= hits <= high


def test_without_a_map_dimensions_are_filled_up_or_cut_off():
    who, X = people()
    wide = np.column_stack([X, np.zeros((len(X), 3))])
    table = compatibility({"a": X, "wide": wide}, who, "none")
    for source, target in (("a", "wide"), ("wide", "a"), ("wide", "wide")):
        assert [pair(table, source, target)[f] for f in FIGURES] == pytest.approx(
            [pair(table, "a", "a")[f] for f in FIGURES], nan_ok=True
        )
    other = people(5)[1]
    assert pair(compatibility({"a": X, "b": other}, who, "none"), "a", "b")["rank1"] < 0.4


def test_pairs_inside_identities_are_enough_where_only_identity_varies():
    """If all images of a person coincide it does not matter which of them are paired; else it does."""
    who, X = people(spread=0)
    rng = np.random.default_rng(0)
    Y = X @ rng.normal(size=(8, 8))
    first, second = (compatibility({"a": X, "b": Y}, who, kind) for kind in ("procrustes", "within"))
    assert_frame_equal(first, second)
    X, Y = (own + rng.normal(size=own.shape) for own in (X, Y))
    first, second = (compatibility({"a": X, "b": Y}, who, kind) for kind in ("procrustes", "within"))
    assert not first.equals(second)


@pytest.mark.parametrize("kind", ["procrustes", "within", "shuffled"])
def test_who_is_paired_with_whom(monkeypatch, kind):
    """Numbers of images stand for their embeddings."""
    seen = {}
    who = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 4))
    number = np.arange(1.0, 41)[:, None]

    def spy(source, target, *_):
        seen.update(source=source.rows.ravel().astype(int) - 1, target=target.rows.ravel().astype(int) - 1)
        return real(source, target, *_)

    real = module.fit_rows
    monkeypatch.setattr(module, "fit_rows", spy)
    compatibility({"a": number, "b": number}, who, kind)
    assert sorted(seen["source"]) == sorted(seen["target"])
    same_person = who[seen["source"]] == who[seen["target"]]
    same_image = seen["source"] == seen["target"]
    if kind == "procrustes":
        assert same_image.all()
    else:
        assert same_image.mean() < 0.6 and same_person.all() == (kind == "within")


@pytest.mark.parametrize("pairs", [6, 40])  # too few to determine the maps, and enough
def test_the_procrustes_map_back_is_what_a_fit_of_its_own_gives(pairs, monkeypatch):
    _, networks = three_networks(4)
    rows = paired_rows({name: X[:pairs] for name, X in networks.items()}, True, False)
    expected = {(s, t): fit_rows(rows[s], rows[t], "procrustes", False, None) for s, t in permutations("abc", 2)}
    fits, fit = [], module.fit_rows
    monkeypatch.setattr(module, "fit_rows", lambda *a: fits.append(a) or fit(*a))
    found = module.fit_pairs(rows, "procrustes", rows)
    assert len(fits) == 3 and list(found) == list(expected)
    for pair, own in expected.items():
        np.testing.assert_allclose(found[pair].matrix, own.matrix, atol=1e-12)
        np.testing.assert_allclose(found[pair].offset, own.offset, atol=1e-11)
        assert found[pair].residual == pytest.approx(own.residual, abs=1e-12)
        assert (found[pair].rank, found[pair].pairs, found[pair].kind) == (own.rank, pairs, "procrustes")


def nearest(rows, embeddings):
    """Return which embeddings the rows are."""
    distances = cdist(rows, embeddings)
    assert distances.min(axis=1).max() < 1e-9
    return distances.argmin(axis=1)


def test_maps_are_fitted_on_some_people_and_tested_on_all_images_of_the_others(monkeypatch):
    who, networks = three_networks(2)
    fits, tests = [], []
    fit, test = module.fit_rows, module.identification
    monkeypatch.setattr(module, "fit_rows", lambda *a: fits.append(a) or fit(*a))
    monkeypatch.setattr(module, "identification", lambda *a, **k: tests.append(a) or test(*a, **k))
    compatibility(networks, who, "linear", train_fraction=0.3)
    assert len(fits) == 6 and len(tests) == 9
    (source, target, *_), (probes, probe_codes, gallery, gallery_codes) = fits[0], tests[1]  # from a to b
    trained = nearest(source.rows, networks["a"])
    assert list(trained) == list(nearest(target.rows, networks["b"]))
    assert len(trained) == 36 and len(set(who[trained])) == 6  # whole people
    mean = networks["b"][trained].mean(axis=0)
    in_gallery = nearest(gallery.numpy() + mean, networks["b"])
    assert list(who[in_gallery]) == list(gallery_codes) and len(set(gallery_codes)) == 14
    others = np.setdiff1d(np.arange(120), [*trained, *in_gallery])
    assert list(who[others]) == list(probe_codes)
    inputs = np.column_stack([networks["a"], np.ones(120)])
    expected = inputs[others] @ np.linalg.lstsq(inputs[trained], networks["b"][trained])[0]
    np.testing.assert_allclose(probes, expected - mean, atol=1e-9)
    assert all(list(codes) == list(gallery_codes) for _, _, _, codes in tests)


def test_the_image_in_the_gallery_depends_on_the_seed():
    who, X = people()
    found = {compatibility({"a": X}, who, "none", train_fraction=0.1, seed=seed).auc[0] for seed in range(4)}
    assert len(found) == 4


@pytest.mark.parametrize("kind", KINDS + BASELINES)
def test_native_rows_and_other_networks_do_not_depend_on_the_map_or_on_each_other(kind):
    who, networks = three_networks(3)
    table = compatibility(networks, who, kind)
    native = table[table.source == table.target].reset_index(drop=True)
    expected = compatibility(networks, who, "none")
    assert_frame_equal(native, expected[expected.source == expected.target].reset_index(drop=True))
    two = compatibility({name: networks[name] for name in "ab"}, [f"person {k}" for k in who], kind)
    for source, target in ("ab", "ba"):
        assert pair(two, source, target) == pytest.approx(pair(table, source, target), nan_ok=True)


def test_fewer_pairs_leave_the_held_out_people_and_say_that_they_are_few():
    who, networks = three_networks(4)
    full = compatibility(networks, who, "linear")
    with pytest.warns(UserWarning) as said:
        few = compatibility(networks, who, "linear", max_pairs=7)
    (warning,) = said
    assert (
        "4 maps are not determined by their pairs; the first: 7 pairs from 8 to 10 dimensions determine 6 of 8"
        in str(warning.message)
    )
    native = full.source == full.target
    assert_frame_equal(full[native], few[native])
    assert few[~native].auc.mean() < full[~native].auc.mean() - 0.02
    assert_frame_equal(compatibility(networks, who, "linear", max_pairs=10**6), full)


def test_people_with_one_image_are_in_the_gallery_only():
    who, X = people(n=12)
    keep = (who % 2 == 0) | (np.arange(len(who)) % 6 == 0)
    table = compatibility({"a": X[keep]}, who[keep], "none", train_fraction=2 / 12)
    assert table.gallery_size[0] == 10


who, X = people(n=6, images=2, d=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"kind": "affine"},
            "kind must be one of 'procrustes', 'linear', 'ridge', 'none', 'random', 'shuffled', 'within'",
        ),
        ({"embeddings": {}}, "embeddings must be a mapping of network to matrix, not empty; got {}"),
        ({"embeddings": X}, "embeddings must be a mapping; got array("),
        ({"embeddings": {"a": X, "b": X[1:]}}, "embeddings['b'] must have 12 rows; got 11"),
        ({"embeddings": {"a": X * np.inf}}, "embeddings['a'] must be finite"),
        (
            {"embeddings": {"a": X, "b": X * 0}},
            "embeddings['b'] must have two different rows among those to fit; got 6, all equal",
        ),
        ({"identities": who[1:]}, "identities must have shape (12,), one per image; got (11,)"),
        (
            {"identities": who * 0},
            "train_fraction must leave at least one identity to train on and two to test on; 0.5 of 1",
        ),
        ({"identities": np.arange(12)}, "identities must hold one with two images among those to test on"),
        ({"train_fraction": 1.5}, "train_fraction must lie between 0 and 1; got 1.5"),
        ({"train_fraction": 0}, "two to test on; 0 of 6 identities is 0"),
        ({"train_fraction": 0.9}, "two to test on; 0.9 of 6 identities is 5"),
        ({"max_pairs": 1}, "max_pairs must be an integer of at least 2; got 1"),
        ({"kind": "ridge", "train_fraction": 0.2}, "identities must hold at least two different ones to hold one out"),
        ({"kind": "linear", "alpha": 1}, "alpha must be None for kind='linear'"),
    ],
)
def test_what_is_refused(change, message):
    given = {"embeddings": {"a": X, "b": X + 1}, "identities": who, "kind": "procrustes"} | change
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=re.escape(message)):
        compatibility(**given)

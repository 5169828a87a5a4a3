"""A drawn tree says what scipy's says: the order of leaves, and at what height any two join."""

import itertools

import numpy as np
import pandas as pd
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from frlib import view

NAMES = ["ash", "birch", "cedar", "douglas fir"]
KIND = {"ash": "broad", "birch": "broad", "cedar": "needle", "douglas fir": "needle"}


def linkage(n: int, seed: int = 0) -> np.ndarray:
    return hierarchy.linkage(np.random.default_rng(seed).normal(size=(n, 2)), "average", optimal_ordering=True)


def layers(chart, **options):
    """Return the layers of a figure by the names of their marks, and their tables."""
    spec = view.figure(chart, description="d", **options).to_dict()
    own = {layer["mark"]["type"]: layer for layer in spec["layer"]}
    return spec, own, {mark: pd.DataFrame(spec["datasets"][layer["data"]["name"]]) for mark, layer in own.items()}


@given(n=st.integers(2, 30), seed=st.integers(0, 1000))
def test_two_names_join_at_their_cophenetic_distance(n, seed):
    tree, names = linkage(n, seed), [f"name {k}" for k in range(n)]
    _, _, tables = layers(view.dendrogram(tree, names))
    words, lines = tables["text"], tables["rule"]
    order = hierarchy.leaves_list(tree)
    assert words["name"].tolist() == [names[k] for k in order] and words["place"].tolist() == list(range(n))
    level = lines["place"] == lines["to place"]
    upright = lines[~level]
    np.testing.assert_allclose(np.sort(upright["height"]), np.sort(tree[:, 2]), rtol=5e-5)
    # The lowest upright line between two neighbours joins them; others, the highest of those between their neighbours.
    spans = [upright[(upright["place"] < k + 0.5) & (upright["to place"] > k + 0.5)] for k in range(n - 1)]
    joins = np.array([span["height"].min() for span in spans])
    expected = squareform(hierarchy.cophenet(tree))[np.ix_(order, order)]
    for first, second in itertools.combinations(range(n), 2):
        assert joins[first:second].max() == pytest.approx(expected[first, second], rel=5e-5)
    ends = lines[level][["height", "to height"]]
    assert (np.sort(lines[level & (ends.min(axis=1) == 0)]["place"]) == np.arange(n)).all()


def test_groups_colour_the_leaves_and_words_keep_the_colour_of_the_page():
    spec, own, tables = layers(view.dendrogram(linkage(4), NAMES, color=KIND))
    assert own["point"]["encoding"]["color"]["scale"]["range"] == view.COLORS[:2]
    assert tables["point"].set_index("name")["group"].to_dict() == KIND
    assert "color" not in own["text"]["encoding"] and "color" not in own["rule"]["encoding"]
    assert vl_convert.vegalite_to_svg(spec).count('aria-roledescription="text mark"') == 4


def test_the_reader_chooses_a_tree_with_its_own_order_of_names():
    trees = {"first": linkage(4, 0), "second": linkage(4, 1)}
    orders = [[NAMES[k] for k in hierarchy.leaves_list(tree)] for tree in trees.values()]
    assert orders[0] != orders[1]
    spec, own, tables = layers(view.dendrogram(trees, NAMES, by="map", color=KIND), choose={"map": "second"})
    assert all(layer["transform"][0] == {"filter": "datum['map'] === chosen_0"} for layer in own.values())
    for kind, order in zip(trees, orders, strict=True):
        assert tables["text"][tables["text"]["map"] == kind]["name"].tolist() == order
    svg = vl_convert.vegalite_to_svg(spec)
    assert sorted(NAMES, key=lambda name: svg.index(f">{name}<")) == orders[1]
    assert svg.count('aria-roledescription="rule mark"') == 9
    top = max(tree[:, 2].max() for tree in trees.values())
    assert own["rule"]["encoding"]["x"]["scale"]["domain"] == [0, top]


def test_heights_have_the_title_ticks_and_domain_of_their_column():
    column = view.Column("far", "1 - share", domain=(0, 9), ticks=[0, 5], format=".1f")
    _, own, tables = layers(view.dendrogram(linkage(4), NAMES, x=column))
    x = own["rule"]["encoding"]["x"]
    assert (x["field"], x["title"], x["scale"]["domain"], x["axis"]["values"]) == ("far", "1 - share", [0, 9], [0, 5])
    assert [tip["title"] for tip in own["rule"]["encoding"]["tooltip"]] == ["1 - share"]
    assert own["rule"]["mark"]["clip"] and "point" not in tables


def test_wrong_input_names_what_is_wrong():
    tree = linkage(4)
    with pytest.raises(ValueError, match=r"tree must have shape \(2, 4\) for 3 names; got \(3, 4\)"):
        view.dendrogram(tree, NAMES[:3])
    with pytest.raises(ValueError, match=r"tree\['b'\] must have shape \(3, 4\) for 4 names; got \(2, 4\)"):
        view.dendrogram({"a": tree, "b": linkage(3)}, NAMES, by="map")
    for wrong in (np.nan, -1.0):
        broken = tree.copy()
        broken[1, 2] = wrong
        with pytest.raises(ValueError, match="tree must be a matrix of scipy.cluster.hierarchy.linkage; got"):
            view.dendrogram(broken, NAMES)
    with pytest.raises(ValueError, match="names must be all different; 'ash' comes twice"):
        view.dendrogram(tree, ["ash", "birch", "ash", "cedar"])
    with pytest.raises(ValueError, match="color must hold the group of each name; 'cedar' is missing"):
        view.dendrogram(tree, NAMES, color={"ash": "broad", "birch": "broad"})
    with pytest.raises(ValueError, match="by must name a column if tree is a mapping, and only then; got None"):
        view.dendrogram({"a": tree}, NAMES)
    with pytest.raises(ValueError, match="by must name a column if tree is a mapping, and only then; got 'map'"):
        view.dendrogram(tree, NAMES, by="map")
    with pytest.raises(ValueError, match="tree must hold at least one linkage matrix; got an empty mapping"):
        view.dendrogram({}, NAMES, by="map")

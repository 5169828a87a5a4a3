"""The published numbers agree with each other: what one table derives from another must come out again."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstwo, spearmanr

from frlib import published
from frlib.faces import ATTRIBUTES

MODELS = {
    ("FaceNet", "iResNetv1"),
    ("ArcFace", "ResNet50"),
    ("ArcFace", "ResNet18"),
    ("AdaFace", "ResNet18"),
    ("SphereFaceR", "iResNet100"),
}
NETWORK = ["model", "architecture"]


def effective_size(n):
    """The size that the asymptotic two-sample test uses: all pairs inside n points against the full n x n product."""
    pairs, cross = n * (n - 1) / 2, n**2
    return np.round(pairs * cross / (pairs + cross))


def by_network(name, network):
    """The rows of one network, indexed by attribute."""
    return published.load(name).set_index([*NETWORK, "attribute"]).sort_index().loc[network]


def stored_rho(combined):
    table = published.load("spearman_ks_entropy").query("combined == @combined and entropy == 'intra'")
    return table.set_index(NETWORK).rho


def entropy_rank():
    """Rows of celeba_entropies come in the order of the intra-entropy, also where two bars read the same."""
    entropies = published.load("celeba_entropies").set_index("attribute")
    return pd.Series(np.arange(len(entropies)), index=entropies.index)


@pytest.mark.parametrize("name", published.names())
def test_every_table_loads_with_complete_provenance(name):
    table = published.load(name)
    assert len(table) == len((published._FOLDER / f"{name}.csv").read_text().splitlines()) - 1
    assert not table.duplicated().any()
    assert not table.isna().all().any(), "a column without any value says nothing"
    source = table.attrs["provenance"]
    assert source == published.provenance(name).to_dict()
    for field in ("paper", "content", "source", "location", "obtained", "licence"):
        assert source[field].strip(), f"{name} has no {field}"
    assert source["precision"] in ("exact", "read off", "mixed", "text")
    needs_tolerance = source["precision"] in ("read off", "mixed")
    assert (source["tolerance"] > 0) == needs_tolerance


def test_names_are_exactly_the_files():
    folder = published._FOLDER
    files = {path.name.removesuffix(".csv") for path in folder.iterdir() if path.name.endswith(".csv")}
    assert set(published.names()) == files - {"provenance"}
    assert published.names() == sorted(set(published.names()))


@pytest.mark.parametrize("function", [published.load, published.provenance])
@pytest.mark.parametrize("name", ["lfw", "provenance.csv", "../provenance", ""])
def test_unknown_name_lists_what_exists(function, name):
    with pytest.raises(ValueError, match=re.escape(f"got {name!r}")) as caught:
        function(name)
    assert all(known in str(caught.value) for known in published.names())


def test_loads_are_independent():
    first, untouched = published.load("lfw_distances"), published.load("lfw_distances")
    first.loc[:, "accuracy"] = 0.0
    pd.testing.assert_frame_equal(published.load("lfw_distances"), untouched)


def test_table_1_is_table_3_rounded():
    table = published.load("lfw_distances")
    for name in ("d_intra", "d_inter"):
        assert (table[name] - table[f"{name}_table_1"]).abs().max() <= 0.0005 + 1e-12
    assert (2 * table.d_intra < table.d_inter).all()
    assert table.accuracy.between(0.98, 1).all()
    assert set(table.loc[table.metric == "euclidean", "model"]) == {"FaceNet"}


def test_attributes_of_the_drawn_faces_have_the_printed_ranges_where_numbers_are_printed():
    table = published.load("attribute_ranges").set_index("attribute")
    assert list(table.index) == list(ATTRIBUTES)
    numbers = table.dropna()
    assert set(table.index) - set(numbers.index) == {"hair_color", "illumination", "expression", "image_quality"}
    for name, (low, high, printed) in numbers.iterrows():
        assert (ATTRIBUTES[name].low, ATTRIBUTES[name].high) == (low, high), name
        assert printed.startswith(f"{low:g} to {high:g}")
    assert ATTRIBUTES["hair_color"].unit.removeprefix("along the line from ") == table.printed["hair_color"]


def test_five_networks_and_forty_attributes_everywhere():
    attributes = set(published.load("celeba_entropies").attribute)
    assert len(attributes) == 40
    by_modality, by_attribute = published.load("ks_by_modality"), published.load("ks_by_attribute")
    for table in (by_modality, by_attribute):
        assert set(table.attribute) == attributes
        assert set(map(tuple, table[NETWORK].to_numpy())) == MODELS
    assert len(by_modality) == 40 * 2 * 5
    assert len(by_attribute) == 40 * 5
    assert set(map(tuple, published.load("lfw_distances")[NETWORK].to_numpy())) == MODELS
    assert set(map(tuple, published.load("spearman_table_2")[NETWORK].to_numpy())) == MODELS
    assert len(published.load("spearman_ks_entropy")) == 5 * 3 * 2


def test_short_names_follow_one_order_and_refuse_other_networks():
    named = published.network_names(published.load("spearman_ks_entropy"))
    assert named.columns.tolist() == ["network", "combined", "entropy", "rho", "p"]
    tables = [named, *map(published.network_names, map(published.load, ("ks_by_modality", "spearman_table_2")))]
    assert len({tuple(table.network.unique()) for table in tables}) == 1
    row = published.network_names(published.load("spearman_table_2")).set_index("network").loc["ArcFace r50"]
    assert row.rho_printed == -0.566
    with pytest.raises(ValueError, match="table must be one of .* got "):
        published.network_names(published.load("celeba_bayes_error"))
    with pytest.raises(ValueError, match="table must have a column 'model'"):
        published.network_names(published.load("celeba_entropies"))


def test_recovered_statistics_have_a_mean_and_both_modalities_and_say_what_is_a_bound():
    found = published.ks_statistics()
    assert len(found) == 5 * 40 * 3
    table = found.pivot(index=["network", "attribute"], columns="modality", values=["value", "bound"])
    halves = table["value"][["positive", "negative"]].astype(float).mean(axis=1)
    known = ~table["bound"][["positive", "negative"]].astype(bool).any(axis=1)
    tolerance = published.provenance("ks_by_attribute").tolerance
    mean, sure = table["value"]["mean"].astype(float), ~table["bound"]["mean"].astype(bool)
    assert (mean - halves)[known].abs().max() <= tolerance + 5e-6
    assert (mean >= halves - tolerance - 5e-6).all(), "known from the plot, or the bound itself"
    assert (~sure).sum() == published.load("ks_by_attribute").ks.isna().sum() == 13
    assert (found.p.isna() == (found.modality == "mean")).all()
    assert (found.p < 0.05).sum() == (published.load("ks_by_modality").p < 0.05).sum()


def test_ks_statistics_and_bounds_exclude_each_other():
    table = published.load("ks_by_modality")
    assert (table.ks.isna() == table.ks_lower_bound.notna()).all()
    assert (table.ks.isna() == (table.obtained == "lower bound")).all()
    assert table.ks.dropna().between(0, 0.3).all()
    assert table.p.between(0, 1).all()
    missing = published.load("ks_by_attribute")
    assert (missing.ks.isna() == (missing.obtained == "not recovered")).all()


def test_printed_statistics_give_the_printed_p_values():
    table = published.load("ks_by_modality").query("obtained == 'printed table' and p > 0")
    assert len(table) == 43
    p = kstwo.sf(table.ks, effective_size(table.n))
    np.testing.assert_allclose(p, table.p, rtol=0.01)  # six digits of the statistic leave up to 1 % of p


def test_inverted_statistics_give_the_two_digits_of_the_p_value():
    table = published.load("ks_by_modality").query("obtained == 'inverted p'")
    assert len(table) == 321
    table = table.iloc[::4]  # each exact tail probability sums up to 80,000 terms
    size = effective_size(table.n)
    assert (kstwo.sf(table.ks + 5e-5, size) * 0.95 <= table.p).all()
    assert (table.p <= kstwo.sf(table.ks - 5e-5, size) * 1.05).all()


def test_lower_bounds_are_where_the_p_value_underflows():
    table = published.load("ks_by_modality").query("obtained == 'lower bound'")
    assert (table.p == 0).all()
    assert (kstwo.sf(table.ks_lower_bound, effective_size(table.n)) < 1e-300).all()


def test_mean_over_modalities_is_the_mean_of_the_modalities():
    key = ["attribute", *NETWORK]
    halves = published.load("ks_by_modality").pivot(index=key, columns="modality", values="ks")
    assert list(halves.columns) == ["negative", "positive"]
    whole = published.load("ks_by_attribute").set_index(key)
    both = halves.dropna().mean(axis=1)
    error = (both - whole.ks[both.index]).abs()
    assert len(both) == 185
    assert error[whole.obtained[both.index] == "mean of modalities"].max() <= 5e-6 + 1e-12
    assert error.max() <= published.provenance("ks_by_attribute").tolerance
    alone = whole.ks.drop(both.index).dropna()  # known from the plot although a modality underflowed
    assert set(alone.index.get_level_values("model")) == {"FaceNet"}
    bound = published.load("ks_by_modality").set_index(key)
    bound = bound.ks.fillna(bound.ks_lower_bound).groupby(level=key).mean()
    assert (alone >= bound[alone.index] - published.provenance("ks_by_attribute").tolerance).all()


def test_spearman_of_arcface_50_comes_out_again():
    means = by_network("ks_by_attribute", ("ArcFace", "ResNet50")).ks
    rank = entropy_rank()
    rho = spearmanr(means[rank.index], rank).statistic
    assert rho == pytest.approx(stored_rho("mean")[("ArcFace", "ResNet50")], abs=1e-6)


@pytest.mark.parametrize(
    ("network", "steps"),
    [(("AdaFace", "ResNet18"), 0), (("ArcFace", "ResNet50"), 2)],
)
def test_spearman_of_the_larger_modality_comes_out_again(network, steps):
    """One step is the smallest change of a rank correlation of 40 values; a read-off may swap close neighbours."""
    table = by_network("ks_by_modality", network)
    largest = table.ks.fillna(table.ks_lower_bound).groupby(level="attribute").max()
    rank = entropy_rank()
    step = 6 / (40 * (40**2 - 1))
    rho = spearmanr(largest[rank.index], rank).statistic
    assert rho == pytest.approx(stored_rho("max")[network], abs=steps * step + 1e-6)


def test_spearman_of_adaface_comes_out_for_a_value_above_the_known_bound():
    """One of the 40 means is known only from below; some value above the bound gives the stored correlation."""
    halves = by_network("ks_by_modality", ("AdaFace", "ResNet18"))
    assert list(halves.index[halves.ks.isna()]) == ["Blond_Hair"]
    mean = halves.ks.fillna(halves.ks_lower_bound).groupby(level="attribute").mean()
    bound = mean["Blond_Hair"]
    rank = entropy_rank()
    reached = []
    for value in [bound, *(mean[mean > bound] + 1e-7)]:
        mean["Blond_Hair"] = value
        reached.append(spearmanr(mean[rank.index], rank).statistic)
    assert min(abs(rho - stored_rho("mean")[("AdaFace", "ResNet18")]) for rho in reached) < 1e-6


def test_table_2_repeats_the_stored_correlations():
    table = published.load("spearman_table_2").set_index(NETWORK)
    stored = published.load("spearman_ks_entropy").query("combined == 'mean' and entropy == 'intra'").set_index(NETWORK)
    assert (table.rho_stored == stored.rho[table.index]).all()
    assert (table.p_stored == stored.p[table.index]).all()
    gap = (table.rho_printed - table.rho_stored).abs()
    assert set(gap[gap > 0.001].index) == {("FaceNet", "iResNetv1"), ("ArcFace", "ResNet50")}  # another random draw
    assert gap.max() < 0.025
    assert (stored.rho < 0).all()


def test_entropies_respect_their_bounds():
    table = published.load("celeba_entropies")
    assert table.intra_entropy.is_monotonic_increasing
    assert table.intra_entropy.between(0, np.log(2)).all()
    assert table.mean_label.between(-1, 1).all()
    assert table.inter_entropy.between(0, np.log(101)).all()
    rounding = 0.005 + 1e-9
    gap = (table.intra_entropy - table.intra_entropy_2_decimals).abs()
    assert (gap <= table.intra_entropy_tolerance + rounding).all()
    # concavity: an average of entropies is at most the entropy of the average label
    tolerance = published.provenance("celeba_entropies").tolerance
    share = ((1 - table.mean_label.abs() + tolerance) / 2).clip(upper=0.5)  # of the rarer label, at most
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert (table.intra_entropy - table.intra_entropy_tolerance <= entropy).all()


@pytest.mark.parametrize(
    "name",
    [
        "energy_all_pairs_gan_control",
        "energy_all_pairs_arcface_older",
        "energy_5_neighbors",
        "energy_all_pairs_confignet",
    ],
)
def test_energies_lie_between_their_extremes(name):
    table = published.load(name)
    assert (table.lowest <= table["median"]).all()
    assert (table["median"] <= table.highest).all()
    assert table[["lowest", "highest"]].stack().between(0, 2).all()


def test_figure_2c_increases_from_aligned_to_disordered():
    table = published.load("energy_figure_2c")
    assert table.energy.iloc[0] == 0
    assert table.energy.is_monotonic_increasing
    assert list(table.energy) == [0.0, 0.06, 0.06, 0.31, 0.47, 0.75]


def test_the_order_of_attributes_depends_on_the_scale():
    near = published.load("energy_5_neighbors").set_index(["network", "attribute"])["median"].unstack()
    far = published.load("energy_all_pairs_gan_control").set_index(["model", "attribute"])["median"].unstack()
    assert (near.idxmin(axis=1) == "Head angle").all()
    assert (far.rank(axis=1, ascending=False)["Head angle"] <= 3).all()


def test_identity_retention_lists_every_pair_of_steps_once():
    table = published.load("identity_retention")
    assert (table.step < table.other_step).all()
    assert table.distance.between(0, 2).all()
    steps = table.groupby("attribute").other_step.max() + 1
    assert (table.groupby("attribute").size() == steps * (steps - 1) // 2).all()
    assert set(steps[steps == 5].index) == {"brightness", "contrast", "hue"}


def test_claims_are_unique_and_belong_to_a_chapter():
    table = published.load("claims")
    assert list(table.columns) == ["id", "paper", "section", "claim", "printed", "chapter"]
    assert table.id.is_unique
    assert table.claim.is_unique
    assert table.id.str.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*").all()
    assert set(table.paper) == {"A", "B"}
    assert set(table.chapter) == {"1", "2", "2b", "3", "4", "5", "6"}
    assert not table.isna().any().any()


def test_claims_quote_the_tables():
    printed = published.load("claims").set_index("id").printed
    below = (published.load("ks_by_modality").p < 0.05).sum()
    assert f"in {below} of 400" in printed["ks-most-attributes-differ"]
    for energy in published.load("energy_figure_2c").energy:
        assert str(energy) in printed["energy-fig2c"]
    for rho in published.load("spearman_table_2").rho_printed:
        assert str(rho) in printed["ks-entropy-negative"]
    far = published.load("energy_all_pairs_gan_control").set_index(["model", "attribute"])["median"]
    for model in ("FaceNet", "ArcFace"):
        assert f"{far[model, 'Head angle']} {model}" in printed["energy-order-depends-on-scale"]
    table = published.load("lfw_distances").set_index(NETWORK)
    for network in (("ArcFace", "ResNet50"), ("FaceNet", "iResNetv1")):
        row = table.loc[network]
        assert f"{row.d_intra_table_1:.3f} / {row.d_inter_table_1:.3f}" in printed["two-scales"]
    overlap = published.load("celeba_bayes_error").set_index(NETWORK).bayes_error.loc[table.index]
    for network in (overlap.idxmin(), overlap.idxmax()):
        assert f"{overlap[network]:.3f} ({network[0]})" in printed["two-scales"]


def test_facenet_exceeds_arcface_50_but_for_the_attribute_named_in_the_claim():
    table = published.load("ks_by_attribute").set_index(["attribute", *NETWORK]).ks.unstack(NETWORK)
    gap = (table["FaceNet", "iResNetv1"] - table["ArcFace", "ResNet50"]).dropna()
    printed = published.load("claims").set_index("id").printed["ks-facenet-larger"]
    assert list(gap.index[gap <= 0]) == ["Blurry"]
    assert "Blurry" in printed
    assert f"{table.loc['Blurry', ('FaceNet', 'iResNetv1')]:.4f}" in printed
    assert f"{table.loc['Blurry', ('ArcFace', 'ResNet50')]:.4f}" in printed

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Attribute dependence
#
# ```{admonition} Goals
# :class: tip
# After this chapter you can
# * measure how strongly an attribute, such as a beard or glasses, organises the space of identities;
# * say why the usual *p* value of this measurement is wrong, and compute one that is right;
# * tell apart what a network does to an attribute and what the base rate of the attribute does to the statistic;
# * re-analyse published numbers, and say which of their conclusions they carry.
# ```
#
# **Prerequisites.** Distributions and their distance; what a *p* value is. {doc}`/notebooks/faces` shows how the faces
# of this book are made.
#
# ```{run-card}
# ```
#
# **Data and licences.** Published numbers of the authors' CelebA experiment (MIT). For everything else faces drawn by
# `frlib.faces`; no photograph. Networks: `mobilefacenet` and `faceres` (Apache-2.0), `mobileface` (MIT), `dlib` (CC0).
# {doc}`/book/data_models_ethics` has a card for each.

# %% tags=["parameters"]
profile = "book"  # smoke, book or paper
seed = 0
device = "auto"

# %% tags=["hide-input"]
import altair as alt
import numpy as np
import pandas as pd
from myst_nb import glue
from scipy import stats

from frlib import published, runtime, view

device = runtime.start(seed, device)
view.enable()

# %% [markdown]
# ## Two questions at the large scale
#
# Put one image of each person into the space of a network, and forget about details: each person is a point. Some people
# wear a beard, others do not. Does the network arrange people by beard? Paper A {cite}`leroy2025attributes` asks it
# through distances. Take an attribute $a$, such as *Mustache*, and one of its two *modalities* $m$, with or without. If the
# attribute does not matter, two people with a moustache are as far apart as one with and one without. So compare two
# samples of distances: those *inside* the modality, and those *across* modalities. The Kolmogorov–Smirnov statistic is the
# largest gap between their distribution functions:
#
# ```{math}
# :label: eq-ks-02
# K_{a,m} = \sup_t \lvert F_{m}(t) - F_{\text{cross}}(t) \rvert , \qquad
# K_a = \tfrac12 \left( K_{a,+} + K_{a,-} \right).
# ```
#
# 0 means equal distributions, 1 means that one sample lies entirely below the other. The second question is how much an
# attribute belongs to a person. Some, such as baldness, hardly change between two photographs of one person; others,
# such as a smile, do. The *intra-entropy* measures this: with $p_i$ the share of the images of person $i$ that show the
# attribute,
#
# ```{math}
# :label: eq-entropy-02
# H_a = \operatorname*{mean}_i \left[ -p_i \ln p_i - (1 - p_i) \ln (1 - p_i) \right] \quad \text{(nats)}.
# ```
#
# 0 means that no person ever changes it; $\ln 2 \approx 0.69$ means that everyone shows it in half of the images. The
# *inter-entropy* measures instead how the $p_i$ spread over people.
#
# The paper's claim joins both: **attributes that stay with a person (low $H_a$) organise the space more (large
# $K_a$)**. The reason given is the training: a network that must tell people apart should use what stays and ignore
# what changes.

# %% [markdown]
# ## What the authors found on CelebA
#
# The authors label photographs of CelebA {cite}`liu2015celeba` with its 40 attributes, take one random image per person
# and modality, at most 500 per modality, and compute {eq}`eq-ks-02` for five networks. The statistics are not in the
# paper. They could be recovered from the notebooks in the authors' repository: some as printed digits, most by inverting
# the printed *p* values, a few from plots. {numref}`fig-heat-02` shows all of them.

# %%
order = ["FaceNet", "SphereFaceR r100", "ArcFace r50", "ArcFace r18", "AdaFace r18"]
SHORT = {"iResNetv1": "FaceNet", "iResNet100": "SphereFaceR r100", "ResNet50": "ArcFace r50"}


def load_published(name):
    """Load a table of published numbers and give each network a short name."""
    table = published.load(name)
    return table.assign(network=table.architecture.map(SHORT).fillna(table.model + " r18"))


by_modality, by_attribute = load_published("ks_by_modality"), load_published("ks_by_attribute")
celeba = published.load("celeba_entropies").set_index("attribute")

# %% tags=["remove-cell"]
exact = by_modality.obtained.value_counts()
glue("n_printed", int(exact["printed table"]), display=False)
glue("n_inverted", int(exact["inverted p"]), display=False)
glue("n_read", int(exact["read off"]), display=False)
glue("n_bound", int(exact["lower bound"]), display=False)
glue("n_unknown_means", int(by_attribute.ks.isna().sum()), display=False)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-heat-02", "caption": "KS statistics of 40 CelebA attributes in five networks, as recovered from the authors' notebooks. Rows: attributes, the steadiest inside a person at the top. Choose the mean over modalities or one modality. Dark tiles: the attribute organises people strongly. A ≥ marks values that are known only from below. See how the rows darken from top to bottom, and where they do not."}}
bounded = by_modality.assign(
    value=by_modality.ks.fillna(by_modality.ks_lower_bound), bound=by_modality.ks.isna()
)
least = bounded.groupby(["attribute", "network"], as_index=False).agg(
    value=("value", "mean"), bound=("bound", "any")
)
least = least.merge(by_attribute[["attribute", "network", "ks"]], on=["attribute", "network"])
least = least.assign(value=least.ks.fillna(least.value), bound=least.ks.isna(), modality="mean of both")
tiles = pd.concat([least, bounded])[["attribute", "network", "modality", "value", "bound"]]
tiles["label"] = tiles.attribute.str.replace("_", " ")
tiles["intra-entropy"] = celeba.intra_entropy[tiles.attribute].to_numpy()
tiles["mark"] = np.where(tiles.bound, "≥", "")
what = alt.param(
    "what",
    value="mean of both",
    bind=alt.binding_select(options=list(tiles.modality.unique()), name="modality "),
)
rows = list(celeba.index.str.replace("_", " "))
tile = alt.Chart(tiles.round(5)).transform_filter("datum.modality === what")
place = {
    "x": alt.X("network:N").sort(order).title(None).axis(labelAngle=-40, orient="top"),
    "y": alt.Y("label:N").sort(rows).title(None).axis(labelLimit=130),
}
tints = alt.Color("value:Q").title("KS").scale(type="log", scheme="viridis", reverse=True)
heat = tile.mark_rect().encode(
    **place,
    color=tints.legend(orient="bottom", gradientLength=220, values=[0.005, 0.01, 0.02, 0.05, 0.1, 0.2]),
    tooltip=["label", "network", alt.Tooltip("value:Q", format=".4f", title="KS"), "mark", "intra-entropy"],
)
marks = tile.mark_text(color="white", fontSize=10).encode(**place, text="mark:N")
(heat + marks).add_params(what).properties(
    width=330,
    height=640,
    description="Heat map of KS statistics with 40 rows, one per attribute, and five columns, one per network. The "
    "values run from 0.005 to 0.25; FaceNet's are the largest in nearly all rows.",
)

# %% [markdown]
# Of the 400 statistics, {glue:text}`n_printed` were printed, {glue:text}`n_inverted` come from *p* values,
# {glue:text}`n_read` from plots, and {glue:text}`n_bound` are so large that their *p* value is printed as 0: for these
# only a lower bound is known, and {glue:text}`n_unknown_means` of the 200 means with them.

# %% [markdown]
# ### One network against another
#
# Do networks agree on which attributes matter?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-networks-02", "caption": "Two networks of the paper against each other, one circle per attribute; choose both. Large circles: the attribute changes within a person (large intra-entropy). Above the line the network on the vertical axis has the larger statistic. See that the networks agree on the order far better than on the level."}}
wide = least.pivot(index="attribute", columns="network", values="value").loc[celeba.index, order]
wide = wide.assign(**{"intra-entropy": celeba.intra_entropy}).reset_index()
wide["label"] = wide.attribute.str.replace("_", " ")
choosers = {
    axis: alt.param(
        f"net{axis}", value=first, bind=alt.binding_select(options=order, name=f"network {word} ")
    )
    for axis, first, word in (("x", "ArcFace r50", "across"), ("y", "FaceNet", "up"))
}
pairs = (
    alt.Chart(wide.round(5))
    .transform_calculate(x="datum[netx]", y="datum[nety]")
    .add_params(*choosers.values())
)
log = alt.Scale(type="log", domain=[0.004, 0.3], nice=False)
ticks = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]
circles = pairs.mark_point(filled=False, strokeWidth=1.6).encode(
    x=alt.X("x:Q").title("KS, network across").scale(log).axis(values=ticks),
    y=alt.Y("y:Q").title("KS, network up").scale(log).axis(values=ticks),
    size=alt.Size("intra-entropy:Q")
    .scale(range=[12, 420])
    .legend(orient="bottom", title="intra-entropy, nats"),
    tooltip=["label", alt.Tooltip("x:Q", format=".4f"), alt.Tooltip("y:Q", format=".4f"), "intra-entropy"],
)
names = (
    alt.Chart(wide.round(5))
    .transform_calculate(x="datum[netx]", y="datum[nety]")
    .transform_window(place="rank()", sort=[alt.SortField("y", order="descending")])
    .transform_filter("datum.place <= 5")
    .mark_text(align="right", dx=-9, fontSize=11)
    .encode(x=alt.X("x:Q").scale(log), y=alt.Y("y:Q").scale(log), text="label:N")
)
diagonal = pd.DataFrame({"x": [0.004, 0.3], "y": [0.004, 0.3]})
line = alt.Chart(diagonal).mark_line(strokeDash=[4, 4], strokeWidth=1, color="gray").encode(x="x:Q", y="y:Q")
(line + circles + names).properties(
    width=440,
    height=400,
    description="Scatter plot of the KS statistics of 40 attributes in two networks on logarithmic axes, FaceNet against "
    "ArcFace ResNet50 at first. The points follow a line parallel to the diagonal and above it.",
)

# %% tags=["remove-cell"]
columns = wide[order]
between = columns.corr(method="spearman").to_numpy()[np.triu_indices(len(order), 1)]
glue("agree_low", float(between.min()), display=False)
glue("agree_high", float(between.max()), display=False)
ratio = columns.median() / columns["ArcFace r50"].median()
glue("facenet_ratio", float(ratio["FaceNet"]), display=False)

# %% [markdown]
# Rank correlations between two networks run from {glue:text}`agree_low:.2f` to {glue:text}`agree_high:.2f`, while the
# median statistic of FaceNet is {glue:text}`facenet_ratio:.1f` times that of ArcFace r50.
#
# ### Entropies, and the correlation

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-entropies-02", "caption": "The 40 attributes of CelebA. Left: intra-entropy against inter-entropy; colour: share of the images that show the attribute. See that the two entropies rise together, and that rare attributes have low entropies of both kinds. Right: KS statistic against intra-entropy in the network of your choice."}}
shown = celeba.reset_index().merge(least[["attribute", "network", "value"]], on="attribute")
shown["share"] = (1 + shown.mean_label) / 2
shown["label"] = shown.attribute.str.replace("_", " ")
shown = shown[["label", "network", "value", "share", "intra_entropy", "inter_entropy"]].round(4)
pick = alt.param("pick", value="FaceNet", bind=alt.binding_select(options=order, name="network "))
dots = (
    alt.Chart(shown)
    .transform_filter("datum.network === pick")
    .mark_point(size=60)
    .encode(
        x=alt.X("intra_entropy:Q").title("intra-entropy, nats"),
        color=alt.Color("share:Q")
        .title("share of images")
        .scale(scheme="viridis", domain=[0, 1])
        .legend(orient="bottom", format=".0%"),
        tooltip=[
            "label",
            "intra_entropy",
            "inter_entropy",
            alt.Tooltip("value:Q", title="KS"),
            alt.Tooltip("share:Q", format=".0%"),
        ],
    )
)
left = dots.encode(y=alt.Y("inter_entropy:Q").title("inter-entropy, nats").scale(zero=False)).add_params(pick)
right = dots.encode(y=alt.Y("value:Q").title("KS").scale(type="log", nice=False, padding=10))
alt.hconcat(
    left.properties(width=250, height=260), right.properties(width=250, height=260), spacing=24
).properties(
    description="Two scatter plots. Left, inter-entropy rises with intra-entropy from 2.7 to 4.6 nats. Right, the KS "
    "statistic falls as intra-entropy rises, with a wide spread.",
)

# %% [markdown]
# Table 2 of the paper gives Spearman's rank correlation between $K_a$ and $H_a$ over the 40 attributes. Three numbers
# exist for each network: the one printed in the paper, the one stored in the authors' notebook, and the one that we
# compute from the recovered statistics. Means that are known only from below enter at their bound; the column *if larger*
# puts them above all others instead. The interval is a bootstrap over the attributes (95 %).


# %%
def spearman(x, y, axis=-1):
    """Return Spearman's rank correlation along an axis."""
    return stats.pearsonr(stats.rankdata(x, axis=axis), stats.rankdata(y, axis=axis), axis=axis).statistic


def spearman_interval(x, y):
    """Return the 95 % bootstrap interval of the rank correlation over the attributes."""
    options = {"paired": True, "n_resamples": 2000, "method": "percentile", "rng": seed}
    return stats.bootstrap((np.asarray(x), np.asarray(y)), spearman, **options).confidence_interval


# Two pairs of bars of the entropy plot read the same; the order of the bars says which is lower.
steadiness = np.arange(len(celeba))
statistics = least.pivot(index="attribute", columns="network", values="value").loc[celeba.index, order]
unknown = least.pivot(index="attribute", columns="network", values="bound").loc[celeba.index, order]
table_2 = load_published("spearman_table_2").set_index("network").loc[order, ["rho_printed", "rho_stored"]]
table_2.columns = ["printed", "stored"]
table_2["recomputed"] = [spearman(statistics[n], steadiness) for n in order]
table_2["if larger"] = [spearman(statistics[n] + unknown[n], steadiness) for n in order]
table_2[["low", "high"]] = [spearman_interval(statistics[n], steadiness) for n in order]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-table-2-02", "caption": "Rank correlation of KS statistic and intra-entropy over 40 attributes: the paper's Table 2, the authors' stored output, and the same recomputed from the recovered statistics, with its 95 % bootstrap interval over attributes. See how small the differences between the sources are beside the intervals."}}
sources = table_2[["printed", "stored", "recomputed", "if larger"]].rename_axis("network").reset_index()
sources = sources.melt("network", var_name="source", value_name="rho").round(4)
interval = alt.Chart(table_2[["low", "high"]].round(4).reset_index()).mark_rule(strokeWidth=1.5)
scale = alt.Scale(domain=[-1, 0])
points = (
    alt.Chart(sources)
    .mark_point(size=80, filled=True, opacity=0.9)
    .encode(
        x=alt.X("rho:Q").title("Spearman correlation").scale(scale),
        y=alt.Y("network:N").sort(order).title(None).axis(labelLimit=130),
        color=alt.Color("source:N").sort(None).legend(orient="bottom", title=None),
        shape=alt.Shape("source:N").sort(None),
        tooltip=["network", "source", alt.Tooltip("rho:Q", format=".4f")],
    )
)
span = interval.encode(x=alt.X("low:Q").scale(scale), x2="high:Q", y=alt.Y("network:N").sort(order))
(span + points).properties(
    width=480,
    height=190,
    description="For each of five networks four marks between -0.53 and -0.66 and an interval around them that is about "
    "0.4 wide. All intervals lie below 0.",
)

# %% tags=["hide-input"]
table_2["recomputed − printed"] = table_2.recomputed - table_2.printed
table_2["stored − printed"] = table_2.stored - table_2.printed
table_2.drop(columns=["low", "high"]).style.format("{:.3f}")

# %% tags=["remove-cell"]
gap = table_2["stored − printed"].abs()
glue("stored_gap_max", float(gap.max()), display=False)
glue("stored_gap_network", str(gap.idxmax()), display=False)
glue("n_other_draw", int((gap > 0.001).sum()), display=False)
glue("recomputed_gap_max", float(table_2["recomputed − printed"].abs().max()), display=False)
glue("recomputed_gap_stored", float((table_2.recomputed - table_2.stored).abs().max()), display=False)
glue("interval_width", float((table_2.high - table_2.low).mean()), display=False)
glue("interval_top", float(table_2.high.max()), display=False)

# %% [markdown]
# Printed and stored values differ in {glue:text}`n_other_draw` of the five networks, most for
# {glue:text}`stored_gap_network`, by {glue:text}`stored_gap_max:.3f`. The recomputed values are within
# {glue:text}`recomputed_gap_stored:.3f` of the stored ones, and within {glue:text}`recomputed_gap_max:.3f` of the printed
# ones. The authors draw the images anew in every run, without a seed. *One draw* below shows that this alone moves the
# correlation by that much. Neither matters beside the interval, which is {glue:text}`interval_width:.2f` wide on average
# and ends at {glue:text}`interval_top:.2f` or lower. It treats the 40 attributes as independent draws from a larger set of
# attributes, which they are not: *Goatee*, *Mustache* and *No Beard* describe one thing.
#
# ### The two modalities are not alike
#
# $K_a$ averages over two modalities. Are these two numbers similar?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-modalities-02", "caption": "Statistic of the positive modality (with the attribute) against that of the negative one, for the network of your choice. Colour: share of images with the attribute. Above the line, people with the attribute stand apart more than people without it. See on which side of the line the rare attributes lie."}}
halves = (
    by_modality.pivot(index=["attribute", "network"], columns="modality", values="ks").dropna().reset_index()
)
halves["share"] = (1 + celeba.mean_label[halves.attribute].to_numpy()) / 2
halves["label"] = halves.attribute.str.replace("_", " ")
net = alt.param("net", value="ArcFace r50", bind=alt.binding_select(options=order, name="network "))
both = alt.Scale(type="log", domain=[0.003, 0.3], nice=False)
line = alt.Chart(pd.DataFrame({"x": [0.003, 0.3], "y": [0.003, 0.3]})).mark_line(
    strokeDash=[4, 4], strokeWidth=1, color="gray"
)
sides = (
    alt.Chart(halves.round(5)).transform_filter("datum.network === net").add_params(net).mark_point(size=60)
)
sides = sides.encode(
    x=alt.X("negative:Q").title("KS without the attribute").scale(both).axis(values=ticks),
    y=alt.Y("positive:Q").title("KS with the attribute").scale(both).axis(values=ticks),
    color=alt.Color("share:Q")
    .title("share of images")
    .scale(scheme="viridis", domain=[0, 1])
    .legend(orient="bottom", format=".0%"),
    tooltip=["label", "positive", "negative", alt.Tooltip("share:Q", format=".0%")],
)
(line.encode(x="x:Q", y="y:Q") + sides).properties(
    width=420,
    height=360,
    description="Scatter plot of the statistic with the attribute against that without it. Most points lie above the "
    "diagonal.",
)

# %% tags=["remove-cell"]
rarer = np.where(halves.share < 0.5, halves.positive - halves.negative, halves.negative - halves.positive) > 0
by_net = pd.Series(rarer).groupby(halves.network).agg(["mean", "sum", "count"])
asymmetry = (halves.positive / halves.negative).groupby(halves.network).median()
glue("rarer_low", 100 * float(by_net["mean"].min()), display=False)
glue("rarer_high", 100 * float(by_net["mean"].max()), display=False)
sign_p = [stats.binomtest(int(row["sum"]), int(row["count"])).pvalue for _, row in by_net.iterrows()]
glue("rarer_p", float(max(sign_p)), display=False)
factor = np.exp(np.abs(np.log(halves.positive / halves.negative))).groupby(halves.network).median()
glue("asymmetry_low", float(factor.min()), display=False)
glue("asymmetry_high", float(factor.max()), display=False)

# %% [markdown]
# They are not: the larger of the two is {glue:text}`asymmetry_low:.1f` to {glue:text}`asymmetry_high:.1f` times the smaller
# one (median over attributes, by network). The rarer modality has the larger statistic in {glue:text}`rarer_low:.0f` to
# {glue:text}`rarer_high:.0f` % of the attributes (sign test, largest *p* of the five networks {glue:text}`rarer_p:.3f`).
# A mean over modalities hides this: what is special is the rarer value, and the rest is everybody.

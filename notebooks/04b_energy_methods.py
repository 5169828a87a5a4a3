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
# # How an energy is measured
#
# *How much does an energy depend on how it is measured?*
#
# ```{admonition} Goals
# :class: tip
# After this chapter you can
# * say how sure an energy is, and divide a budget of images between people and points;
# * list the choices that stand between images and an energy, and say how far each one moves the result;
# * tell what a network does to an attribute from what the measurement does to it.
# ```
#
# **Prerequisites.** {doc}`/notebooks/04_pretrained_energies`: attribute fields, energies, scales.
#
# ```{run-card}
# ```
#
# **Data and licences.** Faces drawn by `frlib.faces`; no photograph. Networks: `mobilefacenet` (Apache-2.0),
# `mobileface` (MIT), `dlib` (CC0), from public packages. {doc}`/book/data_models_ethics` has a card for each.
#
# Two energies can differ because two networks differ, or because two programs do. Between an image and an energy
# stand choices: how many points, which neighbours, which vectors, which step, which crop. The paper
# {cite}`leroy2025attributes` mentions some of them; the authors' code makes all of them. Each section below changes
# one choice, holds the rest, and measures what it does, over several people. Chapter 4 uses what comes out.

# %% tags=["parameters"]
profile = "book"  # smoke, book or paper
seed = 0
device = "auto"

# %% tags=["hide-input"]
import math
import time

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy import stats
from sklearn.metrics.pairwise import paired_cosine_distances
from sklearn.neighbors import RadiusNeighborsTransformer

from frlib import runtime, view
from frlib.clouds import embed, images_of
from frlib.datasets import Detected, detect
from frlib.faces import ATTRIBUTES, Curves, Tangents, sample_identities
from frlib.faces.crops import similarity, template
from frlib.faces.generator.tangent import SMOOTH
from frlib.fingerprint import verdicts
from frlib.geometry import (
    energy_sweep,
    mean_interval,
    pair_distances,
    recognition_table,
    tangent_projection,
    transported_energy_sweep,
)
from frlib.models import load
from frlib.runtime import spread
from frlib.view.images import image_grid

device = runtime.start(seed, device)
view.enable()
sizes = {
    "smoke": (2, 6, 2, 3, 8, 3),
    "book": (20, 60, 6, 12, 300, 100),
    "paper": (40, 400, 20, 60, 2000, 100),
}
n_identities, n_points, n_few, n_short, n_large, n_draws = sizes[profile]
main, other, euclidean = "mobilefacenet", "mobileface", "dlib"
scales = [0.4, 0.6, 0.8, 1.0, 1.5]
label = {a: a.replace("_", " ") for a in ATTRIBUTES}


# %%
def run(function, tasks, what):
    """Call a function with each task, on all cores, or one after the other on a GPU."""
    return spread(function, tasks, device=device, description=what)


def energies_of(cloud, some=slice(None), **options):
    """Return the energies of a cloud, or of some of its points, at the scales of this chapter."""
    table = energy_sweep(cloud.only(some), scales, **options).replace(
        {"attribute": label}
    )
    return table.assign(network=cloud.network, identity=cloud.identity)


embedders = {
    name: load(name, device=device) for name in (main, other, euclidean)
}
identities = sample_identities(n_identities, seed=seed)
few = identities[:n_few]
clouds = embed(
    [Curves(who, n_points, seed=seed) for who in identities],
    list(embedders.values()),
)

# %% tags=["remove-cell"]
view.say(
    n_attributes=len(ATTRIBUTES),
    n_rough=len(ATTRIBUTES) - len(SMOOTH),
    n_identities=n_identities,
    n_points=n_points,
    n_few=n_few,
    n_short=n_short,
    n_large=n_large,
    n_draws=n_draws,
)

# %% [markdown]
# Unless another is named, the network is mobilefacenet. Its clouds are those of chapter 4: {glue:text}`n_identities`
# identities with {glue:text}`n_points` points each. Where images must be drawn anew, there are {glue:text}`n_few`
# identities with {glue:text}`n_short` points. An interval behind ± holds 95 % and is over identities.

# %% [markdown]
# ## Points or people?
#
# *Question.* An energy averages over points of a cloud and over people. Where does its uncertainty come from, and how
# should a given number of images be divided? *The authors* use 40 identities; the number of points of the published
# figure is not known, their scripts use 3,000 to 20,000.
#
# A cloud of {glue:text}`n_points` independent points can be cut into disjoint smaller clouds. How much their energies
# differ, inside one identity, is the error from the points, without any correction for draws from a finite set. How much
# identities differ beyond that error is a property of people.


# %%
def cut(cloud, size, draw):
    """Return the energies of disjoint parts of a cloud, cut at random."""
    order = np.random.default_rng([seed, cloud.identity, draw]).permutation(
        n_points
    )
    parts = [order[k : k + size] for k in range(0, n_points - size + 1, size)]
    return pd.concat(
        energies_of(cloud, p).assign(size=size, draw=draw) for p in parts
    )


small_sizes = {
    "smoke": [3],
    "book": [10, 15, 20, 30],
    "paper": [10, 20, 50, 100, 200],
}[profile]
n_cuts = {"smoke": 2, "book": 5, "paper": 5}[profile]
tasks = [
    (c, s, k) for c in clouds[main] for s in small_sizes for k in range(n_cuts)
]
parts = pd.concat(run(cut, tasks, "parts of clouds"))
whole = pd.concat(map(energies_of, clouds[main]))

keys = ["attribute", "scale"]
inside = (
    parts.groupby(["size", *keys, "identity", "draw"])
    .energy.var()
    .groupby(["size", *keys])
    .mean()
)
# The error of n points falls like 1 / n; the largest parts say best how large it is.
per_point = inside.xs(max(small_sizes), level="size") * max(small_sizes)
total = whole.groupby(keys).energy.var()
people = (total - per_point / n_points).clip(lower=0)
grown = parts.groupby([*keys, "identity", "size"]).energy.mean().unstack("size")
bias = grown.sub(whole.set_index([*keys, "identity"]).energy, axis=0).groupby(
    keys
)


# %% tags=["hide-input"]
def deviations(variances, **columns):
    """Return the standard deviations at ε = 1 as rows of a table."""
    rows = variances.xs(1.0, level="scale").pow(0.5)
    return rows.rename("deviation").reset_index().assign(**columns)


deviation, spots = "standard deviation of the energy", deviations(inside)
law = pd.concat(
    deviations(per_point / n, size=n) for n in (min(small_sizes), n_points)
)
sources = {"people": people, f"{n_points} points": per_point / n_points}
both = pd.concat(deviations(v, source=name) for name, v in sources.items())

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-points-04b", "caption": "Standard deviation of the energy at ε = 1. Left: between disjoint parts of one cloud, against the number of points; the lines continue from the largest parts like one over the square root of that number, and small clouds lie above them. Right: between people, after the error from the points is taken off (circles), and the error from the points of a whole cloud (squares); the names give the colours of the left panel too. Where the circle lies to the right of the square, people differ by more than the points of a whole cloud leave open."}}
size = view.Column("size", "points", log=True, ticks=[*small_sizes, n_points])
level = view.Column("deviation", deviation, log=True)
tint = view.Column("attribute", legend=False)
view.figure(
    view.curves(law, size, level, color=tint, points=False)
    + view.scatter(spots, size, level, color=tint),
    view.dots(
        both,
        view.Column("deviation", deviation),
        "attribute",
        color=tint,
        shape="source",
    ),
    height=250,
    description="Two panels. Left, standard deviations of energies fall with the number of points, along parallel lines. "
    "Right, for each attribute one circle and one square: the deviation between people and the error of a whole cloud.",
)

# %% [markdown]
# With $n$ people and $N$ points each, the standard error of the mean energy is
#
# ```{math}
# :label: eq-design-04b
# s = \sqrt{\frac{\sigma_{\text{people}}^2 + c / N}{n}} .
# ```
#
# For a fixed number of points in all, $nN$, this is smallest for small $N$: a new person brings new points too. What
# forbids very small clouds is that their balls hold few points, and that $\bar d$ is uncertain: the error grows faster
# than $c / N$, and a bias may appear. The table has the standard error, mean and largest over attributes, and the bias. For
# numbers of points at which we cut clouds, both are measured; for others the error follows $c / N$, and – stands for the bias.

# %%
designs = [
    (20, 10),
    (20, 30),
    (20, 60),
    (40, 60),
    (40, 30),
    (120, 10),
    (60, 20),
    (10, 120),
    (1, 1200),
]
at_one, per_point_one = (
    people.xs(1.0, level="scale"),
    per_point.xs(1.0, level="scale"),
)
bias_one = bias.mean().xs(1.0, level="scale")
bias_half = bias.apply(
    lambda part: pd.Series(mean_interval(part)[1], part.columns)
).xs(1.0, level="scale")


def errors_of(n, size):
    """Return the standard error of each attribute that a design buys, at ε = 1."""
    known = size in small_sizes
    points = (
        inside.xs((size, 1.0), level=("size", "scale"))
        if known
        else per_point_one / size
    )
    return np.sqrt((at_one + points) / n)


def design_row(n, size):
    """Return a row of the table of designs."""
    error = errors_of(n, size)
    row = {
        "people": n,
        "points": size,
        "images": n * size * 17,
        "mean error": f"{error.mean():.4f}",
    }
    row["largest error"] = f"{error.max():.4f} ({error.idxmax()})"
    return row | {
        "mean bias": f"{bias_one[size].mean().round(4) + 0:+.4f}"
        if size in bias_one
        else "–"
    }


pd.DataFrame(design_row(*d) for d in designs).set_index("people")

# %% tags=["remove-cell"]
error = pd.DataFrame(
    {s: errors_of(n_identities, s) for s in small_sizes}
).mean()
first_part = parts[(parts.scale == 1.0) & (parts.draw == 0)].drop_duplicates(
    ["identity", "attribute", "size"]
)
seen = (
    (
        first_part.groupby(["size", "attribute"]).energy.std()
        / np.sqrt(n_identities)
    )
    .groupby("size")
    .mean()
)
book_error = errors_of(n_identities, n_points)
square_error = errors_of(20, 60).mean()
wide_error = errors_of(120, 10).mean()
narrow_error = errors_of(10, 120).mean()
shares_of_people = (people / total).xs(1.0, level="scale")
smallest = min(small_sizes)
biased = (bias_one[smallest].abs() > bias_half[smallest]).sum()
view.say(
    design_ratio_low=(seen / error).min(),
    design_ratio_high=(seen / error).max(),
    error_here=book_error.mean(),
    error_here_largest=book_error.max(),
    error_here_at=book_error.idxmax(),
    error_square=square_error,
    error_wide=wide_error,
    error_narrow=narrow_error,
    people_most=(shares_of_people > 0.5).sum(),
    people_share_low_at=shares_of_people.idxmin(),
    people_share_high_at=shares_of_people.idxmax(),
    people_share_low=100 * shares_of_people.min(),
    people_share_high=100 * shares_of_people.max(),
    smallest=smallest,
    bias_smallest=bias_one[smallest].mean(),
    biased_attributes=biased,
    bias_largest=bias_one[smallest].abs().max(),
    bias_small_scale=bias.mean()
    .xs(scales[0], level="scale")[smallest]
    .abs()
    .max(),
)

# %% [markdown]
# *Answer.* Of the variance over identities with {glue:text}`n_points` points each, people make up
# {glue:text}`people_share_low:.0f` % ({glue:text}`people_share_low_at`) to {glue:text}`people_share_high:.0f` %
# ({glue:text}`people_share_high_at`); for {glue:text}`people_most` of {glue:text}`n_attributes` attributes more than half. With
# {glue:text}`n_identities` people and {glue:text}`n_points` points the mean energy has a standard error of
# {glue:text}`error_here:.3f` on average over attributes, and {glue:text}`error_here_largest:.3f` for
# {glue:text}`error_here_at`. For 1,200 points in all, 20 people with 60 points have an average error of
# {glue:text}`error_square:.4f`, 120 people with 10 points one of {glue:text}`error_wide:.4f`, and 10 people with 120 points
# one of {glue:text}`error_narrow:.4f`. Clouds of {glue:text}`smallest` points have a mean bias of
# {glue:text}`bias_smallest:+.4f` at ε = 1, at most {glue:text}`bias_largest:.4f`; its interval excludes 0 for
# {glue:text}`biased_attributes` of {glue:text}`n_attributes` attributes. At ε = 0.4 the largest bias is {glue:text}`bias_small_scale:.3f`. As a
# check, parts of a cloud, one for each identity, have standard errors of {glue:text}`design_ratio_low:.2f` to
# {glue:text}`design_ratio_high:.2f` times those of the table.
#
# *We chose* many people and clouds as small as the smallest scale allows: small scales need dense clouds. For the
# sections that need new images we take fewer points, and compare within each person.

# %% [markdown]
# ## Hundred neighbours or all?
#
# *Question.* *The authors* draw at most 100 points of each ball, without a seed. What does this cost in precision, and
# what does it save? Balls must hold more than 100 points to see it, so here are two clouds of {glue:text}`n_large`
# points, with one attribute that is drawn and one that changes pixels.

# %%
at_most = {"smoke": 3, "book": 100, "paper": 100}[profile]
two = ("head_angle", "brightness")


def curves(people, points, **options):
    """Return the curves of several identities, drawn as the options say."""
    return [Curves(who, points, seed=seed, **options) for who in people]


large = embed(curves(few[:2], n_large, attributes=two), [embedders[main]])[main]


def draw_neighbours(cloud, draw):
    """Return the energies of a cloud with one draw of neighbours; each identity has draws of its own."""
    table = energies_of(
        cloud, max_neighbors=at_most, seed=seed + 10_000 * cloud.identity + draw
    )
    return table.assign(draw=draw)


sampled = pd.concat(
    run(
        draw_neighbours,
        [(c, k) for c in large for k in range(n_draws)],
        "draws",
    )
)
complete = pd.concat(map(energies_of, large))


# %% [markdown]
# A ball of $k$ points whose cosines with the centre have variance $s^2$ gives, from $m$ of them drawn without
# replacement, a mean with variance $(1 - m/k)\, s^2 / m$ and no bias. Balls are sampled
# independently, so the variance of the energy is the mean of these, divided by the number of points.


# %%
def predicted_error(cloud, attribute, scale):
    """Return the standard deviation of the energy over draws of neighbours, in closed form."""
    radius = scale * cloud.mean_distance
    near = (pair_distances(cloud) <= radius).fill_diagonal_(False).double()
    cosines, k = (
        (cloud.fields[attribute] @ cloud.fields[attribute].T).double(),
        near.sum(1),
    )
    mean = (cosines * near).sum(1) / k
    variance = ((cosines - mean[:, None]) ** 2 * near).sum(1) / (k - 1)
    errors = torch.where(k > at_most, (1 - at_most / k) * variance / at_most, 0)
    return float(errors.sum().sqrt() / (k > 0).sum())


spread_seen = (
    sampled.groupby(["identity", *keys])
    .energy.std()
    .rename("measured")
    .reset_index()
)
spread_seen["formula"] = [
    predicted_error(large[r.identity], r.attribute.replace(" ", "_"), r.scale)
    for r in spread_seen.itertuples()
]
from_points = (per_point / n_large).pow(0.5).rename("points")
spread_seen = spread_seen.join(from_points, on=keys).join(
    people.pow(0.5).rename("people"), on=keys
)

# %% tags=["hide-input"]
shown = spread_seen[spread_seen.formula > 0]
long = shown.melt(["identity", "attribute", "scale"], var_name="source").query(
    "value > 0"
)
spots, lines = (
    long[(long.source == "measured") == seen] for seen in (True, False)
)
# The error of the points and the people is the same for both identities: once is enough.
lines = lines[
    (lines.source == "formula") | (lines.identity == long.identity.min())
]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-neighbours-04b", "caption": "What drawing neighbours adds: standard deviation of the energy over draws of at most a hundred neighbours (points), its closed form (lines), and beside it the error from having this many points at all and the differences between people (dashes). The vertical axis is logarithmic: the draw of neighbours is the smallest of the three. Scales at which no ball is larger than the limit have no error and are left out."}}
scale = view.Column("scale", "scale ε, in mean pair distances")
error = view.Column("value", "standard deviation of the energy", log=True)
look = {"color": "attribute", "tips": ["source"]}
view.figure(
    view.curves(
        lines,
        scale,
        error,
        dash="source",
        detail="identity",
        points=False,
        **look,
    )
    + view.scatter(spots, scale, error, **look),
    description="Standard deviations against scale on a logarithmic axis. The lowest ones, from drawing neighbours, lie on "
    "their formula; far above are the error from the points and the differences between people.",
)

# %% tags=["remove-cell"]
ratio = (shown.measured / shown.formula) if len(shown) else pd.Series([np.nan])
gap = sampled.groupby(["identity", *keys]).energy.agg(["mean", "std", "count"])
gap["z"] = (gap["mean"] - complete.set_index(["identity", *keys]).energy) / (
    gap["std"] / gap["count"] ** 0.5
)
z = gap.z[gap["std"] > 1e-6].abs()
sure = stats.t.ppf(1 - 0.025 / max(len(z), 1), n_draws - 1)
view.say(
    formula_ratio=ratio.mean(),
    bias_word="a sign" if (z > sure).any() else "no sign",
    bias_z=z.max(),
    bias_sure=sure,
    bias_tests=len(z),
    neighbour_error=shown.measured.max(),
    neighbour_beside_points=(shown.points / shown.measured).min(),
    at_most=at_most,
)

# %% [markdown]
# And the cost? The authors list the pairs in the balls, then compute one cosine for each. Fewer pairs, less work.
# `energy_sweep` computes all pairs as a product of matrices, once for all scales; a draw of neighbours comes on top.


# %%
def in_their_way(cloud, attribute, limit=None):
    """Compute one energy at ε = 1 by the steps of the authors' code: neighbours, perhaps a draw, paired cosines."""
    finder = RadiusNeighborsTransformer(
        radius=cloud.mean_distance, mode="connectivity", metric=cloud.metric
    )
    near, generator = (
        finder.fit_transform(cloud.points.numpy()),
        np.random.default_rng(seed),
    )
    balls = [
        near.indices[a:b]
        for a, b in zip(near.indptr[:-1], near.indptr[1:], strict=True)
    ]
    balls = [generator.permutation(b)[:limit] for b in balls]
    rows, columns = (
        np.repeat(np.arange(len(balls)), list(map(len, balls))),
        np.concatenate(balls),
    )
    field = cloud.fields[attribute].numpy()
    terms = paired_cosine_distances(field[rows], field[columns])
    return (np.bincount(rows, terms) / np.bincount(rows)).mean()


def fastest(function, repeats=5):
    """Return the shortest of several run times, in milliseconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - started))
    return min(times)


cloud, name = large[0], two[0]
one = {"fields": {name: cloud.fields[name]}, "scales": [1.0]}
every = {"scales": np.linspace(0.2, 2.0, 12)}
cost = pd.DataFrame(
    {
        "all neighbours": [
            fastest(lambda: in_their_way(cloud, name)),
            fastest(lambda: energy_sweep(cloud, **one)),
            fastest(lambda: energy_sweep(cloud, **every)),
        ],
        f"at most {at_most}": [
            fastest(lambda: in_their_way(cloud, name, at_most)),
            fastest(lambda: energy_sweep(cloud, **one, max_neighbors=at_most)),
            fastest(
                lambda: energy_sweep(cloud, **every, max_neighbors=at_most)
            ),
        ],
    },
    index=[
        "the authors' steps, one energy",
        "energy_sweep, one energy",
        "energy_sweep, 2 fields, 12 scales",
    ],
).rename_axis("milliseconds")
cost.round(1)

# %% tags=["remove-cell"]
authors_gap = abs(
    in_their_way(cloud, name)
    - energy_sweep(cloud, **one, include_center=True).energy[0]
)
view.say(
    theirs_saved=cost.iloc[0, 0] / cost.iloc[0, 1],
    ours_lost=cost.iloc[2, 1] / cost.iloc[2, 0],
    authors_gap=f"{authors_gap:.0e}",
)

# %% [markdown]
# *Answer.* The draw adds a standard deviation of at most {glue:text}`neighbour_error:.4f`, as the formula says (measured
# over formula: {glue:text}`formula_ratio:.2f`). The error from having {glue:text}`n_large` points is at least
# {glue:text}`neighbour_beside_points:.0f` times as large. There is
# {glue:text}`bias_word` of bias: the largest of {glue:text}`bias_tests` differences from the energy over all neighbours is
# {glue:text}`bias_z:.1f` standard errors, and {glue:text}`bias_sure:.1f` would be surprising (5 %, Bonferroni). In
# the authors' steps the draw makes one energy {glue:text}`theirs_saved:.1f` times as fast; `energy_sweep` becomes
# {glue:text}`ours_lost:.1f` times as slow. (Both give the same energy, to {glue:text}`authors_gap`, when the pair of a
# point with itself counts.)
#
# *We chose* all neighbours. The paper's draw is harmless, and not needed.

# %% [markdown]
# ## The pair of a point with itself
#
# *Question.* *The authors'* balls hold their own centre, with a cosine of 1. In a ball of $k$ points, the centre
# counted, this multiplies the energy by $(k - 1)/k$, and a point without neighbours scores 0: perfect agreement. The
# paper does not mention it. Which scales and which comparisons does it touch?

# %%
fine = [0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0]


def both_ways(cloud):
    """Return the energies of a cloud without and with the pair of a point with itself."""
    kinds = {"left out": False, "counted": True}
    tables = [
        energy_sweep(cloud, fine, include_center=counted).assign(pair=kind)
        for kind, counted in kinds.items()
    ]
    return pd.concat(tables).assign(
        network=cloud.network, identity=cloud.identity
    )


pair = pd.concat(
    run(
        both_ways,
        [(c,) for n in (main, euclidean) for c in clouds[n]],
        "with and without",
    )
)
pair["attribute"] = pair.attribute.map(label)
mean = pair.groupby(["network", "pair", "scale", "attribute"], as_index=False)[
    ["energy", "isolated"]
].mean()
overall = mean.groupby(["network", "pair", "scale"], as_index=False)[
    ["energy", "isolated"]
].mean()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-self-04b", "caption": "Energy against scale, mean over attributes and identities, with the pair of a point with itself left out (solid) and counted (dashed). The horizontal axis is logarithmic. At small scales the dashed lines fall to 0 because balls become empty, not because vectors agree; and they fall at different scales in the two networks."}}
view.figure(
    view.curves(
        overall.dropna().sort_values(["network", "pair"], ascending=False),
        view.Column("scale", "scale ε, in mean pair distances", log=True),
        view.Column("energy", "energy, mean over attributes", domain=(0, 1)),
        color="network",
        dash=view.Column("pair", "pair with itself"),
        tips=[
            view.Column("isolated", "isolated points, if left out", format="%")
        ],
    ),
    description="Four lines of energy against scale: two networks, with the pair of a point with itself left out and counted. "
    "Pairs of lines agree at large scales and separate at small ones, where the dashed lines fall to zero.",
)


# %% tags=["hide-input"]
def gaps(network, kind):
    """Return the differences between the energies of all pairs of attributes, per scale."""
    part = mean[(mean.network == network) & (mean.pair == kind)]
    wide = part.pivot(
        index="scale", columns="attribute", values="energy"
    ).to_numpy()
    first, second = np.triu_indices(wide.shape[1], 1)
    return wide[:, first] - wide[:, second]


def flipped(network):
    """Return, per scale, the number of attribute pairs whose order depends on the pair of a point with itself."""
    left_out, counted = gaps(network, "left out"), gaps(network, "counted")
    return pd.Series((left_out * counted < 0).sum(axis=1), index=fine)


flips = {n: flipped(n) for n in (main, euclidean)}
levels = overall.pivot(
    index="scale", columns=["network", "pair"], values="energy"
)
below = {
    k: levels[euclidean, k] < levels[main, k] for k in ("left out", "counted")
}
alone = overall[overall.pair == "left out"].pivot(
    index="scale", columns="network", values="isolated"
)
known = levels[euclidean, "left out"].notna() & levels[main, "left out"].notna()
summary = {
    f"isolated, {n}": alone[n].map("{:.0%}".format) for n in (main, euclidean)
}
summary |= {
    f"lower, pair {k}": pd.Series(
        np.where(below[k], euclidean, main), levels.index
    )
    for k in below
}
summary["lower, pair left out"] = summary["lower, pair left out"].where(
    known, "–"
)
pd.DataFrame(summary).set_axis([f"{s:g}" for s in fine]).rename_axis("scale")

# %% tags=["remove-cell"]
turned = known & (below["left out"] != below["counted"])
lost = 1 - levels[main, "counted"] / levels[main, "left out"]
lost_dlib = 1 - levels[euclidean, "counted"] / levels[euclidean, "left out"]
view.say(
    self_flips=sum(f.sum() for f in flips.values()),
    self_pairs=math.comb(len(ATTRIBUTES), 2) * len(fine) * 2,
    self_turned=turned.sum(),
    self_known=known.sum(),
    self_lost_one=100 * lost[1.0],
    self_lost_small=100 * lost[0.5],
    self_lost_dlib=100 * lost_dlib[0.5],
    **{
        f"self_gap_{key}": (levels[euclidean, kind] - levels[main, kind])[0.5]
        for key, kind in (("out", "left out"), ("in", "counted"))
    },
)

# %% [markdown]
# *Answer.* Within one network little changes: all attributes share the balls, so all lose nearly the same share, and of
# {glue:text}`self_pairs` comparisons of two attributes at one scale {glue:text}`self_flips` flip. The level changes a lot: at
# ε = 0.5, mobilefacenet loses {glue:text}`self_lost_small:.0f` % of its energy and dlib {glue:text}`self_lost_dlib:.0f` %; at ε
# = 1, mobilefacenet still loses {glue:text}`self_lost_one:.1f` %. So *between* networks the pair matters, because their
# balls are not equally full at one ε: at ε = 0.5 the energy of dlib less that of mobilefacenet is
# {glue:text}`self_gap_out:+.2f` without the pair and {glue:text}`self_gap_in:+.2f` with it. It decides which of the two is
# lower at {glue:text}`self_turned` of the {glue:text}`self_known` scales where both have an energy. A network with emptier
# balls looks more sensitive than it is. The share of isolated points warns of this.
#
# *We chose* to leave the pair out, to leave isolated points out, and to report their share.

# %% [markdown]
# ## Which vectors?
#
# *Question.* The paper speaks of unit vectors in the tangent space. *The authors'* code takes differences of the
# networks' raw outputs. For a network whose metric is an angle, the output has a length that means nothing, and two
# tangent vectors at two points of the sphere live in two different planes. Four kinds of vectors, from least to most
# care:
# * *raw*: the difference of raw outputs, as in the authors' code;
# * *normalised*: the difference of outputs of length 1 (the default of `central_difference`);
# * *tangent*: the same, projected to the tangent plane of the sphere at the centre;
# * *transported*: the same, and for each pair one vector is carried to the other's point along the great circle. For
#   unit points $p$, $q$ and a vector $v$ tangent at $q$,
#
# ```{math}
# :label: eq-transport-04b
# T_{q \to p}\, v = v - \frac{\langle p, v \rangle}{1 + \langle p, q \rangle} (p + q) .
# ```

# %%
kinds = ["raw", "normalised", "tangent", "transported"]


def four_kinds(cloud):
    """Return the energies of a cosine network's cloud with the four kinds of vectors."""
    raw = {a: cloud.plus[a] - cloud.minus[a] for a in cloud.fields}
    flat = {
        a: tangent_projection(cloud.points, v) for a, v in cloud.fields.items()
    }
    tables = [
        energy_sweep(cloud, scales, fields=f) for f in (raw, cloud.fields, flat)
    ]
    tables.append(transported_energy_sweep(cloud, scales))
    tables = [t.assign(kind=k) for k, t in zip(kinds, tables, strict=True)]
    return pd.concat(tables).assign(
        network=cloud.network, identity=cloud.identity
    )


def radial_share(cloud):
    """Return the share of the squared length of raw differences that points along the embedding."""
    point = torch.nn.functional.normalize(cloud.points, dim=1)
    raw = {
        a: torch.nn.functional.normalize(cloud.plus[a] - cloud.minus[a], dim=1)
        for a in cloud.fields
    }
    return {a: float(((v * point).sum(1) ** 2).mean()) for a, v in raw.items()}


vectors = pd.concat(
    run(
        four_kinds,
        [(c,) for n in (main, other) for c in clouds[n]],
        "four kinds",
    )
)
vectors["attribute"] = vectors.attribute.map(label)
wide = vectors.pivot(
    index=["network", "scale", "attribute", "identity"],
    columns="kind",
    values="energy",
)
change = wide.sub(wide["normalised"], axis=0).groupby(
    ["network", "scale", "attribute"]
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-vectors-04b", "caption": "Energy at ε = 1 with four kinds of vectors, mean over identities with its 95 % interval, for two networks. Choose the network. See where raw vectors lie apart from the other three, and whether transport moves an attribute past another."}}
at = (
    vectors[vectors.scale == 1.0]
    .groupby(["network", "attribute", "kind"], sort=False)
    .energy
)
level = at.agg([lambda e: mean_interval(e)[0], lambda e: mean_interval(e)[1]])
level.columns = ["energy", "half"]
level = level.reset_index().assign(
    low=lambda t: t.energy - t.half, high=lambda t: t.energy + t.half
)
kind = view.Column("kind", "vectors")
energy = view.Column("energy", "energy at ε = 1")
view.figure(
    view.dots(
        level, energy, "attribute", color=kind, apart=True, bars=("low", "high")
    ),
    choose="network",
    description="For each attribute four points with intervals: the energy at scale one with raw, normalised, "
    "tangent and transported vectors, in the chosen network.",
)

# %% tags=["remove-cell"]
for kind in ("raw", "tangent", "transported"):
    by_attribute = change[kind].mean().xs(1.0, level="scale")
    width = (
        change[kind].apply(lambda v: mean_interval(v)[1]).xs(1.0, level="scale")
    )
    for network in (main, other):
        m, h = by_attribute[network], width[network]
        worst = m.abs().idxmax()
        view.say(
            **{
                f"{kind}_{network}": m[worst],
                f"{kind}_{network}_half": h[worst],
                f"{kind}_{network}_at": worst,
            }
        )
shares = {
    n: pd.DataFrame([radial_share(c) for c in clouds[n]])
    .rename(columns=label)
    .mean()
    for n in (main, other)
}
for n in (main, other):
    view.say(
        **{
            f"radial_{n}": 100 * shares[n].max(),
            f"radial_{n}_at": shares[n].idxmax(),
            f"radial_{n}_median": 100 * shares[n].median(),
        }
    )
orders = {
    (n, k): stats.kendalltau(
        wide.loc[n, 1.0].groupby("attribute")[k].mean(),
        wide.loc[n, 1.0].groupby("attribute")["normalised"].mean(),
    ).statistic
    for n in (main, other)
    for k in ("raw", "transported")
}
lifted = change["transported"].mean().xs(1.0, level="scale")
view.say(
    transport_lower=(lifted < 0).sum(),
    transport_all=len(lifted),
    **{f"tau_{k}_{n}": tau for (n, k), tau in orders.items()},
)

# %% [markdown]
# *Answer.* Against normalised vectors at ε = 1, the largest change of an attribute's energy is
#
# | vectors | mobilefacenet | mobileface |
# |:--|:--|:--|
# | raw | {glue:text}`raw_mobilefacenet:+.3f` ± {glue:text}`raw_mobilefacenet_half:.3f` ({glue:text}`raw_mobilefacenet_at`) | {glue:text}`raw_mobileface:+.3f` ± {glue:text}`raw_mobileface_half:.3f` ({glue:text}`raw_mobileface_at`) |
# | tangent | {glue:text}`tangent_mobilefacenet:+.3f` ± {glue:text}`tangent_mobilefacenet_half:.3f` ({glue:text}`tangent_mobilefacenet_at`) | {glue:text}`tangent_mobileface:+.3f` ± {glue:text}`tangent_mobileface_half:.3f` ({glue:text}`tangent_mobileface_at`) |
# | transported | {glue:text}`transported_mobilefacenet:+.3f` ± {glue:text}`transported_mobilefacenet_half:.3f` ({glue:text}`transported_mobilefacenet_at`) | {glue:text}`transported_mobileface:+.3f` ± {glue:text}`transported_mobileface_half:.3f` ({glue:text}`transported_mobileface_at`) |
#
# Raw differences carry the change of the length. Of their squared length, {glue:text}`radial_mobilefacenet_median:.0f` %
# (median attribute) point along the embedding in mobilefacenet, and up to {glue:text}`radial_mobilefacenet:.0f` %
# for {glue:text}`radial_mobilefacenet_at`; in mobileface {glue:text}`radial_mobileface_median:.0f` % and up to
# {glue:text}`radial_mobileface:.0f` % for {glue:text}`radial_mobileface_at`. Kendall's rank correlation with the order of
# normalised vectors is {glue:text}`tau_raw_mobilefacenet:.2f` and {glue:text}`tau_raw_mobileface:.2f` for raw ones,
# {glue:text}`tau_transported_mobilefacenet:.2f` and {glue:text}`tau_transported_mobileface:.2f` for transported ones.
# Transport lowers the mean energy in {glue:text}`transport_lower` of {glue:text}`transport_all` cases: a part of the
# disagreement of far vectors, as large as the table shows, is the curvature of the sphere and not the network.
#
# *We chose* normalised vectors: no length, no extra step, and nearly tangent. For dlib the question does not arise: its space
# is flat, and raw differences are the tangent vectors.

# %% [markdown]
# ## How long a step?
#
# *Question.* A central difference over a wide step is a chord, not a tangent. *The authors'* lattice steps by
# a sixth of the range of an attribute that is generated, and by a quarter of one that changes pixels. So do we. What
# would shorter steps say? And do images of 8 bits allow them? The centres are the same for all steps.

# %%
steps = {"1/24": 1 / 24, "1/12": 1 / 12, "1/6": 1 / 6, "1/4": 1 / 4}
if profile == "smoke":
    del steps["1/12"]
reach = 1 / 4
short = {k: {"step": s} for k, s in steps.items()}
variants = {
    "1/24, not rounded": {"step": 1 / 24, "dtype": torch.float32}
} | short
stepped = {
    k: embed(curves(few, n_short, margin=reach, **v), [embedders[main]])[main]
    for k, v in variants.items()
}


def agreement(first, second):
    """Return the mean cosine between two fields on one set of centres, per attribute and identity."""
    return pd.DataFrame(
        {
            label[k]: float(
                (a.fields[k].double() * b.fields[k].double()).sum(1).mean()
            )
            for k in a.fields
            if k in b.fields
        }
        for a, b in zip(first, second, strict=True)
    )


smallest_step = stepped["1/24, not rounded"]
by_step = pd.concat(
    pd.concat(map(energies_of, c)).assign(step=k) for k, c in stepped.items()
)
by_step = by_step[by_step.scale == 1.0].pivot(
    index=["attribute", "identity"], columns="step", values="energy"
)
turn = pd.concat(
    {k: agreement(smallest_step, c) for k, c in stepped.items()},
    names=["step", "identity"],
)

# %% tags=["hide-input"]
left = by_step[list(steps)].groupby("attribute").mean()
left = left.melt(ignore_index=False, value_name="energy").reset_index()
right = turn.loc[list(steps)].groupby("step", sort=False).mean()
right = right.melt(
    ignore_index=False, var_name="attribute", value_name="cosine"
).reset_index()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-steps-04b", "caption": "Left: energy at ε = 1 against the step, a share of the range. Right: mean cosine between the field at a step and that at the smallest step, without rounding; at 1/24 it is what rounding to 8 bits does. Means over identities. See which directions survive a longer step and which do not."}}
step = view.Column("step", "step, share of the range")
cosine = view.Column("cosine", "cosine to the smallest step", domain=(0, 1))
view.figure(
    view.curves(
        left, step, view.Column("energy", "energy at ε = 1"), color="attribute"
    ),
    view.curves(right, step, cosine, color="attribute"),
    description="Two panels with one line per attribute each, against four steps from a twenty-fourth to a quarter of "
    "the range: the energy at scale one, and the mean cosine to the field of the smallest step, which falls.",
)

# %% tags=["remove-cell"]
ours = {
    a: "1/6" if ATTRIBUTES[a].kind == "rendered" else "1/4" for a in ATTRIBUTES
}
kept = pd.Series(
    {label[a]: turn.loc[ours[a], label[a]].mean() for a in ATTRIBUTES}
)
rounding = turn.loc["1/24"].mean()
shift = {
    label[a]: mean_interval(
        (by_step[ours[a]] - by_step["1/24, not rounded"]).loc[label[a]]
    )
    for a in ATTRIBUTES
}
largest = max(shift, key=lambda a: abs(shift[a][0]))
short_order = pd.Series(
    {
        label[a]: by_step["1/24, not rounded"].loc[label[a]].mean()
        for a in ATTRIBUTES
    }
)
our_order = pd.Series(
    {label[a]: by_step[ours[a]].loc[label[a]].mean() for a in ATTRIBUTES}
)
noisy = (by_step["1/24"] - by_step["1/24, not rounded"]).loc[rounding.idxmin()]
view.say(
    chord_low=kept.min(),
    chord_low_at=kept.idxmin(),
    chord_high=kept.max(),
    chord_high_at=kept.idxmax(),
    rounding_low=rounding.min(),
    rounding_low_at=rounding.idxmin(),
    rounding_other=rounding.drop(rounding.idxmin()).min(),
    step_shift=shift[largest][0],
    step_shift_half=shift[largest][1],
    step_shift_at=largest,
    step_up=sum(m > h for m, h in shift.values()),
    step_down=sum(m < -h for m, h in shift.values()),
    step_tau=stats.kendalltau(short_order, our_order).statistic,
    rounding_energy=mean_interval(noisy)[0],
    rounding_energy_half=mean_interval(noisy)[1],
)

# %% [markdown]
# *Answer.* At the steps that we use, the mean cosine to the smallest step lies between {glue:text}`chord_low:.2f`
# ({glue:text}`chord_low_at`) and {glue:text}`chord_high:.2f` ({glue:text}`chord_high_at`): some of our vectors are chords
# far from the tangent. Compared with the smallest step, the energy at our steps is clearly higher for
# {glue:text}`step_up` attributes and clearly lower for {glue:text}`step_down`; the largest change is
# {glue:text}`step_shift:+.2f` ± {glue:text}`step_shift_half:.2f`, for {glue:text}`step_shift_at`. Kendall's rank correlation
# of the two orders of attributes is {glue:text}`step_tau:.2f`. A likely reason: a network of piecewise linear layers has
# many small bends, which short steps see one by one and long steps average. Rounding to 8 bits, at the smallest step,
# leaves a cosine of {glue:text}`rounding_other:.2f` or more to the field without rounding for all attributes but
# {glue:text}`rounding_low_at`, where it leaves {glue:text}`rounding_low:.2f` and changes the energy by
# {glue:text}`rounding_energy:+.3f` ± {glue:text}`rounding_energy_half:.3f`: there, noise of rounding would be read as
# invariance.
#
# *We chose* the wide steps, to stay close to the paper, and because they ask what a *visible* change does. An energy
# belongs to a step as it belongs to a scale. A statement about infinitesimal changes needs other numbers than these.

# %% [markdown]
# ## Exact tangents
#
# *Question.* For five attributes the drawn image has an exact derivative ({doc}`/notebooks/faces`), and a network has one
# everywhere but on a set of measure zero. Forward-mode differentiation carries the first through the second: the exact
# tangent, no step at all. Do differences approach it? *The authors* have no such derivative: a GAN's attributes are
# learned.

# %%
exact = {
    a: embed(
        [Tangents(who, n_short, a, reach, seed) for who in few],
        [embedders[main]],
    )[main]
    for a in SMOOTH
}
plain = {
    "attributes": ("illumination",),
    "shadows": False,
    "dtype": torch.float32,
}
plain = curves(few, n_short, step=1 / 24, margin=reach, **plain)
no_shadows = embed(plain, [embedders[main]])[main]


def exact_field(cloud, name):
    """Return the exact unit field of one identity: the derivative without its part along the embedding."""
    return torch.nn.functional.normalize(
        tangent_projection(cloud.points, cloud.directions[name]), dim=1
    )


def cosine_to_exact(clouds, name):
    """Return the mean cosine between exact tangents and differences, per identity."""
    fields = [exact_field(c, name) for c in exact[name]]
    return [
        float((f * c.fields[name].double()).sum(1).mean())
        for f, c in zip(fields, clouds, strict=True)
    ]


def exact_energy(cloud, name):
    """Return the energy at ε = 1 of the exact field, on the points where it was computed."""
    return energy_sweep(
        cloud, [1.0], fields={name: exact_field(cloud, name)}
    ).energy[0]


to_exact = pd.DataFrame(
    {"attribute": label[a], "step": k, "identity": i, "cosine": c}
    for a in SMOOTH
    for k in ["1/24, not rounded", *list(steps)[1:]]
    for i, c in enumerate(cosine_to_exact(stepped[k], a))
)
levels = pd.DataFrame(
    {label[a]: [exact_energy(c, a) for c in exact[a]] for a in SMOOTH}
)

# %% tags=["hide-input"]
spot = to_exact.groupby(["attribute", "step"], sort=False).cosine.agg(
    [lambda c: mean_interval(c)[0], lambda c: mean_interval(c)[1]]
)
spot.columns = ["cosine", "half"]
spot = spot.reset_index().assign(
    low=lambda t: t.cosine - t.half, high=lambda t: t.cosine + t.half
)
spot["step"] = spot.step.str.replace(", not rounded", "")
smooth = [label[a] for a in SMOOTH]
compared = pd.DataFrame(
    {
        "exact tangents": levels.mean(),
        "differences, our steps": our_order[smooth],
    }
)
compared = compared.melt(
    var_name="field", value_name="energy", ignore_index=False
)
compared = compared.rename_axis("attribute").reset_index()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-exact-04b", "caption": "Left: mean cosine between the exact tangent and the difference over a step, with 95 % intervals over identities. Right: energy at ε = 1 of the exact field (circles) and of the differences with our steps (squares). The names on the right give the colours of both panels. See that illumination and image quality stay far from 1: the exact derivative knows no moving shadows, and at the centre blur meets contrast."}}
step = view.Column("step", "step, share of the range")
cosine = view.Column("cosine", "cosine to the exact tangent", domain=(0, 1))
tint = view.Column("attribute", legend=False)
view.figure(
    view.curves(spot, step, cosine, color=tint, bars=("low", "high")),
    view.dots(
        compared,
        view.Column("energy", "energy at ε = 1"),
        "attribute",
        color=tint,
        shape="field",
    ),
    height=230,
    description="Left, five lines that rise towards small steps: the cosine between differences and exact tangents. Right, the "
    "energies of exact fields beside those of differences, for the same five attributes.",
)

# %% [markdown]
# Two gaps are expected. The exact derivative for illumination is drawn without shadows, the differences with them. And
# all centres lie at image quality 0, where blur meets contrast: the exact derivative is that of contrast, a difference
# holds half of both. Brightness has a gap that we did not expect. One suspicion is clipping: where a pixel is at 255 already, an increase
# does nothing and a decrease does something. The exact derivative is 0 there, a central difference holds half of the
# one-sided derivative. We can give the exact derivative that half:

# %%
bright = {
    "attributes": ("brightness",),
    "step": 1 / 1000,
    "dtype": torch.float32,
}
tiny_step = Curves(few[0], n_short, margin=reach, seed=seed, **bright)
center = images_of(tiny_step)
clipped = (center >= 255) | (center <= 0)
half = embedders[main].push_forward(center, torch.where(clipped, 0.5, 1.0))
tiny = embed([tiny_step], [embedders[main]])[main][0]


def cosine_of(derivative):
    """Return the mean cosine of a derivative of the embedding, made tangent, with the field of tiny steps."""
    field = tangent_projection(tiny.points, derivative)
    return float(
        torch.nn.functional.cosine_similarity(
            field, tiny.fields["brightness"].double()
        ).mean()
    )


clip_table = pd.Series(
    {
        "pixels that are clipped": float(clipped.double().mean()),
        "cosine, derivative 0 where clipped": cosine_of(
            exact["brightness"][0].directions["brightness"]
        ),
        "cosine, half where clipped": cosine_of(half),
    }
)
clip_table.round(4).to_frame("first identity, step 1/1000")

# %% tags=["remove-cell"]
at_smallest = (
    to_exact[to_exact.step == "1/24, not rounded"]
    .groupby("attribute")
    .cosine.mean()
)
gap = {
    label[a]: mean_interval(
        by_step[ours[a]].loc[label[a]].to_numpy() - levels[label[a]].to_numpy()
    )
    for a in SMOOTH
}
words = "; ".join(f"{a} {m:+.2f} ± {h:.2f}" for a, (m, h) in gap.items())
tau = stats.kendalltau(levels.mean(), our_order[smooth]).statistic
view.say(
    exact_no_shadows=np.mean(cosine_to_exact(no_shadows, "illumination")),
    clipped=100 * clip_table.iloc[0],
    clip_zero=clip_table.iloc[1],
    clip_half=clip_table.iloc[2],
    exact_gaps=words,
    exact_tau=tau,
    **{f"exact_{a}": at_smallest[label[a]] for a in SMOOTH},
)

# %% [markdown]
# *Answer.* At a step of 1/24, without rounding, the mean cosine to the exact tangent is {glue:text}`exact_hair_color:.2f`
# for hair colour, {glue:text}`exact_hue:.2f` for hue, {glue:text}`exact_image_quality:.2f` for image quality,
# {glue:text}`exact_brightness:.2f` for brightness and {glue:text}`exact_illumination:.2f` for illumination, or
# {glue:text}`exact_no_shadows:.2f` if the differences are drawn without shadows too. For brightness, clipping explains
# the gap: at a step of 1/1000 the cosine is {glue:text}`clip_zero:.3f` with derivative 0 at the
# {glue:text}`clipped:.2f` % of the pixels that are clipped, and {glue:text}`clip_half:.3f` with half. A network that
# nearly ignores a uniform change reacts to the few pixels that cannot follow it. The energy of differences at our steps,
# less that of exact tangents: {glue:text}`exact_gaps`. Kendall's rank correlation of the two orders is
# {glue:text}`exact_tau:.2f`, over five attributes.
#
# *We chose* differences, because {glue:text}`n_rough` of the attributes have nothing else. Exact tangents tell what
# differences cannot: which part of an energy is the length of the step.

# %% [markdown]
# ## The crop
#
# *Question.* FaceNet was trained on crops of another detector, 160 pixels wide. *The authors* give it the crops of ArcFace, 112
# pixels wide. They find that FaceNet has lower energy than all others, and that it recognises worse. How much of
# this could be the crop? We have no FaceNet, but two networks that want different crops: we swap them. And since real
# crops follow a detector and not a mesh, a third condition cuts every image, also both ends of each curve, at the landmarks
# that MTCNN finds {cite}`zhang2016joint`. In a fourth, both ends of a curve are cut at the landmarks found in its centre.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-crops-04b", "caption": "Four images of one identity in three crops: that of ArcFace, cut at the landmarks of the mesh; the wide one of dlib; that of ArcFace, cut at the landmarks that a detector finds. See how small the difference between the first and the third column is."}}
n_seen, margin = min(4, n_short), 0.2
(pose,) = curves(few[:1], n_seen, attributes=())
columns = {"ArcFace": images_of(pose), "wide": images_of(pose, "wide")}
columns |= {"detector": images_of(Detected(pose, margin))}
pictures = [np.asarray(columns[c][i]) for i in range(n_seen) for c in columns]
pictures = [
    p if len(p) == 112 else np.asarray(Image.fromarray(p).resize((112, 112)))
    for p in pictures
]
image_grid(
    np.stack(pictures),
    rows=[f"image {i + 1}" for i in range(n_seen)],
    columns=list(columns),
    description="A grid of drawn faces of one person: four images, each in three crops. The wide crop shows more of the "
    "neck; the crops of mesh and detector are nearly the same.",
)

# %% tags=["remove-cell"]
mesh = torch.cat([images_of(c) for c in curves(few, n_short, attributes=())])
seen = detect(mesh, margin=margin)
back = similarity(
    seen.landmarks[seen.found], template("arcface", 112)
).inverse()
matrix, shift = back.matrix, back.shift
middle = torch.tensor([56.0, 56.0])
moved = (matrix @ middle + shift - middle).norm(dim=1)
angle = torch.rad2deg(torch.atan2(matrix[:, 1, 0], matrix[:, 0, 0]))
view.say(
    detector_found=100 * seen.found.float().mean(),
    detector_moved=moved.square().mean().sqrt(),
    detector_angle=angle.square().mean().sqrt(),
    detector_scale=100
    * float((torch.linalg.det(matrix).sqrt() - 1).square().mean().sqrt()),
)

# %% [markdown]
# The detector finds a face in {glue:text}`detector_found:.0f` % of the centres. Against the mesh, its crops are shifted by
# {glue:text}`detector_moved:.1f` of 112 pixels, turned by {glue:text}`detector_angle:.1f` degrees and scaled by
# {glue:text}`detector_scale:.1f` % (root mean squares).

# %%
own_way = curves(few, n_short)
conditions = {
    f"{main}, wide crop": (main, curves(few, n_short, crop="wide")),
    f"{main}, detector": (main, [Detected(c, margin) for c in own_way]),
    f"{main}, detector, ends as centre": (
        main,
        [Detected(c, margin, True) for c in own_way],
    ),
    f"{euclidean}, ArcFace crop": (
        euclidean,
        curves(few, n_short, crop="arcface"),
    ),
}
cropped = {
    k: embed(drawn, [embedders[n]])[n] for k, (n, drawn) in conditions.items()
}


def own_crop(cloud):
    """Return the first points of a cloud in the network's own crop: the same images as in the conditions."""
    return cloud.only(slice(n_short))


cropped |= {
    f"{n}, own crop": [own_crop(c) for c in clouds[n][:n_few]]
    for n in (main, euclidean)
}
crop_energy = pd.concat(
    pd.concat(map(energies_of, c)).assign(condition=k)
    for k, c in cropped.items()
)
crop_energy = crop_energy[crop_energy.scale == 1.0].pivot(
    index=["attribute", "identity"], columns="condition", values="energy"
)
difference = {
    k: crop_energy[k].sub(crop_energy[f"{n}, own crop"]).unstack("identity")
    for k, (n, _) in conditions.items()
}


order = [
    f"{main}, own crop",
    *list(conditions)[:3],
    f"{euclidean}, own crop",
    list(conditions)[3],
]
recognised = recognition_table({k: cropped[k] for k in order}).rename_axis(None)
recognised[["ratio", "auc", "eer"]].rename(
    columns={"ratio": "intra / inter"}
).round(3)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-crop-energies-04b", "caption": "Change of the energy at ε = 1 against the network's own crop, on the same images: mean over identities and 95 % interval. Left of 0 the other crop has the lower energy. See which intervals exclude 0."}}
rows = pd.DataFrame(
    {
        "condition": k,
        "attribute": a,
        "change": mean_interval(v)[0],
        "half": mean_interval(v)[1],
    }
    for k, d in difference.items()
    for a, v in d.iterrows()
).assign(low=lambda t: t.change - t.half, high=lambda t: t.change + t.half)
change = view.Column("change", "change of the energy at ε = 1")
view.figure(
    view.guide(x=0)
    + view.dots(
        rows,
        change,
        "attribute",
        color="condition",
        apart=True,
        bars=("low", "high"),
    ),
    description="For each attribute four points with intervals about zero: how the energy at scale one changes when a "
    "network sees another crop than its own.",
)

# %% tags=["remove-cell"]
for key, k in zip(
    ("wide", "detector", "center", "dlib"), conditions, strict=True
):
    m, h = mean_interval(difference[k].mean())
    per = [mean_interval(v) for _, v in difference[k].iterrows()]
    base = (
        crop_energy[f"{conditions[k][0]}, own crop"].groupby("attribute").mean()
    )
    tau = stats.kendalltau(
        base, crop_energy[k].groupby("attribute").mean()
    ).statistic
    view.say(
        **{
            f"crop_{key}": m,
            f"crop_{key}_half": h,
            f"crop_{key}_word": verdicts.direction(m, h),
            f"crop_{key}_clear": sum(abs(m) > h for m, h in per),
            f"crop_{key}_tau": tau,
        }
    )
noisy = difference[f"{main}, detector"]
found = noisy.apply(
    lambda v: pd.Series(mean_interval(v), ["mean", "half"]), axis=1
).sort_values("mean")[::-1]
clear = found[found["mean"].abs() > found["half"]]
words = [f"{a} {m:+.2f} ± {h:.2f}" for a, m, h in clear.itertuples()]
moves = pd.DataFrame(
    [
        {label[a]: float(d.mean()) for a, d in c.displacements.items()}
        for c in cropped[order[0]]
    ]
)
rank = stats.spearmanr(moves.mean()[found.index], found["mean"]).statistic
networks_apart = mean_interval(
    (crop_energy[f"{euclidean}, own crop"] - crop_energy[f"{main}, own crop"])
    .unstack("identity")
    .mean()
)
view.say(
    auc_own=recognised.auc[order[0]],
    detector_words=", ".join(words) or "none",
    detector_moves=rank,
    networks_apart_word=verdicts.direction(*networks_apart),
    networks_apart=networks_apart[0],
    networks_apart_half=networks_apart[1],
    **{
        f"auc_{key}": recognised.auc[k]
        for key, k in zip(
            ("wide", "detector", "center", "dlib_own", "dlib"),
            order[1:],
            strict=True,
        )
    },
)

# %% [markdown]
# *Answer.* Mean over attributes, at ε = 1, on {glue:text}`n_few` identities:
#
# | condition | energy against own crop | clear for | order (Kendall) | AUC, own → other |
# |:--|:--|:--|:--|:--|
# | mobilefacenet, wide crop | {glue:text}`crop_wide:+.3f` ± {glue:text}`crop_wide_half:.3f`: {glue:text}`crop_wide_word` | {glue:text}`crop_wide_clear` of {glue:text}`n_attributes` | {glue:text}`crop_wide_tau:.2f` | {glue:text}`auc_own:.3f` → {glue:text}`auc_wide:.3f` |
# | mobilefacenet, detector | {glue:text}`crop_detector:+.3f` ± {glue:text}`crop_detector_half:.3f`: {glue:text}`crop_detector_word` | {glue:text}`crop_detector_clear` of {glue:text}`n_attributes` | {glue:text}`crop_detector_tau:.2f` | {glue:text}`auc_own:.3f` → {glue:text}`auc_detector:.3f` |
# | mobilefacenet, detector, ends as centre | {glue:text}`crop_center:+.3f` ± {glue:text}`crop_center_half:.3f`: {glue:text}`crop_center_word` | {glue:text}`crop_center_clear` of {glue:text}`n_attributes` | {glue:text}`crop_center_tau:.2f` | {glue:text}`auc_own:.3f` → {glue:text}`auc_center:.3f` |
# | dlib, ArcFace crop | {glue:text}`crop_dlib:+.3f` ± {glue:text}`crop_dlib_half:.3f`: {glue:text}`crop_dlib_word` | {glue:text}`crop_dlib_clear` of {glue:text}`n_attributes` | {glue:text}`crop_dlib_tau:.2f` | {glue:text}`auc_dlib_own:.3f` → {glue:text}`auc_dlib:.3f` |
#
# The two networks in their own crops differ by {glue:text}`networks_apart:+.3f` ± {glue:text}`networks_apart_half:.3f`
# (dlib less mobilefacenet) at ε = 1. Hold the changes in the table against this number: it is what a comparison of
# networks would report.
#
# * *A foreign crop.* Recognition is in the last column, the change of the mean energy in the second; single attributes
#   move more, in both directions ({numref}`fig-crop-energies-04b`). Whether FaceNet's lower energy is due to its crop
#   cannot be answered without FaceNet.
# * *A detector.* Recognition hardly notices it. Energies do: clear changes for {glue:text}`detector_words`. Both
#   ends of a curve get crops of their own, and the difference of the two crops goes into the vector. It weighs most
#   where the attribute itself moves the embedding least: the rank correlation of the change with the displacement is
#   {glue:text}`detector_moves:.2f` over the attributes. If both ends are cut like the centre, the mean change is
#   {glue:text}`crop_center:+.3f` ± {glue:text}`crop_center_half:.3f` in place of {glue:text}`crop_detector:+.3f` ±
#   {glue:text}`crop_detector_half:.3f`. So noise of the crop can be read as invariance.
#
# *We chose* each network's own crop, cut at the mesh. With photographs: detect once for each centre, and cut both ends alike.

# %% [markdown]
# ## Summary
#
# In this chapter, we saw
# * where the uncertainty of an energy comes from, and that, for a fixed number of points, more people with fewer points each
#   are the better choice until balls become empty;
# * that drawing 100 neighbours does no harm and, with all pairs in one product, saves nothing;
# * that the pair of a point with itself hardly changes the order of attributes in one network, but changes the distance
#   between networks whose balls are not equally full;
# * that raw differences carry a part along the embedding, and that the curvature of the sphere matters little here;
# * that an energy belongs to a step: short steps and exact tangents give other directions than the wide ones;
# * that crops cut anew for each image add noise which recognition does not notice and energies do.
#
# ## Limits
#
# * One network for most sections, and drawn faces. Sizes of effects will differ elsewhere; the way to measure them will not.
# * The sections with new images have {glue:text}`n_few` people and {glue:text}`n_short` points. Small effects are
#   not seen, and intervals from so few people lean on the normal distribution.
# * Many comparisons, no correction for their number: read single intervals with care.
# * Only ε = 1 for most sections. Isolated points forbid small scales with few points.
# * The detector saw images drawn for it, with an even background. Real photographs are harder.
#
# ## Exercises
#
# ```{exercise} From one pair to the other (easy)
# :label: ex-self-04b
# All balls of a cloud hold 12 other points, and the energy without the pair of a point with itself is 0.65. What does the
# authors' code give? And what if half of the points are isolated, with everything else as before?
# ```
#
# ```{solution} ex-self-04b
# :class: dropdown
# $k = 13$ with the centre, so $0.65 \cdot 12/13 = 0.60$. Isolated points score 0 there, so with half of them isolated the
# mean is $0.30$. The vectors agree no better than before.
# ```
#
# ```{exercise} A budget (medium)
# :label: ex-budget-04b
# A new person costs as much as $k$ points, because its meshes must be built. Which $N$ minimises
# {eq}`eq-design-04b` for a fixed budget $n (N + k)$?
# ```
#
# ```{solution} ex-budget-04b
# :class: dropdown
# With $n = B / (N + k)$, the squared error is $(\sigma^2 + c/N)(N + k) / B$. Its derivative vanishes where $\sigma^2 = ck /
# N^2$, so $N = \sqrt{c k} / \sigma$. With $k = 0$ this is 0: as few points as bias allows. In code:
# `np.sqrt(per_point * 20 / people)` for $k = 20$. (As long as clouds are not so small that $c / N$ fails.)
# ```
#
# ```{exercise} Round a triangle (hard)
# :label: ex-triangle-04b
# Carry a vector along the three sides of a triangle on the sphere, with `frlib.geometry.parallel_transport`. By which angle
# does it come back turned? Compare with the area of the triangle. What does this say about "one direction on a sphere",
# and about an energy of 0 with transport?
# ```
#
# ````{solution} ex-triangle-04b
# :class: dropdown
# ```python
# from frlib.geometry import parallel_transport
# x, y, z = (torch.eye(3, dtype=torch.float64)[[k]] for k in range(3))
# v = y
# for start, end in ((x, y), (y, z), (z, x)):
#     v = parallel_transport(v, start, end)
# v  # turned by a right angle
# ```
# The angle is the area (Gauss and Bonnet), here $\pi/2$. So no field on a curved piece of the sphere is parallel to itself
# everywhere: the energy with transport cannot be exactly 0 on a cloud with area, as the energy without it cannot on a cloud that is not
# flat.
# ````

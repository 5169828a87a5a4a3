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
# ```{one-minute} fig-crop-energies-04b
# For some choices, as much as on the network. The kind of neighbours, the step and the crop can move the energy of one
# attribute by {glue:text}`nearest_largest:+.2f`, {glue:text}`step_change:+.2f` and
# {glue:text}`crop_detector_largest:+.2f` ({numref}`fig-crop-energies-04b` shows the crop); other choices hardly matter
# at ε = 1. The number of centres bounds the scale, the number of people the precision.
# ```
#
# ```{admonition} Goals
# :class: tip
# After this chapter you can
# * list the choices that stand between images and an energy, and say how far each one moves the result;
# * tell what a network does to an attribute from what the measurement does to it;
# * say how small a scale a number of centres allows, and divide a budget of images between people and centres.
# ```
#
# **Prerequisites.** {doc}`/notebooks/04_pretrained_energies`: attribute fields, energies, scales.
#
# ```{run-card}
# ```
#
# **Reading time.** About 20 minutes.
#
# **Data and licences.** Faces drawn by `frlib.faces`; no photograph. Face networks from public packages;
# {doc}`/book/data_models_ethics` has a card for each, with its licence.

# %% tags=["parameters"]
profile = "book"  # smoke, book or paper
seed = 0
device = "auto"

# %% [markdown]
# Two energies can differ because two networks differ, or because two programs do. The paper
# {cite}`leroy2025attributes` names some of the choices between images and an energy; the authors' code makes all of
# them. Each section below takes one choice, changes it, holds the rest, and ends with a piece of advice. The sections
# stand in the order in which you meet the choices, and {ref}`a table at the end <choices-04b>` has them side by side.

# %% tags=["hide-input"]
import numpy as np
import pandas as pd
import torch

from frlib import course, runtime, view
from frlib.clouds import embed, images_of
from frlib.datasets import Detected, detect
from frlib.faces import ATTRIBUTES, Curves, Tangents, sample_identities
from frlib.faces.crops import similarity, template
from frlib.faces.generator.tangent import SMOOTH
from frlib.fingerprint import (
    energy_variances,
    fingerprint,
    half_width,
    means_over_identities,
    paired_changes,
    part_energies,
    variant_summary,
)
from frlib.geometry import (
    energy_sweep,
    field_agreement,
    isolated_shares,
    mean_interval,
    neighborhood_energies,
    parallel_transport,
    radial_share,
    rank_correlation,
    recognition_table,
    smallest_scales,
    subsampling_deviations,
    tangent_projection,
    transported_energy_sweep,
)
from frlib.models import DEFAULT_NETWORKS, load

# %% tags=["hide-input"]
device = runtime.start(seed, device)
view.enable()
n_identities, n_points, n_few, n_short, n_large = {
    "smoke": (2, 6, 2, 3, 8),
    "book": (20, 60, 6, 12, 300),
    "paper": (40, 400, 20, 60, 2000),
}[profile]
main, other, euclidean = "mobilefacenet", "mobileface", "dlib"
tint = view.Column("attribute", legend=False)
at_scale_one = view.Column("energy", "energy at ε = 1")

# %% [markdown]
# The clouds are those of chapter 4. The helper `sweep_of` gives the energies of one cloud, at ε = 1 where we say
# nothing else.

# %%
identities = sample_identities(n_identities, seed=seed)
embedders = {name: load(name, device=device) for name in DEFAULT_NETWORKS}
curves = [Curves(who, n_points, seed=seed) for who in identities]
clouds = embed(curves, list(embedders.values()))
scales = [0.4, 0.6, 0.8, 1.0, 1.5]
energies = fingerprint(clouds, scales, n_jobs=1, device=device)


# %%
def sweep_of(cloud, at=(1.0,), how=energy_sweep, **options):
    """Return the energies of a cloud, with its network and identity."""
    place = {"network": cloud.network, "identity": cloud.identity}
    return how(cloud, at, **options).assign(**place)


few = identities[:n_few]


def few_curves(**options):
    """Return curves of a few people with few centres each, drawn anew."""
    return [Curves(who, n_short, seed=seed, **options) for who in few]


# %% tags=["remove-cell"]
view.say(
    n_attributes=len(ATTRIBUTES),
    n_rough=len(ATTRIBUTES) - len(SMOOTH),
    n_identities=n_identities,
    n_points=n_points,
    n_few=n_few,
    n_short=n_short,
    n_large=n_large,
)

# %% [markdown]
# Unless another is named, the network is mobilefacenet, on {glue:text}`n_identities` people with
# {glue:text}`n_points` centres each; where images must be drawn anew, on {glue:text}`n_few` people with
# {glue:text}`n_short`. What stands behind ± is half a 95 % interval of Student's t over people
# (`frlib.geometry.mean_interval`), on the whole page and in all its figures. Changes are paired: the same people,
# measured in two ways.

# %% [markdown]
# ## Which neighbours?
#
# The paper averages over all images in a ball. Other scripts of the authors take the 5 nearest images, or all of them
# with the inverse of the distance as weight. Each kind looks at its own scale.


# %%
def by_neighbours(cloud):
    """Return the energies of a cloud with three kinds of neighbours."""
    kinds = {"scales": [1.0], "nearest": [5], "inverse_distance": True}
    place = {"network": cloud.network, "identity": cloud.identity}
    return neighborhood_energies(cloud, **kinds).assign(**place)


neighbours = pd.concat(map(by_neighbours, clouds[main]))
neighbour_choice = variant_summary(neighbours, "neighborhood", "ball")

# %% [markdown]
# The paper also draws at most 100 points of each ball, without a seed. A ball of $k$ points whose cosines with the
# centre have variance $s^2$ gives from $m$ of them a mean with variance $(1 - m/k)\, s^2/m$ and no bias; over the
# balls these variances add. To have such balls we need two clouds of {glue:text}`n_large` centres, here along two
# attributes.

# %%
two = ("head_angle", "brightness")
many = [Curves(who, n_large, seed=seed, attributes=two) for who in few[:2]]
large = embed(many, [embedders[main]])[main]
at_most = {"smoke": 3, "book": 100, "paper": 100}[profile]
draw_error = pd.concat(
    subsampling_deviations(cloud, scales, at_most) for cloud in large
)
own_people = energies[energies.network == main].groupby(["attribute", "scale"])
people_differ = own_people.energy.std()[list(two)]

# %% tags=["remove-cell"]
view.say(
    nearest_order=neighbour_choice.order[main, "nearest"],
    nearest_largest=neighbour_choice.largest[main, "nearest"],
    nearest_half=neighbour_choice.largest_half[main, "nearest"],
    nearest_at=neighbour_choice.largest_at[main, "nearest"].replace("_", " "),
    inverse_order=neighbour_choice.order[main, "inverse distance"],
    at_most=at_most,
    draw_most=draw_error.deviation.max(),
    people_least=people_differ.min(),
)

# %% [markdown]
# *Result.* Against the ball at ε = 1, the 5 nearest change the energy of {glue:text}`nearest_at` most, by
# {glue:text}`nearest_largest:+.2f` ± {glue:text}`nearest_half:.2f`. The order of attributes hardly changes: Kendall's rank
# correlation is {glue:text}`nearest_order:.2f` for the nearest and {glue:text}`inverse_order:.2f` for inverse distances.
# But among {glue:text}`n_points` random centres even the 5 nearest lie far; where near neighbours are near, as on the
# lattice of chapter 4, orders do turn. Drawing {glue:text}`at_most` neighbours adds a standard deviation of at most
# {glue:text}`draw_most:.4f`, where people differ by {glue:text}`people_least:.3f` or more.
#
# *Advice.* Name the kind of neighbours and the scale with every order. Use all neighbours; a draw does no harm.

# %% [markdown]
# (own-pair-04b)=
# ## The pair of a point with itself
#
# In the authors' code a ball holds its own centre, with a cosine of 1. With $k$ points in the ball, the centre counted,
# this multiplies the energy by $(k - 1)/k$; a point without neighbours scores 0, as if all agreed. The paper does not
# mention it.

# %%
fine = [0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0]
kinds_of_pair = {"left out": False, "counted": True}
own_pair = pd.concat(
    sweep_of(cloud, fine, include_center=counted).assign(pair=kind)
    for kind, counted in kinds_of_pair.items()
    for name in (main, euclidean)
    for cloud in clouds[name]
)

# %%
pair_choice = variant_summary(own_pair, "pair", "left out")
pair_half = variant_summary(own_pair, "pair", "left out", scale=0.5)
levels = own_pair.groupby(["network", "pair", "scale"], as_index=False)
levels = levels.energy.mean()
levels = levels.sort_values(["network", "pair"], ascending=False)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-self-04b", "caption": "Energy against scale (logarithmic), mean over attributes and people. Counting the pair of a point with itself (dashed) pulls both curves to 0 at small scales, because balls become empty and not because vectors agree. It does so at other scales in each network."}}
eps = view.Column("scale", "scale ε, in mean pair distances", log=True)
height = view.Column("energy", "energy, mean over attributes", domain=(0, 1))
dash = view.Column("pair", "pair with itself")
view.figure(
    view.curves(levels.dropna(), eps, height, color="network", dash=dash),
    description="Four lines of energy against scale: two networks, with the "
    "pair of a point with itself left out and counted. Lines of one network "
    "meet at large scales; at small ones those with the pair fall to zero.",
)

# %% [markdown]
# Does it turn the order of the two networks? Here is the energy of dlib less that of mobilefacenet:

# %%
axes = {"index": "scale", "columns": ["pair", "network"]}
level = levels.pivot(**axes, values="energy")
lost = 1 - level["counted"] / level["left out"]
gap = pd.DataFrame(
    {pair: level[pair, euclidean] - level[pair, main] for pair in kinds_of_pair}
)
n_turned = int((gap["left out"] * gap["counted"] < 0).sum())
gap.T.round(2)

# %% tags=["remove-cell"]
view.say(
    pair_lost_main=100 * lost[main][0.5],
    pair_lost_dlib=100 * lost[euclidean][0.5],
    pair_lost_one=100 * lost[main][1.0],
    pair_order_main=pair_half.order[main, "counted"],
    pair_order_dlib=pair_half.order[euclidean, "counted"],
    pair_gap_out=gap["left out"][0.5],
    pair_gap_in=gap["counted"][0.5],
    n_turned=n_turned,
    n_compared=gap.notna().all(axis=1).sum(),
)

# %% [markdown]
# *Result.* At ε = 0.5 mobilefacenet loses {glue:text}`pair_lost_main:.0f` % of its energy and dlib, whose balls are
# emptier, {glue:text}`pair_lost_dlib:.0f` %; at ε = 1 mobilefacenet still loses {glue:text}`pair_lost_one:.1f` %.
# Attributes of one network share their balls, so their order stays (Kendall {glue:text}`pair_order_main:.2f` and
# {glue:text}`pair_order_dlib:.2f` at ε = 0.5). Between the networks the gap changes, from
# {glue:text}`pair_gap_out:+.2f` to {glue:text}`pair_gap_in:+.2f` at ε = 0.5, but the pair reverses their order at
# {glue:text}`n_turned` of {glue:text}`n_compared` scales.
#
# *Advice.* Leave the pair out, leave isolated points out, and report their share: a network with emptier balls
# otherwise looks more sensitive than it is.

# %% [markdown]
# (vectors-04b)=
# ## Which vectors?
#
# The paper speaks of unit vectors in the tangent space; the authors' code takes differences of raw outputs. Where the
# metric is an angle, the length of an output means nothing, and tangent vectors at two points of the sphere live in two
# planes. Four kinds, from least to most care:
# * *raw*: the difference of raw outputs;
# * *normalised*: the difference of outputs of length 1 (`central_difference`);
# * *tangent*: the same, projected to the tangent plane at the centre;
# * *transported*: the same, carried to the other point along the great circle before it is compared: for unit points
#   $p$, $q$ and a vector $v$ tangent at $q$,
#
# ```{math}
# :label: eq-transport-04b
# T_{q \to p}\, v = v - \frac{\langle p, v \rangle}{1 + \langle p, q \rangle} (p + q) .
# ```


# %%
def vectors_of(cloud):
    """Return the vectors of a cloud: raw, normalised, tangent."""
    unit = cloud.fields
    return {
        "raw": {a: cloud.plus[a] - cloud.minus[a] for a in unit},
        "normalised": unit,
        "tangent": {
            a: tangent_projection(cloud.points, v) for a, v in unit.items()
        },
    }


# %%
angular = [*clouds[main], *clouds[other]]
vectors = [
    sweep_of(cloud, fields=field).assign(vectors=kind)
    for cloud in angular
    for kind, field in vectors_of(cloud).items()
]
carried = [sweep_of(c, how=transported_energy_sweep) for c in angular]
carried = pd.concat(carried).assign(vectors="transported")
vectors = pd.concat([*vectors, carried])
vector_choice = variant_summary(vectors, "vectors", "normalised")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-vectors-04b", "caption": "Energy at ε = 1 with four kinds of vectors, mean over people and its interval. Raw vectors stand apart for image quality; the other three nearly agree, in both networks."}}
of_kinds = ["network", "attribute", "vectors"]
of_kinds = means_over_identities(vectors, "energy", of_kinds)
vector_look = {"color": "vectors", "apart": True, "bars": ("low", "high")}
view.figure(
    view.dots(of_kinds, at_scale_one, "attribute", **vector_look),
    choose="network",
    description="For each attribute four points with intervals: the energy at "
    "scale one with four kinds of vectors, in the chosen network.",
)

# %% [markdown]
# How much of the squared length of a raw vector points along the embedding, and is change of length only?

# %%
along = pd.DataFrame(
    {"network": c.network, "attribute": a, "share": radial_share(c.points, v)}
    for c in angular
    for a, v in vectors_of(c)["raw"].items()
)
along = along.pivot_table(index="network", columns="attribute", values="share")
along.map("{:.0%}".format)

# %% tags=["remove-cell"]
view.say(
    raw_main=vector_choice.largest[main, "raw"],
    raw_main_half=vector_choice.largest_half[main, "raw"],
    raw_main_at=vector_choice.largest_at[main, "raw"].replace("_", " "),
    raw_main_order=vector_choice.order[main, "raw"],
    raw_main_along=100 * along.loc[main].max(),
    raw_other=vector_choice.largest[other, "raw"],
    raw_other_half=vector_choice.largest_half[other, "raw"],
    raw_other_order=vector_choice.order[other, "raw"],
    raw_other_along=100 * along.loc[other].max(),
    carried_largest=vector_choice.largest[:, "transported"].abs().max(),
    carried_order=vector_choice.order[:, "transported"].min(),
    tangent_largest=vector_choice.largest[:, "tangent"].abs().max(),
)

# %% [markdown]
# *Result.* Raw vectors move the energy of {glue:text}`raw_main_at` most: by {glue:text}`raw_main:+.3f` ±
# {glue:text}`raw_main_half:.3f` in mobilefacenet and {glue:text}`raw_other:+.3f` ± {glue:text}`raw_other_half:.3f` in
# mobileface, where up to {glue:text}`raw_main_along:.0f` % and {glue:text}`raw_other_along:.0f` % of the squared length
# are radial. The rank correlation with the order of normalised ones is {glue:text}`raw_main_order:.2f` and
# {glue:text}`raw_other_order:.2f`. Projection changes no energy by more than {glue:text}`tangent_largest:.3f`, transport
# none by more than {glue:text}`carried_largest:.3f` (rank correlations of {glue:text}`carried_order:.2f` or more): the
# curvature of the sphere is a small part of the disagreement.
#
# *Advice.* Normalise first. Our centres all have neutral image quality; where they vary in what moves the length, as on
# the paper's lattice, raw vectors may weigh more. In a flat space such as dlib's the question does not arise.

# %% [markdown]
# (step-04b)=
# ## How long a step?
#
# A central difference over a wide step is a chord, not a tangent. The authors' lattice steps by a sixth of the range of
# an attribute that is drawn and by a quarter of one that changes pixels; so do we. What would shorter steps say, and do
# images of 8 bits allow them? All steps start from the same centres.

# %%
reach = 1 / 4
steps = {"1/24": 1 / 24, "1/12": 1 / 12, "1/6": 1 / 6, "1/4": 1 / 4}
kinds = {"1/24, not rounded": {"step": 1 / 24, "dtype": torch.float32}}
kinds |= {name: {"step": step} for name, step in steps.items()}
stepped = {
    name: embed(few_curves(margin=reach, **kind), [embedders[main]])[main]
    for name, kind in kinds.items()
}


# %%
def agreements(reference, found, **place):
    """Return the agreement of fields with a reference, person by person."""
    return pd.concat(
        field_agreement(fields, cloud.fields).reset_index().assign(**place)
        for fields, cloud in zip(reference, found, strict=True)
    )


short = [cloud.fields for cloud in stepped["1/24, not rounded"]]
turned = pd.concat(agreements(short, stepped[k], step=k) for k in steps)

# %% [markdown]
# "Wide" are the steps that we use:

# %%
by_step = pd.concat(
    sweep_of(cloud).assign(step=name)
    for name, some in stepped.items()
    for cloud in some
)

# %%
used = {"rendered": "1/6", "pixels": "1/4"}
wide_step = {a: used[attribute.kind] for a, attribute in ATTRIBUTES.items()}
wide = by_step[by_step.step == by_step.attribute.map(wide_step)]
wide = wide.assign(step="wide")
step_choice = variant_summary(pd.concat([wide, by_step]), "step", "wide")
step_choice = step_choice.drop(index=["1/12", "1/6", "1/4"], level=1)
keys = ["attribute", "step"]
step_levels = by_step[by_step.step.isin(list(steps))]
step_levels = means_over_identities(step_levels, "energy", keys)
step_turns = means_over_identities(turned, "agreement", keys)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-steps-04b", "caption": "Against the step, a share of the range: energy at ε = 1 (left), and mean cosine of the field with that of the shortest step without rounding (right). Means over people. Longer steps point elsewhere; at 1/24 the right panel shows what rounding to 8 bits does."}}
step = view.Column("step", "step, share of the range")
turn = view.Column("agreement", "cosine to the shortest step", domain=(0, 1))
view.figure(
    view.curves(step_levels, step, at_scale_one, color="attribute"),
    view.curves(step_turns, step, turn, color="attribute"),
    description="Two panels with one line per attribute, against four steps "
    "from a twenty-fourth to a quarter of the range: the energy at scale one, "
    "and the cosine to the field of the shortest step, which falls.",
)

# %%
chords = step_turns.pivot(index="step", columns="attribute", values="agreement")
kept = pd.Series({a: chords.at[wide_step[a], a] for a in ATTRIBUTES})
rounded = by_step[by_step.step.isin(["1/24", "1/24, not rounded"])]
rounding = paired_changes(rounded, "step", "1/24, not rounded")
rounding = means_over_identities(rounding, "change", ["attribute"])
rounding = rounding.set_index("attribute").assign(cosine=chords.loc["1/24"])
worst = rounding.cosine.idxmin()
rounding[["cosine", "change", "half"]].T.round(3)

# %% tags=["remove-cell"]
view.say(
    chord_low=kept.min(),
    chord_low_at=kept.idxmin().replace("_", " "),
    chord_high=kept.max(),
    chord_high_at=kept.idxmax().replace("_", " "),
    step_change=step_choice.largest[main, "1/24, not rounded"],
    step_half=step_choice.largest_half[main, "1/24, not rounded"],
    step_at=step_choice.largest_at[main, "1/24, not rounded"].replace("_", " "),
    step_clear=step_choice.clear[main, "1/24, not rounded"],
    step_order=step_choice.order[main, "1/24, not rounded"],
    rounding_at=worst.replace("_", " "),
    rounding_low=rounding.cosine[worst],
    rounding_change=rounding.change[worst],
    rounding_half=rounding.half[worst],
    rounding_other=rounding.cosine.drop(worst).min(),
)

# %% [markdown]
# *Result.* At our steps the mean cosine to the shortest step lies between {glue:text}`chord_low:.2f`
# ({glue:text}`chord_low_at`) and {glue:text}`chord_high:.2f` ({glue:text}`chord_high_at`). With the shortest step the
# energy differs clearly (its interval excludes 0) for {glue:text}`step_clear` of {glue:text}`n_attributes` attributes,
# by most for {glue:text}`step_at`, {glue:text}`step_change:+.2f` ± {glue:text}`step_half:.2f`; the rank correlation of
# the two orders is {glue:text}`step_order:.2f`. A likely reason: piecewise linear layers bend often, and long steps
# average over the bends. The table has the effect of rounding to 8 bits at that step: a cosine of
# {glue:text}`rounding_other:.2f` or more remains, but for {glue:text}`rounding_at` only {glue:text}`rounding_low:.2f`,
# and its energy moves by {glue:text}`rounding_change:+.3f` ± {glue:text}`rounding_half:.3f`. There, rounding would be
# read as invariance.
#
# *Advice.* An energy belongs to a step as it belongs to a scale: report both. Wide steps ask what a visible change
# does, and stay close to the paper.

# %% [markdown]
# ## Exact tangents
#
# For five attributes the drawn image has an exact derivative ({doc}`/notebooks/faces`), and a network has one almost
# everywhere. Forward-mode differentiation carries the first through the second: no step at all. A GAN has no such
# derivative, for its attributes are learned.

# %%
tangents = {}
for name in SMOOTH:
    drawings = [Tangents(who, n_short, name, reach, seed) for who in few]
    tangents[name] = embed(drawings, [embedders[main]])[main]
exact = {
    name: [
        {name: tangent_projection(c.points, c.directions[name])} for c in own
    ]
    for name, own in tangents.items()
}

# %%
to_exact = pd.concat(
    agreements(exact[name], some, step=step_name.split(",")[0])
    for step_name, some in stepped.items()
    if step_name != "1/24"
    for name in SMOOTH
)
to_exact = means_over_identities(to_exact, "agreement", keys)

# %%
by_exact = pd.concat(
    sweep_of(cloud, fields=fields).assign(step="exact")
    for name in SMOOTH
    for cloud, fields in zip(tangents[name], exact[name], strict=True)
)
by_exact = pd.concat([wide[wide.attribute.isin(SMOOTH)], by_exact])
exact_choice = variant_summary(by_exact, "step", "wide")
of_one_change = by_exact[by_exact.attribute != "image_quality"]
one_change = variant_summary(of_one_change, "step", "wide")
exact_levels = means_over_identities(by_exact, "energy", keys)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-exact-04b", "caption": "Left: mean cosine between the exact tangent and the difference over a step. Right: energy at ε = 1 of differences over our wide steps and of exact tangents; the names give the colours of both panels. Intervals are over people. Illumination and image quality stay far from a cosine of 1: the exact derivative knows no moving shadows, and at the centre blur meets contrast."}}
match = view.Column("agreement", "cosine to the exact tangent", domain=(0, 1))
smooth_look = {"color": tint, "bars": ("low", "high")}
smooth_dots = smooth_look | {"shape": "step"}
view.figure(
    view.curves(to_exact, step, match, **smooth_look),
    view.dots(exact_levels, at_scale_one, "attribute", **smooth_dots),
    height=230,
    description="Left, cosines rise towards small steps. Right, energies.",
)

# %% [markdown]
# Two gaps on the left are expected: exact tangents of illumination are without shadows, and at image quality 0 a
# difference holds half of blur and half of contrast. A third, for brightness, may be clipping: at a pixel of 255 an
# increase does nothing and a decrease does something. There the exact derivative is 0, and a difference holds one half.
# Both explanations can be tried:

# %%
plain = {"step": 1 / 24, "dtype": torch.float32, "shadows": False}
plain = few_curves(margin=reach, attributes=("illumination",), **plain)
no_shadows = embed(plain, [embedders[main]])[main]
light = agreements(exact["illumination"], no_shadows)

# %%
bright = {"attributes": ("brightness",), "dtype": torch.float32}
tiny_step = Curves(few[0], n_short, 1 / 1000, reach, seed, **bright)
tiny = embed([tiny_step], [embedders[main]])[main][0]
pixels = images_of(tiny_step)
clipped = (pixels >= 255) | (pixels <= 0)
slope = torch.where(clipped, 0.5, 1.0)
pushed = embedders[main].push_forward(pixels, slope)

# %%
halved = {"brightness": tangent_projection(tiny.points, pushed)}
at_zero = field_agreement(exact["brightness"][0], tiny.fields)
at_half = field_agreement(halved, tiny.fields)
tried = {
    "illumination, both without shadows": light.agreement.mean(),
    "brightness, 0 at clipped pixels": at_zero.item(),
    "brightness, half there": at_half.item(),
}
pd.DataFrame(tried, ["cosine to the exact tangent"]).T.round(3)

# %% tags=["remove-cell"]
shortest = to_exact[to_exact.step == "1/24"].set_index("attribute").agreement
view.say(
    exact_low=shortest.min(),
    exact_low_at=shortest.idxmin().replace("_", " "),
    exact_high=shortest.max(),
    light_with=shortest["illumination"],
    light_without=light.agreement.mean(),
    bright_at_zero=at_zero.item(),
    bright_at_half=at_half.item(),
    one_change=one_change.largest[main, "exact"],
    one_change_half=one_change.largest_half[main, "exact"],
    one_change_at=one_change.largest_at[main, "exact"].replace("_", " "),
    exact_change=exact_choice.largest[main, "exact"],
    exact_half=exact_choice.largest_half[main, "exact"],
    exact_at=exact_choice.largest_at[main, "exact"].replace("_", " "),
    exact_order=exact_choice.order[main, "exact"],
    clipped=100 * clipped.double().mean(),
)

# %% [markdown]
# *Result.* At a step of 1/24 the mean cosine to the exact tangent runs from {glue:text}`exact_low:.2f`
# ({glue:text}`exact_low_at`) to {glue:text}`exact_high:.2f`. Shadows explain the gap of illumination: from
# {glue:text}`light_with:.2f` to {glue:text}`light_without:.2f` without them. Clipping explains that of brightness, in
# one person and at a step of 1/1000: from {glue:text}`bright_at_zero:.2f` to {glue:text}`bright_at_half:.3f`, although
# only {glue:text}`clipped:.1f` % of the pixels are clipped. A network that nearly ignores a uniform change reacts to
# the few pixels that cannot follow it. That of image quality is blur against contrast, which we did not try apart.
# Against our wide steps the energy changes by up to {glue:text}`exact_change:+.2f` ± {glue:text}`exact_half:.2f`
# ({glue:text}`exact_at`), and by up to {glue:text}`one_change:+.2f` ± {glue:text}`one_change_half:.2f`
# ({glue:text}`one_change_at`) without image quality, where blur and contrast enter too. The rank correlation of the
# orders of these five attributes is {glue:text}`exact_order:.2f`.
#
# *Advice.* Use exact tangents to learn which part of an energy is the step. For the other {glue:text}`n_rough`
# attributes there are only differences.

# %% [markdown]
# (crop-04b)=
# ## The crop
#
# FaceNet was trained on crops of another detector, but the authors give it those of ArcFace. They find that it has the
# lowest energies and recognises worst. How much of that could be the crop? FaceNet is not here, but two networks that
# want different crops: we swap them. Real crops also follow a detector, not a mesh. So a third condition cuts every
# image at the landmarks that MTCNN finds {cite}`zhang2016joint`, and a fourth cuts both ends of a curve at those of its
# centre.

# %%
margin = 0.2
centres = torch.cat([images_of(c) for c in few_curves(attributes=())])
seen = detect(centres, margin=margin)
marks = seen.landmarks[seen.found]
back = similarity(marks, template("arcface", 112)).inverse()
middle = torch.tensor([56.0, 56.0])
moved = (back.matrix @ middle + back.shift - middle).norm(dim=1)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-crops-04b", "caption": "Four images of one person: in ArcFace's crop, in dlib's wider one, and in ArcFace's cut where a detector finds the landmarks. By eye, the first and the third hardly differ."}}
pose = {"n_points": min(4, n_short), "seed": seed, "attributes": ()}
mesh = Curves(few[0], **pose)
wider = Curves(few[0], crop="wide", size=112, **pose)
faces = [images_of(d) for d in (mesh, wider, Detected(mesh, margin))]
view.image_grid(
    torch.stack(faces, dim=1).flatten(0, 1),
    rows=[f"image {i + 1}" for i in range(len(faces[0]))],
    columns=["ArcFace", "wide", "detector"],
    description="Four images of one person, each in three crops.",
)

# %%
ends_too, like_centre = (
    [Detected(c, margin, by_center=way) for c in few_curves()]
    for way in (False, True)
)
conditions = {
    (main, "wide"): few_curves(crop="wide"),
    (main, "detector"): ends_too,
    (main, "detector, ends as centre"): like_centre,
    (euclidean, "ArcFace"): few_curves(crop="arcface"),
}

# %%
cropped = {
    (name, crop): embed(drawings, [embedders[name]])[name]
    for (name, crop), drawings in conditions.items()
}
first = slice(n_short)  # the images that the conditions have
for name in (main, euclidean):
    cropped[name, "own"] = [c.only(first) for c in clouds[name][:n_few]]

# %%
by_crop = pd.concat(
    sweep_of(cloud).assign(crop=crop)
    for (_, crop), some in cropped.items()
    for cloud in some
)
crop_choice = variant_summary(by_crop, "crop", "own")
crop_changes = paired_changes(by_crop, "crop", "own")
crop_changes["crop"] = crop_changes.network + ", " + crop_changes.crop
places = ["crop", "attribute"]
crop_changes = means_over_identities(crop_changes, "change", places)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-crop-energies-04b", "caption": "Change of the energy at ε = 1 against the network's own crop on the same images, mean over people and its interval. Left of 0 the other crop has the lower energy. A detector adds most where both ends of a curve are cut anew."}}
change = view.Column("change", "change of the energy at ε = 1")
style = {"color": "crop", "apart": True, "bars": ("low", "high")}
view.figure(
    view.guide(x=0) + view.dots(crop_changes, change, "attribute", **style),
    description="For each attribute four points with intervals about zero: how "
    "the energy at scale one changes when a network sees another crop.",
)

# %% [markdown]
# Three things to hold these changes against: recognition in every crop, the difference of the two networks in their
# own crops, and how far each attribute moves the embedding.

# %%
recognised = recognition_table({" ".join(k): c for k, c in cropped.items()})
own_crops = by_crop[by_crop.crop == "own"]
apart = paired_changes(own_crops, "network", main)
apart = mean_interval(apart.groupby("identity").change.mean())
of_main = energies[energies.network == main].groupby("attribute")
of_head = crop_changes[crop_changes.attribute == "head_angle"].set_index("crop")
in_detector = crop_changes[crop_changes.crop == f"{main}, detector"]
moves = of_main.displacement.mean()[in_detector.attribute]
noise_moves = rank_correlation(moves, in_detector.change)
recognised[["ratio", "auc", "eer"]].sort_index().round(3)

# %% tags=["remove-cell"]
view.say(
    detector_found=100 * seen.found.double().mean(),
    detector_moved=moved.square().mean().sqrt(),
    auc_main=recognised.auc[f"{main} own"],
    auc_wide=recognised.auc[f"{main} wide"],
    auc_dlib=recognised.auc[f"{euclidean} own"],
    auc_arcface=recognised.auc[f"{euclidean} ArcFace"],
    auc_detector=recognised.auc[f"{main} detector"],
    crop_wide=crop_choice.change[main, "wide"],
    crop_wide_half=crop_choice.half[main, "wide"],
    crop_dlib=crop_choice.change[euclidean, "ArcFace"],
    crop_dlib_half=crop_choice.half[euclidean, "ArcFace"],
    crop_detector=crop_choice.change[main, "detector"],
    crop_detector_half=crop_choice.half[main, "detector"],
    crop_detector_largest=crop_choice.largest[main, "detector"],
    crop_detector_at=crop_choice.largest_at[main, "detector"].replace("_", " "),
    crop_center=crop_choice.change[main, "detector, ends as centre"],
    crop_center_half=crop_choice.half[main, "detector, ends as centre"],
    networks_apart=apart.mean,
    networks_apart_half=apart.half,
    noise_moves=noise_moves,
    head_wide=of_head.change[f"{main}, wide"],
    head_wide_half=of_head.half[f"{main}, wide"],
    head_arcface=of_head.change[f"{euclidean}, ArcFace"],
    head_arcface_half=of_head.half[f"{euclidean}, ArcFace"],
)

# %% [markdown]
# *Result.* A foreign crop costs recognition: an AUC of {glue:text}`auc_wide:.3f` in place of {glue:text}`auc_main:.3f`
# for mobilefacenet, {glue:text}`auc_arcface:.3f` in place of {glue:text}`auc_dlib:.3f` for dlib. The mean energy
# changes by {glue:text}`crop_wide:+.3f` ± {glue:text}`crop_wide_half:.3f` and {glue:text}`crop_dlib:+.3f` ±
# {glue:text}`crop_dlib_half:.3f`; single attributes move more, in both directions: head angle by
# {glue:text}`head_wide:+.2f` ± {glue:text}`head_wide_half:.2f` in mobilefacenet and {glue:text}`head_arcface:+.2f` ±
# {glue:text}`head_arcface_half:.2f` in dlib. Compared by single attributes, networks need the right crops. In the mean
# over attributes the two networks in their own crops, {glue:text}`networks_apart:+.3f` ±
# {glue:text}`networks_apart_half:.3f` (dlib less mobilefacenet), cannot be told apart. Whether FaceNet's low energies
# are due to its crop cannot be answered without FaceNet.
#
# The detector finds {glue:text}`detector_found:.0f` % of the faces, {glue:text}`detector_moved:.1f` of 112 pixels from
# the mesh (root mean square). Recognition does not notice (AUC {glue:text}`auc_detector:.3f`), energies do: the mean
# changes by {glue:text}`crop_detector:+.3f` ±
# {glue:text}`crop_detector_half:.3f`, that of {glue:text}`crop_detector_at` by
# {glue:text}`crop_detector_largest:+.2f`. Each end of a curve is cut anew, and the difference of the two cuts enters the
# vector. This weighs most where the attribute itself moves the embedding least (Spearman {glue:text}`noise_moves:.2f`
# with the displacement). With both ends cut like the centre the mean change is {glue:text}`crop_center:+.3f` ±
# {glue:text}`crop_center_half:.3f`.
#
# *Advice.* Give each network its own crop. With photographs, detect once for each centre and cut both ends alike;
# otherwise noise of the crop is read as invariance.

# %% [markdown]
# (centres-04b)=
# ## How many centres?
#
# A point takes part only if another one lies in its ball. How small can ε be? For $n$ independent centres the expected
# share of *isolated* points at radius $r$ is
#
# ```{math}
# :label: eq-empty-04b
# \operatorname*{mean}_i \bigl(1 - F_i(r)\bigr)^{n-1} ,
# ```
#
# where $F_i(r)$ is the share of all possible centres within $r$ of centre $i$. This is the law of the empty ball. From a
# cloud of $N$ centres, counts of neighbours give it exactly for every $n \le N$, as the mean over all samples of $n$
# centres.

# %%
some = {"smoke": [2, 4, 6], "book": [8, 15, 30, 60], "paper": [60, 200, 400]}
sample_sizes = some[profile]
grid = np.arange(0.05, 2.01, 0.05).round(2)
every = [cloud for own in clouds.values() for cloud in own]
law = pd.concat(
    isolated_shares(cloud, grid, sample_sizes).assign(network=cloud.network)
    for cloud in every
)


# %%
def counted_alone(cloud, n):
    """Return the isolated shares of disjoint groups of n centres."""
    whole_groups = len(cloud.points) // n * n
    groups = cloud.points[:whole_groups].split(n)
    unit = {"metric": cloud.metric, "mean_distance": cloud.mean_distance}
    shares = (isolated_shares(g, grid[3::8], [n], **unit) for g in groups)
    return pd.concat(shares).assign(network=cloud.network)


# %%
counted = pd.concat(counted_alone(c, n) for c in every for n in sample_sizes)
by_size = ["network", "size", "scale"]
shares = [
    table.groupby(by_size, sort=False).isolated.mean().reset_index()
    for table in (law, counted)
]
shares = [table.astype({"size": str}) for table in shares]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-isolated-04b", "caption": "Share of isolated points against the scale, for several numbers of centres; mean over people. Lines: the law of the empty ball. Points: counted on separate groups of so many centres. Dashed: one half, our bound for a usable scale. More centres move it to the left, but slowly."}}
scale = view.Column("scale", "scale ε, in mean pair distances")
alone = view.Column("isolated", "isolated points", format="%")
number = view.Column("size", "centres")
lines = view.curves(shares[0], scale, alone, color=number, points=False)
spots = view.scatter(shares[1], scale, alone, color=number)
view.figure(
    view.guide(y=0.5) + lines + spots,
    choose="network",
    description="Falling curves; more centres move them to the left.",
)

# %% [markdown]
# The smallest ε at which at most half of the points are isolated, and the exponent of the power of $n$ with which it
# shrinks:


# %%
def exponent(own):
    """Return the slope of log ε against log n."""
    return np.polyfit(np.log(own["size"]), np.log(own.scale), 1)[0]


def least_of(cloud):
    """Return the smallest usable scale for each number of centres."""
    place = {"network": cloud.network, "identity": cloud.identity}
    return smallest_scales(cloud, sample_sizes).assign(**place)


# %%
least = pd.concat(map(least_of, every))
slopes = least.groupby(["network", "identity"], sort=False)[["size", "scale"]]
slopes = slopes.apply(exponent).rename("exponent").reset_index()
slopes = means_over_identities(slopes, "exponent", ["network"])

# %%
usable = least.groupby(["network", "size"], sort=False).scale.mean().unstack()
slopes = slopes.set_index("network")[["exponent", "half"]]
last = usable[sample_sizes[-1]]
far = last * (10_000 / sample_sizes[-1]) ** slopes.exponent
usable = usable.assign(**{"10,000, if the power holds": far})
usable.join(slopes.rename(columns={"half": "±"})).round(2)

# %% tags=["remove-cell"]
view.say(
    usable_main=last[main],
    usable_dlib=last[euclidean],
    usable_factor=2 ** (-1 / slopes.exponent[main]),
    usable_far=far[main],
)

# %% [markdown]
# *Result.* With {glue:text}`n_points` centres ε can go down to {glue:text}`usable_main:.2f` in mobilefacenet and
# {glue:text}`usable_dlib:.2f` in dlib. Half that scale takes {glue:text}`usable_factor:.0f` times the centres in
# mobilefacenet. If the power held on, 10,000 centres, as in the authors' script, would reach
# {glue:text}`usable_far:.2f`: an extrapolation over two orders of magnitude.
#
# The bound of a half is ours. {doc}`/notebooks/04_pretrained_energies` asks for a tenth on its lattices, which have
# more points per attribute: a tenth of them is still more than half of these.
#
# *Advice.* Choose the smallest ε first; it sets the number of centres. A whole lattice, whose images serve many curves,
# should be a cheaper way to small scales than random centres. The curves of that chapter, drawn one by one, are not.

# %% [markdown]
# (people-04b)=
# ## How many people?
#
# More images of the same people make an interval only as narrow as people differ. Here is half the interval of a mean
# energy at ε = 1, for the median attribute of each network and four numbers of people:

# %%
at_one = energies[energies.scale == 1.0]
deviation = at_one.groupby(["network", "attribute"], sort=False).energy.std()
typical = deviation.groupby("network", sort=False).median()
bought = {f"{n} people": half_width(typical, n) for n in (6, 10, 20, 40)}
bought = pd.DataFrame(bought)
bought.round(3)

# %% [markdown]
# How should a given number of images be divided between people and centres? With $n$ people and $N$ centres each, the
# standard error of a mean energy is
#
# ```{math}
# :label: eq-design-04b
# s = \sqrt{\frac{\sigma_{\text{people}}^2 + c / N}{n}} .
# ```
#
# A cloud can be cut at random into parts that share no centre. How much their energies differ, inside one person, is the
# error from the centres; how much people differ beyond it is a property of people.

# %%
cut_sizes = {"smoke": [2, 3], "book": [10, 20, 30]}
cut_sizes = cut_sizes.get(profile, [20, 50, 100, 200])
n_cuts = 1 if profile == "smoke" else 5
cut_up = pd.concat(
    part_energies(cloud, n, [1.0], k)
    for cloud in clouds[main]
    for n in cut_sizes
    for k in range(seed, seed + n_cuts)
)

# %% tags=["hide-input"]
whole = at_one[at_one.network == main]
variances = energy_variances(cut_up, whole, n_points)
deviations = variances.assign(deviation=np.sqrt(variances.points))
size_ticks = [*cut_sizes, n_points]
of_whole = variances[variances["size"] == n_points].set_index("attribute")
people_share = of_whole.people / (of_whole.people + of_whole.points)
kinds_of_error = {"people": of_whole.people, "centres": of_whole.points}
sources = pd.DataFrame(kinds_of_error) ** 0.5
sources = sources.reset_index().melt("attribute", None, "source", "deviation")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-points-04b", "caption": "Standard deviation of the energy at ε = 1. Left: between parts of one cloud, against their number of centres; that of a whole cloud is continued from the largest parts. Right: between people (circles), and from the centres of a whole cloud (squares). Where the circle lies to the right, people differ by more than the centres leave open."}}
size = view.Column("size", "centres", log=True, ticks=size_ticks)
upright = view.Column("deviation", "standard deviation of the energy", log=True)
sideways = view.Column("deviation", "standard deviation")
view.figure(
    view.curves(deviations, size, upright, color=tint),
    view.dots(sources, sideways, "attribute", color=tint, shape="source"),
    height=250,
    description="Left, standard deviations fall with the number of centres. "
    "Right, one circle and one square for each attribute.",
)

# %% [markdown]
# For a fixed number of images {eq}`eq-design-04b` is smallest with many people and few centres: a new person brings new
# centres too. Against that stand a bias of small clouds and their empty balls. All rows cost the same number of images:

# %%
total = n_identities * n_points
squares = (variances.people + variances.points) * variances["size"] / total
errors = np.sqrt(squares).groupby(variances["size"]).agg(["mean", "max"])
cut = ["identity", "attribute", "scale", "size"]
cut = cut_up.groupby(cut, as_index=False).energy.mean()
grown = pd.concat([cut.assign(network=main), whole.assign(size=n_points)])
bias = variant_summary(grown, "size", n_points).loc[main]

# %%
smallest = [smallest_scales(c, errors.index) for c in clouds[main]]
designs = pd.DataFrame({"people": total // errors.index}, index=errors.index)
designs["mean error"], designs["largest error"] = errors["mean"], errors["max"]
designs["mean bias"], designs["±"] = bias.change, bias.half
designs["smallest ε"] = pd.concat(smallest).groupby("size").scale.mean()
designs.rename_axis("centres").round(4)

# %% tags=["remove-cell"]
view.say(
    bought_main=bought["20 people"][main],
    bought_far=bought["40 people"][main],
    people_most=(people_share > 0.5).sum(),
    people_high=100 * people_share.max(),
    people_high_at=people_share.idxmax().replace("_", " "),
    smallest=designs.index[0],
    smallest_people=designs.people.iloc[0],
    smallest_error=designs["mean error"].iloc[0],
    smallest_bias=abs(designs["mean bias"].iloc[0]) + designs["±"].iloc[0],
    smallest_scale=designs["smallest ε"].iloc[0],
    our_error=designs["mean error"].iloc[-1],
    our_scale=designs["smallest ε"].iloc[-1],
)

# %% [markdown]
# *Result.* 20 people know a typical energy of mobilefacenet to ± {glue:text}`bought_main:.3f`; 40, the number of the
# paper, would know it to ± {glue:text}`bought_far:.3f`. Of the variance over whole clouds, people make up more than half
# for {glue:text}`people_most` of {glue:text}`n_attributes` attributes, and {glue:text}`people_high:.0f` % for
# {glue:text}`people_high_at`. At ε = 1 the table favours {glue:text}`smallest_people` people with
# {glue:text}`smallest` centres: an error of {glue:text}`smallest_error:.4f` against {glue:text}`our_error:.4f` for our
# {glue:text}`n_identities` people with {glue:text}`n_points`, and a bias which its interval holds below
# {glue:text}`smallest_bias:.4f`. We did not choose that design: its balls are too empty below
# ε = {glue:text}`smallest_scale:.2f`, ours below {glue:text}`our_scale:.2f`.
#
# *Advice.* For one large scale, take many people with few centres. For an order that depends on the scale, first buy
# centres, then people.

# %% [markdown]
# (choices-04b)=
# ## All choices, side by side
#
# Against the way of chapter 4 (ball at ε = 1, own pair left out, normalised vectors, wide steps, own crop): the mean
# change of the energy over attributes; for how many attributes the change is clear (its interval excludes 0); the
# largest change and its attribute; and Kendall's rank correlation of the two orders of attributes. Attributes with
# nearly equal energies trade places easily: transport changes no energy by more than hundredths, and still leaves a
# rank correlation below 1.

# %% tags=["hide-input"]
choices = {
    "neighbours": neighbour_choice,
    "own pair": pair_choice,
    "vectors": vector_choice,
    "step": pd.concat([step_choice, exact_choice]),
    "crop": crop_choice,
}
choices = pd.concat(choices, names=["choice", "network", "measured with"])

# %% tags=["hide-input"]
choices["largest_at"] = choices.largest_at.str.replace("_", " ")
shown_as = {"half": "±", "largest_half": "± ", "largest_at": "of"}
choices.rename(columns=shown_as).round(3)

# %% [markdown]
# ## Summary
#
# In this chapter, we saw
# * that the kind of neighbours, the step and the crop move energies most, single attributes by up to
#   {glue:text}`nearest_largest:+.2f`, {glue:text}`step_change:+.2f` and {glue:text}`crop_detector_largest:+.2f`; raw
#   vectors, projection, transport and a draw of neighbours move them little at ε = 1;
# * that counting a point's pair with itself lowers energies where balls are nearly empty, and turns no order here;
# * that crops cut anew for each image add noise which recognition does not notice and energies do;
# * that the number of centres bounds the scale, and the number of people the precision.
#
# ## Limits
#
# * One network for most sections, drawn faces, and ε = 1. Sizes of effects will differ elsewhere; the way to measure
#   them will not.
# * Where images are drawn anew there are {glue:text}`n_few` people with {glue:text}`n_short` centres. Small effects are
#   not seen.
# * Many comparisons, no correction for their number: read single intervals with care.
# * The detector saw drawn images with an even background. Photographs are harder.
#
# ## Quiz
#
# ```{quiz}
# ```

# %% [markdown]
# ## Exercises
#
# ```{exercise} Half the interval (easy)
# :label: ex-people-04b
# How many people do you need for an interval half as wide as that of 20, if the standard deviation stays as it is? Set
# `people_needed` to the smallest number. The function `half_width(1.0, n)` gives half the interval of $n$ people whose
# standard deviation is 1.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# With the number of people two things change: the root of $n$, and the quantile of Student's t.
# ```
#
# ````{solution-start} ex-people-04b
# :class: dropdown
# ````

# %% [markdown]
# Four times as many people would halve the standard error, whatever the interval. The interval is the standard error
# times a quantile of Student's t, and this quantile falls a little with the number of people, so that fewer are enough.

# %% tags=["solution"]
of_twenty = half_width(1.0, 20)
people_needed = min(
    n for n in range(2, 200) if half_width(1.0, n) <= of_twenty / 2
)

# %% tags=["check"]
values = {n: np.arange(n) for n in range(2, 200)}
halves = {n: mean_interval(v).half / v.std(ddof=1) for n, v in values.items()}
enough = [n for n, half in halves.items() if half <= halves[20] / 2]
wrong = {
    "Twice as many: but the interval falls with the root of n.": 40,
    "Four times as many: the quantile of Student's t falls too.": 80,
    "This is one too few: its interval is wider than half.": min(enough) - 1,
}
course.check(
    course.number(
        "people_needed", people_needed, min(enough), within=0, mistakes=wrong
    )
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} How many centres? (easy)
# :label: ex-centres-04b
# You want the energies of mobilefacenet at ε = 0.05, with at most half of the points isolated. `last[main]` is the
# smallest usable scale of `n_points` random centres, and `slopes.exponent[main]` the exponent of $n$ with which it
# shrinks. How many centres does ε = 0.05 take, if the power holds? Set `needed` to it.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# Write the power law as $\varepsilon = \varepsilon_0 \, (n / n_0)^a$ and solve it for $n$.
# ```
#
# ````{solution-start} ex-centres-04b
# :class: dropdown
# ````

# %% [markdown]
# From $\varepsilon / \varepsilon_0 = (n / n_0)^a$ follows $n = n_0 \, (\varepsilon / \varepsilon_0)^{1/a}$. Each centre
# needs 17 images, itself and two ends for each of eight attributes. The exponent is fitted to few sizes and stands in a
# power: take the answer as an order of magnitude. It is the reason why the paper, and chapter 4, use a lattice.

# %% tags=["solution"]
needed = n_points * (0.05 / last[main]) ** (1 / slopes.exponent[main])

# %% tags=["check"]
times = last[main] / 0.05
halving = 2 ** (-1 / slopes.exponent[main])  # times the centres, half the scale
right = n_points * halving ** np.log2(times)
wrong = {
    "The exponent tells how ε follows n; solve for n.": (
        n_points * times ** -slopes.exponent[main]
    ),
    "A larger number of centres gives a smaller ε, not a larger one.": (
        n_points**2 / right
    ),
    "The scale is not inversely proportional to n.": n_points * times,
}
course.check(
    course.number("needed", needed, right, within=right / 1e6, mistakes=wrong)
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} From one pair to the other (medium)
# :label: ex-self-04b
# A table has an energy of the authors' code, in which each point is paired with itself, too. A share `isolated` of the
# points has an empty ball; in the ball of every other point are `others` points beside itself. Write a function
# `without_own_pair(energy, others, isolated)` that returns the energy as this page measures it.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# What does an isolated point add to the mean over all points there? And to the mean here?
# ```
#
# ````{solution-start} ex-self-04b
# :class: dropdown
# ````

# %% [markdown]
# There, an isolated point scores 0, and every other point $m / (m + 1)$ of its disagreement with its $m$ neighbours. So
# the authors' energy is $(1 - s)\, \frac{m}{m + 1} E$, with the share $s$ of isolated points, which here do not count.
# With 12 neighbours and half of the points isolated, an energy of 0.65 becomes 0.30: the vectors agree no better.


# %% tags=["solution"]
def without_own_pair(energy, others, isolated):
    """Return the energy without own pairs and without isolated points."""
    return energy * (others + 1) / others / (1 - isolated)


# %% tags=["check"]
def measured(others, alone, own_pair):
    """Return the energy of one ball and of points that are alone."""
    place = torch.arange(others + 1 + alone)[:, None]
    signs, line = {"any": place % 3 - 0.5}, 9.0 * place.clamp(min=others)
    how = {"mean_distance": 1.0, "include_center": own_pair}
    swept = energy_sweep(line, signs, [1.0], metric="euclidean", **how)
    return swept.energy.item()


cases = [
    ((measured(m, s, True), m, s / (m + 1 + s)), measured(m, s, False))
    for m, s in ((12, 0), (3, 4), (5, 18))
]
wrong = {
    "Isolated points score 0 there, and do not count here.": (
        lambda e, m, s: e * (m + 1) / m
    ),
    "The ball holds its centre, too.": lambda e, m, s: (
        e * m / (m - 1) / (1 - s)
    ),
    "From here to there.": lambda e, m, s: e * m / (m + 1) * (1 - s),
}
course.check(
    course.function(
        "without_own_pair", without_own_pair, cases, within=1e-6, mistakes=wrong
    )
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} A budget (medium)
# :label: ex-budget-04b
# A new person costs as much as $k$ centres, because its meshes must be built. Which $N$ makes {eq}`eq-design-04b`
# smallest, if the budget $n (N + k)$ is fixed? Write a function `best_centres(people, centres, k)` that returns it, for
# $\sigma_{\text{people}}^2$ = `people` and $c$ = `centres`. It need not be a whole number.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# Put $n = B / (N + k)$ into the square of the error. Where does its derivative by $N$ vanish?
# ```
#
# ````{solution-start} ex-budget-04b
# :class: dropdown
# ````

# %% [markdown]
# With $n = B / (N + k)$ the squared error is $(\sigma^2 + c / N)(N + k) / B = (\sigma^2 N + \sigma^2 k + c + c k / N) /
# B$. Its derivative vanishes where $\sigma^2 = c k / N^2$. The budget does not matter: more money buys more people. With
# $k = 0$ the answer is 0, which says as few centres as bias and empty balls allow.


# %% tags=["solution"]
def best_centres(people, centres, k):
    """Return the number of centres with the smallest error."""
    return np.sqrt(centres * k / people)


# %% tags=["check"]
trial = np.geomspace(0.1, 1000, 400_001)


def by_trial(people, centres, k):
    """Return the best of many numbers of centres."""
    return trial[np.argmin((people + centres / trial) * (trial + k))]


settings = [(0.01, 0.2, 20), (0.04, 0.1, 5), (0.001, 0.3, 8)]
cases = [(setting, by_trial(*setting)) for setting in settings]
wrong = {
    "This is the square of the answer.": lambda p, c, k: c * k / p,
    "People and centres have changed places.": lambda p, c, k: (
        (p * k / c) ** 0.5
    ),
    "The price of a person is missing.": lambda p, c, k: (c / p) ** 0.5,
}
course.check(
    course.function(
        "best_centres", best_centres, cases, within=0.05, mistakes=wrong
    )
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} Noise of the crop (medium)
# :label: ex-crop-04b
# On one crop, all differences of an attribute have the length `moved`, and their energy is `energy`. Then both ends of
# each curve are cut anew: each difference gets noise of its own, with independent entries, mean 0 and expected squared
# length `noise**2`. In many dimensions, what is the energy now? Write a function `with_noise(energy, moved, noise)`.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# In many dimensions noise is nearly orthogonal to everything. What becomes of $\langle v_i, v_j \rangle$, and what of
# the lengths?
# ```
#
# ````{solution-start} ex-crop-04b
# :class: dropdown
# ````

# %% [markdown]
# The products $\langle v_i, v_j \rangle$ of two different vectors stay, because noise is orthogonal to the vectors and
# to other noise. The squared lengths grow from $m^2$ to $m^2 + s^2$. So each cosine shrinks by the factor $m^2 / (m^2 +
# s^2)$, and the energy comes closer to 1. The same noise does more where the attribute moves the embedding less, as the
# detector does above. Where neighbours oppose each other (energy above 1), noise lowers the energy.


# %% tags=["solution"]
def with_noise(energy, moved, noise):
    """Return the energy after noise in many dimensions."""
    return 1 - (1 - energy) * moved**2 / (moved**2 + noise**2)


# %% tags=["check"]
def noisy_energy(energy, moved, noise, n=12, d=100_000):
    """Return the energy of vectors with noise, in many dimensions."""
    clean = torch.eye(n, d) * energy**0.5
    clean[:, -1] = (1 - energy) ** 0.5
    drawn = torch.randn(n, d, generator=torch.manual_seed(1)) / d**0.5
    noisy = moved * clean + noise * drawn
    swept = energy_sweep(noisy, {"": noisy}, [9.0], metric="euclidean")
    return swept.energy.item()


settings = [(0.0, 1.0, 1.0), (0.3, 0.2, 0.5), (0.6, 2.0, 1.0), (0.5, 1.0, 0.0)]
cases = [(setting, noisy_energy(*setting)) for setting in settings]
wrong = {
    "Squared lengths add up.": lambda e, m, s: 1 - (1 - e) * m / (m + s),
    "Noise shrinks cosines.": lambda e, m, s: e + s**2 / (m**2 + s**2),
    "A cosine is over two lengths: no root.": (
        lambda e, m, s: 1 - (1 - e) * m / (m**2 + s**2) ** 0.5
    ),
}
course.check(
    course.function(
        "with_noise", with_noise, cases, within=0.01, mistakes=wrong
    )
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} Round a triangle (hard)
# :label: ex-triangle-04b
# The three rows of `corners` are points of the sphere in four dimensions, the corners of a triangle. Carry a vector that
# is tangent at the first corner along the three sides, with `parallel_transport` of `frlib.geometry`, and back to where
# it began. Set `angle` to the angle in radians by which it comes back turned. Take one that lies in the three dimensions
# of the triangle.
#
# Can the energy with transport be exactly 0 on a cloud that spans an area? Set `zero` to `"never"`, or to the field that
# has it: `"tangent to the triangle"` or `"normal to the triangle"`.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# `tangent_projection` gives a vector to begin with. In four dimensions there is a direction that is tangent to the large
# sphere at all three corners.
# ```

# %%
corners = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 2, 0]]).double()
corners = torch.nn.functional.normalize(corners, dim=1)

# %% [markdown]
# ````{solution-start} ex-triangle-04b
# :class: dropdown
# ````

# %% [markdown]
# The angle is the area of the triangle (Gauss and Bonnet). Carry a vector from the first corner to the other two: the
# field agrees with itself on these two sides, and on the third it is turned by the area. So a field that is tangent to
# the sphere $S^2$ which holds the triangle cannot have energy 0, with transport or without.

# %% tags=["solution"]
begin = tangent_projection(corners[:1], corners[1:2])
arrow = begin
for side in ((0, 1), (1, 2), (2, 0)):
    arrow = parallel_transport(arrow, *corners[list(side)].split(1))
angle = torch.arccos(torch.cosine_similarity(begin, arrow)).item()

# %% [markdown]
# But an embedding has more dimensions. On $S^2$ inside $S^3$ the normal is one constant vector, tangent to $S^3$
# everywhere, and transport along $S^2$ does not touch it. An energy of 0 says that one direction is shared. It does not
# say that the cloud is flat.

# %% tags=["solution"]
zero = "normal to the triangle"
elsewhere = parallel_transport(begin.repeat(2, 1), corners[[0, 0]], corners[1:])
both_fields = {"tangent": torch.cat([begin, elsewhere])}
both_fields["normal"] = torch.tensor([[0, 0, 0, 1.0]] * 3).double()
transported_energy_sweep(corners, both_fields, [9.0])

# %% tags=["check"]
cosine_sum = 1 + sum((corners * corners.roll(1, 0)).sum(dim=1))
volume = torch.linalg.det(corners[:, :3]).abs()
area = 2 * torch.arctan2(volume, cosine_sum).item()  # Oosterom and Strackee
wrong = {
    "In degrees; radians are asked for.": np.degrees(area),
    "This is the cosine of the angle.": np.cos(area),
    "This is the sum of the angles; the area is less by π.": area + np.pi,
}
why_not = {
    "never": "An embedding has more dimensions than the triangle.",
    "tangent to the triangle": "It turns on its way round, by the area.",
}
normal_one = "normal to the triangle"
course.check(
    course.number("angle", angle, area, within=1e-3, mistakes=wrong),
    course.choice("zero", zero, normal_one, [normal_one, *why_not], why_not),
)

# %% [markdown]
# ````{solution-end}
# ````
#
# **To discuss.** You have photographs, no lattice and no drawn faces. Which of the choices on this page can you still
# make, and which of them would you report? Two papers give the same order of attributes at different steps and different
# scales: how much does the one confirm the other?

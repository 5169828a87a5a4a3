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
# # On photographs
#
# *Does what drawn faces show hold on photographs?*
#
# ```{one-minute} fig-pixels-photographs
# This page can tell for the two scales, and for three attributes that are operations on pixels
# ({numref}`fig-pixels-photographs`), if you put photographs into your cache: none comes with the book. What was
# measured in this run stands under {ref}`where-photographs`. For the other five attributes it can not tell.
# ```
#
# ```{admonition} Goals
# :class: tip
# After this page you can
# * put photographs where this book finds them, and say what you may do with them;
# * read the two scales and three energies of photographs beside those of drawn faces;
# * name what a difference between the two may come from.
# ```
#
# **Prerequisites.** {doc}`/notebooks/01_multiscale_geometry` for the two scales, {doc}`/notebooks/04_pretrained_energies`
# for energies.
#
# **Reading time.** About 10 minutes.
#
# ```{run-card}
# ```
#
# **Data and licences.** Faces drawn by `frlib.faces`, geometry CC0. Photographs only if you have put some into your
# cache; none comes with the book. Published numbers: paper A. {doc}`/book/data_models_ethics` has a card for each
# network, and what the licences of LFW and CelebA say.

# %% tags=["parameters"]
profile = "book"  # smoke, book or paper
seed = 0
device = "auto"

# %% tags=["hide-input"]
import warnings

import numpy as np
import pandas as pd
from scipy import stats

from frlib import course, datasets, faces, fingerprint, geometry
from frlib import published, runtime, view
from frlib.clouds import embed
from frlib.faces.attributes import PIXELS
from frlib.fingerprint import verdicts
from frlib.models import DEFAULT_NETWORKS, load

# %% tags=["hide-input"]
device = runtime.start(seed, device)
view.enable()
warnings.filterwarnings("ignore", message="left out")  # other files beside
n_people, n_images, n_least, n_draws = {
    "smoke": (8, 10, 4, 20),
    "book": (20, 30, 10, 100),
    "paper": (400, 30, 25, 300),
}[profile]

# %% tags=["hide-input"]
n_drawn, n_portraits, n_curves, n_points = {
    "smoke": (8, 4, 3, 8),
    "book": (24, 12, 6, 20),
    "paper": (400, 12, 40, 400),
}[profile]
scales = [0.4, 0.6, 0.8, 1.0, 1.2, 1.5]
n_jobs = 1 if profile == "smoke" else None

# %% [markdown]
# (claim-photographs)=
# ## The claim
#
# Paper A {cite}`leroy2025attributes` measures two scales on photographs: images of one person lie much closer than
# images of two, on LFW {cite}`huang2008labeled` (its Tables 1 and 3) and on CelebA {cite}`liu2015celeba` (a stored
# overlap). Its energies are measured on generated faces, because they need images in which one attribute changes and
# nothing else. Three of its eight attributes need no generator: **brightness, hue and image quality** are operations on
# pixels, and any photograph can be changed so. For these three, this page can put photographs beside drawn faces.
#
# (before-photographs)=
# ## Before you use photographs
#
# A photograph of a face is personal data, and so is the embedding that a network makes of it. That it can be downloaded
# does not mean that the person agreed to this use.
#
# * **Your own photographs.** Ask the people on them, for this purpose, and let them say no. Children cannot agree for
#   themselves.
# * **LFW** was gathered from news photographs. The people on it were not asked.
# * **CelebA** is offered for non-commercial research only. The people on it were not asked.
# * Nothing here is fit to find out who somebody is, or for any decision about a person.
# * This page shows no picture and no name, only means over people, and the name of the folder. Of few people even a
#   mean says something about each. Do not publish a page that was run on photographs which you may not publish.
# * Positions of faces and embeddings stay in the cache folder. Delete them when you are done: they are as sensitive as
#   the photographs.
#
# {doc}`/book/data_models_ethics` says more.
#
# (where-photographs)=
# ## Where this page looks
#
# In the folder `photographs` of your cache ({doc}`/book/how_to_use` says where that is), each entry is a data set. It
# may be a link to a copy that lies elsewhere. Nothing is downloaded.
#
# | entry | what it is |
# | :-- | :-- |
# | any name | a folder with one sub-folder of photographs per person |
# | `lfw…` | LFW as it comes, folder or archive |
# | `celeba…` | CelebA: images, `identity_CelebA.txt`, `list_attr_celeba.txt` |

# %%
readable, unreadable = datasets.read_stored()
samples = {
    name: datasets.sample_people(
        photographs, n_people, n_images, least=n_least, seed=seed, n_jobs=n_jobs
    )
    for name, photographs in readable.items()
}
used = {name: sample.crops for name, sample in samples.items() if sample.crops}

# %% tags=["hide-input"]
few = [name for name in samples if name not in used]
without = (
    "There were no photographs in the cache when this page was run. So it "
    "shows drawn faces and what the paper prints, and nothing on photographs."
)
beside = "Photographs in the cache when this page was run: " + ", ".join(used)
left_out = dict.fromkeys(few, "fewer than two people with enough photographs")
status = (beside if used else without) + "".join(
    f" Left out: {name} ({reason})."
    for name, reason in (left_out | unreadable).items()
)

# %% tags=["remove-cell"]
view.say(status=status, n_people=n_people, n_images=n_images, n_least=n_least)

# %% [markdown]
# ```{admonition} In this run
# {glue:text}`status`
# ```
#
# Of each data set we draw at most {glue:text}`n_people` people, and at most {glue:text}`n_images` photographs of each.
# A detector looks for faces. As in paper A, only photographs with exactly one face stay, and people with at least
# {glue:text}`n_least` of them. A table counts what is left after each step.

# %% tags=["hide-input"]
steps = [s.steps.assign(images_of=name) for name, s in samples.items()]
columns = ["images_of", "step", "images", "people"]
counts = pd.concat([pd.DataFrame(columns=columns), *steps])[columns]
table = counts.rename(columns={"images_of": "data set"}).set_index("data set")
table if samples else None

# %% [markdown]
# (scales-photographs)=
# ## Two scales
#
# The drawn images are those of the first {glue:text}`n_drawn` people of {doc}`/notebooks/01_multiscale_geometry`.
# Photographs are cut to the landmarks that the detector found, drawn faces to those of the mesh.

# %%
embedders = [load(name, device) for name in DEFAULT_NETWORKS]
people = faces.sample_identities(n_drawn, seed=seed)
portraits = [faces.Portraits(who, n_portraits, seed) for who in people]
clouds = {
    name: embed(own, embedders, n_jobs=n_jobs) for name, own in used.items()
}
clouds["drawn"] = embed(portraits, embedders, n_jobs=n_jobs)

# %%
tables = {name: geometry.recognition_table(own) for name, own in clouds.items()}
ours = pd.concat(tables, names=["images"])[["metric", "d_intra", "d_inter"]]
rates = {
    place: geometry.drawn_rates(clouds[place[0]][place[1]], n_draws, seed=seed)
    for place in ours.index
}

# %% tags=["hide-input"]
pairs = {
    (images, network): geometry.intra_inter_distances(clouds[images][network])
    for images, network in ours.index
}
ours["overlap"] = [geometry.threshold_overlap(*pairs[p]) for p in ours.index]
ends = [geometry.draw_interval(rates[p].figures().overlap) for p in ours.index]
ours[["low", "high"]] = np.stack(ends)

# %% tags=["hide-input"]
lfw = published.load("lfw_distances")
lfw["network"] = lfw.model + " " + lfw.architecture
celeba = published.load("celeba_bayes_error")
celeba["network"] = celeba.model + " " + celeba.architecture
error = celeba.set_index("network").bayes_error
lfw["overlap"] = lfw.network.map(error)
theirs = lfw.assign(images="paper A").set_index(["images", "network"])

# %% tags=["hide-input"]
shown = ["metric", "d_intra", "d_inter", "ratio", "overlap", "low", "high"]
both = pd.concat([ours, theirs])
both["ratio"] = both.d_intra / both.d_inter
numbers = dict.fromkeys(shown[1:], "{:.3f}")
both[shown].style.format(numbers, na_rep="–")

# %% [markdown]
# The rows of paper A: distances on LFW, overlap on CelebA by another estimate (the area that two smoothed densities
# share). Ours is the smallest sum of both errors of one threshold, with a 95 % interval over people.

# %% tags=["hide-input"]
ratio = view.Column("ratio", "d_intra / d_inter", domain=(0, 1))
overlap = view.Column("overlap", domain=(0, max(0.5, both.overlap.max())))
rows = both.reset_index()
look = {"color": "images", "shape": "images"}
apart = view.dots(rows, overlap, "network", bars=("low", "high"), **look)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-scales-photographs", "caption": "The ratio of the two scales and the overlap of the distances, by kind of images. Far left: images of one person lie close together. Bars: 95 % intervals over people."}}
view.figure(
    view.dots(rows, ratio, "network", **look),
    view.guide(x=0.1) + apart,
    height=300,
    description="Networks in rows, with their ratio of d_intra to d_inter and "
    "their overlap, one mark per kind of images.",
)

# %% tags=["hide-input"]
found = ours.drop(index="drawn", level="images")
view.verdict(
    "two-scales",
    verdicts.by_intervals(found.low, found.high, 0.1),
    "Overlap of both kinds of distances on photographs: "
    + "; ".join(f"{n}, {i} {v:.3f}" for (i, n), v in found.overlap.items())
    if used
    else "There were no photographs when this page was run.",
)

# %% tags=["remove-cell"]
drawn = both.loc["drawn"]
view.say(
    drawn_low=drawn.ratio.min(),
    drawn_high=drawn.ratio.max(),
    printed_low=both.loc["paper A"].ratio.min(),
    printed_high=both.loc["paper A"].ratio.max(),
    inter_drawn=drawn.d_inter[drawn.metric == "cosine"].mean(),
    inter_printed=lfw.d_inter[lfw.metric == "cosine"].mean(),
    n_drawn=n_drawn,
)

# %% [markdown]
# "Much closer" means here what it means in chapter 1: the interval of the overlap lies below 0.1. On drawn faces the
# ratio goes from {glue:text}`drawn_low:.2f` to {glue:text}`drawn_high:.2f`, in print from {glue:text}`printed_low:.2f`
# to {glue:text}`printed_high:.2f`. The angular networks of the paper put two people {glue:text}`inter_printed:.2f`
# apart, ours put two drawn people {glue:text}`inter_drawn:.2f` apart. Do drawn people look more alike, or are the networks
# others? Only the same networks on photographs can tell: that is what your photographs are for.

# %% [markdown]
# (pixels-photographs)=
# ## Three attributes that every photograph has
#
# Each image is changed a little, down and up: by 25 of 255 levels of brightness, by 2 half degrees of hue, from a slight
# blur to more contrast. Two questions. *How far* does that move the embedding? The displacement is the distance from
# end to end, over the mean distance $\bar d$ of the person's images. *Which way?* The energy asks whether images that
# are neighbours move alike: 0 if they do, 1 if their directions are orthogonal on average. The drawn images vary in head
# angle, age, hair, light and expression, as in {doc}`/notebooks/04_pretrained_energies`.

# %%
curves = [
    faces.Curves(who, n_points, seed=seed, attributes=PIXELS)
    for who in people[:n_curves]
]
moved = {name: clouds[name] for name in used}
moved["drawn"] = embed(curves, embedders, n_jobs=n_jobs)

# %%
energies = pd.concat(
    fingerprint.fingerprint(own, scales, n_jobs=n_jobs).assign(images=name)
    for name, own in moved.items()
)
groups = energies.groupby(["images", "network"], sort=False)
ranked = pd.concat(
    {place: fingerprint.ranking(own) for place, own in groups},
    names=["images", "network"],
).reset_index(["images", "network"])

# %% tags=["hide-input"]
moves = view.Column("displacement", "displacement, in mean distances")
agree = view.Column("energy", "energy at ε = 1", domain=(0, 1.2))
look = {"color": "images", "apart": True, "tips": ["isolated"]}
panels = [
    view.dots(
        ranked, x, "attribute", bars=(f"{x.name}_low", f"{x.name}_high"), **look
    )
    for x in (moves, agree)
]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pixels-photographs", "caption": "How far three changes of pixels move an embedding, and whether neighbours move alike (at ε = 1). Bars: 95 % intervals over people. Choose a network."}}
view.figure(
    *panels,
    choose="network",
    description="Brightness, hue and image quality in rows, with displacement "
    "and energy, one mark per kind of images.",
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-scale-photographs", "caption": "The energies against the scale ε, means over people, each kind of images with its own dash. Below, the share of images that have no neighbour: where it is large, an energy rests on few pairs. Choose a network."}}
view.energies_of_images(
    energies,
    order=[*moved],
    description="Curves of energy against the scale for three attributes, one "
    "dash per kind of images, and below them the share of isolated images.",
)

# %% tags=["hide-input"]
told = ranked.set_index(["network", "images", "attribute"])
columns = ["displacement", "energy", "isolated"]
told[columns].unstack("images").style.format(precision=2)

# %% tags=["hide-input"]
on_drawn = ranked[ranked.images == "drawn"].groupby("attribute")
mean_far = on_drawn.displacement.mean().sort_values()
mean_way = on_drawn.energy.mean().sort_values()

# %% tags=["remove-cell"]
view.say(
    far_least=mean_far.index[0].replace("_", " "),
    far_least_by=mean_far.iloc[0],
    far_most=mean_far.index[-1].replace("_", " "),
    far_most_by=mean_far.iloc[-1],
    way_far_least=mean_way[mean_far.index[0]],
    way_far_most=mean_way[mean_far.index[-1]],
    way_low=mean_way.iloc[0],
    way_high=mean_way.iloc[-1],
    n_curves=n_curves,
    n_points=n_points,
)

# %% [markdown]
# On drawn images ({glue:text}`n_curves` people with {glue:text}`n_points` images each), averaged over networks,
# {glue:text}`far_least` moves an embedding least, by {glue:text}`far_least_by:.2f` $\bar d$, and {glue:text}`far_most`
# most, by {glue:text}`far_most_by:.2f`. Their energies at ε = 1 lie between {glue:text}`way_low:.2f` and
# {glue:text}`way_high:.2f`. Read both together: {glue:text}`far_least` hardly moves an embedding, and yet neighbours
# agree on the direction, with a mean energy of {glue:text}`way_far_least:.2f` beside {glue:text}`way_far_most:.2f` for
# {glue:text}`far_most`. A small displacement *may* leave a direction that is noise; then the energy would be near 1.
#
# (side-photographs)=
# ## How to read the two side by side
#
# The changes are the same and the networks are the same. What else differs:
#
# * **What varies in a cloud.** $\bar d$ is the unit of both figures. An album in which a person is always seen from the
#   front has a small one, and every displacement is then larger.
# * **The cut.** A detector makes errors that a mesh does not make.
# * **Image quality as it came.** A photograph may be blurred, noisy or compressed before we change it. Blur does little
#   to a face that is blurred.
# * **How many images.** With few images per person most are isolated at small ε.
# * **Who is on them.** Both kinds of people are few, and neither stands for all people.
#
# So a difference is a question, not an answer. Equal orders of the three attributes are some evidence that the drawn
# ones can stand for photographs *in this respect*.
#
# (folder-photographs)=
# ## Your own folder
#
# ```
# python -m frlib.report PHOTOS/
# ```
#
# writes one page on your machine: faces found and not found, thresholds, who is confused with whom, which photographs
# may be in a wrong folder, what differs between two photographs of one person that lie far apart, and these energies.
# {doc}`/book/how_to_use` describes it.
#
# ## Summary
#
# On this page, we saw
# * what to settle before photographs are used, and where this book looks for them;
# * the two scales of drawn faces, of photographs where there are some, and in print;
# * three attributes that can be changed in any photograph, how far they move embeddings, and whether neighbours agree;
# * five reasons for which photographs and drawn faces may differ.
#
# ## Limits
#
# * Without photographs in the cache, nothing is measured on photographs. The site's own run had none, unless the page
#   says so above.
# * With them, it is a sample: {glue:text}`n_people` people at most, people with few photographs left out, faces that the
#   detector does not find left out.
# * The published numbers belong to other networks.
# * Head angle, age, hair colour, light and expression cannot be changed alone in a photograph. For these, drawn or
#   generated faces are all there is.

# %% [markdown]
# ## Quiz
#
# ```{quiz}
# ```

# %% [markdown]
# ## Exercises
#
# ```{exercise} The album (easy)
# :label: ex-album-photographs
# Two albums show the same ten people. In the first, all photographs of a person are from one afternoon; in the second,
# from twenty years. The same blur is put on all of them. In which album is its displacement larger, in units of
# $\bar d$, the mean distance of a person's images? Set `larger` to one of `"afternoon"`, `"twenty years"`, `"the same"`.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# Ask first in which album blur moves an embedding farther in the network's own distance, and then how large the unit is.
# ```
#
# ````{solution-start} ex-album-photographs
# :class: dropdown
# ````

# %% [markdown]
# Blur moves an image about as far in both, in the network's own distance. The photographs of one afternoon lie closer
# together, so $\bar d$ is smaller and the same distance is more of it. $d_{intra}$ and the ratio of the two scales are
# smaller in the first album too, while people are as far apart as before.

# %% tags=["solution"]
larger = "afternoon"

# %% tags=["check"]
why_not = {
    "twenty years": "There the images of a person lie far apart, and so the "
    "unit is large.",
    "the same": "The distance is about the same, but its unit is not.",
}
course.check(
    course.choice(
        "larger", larger, "afternoon", ["afternoon", *why_not], why_not
    )
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} The unit (medium)
# :label: ex-unit-photographs
# The figure gives displacements over the cloud's own $\bar d$. Take the drawn clouds of mobilefacenet,
# `moved["drawn"]["mobilefacenet"]`, and $d_{intra}$ of the portraits (in the table `ours`) as the unit instead. Which of
# the two would you compare between data sets? Set `over_d_intra` to the mean displacement by image quality,
# `cloud.displacements["image_quality"]`, over all images of all people, divided by $d_{intra}$: a number without unit.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# `ours` has one row for each kind of images and network.
# ```
#
# ````{solution-start} ex-unit-photographs
# :class: dropdown
# ````

# %% [markdown]
# The images of the curves vary over the whole range of head angle, age and hair, those of the portraits less. So
# $\bar d$ is larger than $d_{intra}$. A unit that is the same for all data sets, such as a network's threshold, is
# better to compare *how far*; the cloud's own is right for ε, which asks for neighbours in that cloud.

# %% tags=["solution"]
own = moved["drawn"]["mobilefacenet"]
far = [cloud.displacements["image_quality"].mean() for cloud in own]
over_d_intra = np.mean(far) / ours.d_intra["drawn", "mobilefacenet"]


# %% tags=["check"]
def mean_over(attribute, unit):
    """Return the mean displacement in some units, one for each cloud."""
    group = moved["drawn"]["mobilefacenet"]
    ends = [(c.minus[attribute], c.plus[attribute]) for c in group]
    apart = [geometry.pair_distances(*pair).diagonal().mean() for pair in ends]
    return float(np.mean(np.array(apart) / unit))


intra, inter = ours.loc[("drawn", "mobilefacenet"), ["d_intra", "d_inter"]]
by_cloud = [c.mean_distance for c in moved["drawn"]["mobilefacenet"]]
right = mean_over("image_quality", intra)
wrong = {
    "The unit is still that of each cloud.": (by_cloud, "image_quality"),
    "This is the distance between people.": (inter, "image_quality"),
    "Divide by a unit.": (1, "image_quality"),
    "This is another attribute.": (intra, "brightness"),
}
wrong = {why: mean_over(name, unit) for why, (unit, name) in wrong.items()}
course.check(
    course.number(
        "over_d_intra", over_d_intra, right, within=1e-4, mistakes=wrong
    )
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} Half the images (medium)
# :label: ex-half-photographs
# Of each drawn cloud of mobilefacenet, `moved["drawn"]["mobilefacenet"]`, every second image is lost: what stays is
# `cloud.points[::2]`. The mean distance changes little. And the neighbours? Set `left_alone` to the share of the images
# that stay and have no other one within 0.6 mean distances of the thinned cloud, a number in 0..1; mean over the clouds.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# `geometry.pair_distances(points)` is the matrix of distances, `geometry.mean_pair_distance(points)` their mean.
# ```
#
# ````{solution-start} ex-half-photographs
# :class: dropdown
# ````

# %% [markdown]
# A ball of the same radius holds half as many images on average, and those that had few are left with none. In the book's
# run 5 % of the images are alone in the whole clouds, and 18 % in the halves. An isolated image has no part in an energy,
# so energies at small ε of albums that differ in size are energies of different images.


# %% tags=["solution"]
def share_alone(points):
    """Return the share of points without a neighbour."""
    apart = geometry.pair_distances(points).numpy()
    apart[np.diag_indices_from(apart)] = np.inf
    radius = 0.6 * geometry.mean_pair_distance(points)
    return (apart > radius).all(axis=1).mean()


clouds_drawn = moved["drawn"]["mobilefacenet"]
left_alone = np.mean([share_alone(c.points[::2]) for c in clouds_drawn])


# %% tags=["check"]
def isolated(rows, scale):
    """Return the mean share of isolated images of parts of the clouds."""
    group = [c.only(rows) for c in moved["drawn"]["mobilefacenet"]]
    swept = [geometry.energy_sweep(c, [scale]) for c in group]
    return np.mean([table.isolated.iloc[0] for table in swept])


half = slice(None, None, 2)
right = isolated(half, 0.6)
wrong = {
    "These are all images; every second one is lost.": isolated(
        slice(None), 0.6
    ),
    "The radius is 0.6 mean distances, not one.": isolated(half, 1.0),
    "An image is no neighbour of its own.": 0.0,
}
course.check(
    course.number("left_alone", left_alone, right, within=1e-6, mistakes=wrong)
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} Two meanings of overlap (hard)
# :label: ex-overlap-photographs
# Suppose that distances inside people are normal with mean 0.4 and standard deviation 0.05, and those between people
# normal with mean 0.8 and standard deviation 0.25. This book and paper A measure their overlap differently. Which of the
# two is the smaller one, and why? Set `errors` to the smallest sum of both error rates of one threshold (ours), and
# `area` to the area that both densities share (theirs): numbers in 0..1, to 0.001.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# At how many places are both densities equal? A fine grid of distances does the rest.
# ```
#
# ````{solution-start} ex-overlap-photographs
# :class: dropdown
# ````

# %% [markdown]
# The area is the sum of both errors of the best rule there is, which says "one person" wherever that density is the higher
# one. The densities cross twice: the broad one is the higher one on the far left too, where a threshold must still say
# "one person". So the area is never the larger of the two, and both are equal where the densities cross once.

# %% tags=["solution"]
at = np.linspace(-1, 3, 400_001)
one, two = stats.norm(0.4, 0.05), stats.norm(0.8, 0.25)
errors = (one.sf(at) + two.cdf(at)).min()
area = np.minimum(one.pdf(at), two.pdf(at)).sum() * (at[1] - at[0])

# %% tags=["check"]
inside, between = stats.norm(0.4, 0.05), stats.norm(0.8, 0.25)
squares = np.array([1 / 0.05**2 - 1 / 0.25**2, -0.8 / 0.05**2 + 1.6 / 0.25**2])
rest = (0.4 / 0.05) ** 2 - (0.8 / 0.25) ** 2 - 2 * np.log(5)
left, cross = np.sort(np.roots([*squares, rest]))
of_one = inside.sf(cross) + between.cdf(cross)
shared = of_one - between.cdf(left) + inside.cdf(left)
wrong = {
    "errors": {
        "The sum is asked for, not the mean of both rates.": of_one / 2,
        "Another threshold than the middle does better.": (
            inside.sf(0.6) + between.cdf(0.6)
        ),
        "This is the area.": shared,
    },
    "area": {
        "This is what one threshold reaches.": of_one,
        "This is half of it.": shared / 2,
    },
}
course.check(
    course.number(
        "errors", errors, of_one, within=1e-3, mistakes=wrong["errors"]
    ),
    course.number("area", area, shared, within=1e-3, mistakes=wrong["area"]),
)

# %% [markdown]
# ````{solution-end}
# ````
#
# **To discuss.** A school has 20,000 photographs of its festivals. It asks you to sort them by child, so that parents get
# those of their own. Which of the numbers of this page would you need first? What would you ask before you compute any?

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
# # Fine-tuning
#
# *Can a network be taught to ignore one attribute, and does its energy tell?*
#
# ```{one-minute} fig-arrows-05
# It can be taught to move images less, relative to the spread of a person's images: with ArcFace surely for
# {glue:text}`displacement_down_ArcFace` of {glue:text}`n_attributes` attributes, against a training on nothing. The energy
# surely rises for {glue:text}`energy_up_ArcFace` of them ({numref}`fig-arrows-05`). It forgets how far images move, so it
# need not tell.
# ```
#
# ```{admonition} Goals
# :class: tip
# After this chapter you can
# * fine-tune a face network on fixed images and their variations, with a loss that needs no class weights;
# * read the loss and the energy of every attribute under every fine-tuning as two matrices, with their uncertainty;
# * tell whether an energy rises because directions scatter or because images move less;
# * say what a fine-tuned network gains and what it forgets.
# ```
#
# **Prerequisites.** {doc}`/notebooks/04_pretrained_energies`.
#
# **Reading time.** About 20 minutes.
#
# ```{run-card}
# ```
#
# **Data and licences.** Faces drawn by `frlib.faces`; no photograph. {doc}`/book/data_models_ethics` has a card for each
# network that is trained further here.

# %% [markdown]
# ## The claim
#
# Chapter 4 measured which attributes a network ignores. If a high energy means that a network ignores an attribute, then
# teaching it to ignore one should raise the energy of that attribute, and of no other as much. Paper A
# {cite}`leroy2025attributes` does this. It starts from two networks, one trained with ArcFace and one with AdaFace. For
# each of eight attributes it makes a training set of *fixed images* and their variations in this attribute alone, and
# trains on. It claims:
# 1. on test images that vary in an attribute, the network that was fine-tuned on this attribute has the lowest loss;
# 2. the area under its ROC curve is about 1 there;
# 3. after min-max scaling over the fine-tunings, the energy of every attribute is highest under its own fine-tuning: the
#    maxima of the columns lie on the diagonal;
# 4. both margins give the same picture;
# 5. all this works with a loss without class weights: the embedding of an identity's fixed image takes their place.
#
# No code of it was published and no number could be recovered: neither sizes nor rates, nor the scale of the energies. The
# code of this chapter is our own.
#
# ### The rules, fixed beforehand
#
# These rules were written, and stored in the history of this file, before any energy of a fine-tuned network was looked
# at. Known were the validation losses of some trial runs (mobileface), from which the learning rate comes, and the
# result of a rough trial with another network, one seed and other sizes: the energy was highest under its own
# fine-tuning for 6 of 8 attributes at ε = 0.6 and 0.8 and for 5 of 8 at 1.0 and 1.5.
#
# One whole run came before the one on this page and was looked at. It had a rate of 0.003 for both margins, under which
# AdaFace left the loss above where it began in many runs. The rates were then chosen anew, by validation losses, and
# the rules were left as they are. In that run, ArcFace had 3 to 5 maxima on the diagonal, and displacements fell
# where energies did not rise. A second whole run had the rates of this page and the same numbers; after it, the last two
# sections of *One step further* were made shorter, for their time.
#
# The units are seeds (of the training people, the fixed images and the order of the batches) and test people. Both are
# drawn anew, with replacement, and crossed. A *place* is one attribute under one margin, for energies also at one scale.
# * *Claims 1 and 3*: a place surely holds if the own fine-tuning is the extreme one of the eight in at least 95 % of the
#   draws, and surely fails if it is so in at most 5 %. The word is *yes* if all places surely hold, *partly* if some do,
#   *no* if all surely fail, and *undecided* otherwise. For claim 1 a place is tested if the loss before fine-tuning is at
#   least 0.05: where nothing is left to learn, the lowest of eight losses is chance. For claim 3 a scale counts if, in
#   every network and for every attribute, fewer than half of the points are isolated.
# * *Claim 2*: a place surely holds if the 95 % interval of the AUC over people lies above 0.99 in every seed, and surely
#   fails if it lies below in every seed. The base network stands beside: where its AUC is already 1, fine-tuning has
#   nothing to show.
# * *Claim 4*: the change of the energy against the base network has one value per attribute and fine-tuning. The claim
#   holds at a scale if the correlation of the two margins over these values surely exceeds 0.5 (95 % interval over the
#   draws), and fails if it surely lies below.
# * *Claim 5*: a place surely holds if the own loss on test images is lower after than before in at least 95 % of the
#   draws, and surely fails if it is so in at most 5 %.
#
# Beside each count of maxima on the diagonal stands its exact *p*: how often as many lie there if the names of the
# fine-tunings are exchanged in all 8! orders.
#
# *Added after the runs*: one scale of 17 had given *partly* to claim 4. But scales share most of their pairs of points, and
# are no independent tests. So *partly* for claim 4 now asks for at least half of the scales, and for claim 3 for more sure
# places than 95 % of all orders of the names give. With fewer the word is *undecided*. This can only take a *partly* away.

# %% tags=["parameters"]
profile = "book"  # smoke, book or paper
seed = 0
device = "auto"
networks = ""  # more names of frlib.models.available(), with commas

# %% tags=["hide-input"]
import itertools
import math

import numpy as np
import pandas as pd
import torch
from scipy.cluster import hierarchy

# %% tags=["hide-input"]
from frlib import course, fingerprint, geometry, runtime, view
from frlib.clouds import Cloud, embed
from frlib.faces import ATTRIBUTES, Curves, Portraits, sample_identities
from frlib.fingerprint import verdicts
from frlib.models import DEFAULT_NETWORKS, chosen, load
from frlib.training import NOTHING, AdaFace, ArcFace, draw_variations
from frlib.training import finetune_each, fixed_image_loss, variation_losses

# %% tags=["hide-input"]
device = runtime.start(seed, device)
view.enable()
n_train, n_validation, n_test, n_seeds, n_people, n_points, epochs = {
    "smoke": (4, 2, 4, 2, 2, 8, 1),
    "book": (40, 8, 20, 3, 6, 32, 6),
    "paper": (200, 40, 100, 5, 20, 100, 10),
}[profile]

# %% tags=["hide-input"]
names = list(ATTRIBUTES)[: 4 if profile == "smoke" else None]
words = [name.replace("_", " ") for name in names]
scales = (np.arange(2, 21) / 10).tolist()
seeds = range(n_seeds)

# %% [markdown]
# ## Training sets
#
# Each person has one *fixed image* with random head angle, age, hair colour, light and expression. The two ends of the
# curve through it along one attribute, a step down and a step up as in {numref}`fig-curves-04`, are its two
# *variations*. The paper also has two per attribute. That makes eight training sets that share their fixed images and
# differ in the attribute alone. Two more tell what the eight are to be compared with:
# * *all*: the variations of all attributes, shown for two epochs: {glue:text}`all_images` images of each person in
#   {glue:text}`all_steps` steps, where the others see {glue:text}`own_images` in {glue:text}`own_steps`;
# * *nothing*: two copies of the fixed image. The training is as long, and there is nothing to learn to ignore.

# %%
total = n_seeds * n_train + n_validation + n_test + n_people
people = iter(sample_identities(total, seed=seed + 5))
train_people = [list(itertools.islice(people, n_train)) for _ in seeds]
others = [list(itertools.islice(people, n)) for n in (n_validation, n_test)]
validation_people, test_people = others
energy_people = list(people)


# %%
def variations(group, seed):
    """Draw the fixed images and variations of some people."""
    return draw_variations([Curves(who, 1, seed=seed) for who in group])


training = [variations(who, seed + k) for k, who in enumerate(train_people)]
validation = variations(validation_people, seed + n_seeds)

# %% tags=["hide-input"]
three = [training[0].only([a]) for a in names[:3]]
rows = list(itertools.product(range(3), three))
shown = [(s.varied[k, 0], s.fixed[k], s.varied[k, 1]) for k, s in rows]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-sets-05", "caption": "Three people of the first training set. The fixed image stands in the middle; to its left and right are the two variations of three of the sets: head angle, age and hair colour."}}
view.image_grid(
    torch.stack([image for row in shown for image in row]).numpy(),
    rows=[f"{k + 1}: {w}" for k in range(3) for w in words[:3]],
    columns=["step down", "fixed image", "step up"],
    description="Three drawn people, each with a step down and a step up of "
    "head angle, age and hair colour around one fixed image.",
)

# %% [markdown]
# ## The loss
#
# A face network is trained with a class for every person: a weight vector $w_j$ each, and a softmax over the cosines
# between an embedding and all of them. A *margin* makes the right class harder to reach than it is, so that training
# does not stop when the classes are just apart. ArcFace {cite}`deng2019arcface` adds it to the angle:
#
# ```{math}
# :label: eq-loss-05
# L = -\log \frac{e^{s \cos(\theta_i + m)}}{e^{s \cos(\theta_i + m)} + \sum_{j \neq i} e^{s \cos \theta_j}} ,
# \qquad \theta_j = \angle(f(x), w_j).
# ```
#
# AdaFace {cite}`kim2022adaface` makes the margin depend on the length of the embedding, which it takes for the quality of
# the image: with $\hat n$ the length, brought to $-1..1$ by a running mean and deviation, the target becomes
# $\cos(\theta_i - m \hat n) - m - m \hat n$.
#
# New people have no class weights. The *parameter-free* form puts the fixed image in their place, $w_j = f(x_j^0)$, and
# scores the variations: they must lie closer to the fixed image of their own person than to all others. The
# paper does not say whether the gradient goes through the $w_j$, nor whether the fixed image is scored too. Here it does,
# since both ends of the angle belong to the same network, and the fixed image is not scored: its angle is 0 whatever
# the network does.
#
# The scale is $s = 30$ in place of 64. With few people, 64 leaves most losses at zero from the start. AdaFace begins
# with the mean and deviation of the lengths that the base network gives the training images.

# %%
base = load("mobileface", device=device)
lengths = base.embed(training[0].fixed, progress=False).norm(dim=1)
start = {"mean": float(lengths.mean()), "deviation": float(lengths.std())}
margins = {
    "ArcFace": ArcFace(scale=30.0),
    "AdaFace": AdaFace(scale=30.0, **start),
}
rates = {"ArcFace": 0.001, "AdaFace": 0.0003}

# %%
tuned = {}
for k, (margin, head) in itertools.product(seeds, margins.items()):
    run = {"margin": head, "seed": seed + k, "patience": epochs}
    run |= {"learning_rate": rates[margin]}
    own = [(a, training[k].only([a])) for a in (*names, NOTHING)]
    sets = {f"{a}, {margin}, {k}": images for a, images in own}
    run |= {"keep_epochs": margin == "ArcFace" and k == 0}
    tuned |= finetune_each(base, sets, validation, epochs=epochs, **run)
    every = {f"all, {margin}, {k}": training[k].only(names)}
    tuned |= finetune_each(base, every, validation, epochs=2, **run)

# %%
runs = pd.DataFrame(
    [name.split(", ") for name in tuned],
    columns=["trained on", "margin", "seed"],
)
runs = runs.assign(network=list(tuned), seed=runs.seed.astype(int))
history = [t.history.assign(network=name) for name, t in tuned.items()]
history = pd.concat(history).merge(runs)

# %% [markdown]
# Stochastic gradient descent with momentum 0.9 and weight decay 5·10⁻⁴, the values that the paper's loss libraries use by
# default. Sizes, rates and epochs are not in the paper; ours are {glue:text}`n_train` people, batches of 10 people, a rate
# of 0.001 with ArcFace and 0.0003 with AdaFace, {glue:text}`epochs` epochs. The network with the lowest validation loss is kept.

# %% tags=["hide-input"]
keys = ["epoch", "trained on", "margin"]
long = history.melt([*keys, "seed"], names, "attribute", "loss")
learning = long.groupby([*keys, "attribute"], sort=False).loss
learning = learning.agg(["mean", "min", "max"]).reset_index()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-learning-05", "caption": "Validation loss of every attribute along the training, for the run that you choose; mean over seeds, bands from the smallest to the largest. Choose the run on nothing: losses fall although the network never saw an attribute vary."}}
epoch = view.Column("epoch", ticks=range(epochs + 1))
loss = view.Column("mean", "validation loss, nats", log=True)
looks = {"color": "attribute", "band": ("min", "max")}
view.figure(
    view.curves(learning, epoch, loss, **looks),
    choose=["trained on", "margin"],
    description="Curves of validation loss against the epoch on a logarithmic "
    "axis, one per attribute, for the chosen training set and margin.",
)

# %% [markdown]
# ## From networks to clouds
#
# All networks see the same people, whom no run has seen: {glue:text}`n_test` test people with one fixed image and its
# variations, the same people in varied *portraits*, and {glue:text}`n_people` people with
# {glue:text}`n_points` centres each for the energies. The networks are ordinary embedders, so `embed` and `fingerprint`
# take them as they are.

# %%
every_network = [base, *tuned.values()]
centres = [Curves(who, n_points, seed=seed) for who in energy_people]
tests = [Curves(who, 1, seed=seed + n_seeds + 1) for who in test_people]
albums = [Portraits(who, 6, seed=seed) for who in test_people]
found = embed([*centres, *tests, *albums], every_network)


# %%
ends = np.cumsum([0, len(centres), len(tests), len(albums)])
clouds, test_clouds, album_clouds = (
    {n: own[first:last] for n, own in found.items()}
    for first, last in itertools.pairwise(ends)
)
energies = fingerprint.fingerprint(clouds, scales, device=device)

# %% tags=["remove-cell"]
batches = max(1, round(n_train / 10))
view.say(
    all_images=2 * (1 + 2 * len(names)),
    all_steps=2 * batches,
    own_images=3 * epochs,
    own_steps=epochs * batches,
)

# %% tags=["remove-cell"]
view.say(
    epochs=epochs,
    n_attributes=len(names),
    n_train=n_train,
    n_test=n_test,
    n_people=n_people,
    n_points=n_points,
    n_seeds=n_seeds,
    n_runs=len(tuned),
)

# %% [markdown]
# (test-loss-05)=
# ## The loss on test images
#
# For each network and each attribute: the loss of {eq}`eq-loss-05` on the test people's variations, with the fixed images
# of all test people as the negatives and AdaFace's statistics frozen where they began, so that networks differ in their
# embeddings alone.


# %%
def losses_of(network, margin):
    """Return the losses of the test people (identities, attributes)."""
    return variation_losses(test_clouds[network], margins[margin])[names]


def loss_array(margin, trained=names):
    """Return losses (seeds, identities, trained on, tested on)."""
    rows = [[f"{a}, {margin}, {k}" for a in trained] for k in seeds]
    found = [[losses_of(n, margin) for n in row] for row in rows]
    return np.moveaxis(np.array(found), 1, 2)


# %%
loss_before = {m: losses_of(base.name, m).to_numpy() for m in margins}
extra = ["all", NOTHING]
losses = {m: loss_array(m, [*names, *extra]) for m in margins}

# %% tags=["hide-input"]
everything = [*names, *extra, "before"]
mean_loss = [
    np.vstack([losses[m].mean(axis=(0, 1)), loss_before[m].mean(axis=0)])
    for m in margins
]
axes = {"margin": [*margins], "trained on": everything, "attribute": names}
tiles = fingerprint.table_of(mean_loss, "loss", **axes)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-losses-05", "caption": "Loss on test images: one row per fine-tuning, one column per attribute that is varied, mean over test people and seeds; dots mark the diagonal. Compare the last two rows: how much of each column goes after training on nothing. The colours are logarithmic."}}
by_row = view.Column("trained on", order=everything)
by_column = view.Column("attribute", order=names)
nats = view.Column("loss", "loss on test images, nats", log=True)
view.figure(
    view.matrix(tiles, by_column, by_row, nats),
    choose="margin",
    description="A matrix of test losses, fine-tuned on by tested on. The row "
    "before is the highest.",
)

# %% [markdown]
# How sure is it that the own loss is the lowest of all, and that it is lower than before? Shares of draws of seeds
# and test people:


# %% tags=["hide-input"]
def share_on_diagonal(values, **which):
    """Return the share of draws with the extreme of a column on it."""
    draws = geometry.crossed_means(values, seed=seed)
    return geometry.on_diagonal(draws, **which).mean(axis=0)


# %% tags=["hide-input"]
def loss_shares(margin):
    """Return what the rules ask of the losses, one row per attribute."""
    own, before = losses[margin][:, :, : len(names)], loss_before[margin]
    gain = np.diagonal(own, axis1=2, axis2=3) - before
    lower = geometry.crossed_means(gain, seed=seed) < 0
    yield "loss before", before.mean(axis=0)
    yield "loss after", np.diagonal(own.mean(axis=(0, 1)))
    yield "own is lowest", share_on_diagonal(own, highest=False)
    yield "lower than before", lower.mean(axis=0)


# %% tags=["hide-input"]
asked = [pd.DataFrame(dict(loss_shares(m)), index=words) for m in margins]
asked = pd.concat(asked, keys=margins, names=["margin", "attribute"])
asked.unstack("margin").loc[words].style.format("{:.2f}")


# %% tags=["hide-input"]
def lowest_of(margin):
    """Return how many own losses are the lowest in the means, in words."""
    mean = losses[margin].mean(axis=(0, 1))[: len(names)]
    count = geometry.on_diagonal(mean, highest=False).sum()
    p = geometry.diagonal_p(mean, highest=False)
    return f"{count} of {len(names)} (p = {p:.3f}) with {margin}"


# %% tags=["hide-input"]
sure = asked["own is lowest"][asked["loss before"] >= 0.05]
lowest = " and ".join(map(lowest_of, margins))
view.verdict(
    "finetune-own-loss",
    verdicts.by_shares(sure),
    f"In the means the own fine-tuning has the lowest loss for {lowest}. Of "
    f"{len(sure)} places with a loss of at least 0.05 before, it surely holds "
    f"at {(sure >= 0.95).sum()} and surely fails at {(sure <= 0.05).sum()}.",
)

# %% [markdown]
# With AdaFace each loss before is {glue:text}`ada_low:.2f` or more. It is that of people who lie too close, so the limit of
# 0.05 leaves nothing out.


# %% tags=["hide-input"]
def below_nothing(margin):
    """Return the share of draws with the own loss below the control's."""
    own, idle = losses[margin][:, :, : len(names)], losses[margin][:, :, -1]
    gap = np.diagonal(own, axis1=2, axis2=3) - idle
    return (geometry.crossed_means(gap, seed=seed) < 0).mean(axis=0)


# %% tags=["hide-input"]
lower = asked["lower than before"]
below = np.array([below_nothing(m) for m in margins])
view.verdict(
    "finetune-parameter-free",
    verdicts.by_shares(lower),
    f"The own loss on test people is surely lower than before at "
    f"{(lower >= 0.95).sum()} of {len(lower)} places (attribute and margin), "
    "with fixed images as centres and nothing trained but the network. "
    "Against training on nothing it is surely lower at "
    f"{verdicts.count_sure(below)}.",
)


# %% tags=["hide-input"]
def falls_of(margin):
    """Return the falls of each loss, in percent, and the control's share."""
    of = asked.loc[margin]
    after = {"own": of["loss after"]}
    after["nothing"] = losses[margin].mean(axis=(0, 1))[-1]
    gone = {k: 100 * (1 - v / of["loss before"]) for k, v in after.items()}
    return pd.DataFrame(gone | {"share": 100 * gone["nothing"] / gone["own"]})


fallen = {margin: falls_of(margin) for margin in margins}
room = asked.loc["ArcFace"].query("`loss before` >= 0.05").index

# %% tags=["remove-cell"]
view.say(
    gain_low=fallen["ArcFace"].own.min(),
    gain_high=fallen["ArcFace"].own.max(),
    idle_low=fallen["ArcFace"].nothing.min(),
    idle_high=fallen["ArcFace"].nothing.max(),
    share_low=fallen["AdaFace"].share.min(),
    share_middle=fallen["AdaFace"].share.median(),
    ada_low=asked.loc["AdaFace"]["loss before"].min(),
    n_room=len(room),
    room=", ".join(room),
)

# %% [markdown]
# The own fine-tuning takes away {glue:text}`gain_low:.0f` to {glue:text}`gain_high:.0f` % of the loss of an attribute
# (ArcFace). But the control that saw nothing but copies takes away {glue:text}`idle_low:.0f` to
# {glue:text}`idle_high:.0f` %. With AdaFace nearly all of the fall needs no variation: the control reaches
# {glue:text}`share_low:.0f` % of it or more, and {glue:text}`share_middle:.0f` % in the median attribute. A loss has two
# sides: it falls when variations come closer to their fixed image, and also when different people move apart. The second
# needs no variation at all. So a falling loss is no sign that an attribute is ignored; what counts is the difference to
# the control. Above 0.05 before fine-tuning, with ArcFace, are {glue:text}`n_room` attributes: {glue:text}`room`.

# %% [markdown]
# (recognition-05)=
# ## Recognition under the own attribute
#
# All pairs among the test people's fixed images and their variations in one attribute: is a pair of one person closer
# than a pair of two?


# %%
def varied_in(attribute, own):
    """Return clouds of fixed images and their variations in an attribute."""
    ends = [(c.points, c.minus[attribute], c.plus[attribute]) for c in own]
    return [
        Cloud(torch.cat(e), metric=c.metric, identity=c.identity)
        for e, c in zip(ends, own, strict=True)
    ]


# %%
single = runs[runs["trained on"].isin(names)]
own_clouds = {
    n: varied_in(a, test_clouds[n])
    for n, a in zip(single.network, single["trained on"], strict=True)
}
after = geometry.recognition_table(own_clouds).reset_index().merge(runs)
base_clouds = {a: varied_in(a, test_clouds[base.name]) for a in names}
before = geometry.recognition_table(base_clouds).rename_axis("trained on")
before = before.reset_index().assign(margin="before")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-auc-05", "caption": "Area under the ROC curve on the test images of one attribute: the base network, and the networks that were fine-tuned on this attribute, one dot per seed and margin. Bars: 95 % interval over test people. Where the base is already at 1, there is nothing to gain."}}
area = view.Column("auc", "AUC on the attribute's test images")
tint = view.Column("margin", order=["before", *margins])
looks = {"color": tint, "apart": True, "bars": ("auc_low", "auc_high")}
both = pd.concat([before, after])
view.figure(
    view.dots(both, area, by_row, tips=["seed", "eer"], **looks),
    description="Dots with intervals per attribute: base network, ArcFace and "
    "AdaFace fine-tunings.",
)

# %% tags=["hide-input"]
groups = after.groupby(["margin", "trained on"])
low, high = groups.auc_low.min(), groups.auc_high.max()

# %% tags=["hide-input"]
view.verdict(
    "finetune-auc",
    verdicts.over_places(low > 0.99, high < 0.99),
    f"After fine-tuning the AUC on the own attribute is {after.auc.min():.4f} "
    f"to {after.auc.max():.4f} over attributes, seeds and margins, and surely "
    f"above 0.99 at {(low > 0.99).sum()} of {len(low)} places. Before, it is "
    f"{before.auc.min():.4f} to {before.auc.max():.4f}, and above 0.99 for "
    f"{(before.auc > 0.99).sum()} of {len(names)} attributes: there the claim "
    "says little.",
)

# %% [markdown]
# An interval of this kind is a point where no pair is out of order: at an AUC of 1 it can not tell how rare an error is that
# was never seen. "Surely" is then worth no more than the number of people.
#
# ### Along the training
#
# The networks of the first ArcFace seed were kept after every epoch. For one of them: the ROC curve on its own attribute,
# and the distances from the fixed image to its variations in every attribute and to other people.


# %%
def epochs_of(attribute):
    """Return the network of each epoch; the first is the base network."""
    run = tuned[f"{attribute}, ArcFace, 0"]
    return [base, *(run.at(k) for k in range(1, len(run.history)))]


every_epoch = {a: epochs_of(a) for a in names}
later = [e for own in every_epoch.values() for e in own[1:]]
control = epochs_of(NOTHING)[-1]
along = embed([*tests, centres[0]], [base, *later, control])
steps = {a: [along[e.name] for e in own] for a, own in every_epoch.items()}


# %% tags=["hide-input"]
def to_variations(own, attribute):
    """Return the mean distance from fixed images to their variations."""
    ends = [(c.points, e[attribute]) for c in own for e in (c.minus, c.plus)]
    return np.mean([float(geometry.displacement(*pair)) for pair in ends])


def to_others(own):
    """Return the mean distance between fixed images of two people."""
    fixed = torch.cat([c.points for c in own])
    return geometry.mean_pair_distance(fixed)


# %% tags=["hide-input"]
places = [(a, k) for a, own in steps.items() for k in range(len(own))]
at_step = {place: steps[place[0]][place[1]][:n_test] for place in places}
moved = pd.DataFrame(
    {"trained on": a, "epoch": k} | {to: to_variations(own, to) for to in names}
    for (a, k), own in at_step.items()
).melt(["trained on", "epoch"], names, "to", "distance")

# %% tags=["hide-input"]
apart = pd.DataFrame(
    {"trained on": a, "epoch": k, "distance": to_others(own)}
    for (a, k), own in at_step.items()
)


# %% tags=["hide-input"]
def roc_of(attribute, k):
    """Return the ROC curve on the own attribute after an epoch."""
    own = varied_in(attribute, at_step[attribute, k])
    curve = geometry.error_curve(own, at_most=60)
    place = {"trained on": attribute, "step": f"epoch {k}"}
    return curve[curve.far > 0].assign(**place)


some = sorted({0, 1, 2, epochs})
rocs = pd.concat(roc_of(a, k) for a, k in places if k in some)

# %% tags=["hide-input"]
far = view.Column("far", "false accept rate", log=True, format="~%")
tar = view.Column("tar", "true accept rate", format="~%")
distance = view.Column("distance", "mean distance, 1 − cos", log=True)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-along-05", "caption": "Along the training of the run that you choose. Left: ROC curves on the images that vary in its own attribute; the curve of a better network lies higher. Right: mean cosine distance from the fixed image to its variations, and, dashed, to the fixed images of other people. See whether the variations come closer, or the others move away."}}
view.figure(
    view.curves(rocs, far, tar, color="step", points=False),
    view.curves(moved, epoch, distance, color="to")
    + view.guide(apart, x="epoch", y="distance"),
    choose="trained on",
    shared=False,
    description="Two panels for the chosen run: ROC curves after some epochs, "
    "and distances to variations and to other people against the epoch.",
)


# %% tags=["hide-input"]
def distances_of(attribute):
    """Return mean distances before, after, and after training on nothing."""
    own = {"before": steps[attribute][0], "after": steps[attribute][-1]}
    own |= {"after nothing": along[control.name]}
    for when, found in own.items():
        yield ("own variations", when), to_variations(found[:n_test], attribute)
        yield ("other people", when), to_others(found[:n_test])


# %% tags=["hide-input"]
reach = pd.DataFrame({a: dict(distances_of(a)) for a in names}).T
reach = reach[["own variations", "other people"]].set_axis(words)
reach.style.format("{:.3f}")

# %% tags=["hide-input"]
near, off = reach["own variations"], reach["other people"]
farther = 100 * (off.after / off.before - 1)
ratio = near / off

# %% tags=["remove-cell"]
view.say(
    not_nearer=(near.after >= near.before).sum(),
    nearer_than_idle=(near.after < near["after nothing"]).sum(),
    ratio_falls=(ratio.after < ratio.before).sum(),
    off_low=farther.min(),
    off_high=farther.max(),
    off_idle=100 * (off["after nothing"] / off.before - 1).iloc[0],
)

# %% [markdown]
# The table has both distances, $1 - \cos$: before, after the last epoch, and after that of the run on nothing. The own
# variations are no nearer than before in {glue:text}`not_nearer` of {glue:text}`n_attributes` runs, and nearer than after
# nothing in {glue:text}`nearer_than_idle`. It is the others who move away: by {glue:text}`off_low:.0f` to
# {glue:text}`off_high:.0f` %, and by {glue:text}`off_idle:.0f` % in the run on nothing. What falls, in
# {glue:text}`ratio_falls` runs, is the ratio of the two. So training on an attribute also moves people apart, and more than
# training on nothing does: the difference to the control does not measure how much closer variations come.

# %% [markdown]
# (energies-05)=
# ## The energies
#
# One matrix per margin and scale: a row for each fine-tuning, a column for each attribute, the mean energy over
# {glue:text}`n_people` new people and {glue:text}`n_seeds` seeds. The paper shows one such matrix per network, with each
# column brought to 0..1, at a scale that it does not give. Move ε.


# %%
every = energies.merge(runs, on="network", how="left")
who = sorted(set(every.identity))


def energy_array(margin, column="energy", trained=names):
    """Return values (seeds, identities, scales, trained on, attributes)."""
    axes = {"seed": seeds, "identity": who, "scale": scales}
    axes |= {"trained on": trained, "attribute": names}
    return fingerprint.array_of(every[every.margin == margin], column, **axes)


# %%
def base_array(column="energy"):
    """Return values of the base network (identities, scales, attributes)."""
    own = every[every.network == base.name]
    return fingerprint.array_of(
        own, column, identity=who, scale=scales, attribute=names
    )


# %%
cubes = {m: energy_array(m) for m in margins}
isolated = energies.groupby(["scale", "network", "attribute"]).isolated.mean()
worst = isolated.groupby("scale").max()
at = [k for k, scale in enumerate(scales) if worst[scale] < 0.5]
usable = [scales[k] for k in at]
one = scales.index(1.0)

# %% tags=["hide-input"]
further = {m: energy_array(m, trained=extra).mean(axis=(0, 1)) for m in margins}
alone = base_array().mean(axis=0)[:, None]
as_is = [
    np.concatenate([cubes[m].mean(axis=(0, 1)), further[m], alone], axis=1)
    for m in margins
]
axes = {"margin": [*margins], "ε": scales, "trained on": everything}
raw = fingerprint.table_of(as_is, "energy", **axes, attribute=names)
raw = raw[raw["ε"].isin(usable)]

# %% tags=["hide-input"]
scaled = [
    geometry.rescaled_columns(cubes[m].mean(axis=(0, 1))) for m in margins
]
axes |= {"trained on": names, "attribute": names}
scaled = fingerprint.table_of(scaled, "rescaled energy", **axes)
scaled = scaled[scaled["ε"].isin(usable)]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-energies-05", "caption": "Energies after fine-tuning, at the scale of the slider. Left: as they are, with the base network and the two further runs. Right: each column brought to 0..1 over the eight fine-tunings, as in the paper. Dots mark the diagonal; the claim is that each column is brightest there. See on the left how small the differences are that rescaling blows up."}}
view.figure(
    view.matrix(raw, by_column, by_row, "energy"),
    view.matrix(scaled, by_column, "trained on", "rescaled energy"),
    choose={"margin": "ArcFace", "ε": 1.0},
    titles=["As they are", "Each column from 0 to 1"],
    shared=False,
    description="Two matrices of energies at the chosen scale, fine-tuned on "
    "by measured: as they are, and with every column rescaled.",
)

# %% [markdown]
# How many of the column maxima lie on the diagonal, and how sure is each? At all usable scales, since the paper's
# is unknown.

# %%
shares = {m: share_on_diagonal(cube[:, :, at]) for m, cube in cubes.items()}
means = {m: cube.mean(axis=(0, 1))[at] for m, cube in cubes.items()}

# %%
held = {m: geometry.on_diagonal(v).sum(axis=1) for m, v in means.items()}
counts = {
    "in the means": held,
    "surely": {m: (v >= 0.95).sum(axis=1) for m, v in shares.items()},
    "p": {m: [geometry.diagonal_p(v) for v in own] for m, own in means.items()},
}

# %% tags=["hide-input"]
axes = {"margin": [*margins], "scale": usable}
counted = pd.concat(
    fingerprint.table_of(list(own.values()), "maxima", **axes).assign(kind=kind)
    for kind, own in counts.items()
    if kind != "p"
)
chance = fingerprint.table_of(list(counts["p"].values()), "p", **axes)
counted = counted.merge(chance)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-counts-05", "caption": "How many of the column maxima lie on the diagonal, at every usable scale: in the means (solid), and surely, in at least 95 % of the draws of seeds and people (dashed). The level line at 1 is what names in random order give on average. The tooltip has the exact p of the count in the means."}}
number = view.Column("maxima", "maxima on the diagonal", domain=(0, len(names)))
scale = view.Column("scale", "scale ε, in mean pair distances")
looks = {"color": "margin", "dash": "kind", "tips": ["p"]}
view.figure(
    view.guide(y=1) + view.curves(counted, scale, number, **looks),
    description="Counts of column maxima on the diagonal against the scale, "
    "for both margins, in the means and surely.",
)


# %% tags=["hide-input"]
def range_of(margin):
    """Return the counts and p values of a margin in words."""
    count, p = (counts[kind][margin] for kind in ("in the means", "p"))
    chance = f"p from {min(p):.4f} to {max(p):.4f}"
    return f"{min(count)} to {max(count)} ({chance}) with {margin}"


def named(which):
    """Return the attributes of a mask in words."""
    found = [word for word, held in zip(words, which, strict=True) if held]
    return ", ".join(found) or "none"


# %% tags=["hide-input"]
places = np.stack(list(shares.values()))
there, elsewhere = places >= 0.95, places <= 0.05
maxima = " and ".join(map(range_of, margins))
at_all = [named(sure.all(axis=(0, 1))) for sure in (there, elsewhere)]


# %% tags=["hide-input"]
def shares_of_rows(values):
    """Return the share of draws in which each row has a column's maximum."""
    highest = geometry.crossed_means(values, seed=seed).argmax(axis=-2)
    rows = np.arange(values.shape[-1])[:, None]
    return (highest[..., None, :] == rows).mean(axis=0)


# %% tags=["hide-input"]
rows = np.stack([shares_of_rows(cube[:, :, at]) for cube in cubes.values()])
wins = (rows >= 0.95).sum(axis=(0, 1))
orders = np.array(list(itertools.permutations(range(len(names)))))
by_names = wins[orders, range(len(names))].sum(axis=1)
by_names_p = (by_names >= there.sum()).mean()

# %% tags=["hide-input"]
view.verdict(
    "finetune-diagonal",
    verdicts.over_places(there & (by_names_p <= 0.05), elsewhere),
    f"In the means, {maxima} of {len(names)} column maxima lie on the "
    f"diagonal, over ε from {usable[0]} to {usable[-1]}. Of {places.size} "
    f"places (margin, attribute, scale) the maximum is surely there at "
    f"{there.sum()} and surely elsewhere at {elsewhere.sum()}. Names in random "
    f"order put {by_names.mean():.0f} of these there on average, and "
    f"{there.sum()} or more with p = {by_names_p:.3f}. The scales are no "
    f"independent tests. Surely there at all scales under both margins: "
    f"{at_all[0]}; surely elsewhere: {at_all[1]}.",
)

# %% tags=["hide-input"]
first = at.index(one) if one in at else 0
highest = {m: means[m][first].argmax(axis=0) for m in margins}
pd.DataFrame(
    {f"highest after, {m}": [words[k] for k in highest[m]] for m in margins},
    index=pd.Index(words, name=f"energy at ε = {usable[first]}"),
)

# %% [markdown]
# A maximum off the diagonal is not always a rise. Where a fine-tuning lowers the energy of its own attribute, the
# maximum of the column goes to a run that changed little, such as one on an attribute whose loss was near zero from the
# start. Rescaling hides this; the rows *nothing* and *before* of the left matrix show it.
#
# ### Do both margins agree?
#
# The change of each energy against the base network, under ArcFace and under AdaFace: 64 values each, at every scale. A
# drift that all trainings share is in these changes and counts as agreement. Beside them stand the changes against
# *nothing*, without this drift.


# %% tags=["hide-input"]
def agreement_of(change):
    """Return the correlation of two margins with its interval, by scale."""
    pairs = [[v[:, :, k] for v in change.values()] for k in at]
    return pd.DataFrame(
        [geometry.crossed_correlation(*pair, seed=seed) for pair in pairs],
        columns=["correlation", "low", "high"],
        index=pd.Index(usable, name="scale"),
    )


# %% tags=["hide-input"]
undone = {m: energy_array(m, trained=[NOTHING]) for m in margins}
since = {m: cubes[m] - base_array()[:, :, None] for m in margins}
agreement = agreement_of(since)
without_drift = agreement_of({m: cubes[m] - undone[m] for m in margins})

# %% tags=["hide-input"]
winners = [
    [m.argmax(axis=0) for m in own] for own in zip(*means.values(), strict=True)
]
same = [int((first == second).sum()) for first, second in winners]
above, below = agreement.low > 0.5, agreement.high < 0.5

# %% tags=["hide-input"]
view.verdict(
    "finetune-margins-agree",
    verdicts.over_places(above & (above.mean() >= 0.5), below),
    f"The correlation of the changes of energy is "
    f"{agreement.correlation.min():.2f} to {agreement.correlation.max():.2f} "
    f"over {len(usable)} scales, surely above 0.5 at {above.sum()} of "
    "them; they are no independent tests. Of changes against training on "
    f"nothing it is {without_drift.correlation.min():.2f} to "
    f"{without_drift.correlation.max():.2f}. The same fine-tuning is highest "
    f"for {min(same)} to {max(same)} of {len(names)} attributes.",
)

# %% tags=["hide-input"]
both_kinds = {"before": agreement, NOTHING: without_drift}
pd.concat(both_kinds, axis=1, names=["change against", ""]).round(2).T

# %% tags=["remove-cell"]
view.say(
    drift_low=agreement.correlation.min(),
    drift_high=agreement.correlation.max(),
    no_drift_low=without_drift.correlation.min(),
    no_drift_high=without_drift.correlation.max(),
    no_drift_sure=(without_drift.low > 0.5).sum(),
    n_scales=len(usable),
)

# %% [markdown]
# Against *nothing* the correlation is {glue:text}`no_drift_low:.2f` to {glue:text}`no_drift_high:.2f`, where it was
# {glue:text}`drift_low:.2f` to {glue:text}`drift_high:.2f`, and surely above 0.5 at {glue:text}`no_drift_sure` of
# {glue:text}`n_scales` scales.

# %% [markdown]
# ### Watch a field fold
#
# One person of the test, in the networks of the first ArcFace seed. Choose an attribute, and move the epoch.

# %% tags=["hide-input"]
folding = {a: [own[-1] for own in steps[a]] for a in names}
folded = pd.concat(
    fingerprint.cloud_energies(own[k], [1.0]).assign(run=a, epoch=k)
    for a, own in folding.items()
    for k in range(len(own))
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-fold-05", "caption": "The cloud of one person along the training. Points: the centres, in the plane that holds most of the field; faint: where they were before. Arrows: the unit vectors of the attribute. See whether the arrows lose their common direction (the field folds), or whether the cloud only moves."}}
view.fold(
    folding,
    folded,
    title="One person while the network is fine-tuned",
    description="Points of one person in a plane with one arrow each, and the "
    "energy of the attribute against the epoch.",
)

# %% [markdown]
# ## One step further
#
# (scatter-05)=
# ### Do directions scatter, or do images move less?
#
# An energy can rise in two ways. The network can bring variations so close to the fixed image that what is left of
# their direction is noise. This is what a loss that pulls them together should do. Or it can turn the directions of
# different images apart while they move as far as before. The displacement tells which. And it can change because
# the whole cloud does: the control, trained on nothing, shows how much of a change has nothing to do with the attribute.
# The displacement is over $\bar d$, so it also falls when the whole cloud spreads.


# %%
def three_of(column, margin):
    """Return a column at ε = 1: before, after nothing, after its own."""
    own = energy_array(margin, column)[:, :, one]
    idle = energy_array(margin, column, [NOTHING])[:, :, one, 0]
    before = base_array(column)[None, :, one]
    return {
        "before": np.broadcast_to(before, idle.shape),
        "nothing": idle,
        "own": np.diagonal(own, axis1=2, axis2=3),
    }


# %%
columns = ("energy", "displacement")
three = {(m, c): three_of(c, m) for m in margins for c in columns}


# %% tags=["hide-input"]
def line_of(margin):
    """Return both ends of the line of each attribute."""
    ends = {"own": "", "nothing": " after nothing"}
    means = {
        c + end: three[margin, c][which].mean(axis=(0, 1))
        for c in columns
        for which, end in ends.items()
    }
    return pd.DataFrame({"margin": margin, "attribute": names} | means)


lines = pd.concat(map(line_of, margins))

# %% tags=["hide-input"]
moves = "displacement, in mean pair distances"
across = view.Column("displacement", moves, log=True)
upwards = view.Column("energy", "energy at ε = 1")
idle = ("displacement after nothing", "energy after nothing")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arrows-05", "caption": "Energy at ε = 1 against the displacement. For each attribute a line leads from the network that was trained on nothing to the one that was trained on the attribute (dot); mean over seeds and people. A line to the left: variations move less, against the spread of the cloud. A line upwards: directions scatter. See that the two need not go together."}}
view.figure(
    view.scatter(lines, across, upwards, color="attribute", to=idle),
    choose="margin",
    description="One dot per attribute after its own fine-tuning, joined to "
    "its place after training on nothing, in the plane of displacement and "
    "energy.",
)


# %% tags=["hide-input"]
def difference(values, what):
    """Return mean differences of the own fine-tuning with intervals."""
    gap = values["own"] - values[what]
    low, high = geometry.draw_interval(geometry.crossed_means(gap, seed=seed))
    rows = zip(gap.mean(axis=(0, 1)), low, high, strict=True)
    return [f"{mean:+.2f} [{a:+.2f}, {b:+.2f}]" for mean, a, b in rows]


# %% tags=["hide-input"]
def differences(what):
    """Return a table of differences, one row per attribute."""
    columns = {
        (margin, f"{column}, own − {what}"): difference(values, what)
        for (margin, column), values in three.items()
    }
    return pd.DataFrame(columns, index=words)


differences("nothing")

# %% tags=["hide-input"]
differences("before")


# %% tags=["hide-input"]
def surely(values, above, below):
    """Count the attributes whose difference is surely above 0."""
    gap = geometry.crossed_means(values[above] - values[below], seed=seed)
    return int((geometry.draw_interval(gap)[0] > 0).sum())


# %% tags=["hide-input"]
ways = {"up": ("own", "nothing"), "drift_up": ("nothing", "before")}
ways |= {"down": ("nothing", "own"), "drift_down": ("before", "nothing")}
changed = {
    f"{c}_{way}_{m}": surely(values, *pair)
    for (m, c), values in three.items()
    for way, pair in ways.items()
}

# %% tags=["remove-cell"]
view.say(**changed)

# %% [markdown]
# Against the control, the energy of the own attribute is surely higher for {glue:text}`energy_up_ArcFace` of
# {glue:text}`n_attributes` attributes with ArcFace ({glue:text}`energy_up_AdaFace` with AdaFace) and surely lower for
# {glue:text}`energy_down_ArcFace` ({glue:text}`energy_down_AdaFace`). The displacement is surely smaller for
# {glue:text}`displacement_down_ArcFace` ({glue:text}`displacement_down_AdaFace`) and surely larger for
# {glue:text}`displacement_up_ArcFace` ({glue:text}`displacement_up_AdaFace`). The control itself changes (ArcFace): training
# on copies surely raises the energy of {glue:text}`energy_drift_up_ArcFace` attributes and lowers that of
# {glue:text}`energy_drift_down_ArcFace`; it raises the displacement of {glue:text}`displacement_drift_up_ArcFace` and
# lowers that of {glue:text}`displacement_drift_down_ArcFace`.
#
# ### What is the agreement made of?
#
# Chapter 4 splits the agreement $1 - \mathcal{E}$ into a common direction and what position adds ({eq}`eq-parts-04`),
# and looks at the agreement of the two half steps of a curve. Before, after nothing, and after the own fine-tuning, with
# ArcFace:


# %%
def networks_of(attribute, margin="ArcFace"):
    """Return names of networks: before, after nothing, after their own."""
    kinds = {NOTHING: NOTHING, "own": attribute}
    after = {
        k: [f"{a}, {margin}, {s}" for s in seeds] for k, a in kinds.items()
    }
    return {"before": [base.name]} | after


# %%
def made_of(cloud, attribute):
    """Return the parts of the agreement at ε = 1, and of the half steps."""
    lone = cloud.only(attributes=[attribute])
    null = geometry.null_energies(lone, [1.0]).iloc[0]
    ends = lone.minus[attribute], lone.plus[attribute]
    half = geometry.half_step_agreement(lone.points, *ends, metric=lone.metric)
    parts = {"common direction": 1 - null.shuffled}
    parts |= {"position": null.shuffled - null.energy}
    return parts | {"half steps": float(half.nanmean())}


# %%
made = pd.DataFrame(
    {"attribute": a, "network": kind} | made_of(cloud, a)
    for a in names
    for kind, which in networks_of(a).items()
    for cloud in itertools.chain(*(clouds[name] for name in which))
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-parts-05", "caption": "Parts of the agreement of neighbours at ε = 1 for each attribute: before, after training on nothing, and after its own fine-tuning (ArcFace, mean over people and seeds). Choose the part. A common direction that shrinks says that the attribute has lost the one direction that all images share; half steps near −1/2 say that what is left of a curve is noise."}}
parts = made.groupby(["attribute", "network"], sort=False).mean().reset_index()
parts = parts.melt(["attribute", "network"], var_name="part")
cosine = view.Column("value", "agreement, cosine")
view.figure(
    view.guide(x=0) + view.dots(parts, cosine, "attribute", color="network"),
    choose="part",
    description="Dots per attribute for the base network, the control and the "
    "own fine-tuning; the part is chosen.",
)

# %% [markdown]
# (errors-05)=
# ### Is the fine-tuned network better at recognition under that attribute?
#
# That is what somebody who fine-tunes wants to know. As in chapter 4: probes that are varied by a step in the attribute
# are matched with unvaried images, at the network's own best threshold for unvaried ones. The error in the base network,
# after training on nothing, and after the own fine-tuning:

# %%
recognition = geometry.recognition_table(clouds)
gallery = {n: [c.points for c in own] for n, own in clouds.items()}
weights = geometry.draw_weights(n_people, seed=seed)


def error_of(network, attribute, weights=None):
    """Return the error with varied probes, in percent."""
    own = clouds[network]
    ends = [torch.cat([c.minus[attribute], c.plus[attribute]]) for c in own]
    limit = recognition.threshold[network]
    found = geometry.probe_errors(ends, gallery[network], limit)
    return 100 * found.rate(weights)


# %% tags=["hide-input"]
def error_row(attribute, which):
    """Return the mean error over seeds with its interval over people."""
    again = np.mean([error_of(n, attribute, weights) for n in which], axis=0)
    low, high = geometry.draw_interval(again)
    mean = np.mean([error_of(n, attribute) for n in which])
    return {"error": mean, "low": low, "high": high}


# %% tags=["hide-input"]
errors = pd.DataFrame(
    {"attribute": a, "network": kind} | error_row(a, which)
    for a in names
    for kind, which in networks_of(a).items()
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-errors-05", "caption": "Error of recognition with probes varied in one attribute: base network, control and own fine-tuning (ArcFace, mean over seeds). Bars: 95 % interval over people. Compare own with nothing: only their difference is due to the attribute."}}
percent = view.Column("error", "error with varied probes, %")
looks = {"color": "network", "apart": True, "bars": ("low", "high")}
view.figure(
    view.dots(errors, percent, "attribute", **looks),
    description="Errors with varied probes per attribute for three kinds of "
    "networks, with intervals over people.",
)


# %% tags=["hide-input"]
def gain(attribute, kind):
    """Return the interval of the error minus that of another network."""
    which = networks_of(attribute)
    own, other = (
        np.mean([error_of(n, attribute, weights) for n in which[k]], axis=0)
        for k in ("own", kind)
    )
    return geometry.draw_interval(own - other)


# %% tags=["hide-input"]
kinds = ("before", "nothing")
gains = {k: np.array([gain(a, k) for a in names]) for k in kinds}
fewer = {k: int((values[:, 1] < 0).sum()) for k, values in gains.items()}
more = {k: int((values[:, 0] > 0).sum()) for k, values in gains.items()}

# %% tags=["hide-input"]
said = {
    f"own − {k}": [f"[{low:+.1f}, {high:+.1f}]" for low, high in values]
    for k, values in gains.items()
}
pd.DataFrame(said, index=pd.Index(words, name="percentage points")).T

# %% tags=["remove-cell"]
view.say(
    fewer_before=fewer["before"],
    more_before=more["before"],
    fewer_nothing=fewer["nothing"],
    more_nothing=more["nothing"],
)

# %% [markdown]
# The intervals of the figure overlap because people differ; networks see the same people, so the differences in the table,
# as 95 % intervals over people, are what counts. An interval that holds 0 does not tell. Against the base network, the error
# is surely smaller for {glue:text}`fewer_before` of {glue:text}`n_attributes` attributes and surely larger for
# {glue:text}`more_before`; against training on nothing, for {glue:text}`fewer_nothing` and {glue:text}`more_nothing`. These
# are {glue:text}`n_people` people, and seeds are not drawn: the intervals are too narrow.
#
# (forgotten-05)=
# ### What is forgotten?
#
# Portraits of the test people, with varied head angle, light and smile: are they told apart as well as before?

# %% tags=["hide-input"]
portraits = geometry.recognition_table(album_clouds)
kept = portraits[["auc", "eer"]].reset_index().merge(runs)
kept = kept.groupby(["margin", "trained on"], sort=False).auc
kept = kept.agg(["mean", "min", "max"]).reset_index()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-forgetting-05", "caption": "Verification on varied portraits of new people after each fine-tuning, mean over seeds; the dashed line is the base network. Bars: from the lowest to the highest seed."}}
area = view.Column("mean", "AUC on portraits of new people")
tuned_on = view.Column("trained on", order=[*names, *extra])
looks = {"color": "margin", "apart": True, "bars": ("min", "max")}
view.figure(
    view.guide(x=float(portraits.auc[base.name]))
    + view.dots(kept, area, tuned_on, **looks),
    description="AUC of verification on portraits after each fine-tuning, for "
    "both margins, beside the base network.",
)

# %% tags=["hide-input"]
run_of = kept["trained on"].str.replace("_", " ") + ", " + kept.margin
of_runs = kept["mean"].set_axis(run_of)

# %% tags=["remove-cell"]
view.say(
    album_base=portraits.auc[base.name],
    album_worst=of_runs.min(),
    album_worst_run=of_runs.idxmin(),
    album_best=of_runs.max(),
    album_best_run=of_runs.idxmax(),
)

# %% [markdown]
# The base network has an AUC of {glue:text}`album_base:.4f`. The lowest mean over seeds after a fine-tuning is
# {glue:text}`album_worst:.4f` (*{glue:text}`album_worst_run`*), the highest {glue:text}`album_best:.4f`
# (*{glue:text}`album_best_run`*).
#
# ### Which attributes hang together?
#
# Off the diagonal: how does the energy of one attribute change when another is trained? Against the control, so that what
# all training does is gone, and in an order that puts similar rows beside one another.

# %% tags=["hide-input"]
linked = [(cubes[m] - undone[m])[:, :, one].mean(axis=(0, 1)) for m in margins]
linked = np.mean(linked, axis=0)
tree = hierarchy.linkage(linked, "average", optimal_ordering=True)
order = [words[k] for k in hierarchy.leaves_list(tree)]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-entangled-05", "caption": "Energy at ε = 1 after fine-tuning on the attribute of the row, minus that after training on nothing, mean over both margins, seeds and people. Rows and columns in one order, by hierarchical clustering of the rows; dots mark the diagonal."}}
axes = {"trained on": words, "attribute": words}
changes = fingerprint.table_of(linked, "change", **axes)
down, beside = (view.Column(name, order=order) for name in axes)
shift = view.Column("change", "change of energy")
view.figure(
    view.matrix(changes, beside, down, shift),
    description="A matrix of changes of energy, fine-tuned on by measured, "
    "ordered so that similar attributes are neighbours.",
)

# %% [markdown]
# ### How hard must one train?
#
# Perhaps the training is too short, the loss already saturated, or too many layers are free. Two attributes, one seed,
# one change at a time, and one run with three:
# * only the last layer, or the last ten layers with weights; centres without gradient;
# * a scale $s$ of 16, with which a loss is far from zero for longer, and of 64, with which it is not;
# * *long and hard*: a margin of 1 radian, $s = 16$, three times as many epochs; also on nothing, as its control.

# %%
trials = {
    "as above": {},
    "last layer": {"last_layers": 1},
    "last ten layers": {"last_layers": 10},
    "centres detached": {"detach": True},
    "s = 16": {"margin": ArcFace(scale=16.0)},
    "s = 64": {"margin": ArcFace(scale=64.0)},
    "long and hard": {"margin": ArcFace(1.0, 16.0), "epochs": 3 * epochs},
}
studied = ("head_angle", "age")
hard, idle_hard = "long and hard", "hard on nothing"

# %%
plain = {"margin": margins["ArcFace"], "epochs": epochs, "seed": seed}
plain |= {"learning_rate": rates["ArcFace"], "patience": 3 * epochs}
tried = {}
for trial, change in trials.items():
    sets = {f"{a}, {trial}": training[0].only([a]) for a in studied}
    if trial == hard:
        sets[idle_hard] = training[0].only([NOTHING])
    tried |= finetune_each(base, sets, validation, **(plain | change))
trial_clouds = embed(centres[:2], [base, *tried.values()])
trial_energies = fingerprint.fingerprint(trial_clouds, [1.0], device=device)


# %% tags=["hide-input"]
def tried_on(attribute, trial):
    """Return the energy and displacement of the attribute after a trial."""
    shared = {"before": base.name, idle_hard: idle_hard}
    name = shared.get(trial, f"{attribute}, {trial}")
    own = trial_energies[trial_energies.network == name]
    mean = own[own.attribute == attribute][list(columns)].mean()
    return {"attribute": attribute, "trial": trial} | dict(mean)


# %% tags=["hide-input"]
pairs = itertools.product(studied, ("before", *trials, idle_hard))
hardness = pd.DataFrame(itertools.starmap(tried_on, pairs))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-trials-05", "caption": "Energy at ε = 1 against displacement after trainings that differ in one choice, for the attribute that you choose; mean over people, one seed. See which trainings move the points far to the left of *before*, and which of these also move them up; compare *long and hard* with *hard on nothing*."}}
view.figure(
    view.scatter(hardness, across, upwards, text="trial", size=90),
    choose="attribute",
    width=620,
    description="Points named by their training in the plane of displacement "
    "and energy, for head angle and for age.",
)

# %% tags=["hide-input"]
of_trials = hardness[hardness.trial.isin(trials)]
least = hardness.loc[of_trials.groupby("attribute").displacement.idxmin()]
least = least.set_index("attribute")
start_at, hard_idle = (
    hardness[hardness.trial == trial].set_index("attribute")
    for trial in ("before", idle_hard)
)

# %% tags=["remove-cell"]
view.say(
    least_head_angle=least.trial["head_angle"],
    least_energy_head_angle=least.energy["head_angle"],
    least_displacement_head_angle=least.displacement["head_angle"],
    start_energy_head_angle=start_at.energy["head_angle"],
    start_displacement_head_angle=start_at.displacement["head_angle"],
    least_age=least.trial["age"],
    least_energy_age=least.energy["age"],
    least_displacement_age=least.displacement["age"],
    start_energy_age=start_at.energy["age"],
    start_displacement_age=start_at.displacement["age"],
)

# %% tags=["remove-cell"]
view.say(
    hard_idle_energy_head_angle=hard_idle.energy["head_angle"],
    hard_idle_displacement_head_angle=hard_idle.displacement["head_angle"],
    hard_idle_energy_age=hard_idle.energy["age"],
    hard_idle_displacement_age=hard_idle.displacement["age"],
)

# %% [markdown]
# The smallest displacement of head angle comes with *{glue:text}`least_head_angle`*:
# {glue:text}`least_displacement_head_angle:.2f` mean distances after {glue:text}`start_displacement_head_angle:.2f` before.
# Its energy goes from {glue:text}`start_energy_head_angle:.2f` to {glue:text}`least_energy_head_angle:.2f`. For age it is
# *{glue:text}`least_age`*: displacement {glue:text}`start_displacement_age:.2f` to
# {glue:text}`least_displacement_age:.2f`, energy {glue:text}`start_energy_age:.2f` to {glue:text}`least_energy_age:.2f`.
# As long and as hard on nothing, the displacement of head angle is {glue:text}`hard_idle_displacement_head_angle:.2f` and
# its energy {glue:text}`hard_idle_energy_head_angle:.2f`, those of age {glue:text}`hard_idle_displacement_age:.2f` and
# {glue:text}`hard_idle_energy_age:.2f`. This is one seed and two people: a look, not a test.

# %% [markdown]
# ### Another network
#
# Everything above is one base network. The same, smaller, with `mobilefacenet`: ArcFace, one seed, a third of the training
# people, four epochs at a rate of 0.0003 (at higher rates its loss rose in a trial), and two people for the energies.

# %%
other = load("mobilefacenet", device=device)
third = training[0].first(max(2, n_train // 3))
sets = {f"{a}, second": third.only([a]) for a in (*names, NOTHING)}
run = {"margin": margins["ArcFace"], "seed": seed, "learning_rate": 0.0003}
run |= {"epochs": min(4, epochs)}


# %%
def briefly(network):
    """Return energies before and after a short training of a network."""
    few = validation.first(max(2, n_validation // 2))
    short = finetune_each(network, sets, few, **run)
    seen = embed(centres[:2], [network, *short.values()])
    return fingerprint.fingerprint(seen, usable, device=device)


other_energies = briefly(other)


# %% tags=["hide-input"]
def of_other(column, trained, found=other_energies):
    """Return values of another network (people, scales, rows, attributes)."""
    table = found.assign(row=found.network)
    rows = [f"{a}, second" for a in trained]
    identities = sorted(set(table.identity))
    axes = {"identity": identities, "scale": usable, "row": rows}
    return fingerprint.array_of(table, column, **axes, attribute=names)


# %% tags=["hide-input"]
def diagonals(found):
    """Return the maxima of energies on the diagonal, with their p, by scale."""
    own = of_other("energy", names, found).mean(axis=0)
    counts = {"on the diagonal": geometry.on_diagonal(own).sum(axis=1)}
    counts |= {"p": [geometry.diagonal_p(m) for m in own]}
    return pd.DataFrame(counts, index=pd.Index(usable, name="scale"))


second = diagonals(other_energies)
second.round(4).T


# %% tags=["hide-input"]
def trainable(name):
    """Yield a network if it can be trained; if not, say why."""
    try:
        yield load(name, device, trainable=True)
    except (ImportError, ValueError) as error:  # of a file of the reader
        print(f"{name} is left out: {error}")


# %% tags=["hide-input"]
more_networks = chosen(networks)[len(DEFAULT_NETWORKS) :]
if more_networks:
    print("Beside the networks of text and verdicts:")
tables = {
    n: diagonals(briefly(network)).round(4).T
    for n in more_networks
    for network in trainable(n)
}
pd.concat(tables) if tables else None

# %% tags=["hide-input"]
own = of_other("energy", names).mean(axis=0)
moved_by = of_other("displacement", names).mean(axis=0)[0]
moved_idle = of_other("displacement", [NOTHING]).mean(axis=0)[0, 0]
energy_idle = of_other("energy", [NOTHING]).mean(axis=0)[first, 0]
rises = np.diagonal(own[first]) - energy_idle
falls = moved_idle - np.diagonal(moved_by)
pd.DataFrame(
    {"energy, own − nothing": rises, "displacement, own − nothing": -falls},
    index=words,
).round(3).T

# %% tags=["remove-cell"]
view.say(
    other_low=second["on the diagonal"].min(),
    other_high=second["on the diagonal"].max(),
    other_p_low=second.p.min(),
    other_p_high=second.p.max(),
    other_rises=(rises > 0).sum(),
    other_falls=(falls > 0).sum(),
)

# %% [markdown]
# Here {glue:text}`other_low` to {glue:text}`other_high` of the column maxima lie on the diagonal (p from
# {glue:text}`other_p_low:.4f` to {glue:text}`other_p_high:.4f` over the scales). Against its control, in the means, the own
# energy is higher for {glue:text}`other_rises` attributes and the own displacement smaller for {glue:text}`other_falls`. One
# seed and two people: no interval, and no part of the verdicts.

# %% [markdown]
# ## Summary
#
# In this chapter, we saw
# * how to train a network further with the embeddings of fixed images in place of class weights, in a few seconds a run;
# * that a loss falls without a single variation, because people move apart: the control on copies is what a fine-tuning
#   has to be compared with;
# * two matrices, of losses and of energies, with the share of draws in which an extreme lies on the diagonal, and an exact
#   *p* for the number of those that do;
# * that fine-tuning acts on the displacement first. With ArcFace it is surely smaller than after training on nothing for
#   {glue:text}`displacement_down_ArcFace` of {glue:text}`n_attributes` attributes, while the energy is surely higher for
#   {glue:text}`energy_up_ArcFace` and lower for {glue:text}`energy_down_ArcFace`. The displacement is relative to the spread
#   of the cloud: in the network's own distance, variations come no nearer in {glue:text}`not_nearer` of
#   {glue:text}`n_attributes` runs, and people move apart;
# * that an energy forgets how far images move, so it need not follow. A much harder training moved that of age from
#   {glue:text}`start_energy_age:.2f` to {glue:text}`least_energy_age:.2f` ({glue:text}`hard_idle_energy_age:.2f` on
#   nothing), and that of head angle from {glue:text}`start_energy_head_angle:.2f` to
#   {glue:text}`least_energy_head_angle:.2f` ({glue:text}`hard_idle_energy_head_angle:.2f`): one seed, two people;
# * what the fine-tuned networks gain under their own attribute, and what they forget.
#
# ## Limits
#
# * The people are drawn, and so are the variations. {glue:text}`n_seeds` seeds make few draws: an interval over them is
#   too narrow. Seeds have other people and other batches, but start from the same network.
# * The networks are small ones from public packages. The two of the paper, ResNet18 trained with ArcFace and with AdaFace,
#   are not here; our AdaFace starts from a network that was not trained with it.
# * Sizes, rates, epochs and the scale of the energies are ours, because the paper gives none.
# * The base networks know these variations well. Where the AUC is 1 before, and most losses are near 0 with ArcFace, a
#   fine-tuning has little to teach.
# * A step of a sixth or a quarter of a range, and random centres: what chapter 4 says about both holds here too. Small
#   scales would need the dense lattice of the paper.
# * The profile `paper`, CUDA and photographs were not run.
#
# ## Quiz
#
# ```{quiz}
# ```

# %% [markdown]
# ## Exercises
#
# ```{exercise} Two ways down (easy)
# :label: ex-two-ways-05
# A loss falls when the variations come closer to their own fixed image, and also when the fixed images of different
# people move apart. Which part of the fall does training on nothing reach too, for head angle? Take mean losses over
# seeds and test people, with ArcFace. Set `idle_part` to the fall from *before* to *nothing*, over the fall from *before*
# to the own fine-tuning, a number without unit. The arrays are `loss_before["ArcFace"]` (people, attributes) and
# `losses["ArcFace"]` (seeds, people, trained on, attributes), where *trained on* is `[*names, "all", "nothing"]`.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# The training set of *nothing* holds no variation: whatever it lowers, no variation was needed for.
# ```
#
# ````{solution-start} ex-two-ways-05
# :class: dropdown
# ````

# %% [markdown]
# The row of *nothing* is the last one; head angle is the first attribute and the first row. In the book's run the control
# has 6 % of the fall: the rest needs the training on head angle, which no look at the own loss alone could tell. It does
# not follow that variations come closer: in {numref}`fig-along-05` their mean distance hardly changes, while people move
# apart by more than half.

# %% tags=["solution"]
from_here = loss_before["ArcFace"][:, 0].mean()
mean_after = losses["ArcFace"].mean(axis=(0, 1))[:, 0]
idle_part = (from_here - mean_after[-1]) / (from_here - mean_after[0])

# %% tags=["check"]
table = tiles[(tiles.margin == "ArcFace") & (tiles.attribute == "head_angle")]
table = table.set_index("trained on").loss
fall = (table["before"] - table) / (table["before"] - table["head_angle"])
right = fall["nothing"]
left = table["nothing"] / table["head_angle"]
wrong = {
    "This is the loss that is left, not what it fell by.": left,
    "This is the other part, which needs head angle.": 1 - right,
    "The run on all attributes is no control.": fall["all"],
}
course.check(
    course.number("idle_part", idle_part, right, within=1e-3, mistakes=wrong)
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} The loss by hand (medium)
# :label: ex-loss-05
# Compute the loss of {eq}`eq-loss-05` in the base network for the first test person and the step up of head angle,
# from cosines and exponentials alone. The test people are `test_clouds[base.name]`, one cloud each with `.points` (the
# fixed image) and `.plus["head_angle"]`; $s = 30$ and $m = 0.5$. Set `by_hand` to it, a number in nats.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# The centres are the fixed images of *all* test people; the margin is added to one angle only. Take `.double()` first.
# ```
#
# ````{solution-start} ex-loss-05
# :class: dropdown
# ````

# %% [markdown]
# One cosine to each fixed image, the own one first; its angle grows by the margin, the others stay. The loss is minus
# the logarithm of the softmax at the own place.

# %% tags=["solution"]
own = test_clouds[base.name]
fixed = torch.cat([cloud.points for cloud in own]).double()
varied = own[0].plus["head_angle"].double()
cosines = torch.cosine_similarity(fixed, varied)
target = torch.cos(torch.acos(cosines[:1]) + 0.5)
logits = 30 * torch.cat([target, cosines[1:]])
by_hand = float(torch.logsumexp(logits, dim=0) - logits[0])

# %% tags=["check"]
group = test_clouds[base.name]
middle = torch.cat([c.points for c in group]).double()
ups, downs = [c.plus for c in group], [c.minus for c in group]


def first_loss(margin, ends):
    """Return the loss of the first person at one end of the curves."""
    varied = torch.stack([end["head_angle"] for end in ends]).double()
    return fixed_image_loss(margin, middle, varied, reduction="none")[0, 0]


right = first_loss(margins["ArcFace"], ups)
wrong = {
    "The margin is missing.": first_loss(ArcFace(margin=0.0, scale=30.0), ups),
    "The scale is missing.": first_loss(ArcFace(scale=1.0), ups),
    "This is the step down.": first_loss(margins["ArcFace"], downs),
}
within = 1e-3 * float(right)
course.check(
    course.number("by_hand", by_hand, right, within=within, mistakes=wrong)
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} How many by chance? (medium)
# :label: ex-chance-05
# The maxima of eight columns lie in eight different rows, and the names of the rows are exchanged at random. How often
# do four or more maxima lie on the diagonal? Count or draw. Set `four_or_more` to this probability, a number in 0..1,
# to 0.002.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# A maximum on the diagonal is then a number that a random order leaves in its place.
# ```
#
# ````{solution-start} ex-chance-05
# :class: dropdown
# ````

# %% [markdown]
# Of the $8!$ orders, $\binom{8}{k} D_{8-k}$ leave exactly $k$ numbers in place, where $D_j$ of $j$ numbers have orders
# that leave none: 630 for $k = 4$, 112, 28, 0 and 1 for the others, 771 of 40,320 in all. On average one is left in
# place. Columns that resemble one another have their maxima in one row; then fewer counts are possible, which is why
# `diagonal_p` takes the columns as they are.

# %% tags=["solution"]
orders = np.array(list(itertools.permutations(range(8))))
in_place = (orders == np.arange(8)).sum(axis=1)
four_or_more = (in_place >= 4).mean()

# %% tags=["check"]
shifted = np.eye(8)[[0, 1, 2, 3, 5, 6, 7, 4]]  # four maxima on the diagonal
five = np.eye(8)[[0, 1, 2, 3, 4, 6, 7, 5]]
columns_apart = sum(math.comb(8, k) * 7 ** (8 - k) for k in range(4, 9)) / 8**8
right, of_five = geometry.diagonal_p(shifted), geometry.diagonal_p(five)
wrong = {
    "Each column was drawn by itself; here no two share a row.": columns_apart,
    "This is exactly four; more than four count too.": right - of_five,
    "Four count too, not only more.": of_five,
}
course.check(
    course.number(
        "four_or_more", four_or_more, right, within=0.002, mistakes=wrong
    )
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} When an energy follows (hard)
# :label: ex-noise-05
# The vectors of an attribute are $v_i = u + n_i$: one common vector $u$, and noise of one length, orthogonal to $u$ and
# between images. A fine-tuning makes $u$ shorter, $t u$ with $0 < t \le 1$, and leaves the noise as it is. Show how the
# energy follows. Write a function `energy_after(energy, t)` that returns the energy after from the energy before.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# What is the cosine of two such vectors, in the squared lengths of $u$ and of the noise? The energy is one minus it.
# ```
#
# ````{solution-start} ex-noise-05
# :class: dropdown
# ````

# %% [markdown]
# With $a = \lVert u \rVert^2$ and $b = \lVert n_i \rVert^2$ the cosine of two vectors is $a / (a + b)$, so the energy is
# $E = b / (a + b)$. Afterwards it is $b / (t^2 a + b)$. Divide both by $a + b$: $E / (t^2 (1 - E) + E)$. From 0.2, half the
# common part ($t = 0.5$) gives 0.5. If the noise shrinks with $u$, nothing changes: so a displacement may fall and the
# energy stay, as in {numref}`fig-arrows-05`.


# %% tags=["solution"]
def energy_after(energy, t):
    """Return the energy once the common part is t times as long."""
    return energy / (t**2 * (1 - energy) + energy)


# %% tags=["check"]
def of_two(energy, t):
    """Return the energy of two such vectors, from their cosine."""
    v = torch.eye(3).double() * energy**0.5
    v[:, 0] = t * (1 - energy) ** 0.5
    return 1 - float(torch.cosine_similarity(v[1], v[2], dim=0))


places = [(0.2, 0.5), (0.5, 0.1), (0.9, 0.5), (0.3, 1.0), (0.0, 0.5)]
wrong = {
    "Squared lengths shrink with the square of t.": lambda e, t: (
        e / (t * (1 - e) + e)
    ),
    "The noise stays as it is; only the common part shrinks.": lambda e, t: e,
    "Cosines do not shrink as lengths do.": lambda e, t: 1 - t * (1 - e),
}
cases = [(place, of_two(*place)) for place in places]
course.check(
    course.function(
        "energy_after", energy_after, cases, within=1e-6, mistakes=wrong
    )
)

# %% [markdown]
# ````{solution-end}
# ````
#
# ```{exercise} Two attributes at once (hard)
# :label: ex-both-05
# The next cell fine-tunes the base network on head angle and age together: as many batches, twice as many images in
# each. Does age move as little afterwards as after the training on age alone, `tuned["age, ArcFace, 0"]`? Guess first.
# `strangers` holds images of people whom neither network has seen: the fixed ones in `strangers.fixed`, the steps of age
# down and up in `strangers.varied[:, 0]` and `[:, 1]`. Take the mean cosine distance from step to step, over the mean
# distance between the fixed images of two people. Set `both_age` to it in the network `both`, divided by it in the other
# one: a number without unit.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# `both.embed(images, progress=False)` returns embeddings; `geometry.displacement` and `geometry.mean_pair_distance` take
# them.
# ```

# %% tags=["remove-output"]
run = {"margin": margins["ArcFace"], "epochs": epochs, "patience": epochs}
run |= {"learning_rate": rates["ArcFace"], "seed": seed}
sets = {"head angle and age": training[0].only(["head_angle", "age"])}
(both,) = finetune_each(base, sets, validation, **run).values()
strangers = training[1].first(min(10, n_train)).only(["age"])

# %% [markdown]
# ````{solution-start} ex-both-05
# :class: dropdown
# ````

# %% [markdown]
# A ratio near 1 says that one network can learn to ignore two attributes about as well as one; a larger one, that the
# two are in each other's way, or that each needs more steps. This is one seed, so no interval can be given.


# %% tags=["solution"]
def moved_by_age(network):
    """Return how far a step of age moves an image, over people."""
    images = strangers.fixed, *strangers.varied.unbind(dim=1)
    fixed, down, up = (network.embed(x, progress=False) for x in images)
    step = geometry.displacement(down, up).mean()
    return float(step / geometry.mean_pair_distance(fixed))


both_age = moved_by_age(both) / moved_by_age(tuned["age, ArcFace, 0"])


# %% tags=["check"]
def distances(network):
    """Return the mean distances from step to step, and between people."""
    images = torch.cat([strangers.fixed, *strangers.varied.unbind(dim=1)])
    points = network.embed(images, progress=False).double()
    fixed, down, up = torch.nn.functional.normalize(points).chunk(3)
    apart = 1 - (fixed @ fixed.T)[~torch.eye(len(fixed), dtype=bool)]
    return float(1 - (down * up).sum(dim=1).mean()), float(apart.mean())


nets = both, tuned["age, ArcFace, 0"], tuned["nothing, ArcFace, 0"]
(step, unit), (own_step, own_unit), (idle, idle_unit) = map(distances, nets)
right = step / unit / (own_step / own_unit)
wrong = {
    "The other way round: the training on both comes first.": 1 / right,
    "Divide by the distance between people.": step / own_step,
    "This is the training on nothing.": step / unit / (idle / idle_unit),
}
course.check(
    course.number("both_age", both_age, right, within=1e-4, mistakes=wrong)
)

# %% [markdown]
# ````{solution-end}
# ````
#
# **To discuss.** You have several photographs of each of fifty people, and no variations of one attribute. What could
# take the place of the fixed image and of the variations, and what would a network that was trained on them learn to
# ignore? Photographs are personal data: read {doc}`/book/data_models_ethics` first.

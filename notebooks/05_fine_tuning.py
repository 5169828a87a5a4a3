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
# at. Known were the validation losses of four trial runs (mobileface, age), from which the learning rate comes, and
# the result of a rough trial with another network, one seed and other rates: the energy was highest under its own
# fine-tuning for 6 of 8 attributes at ε = 0.6 and 0.8 and for 5 of 8 at 1.0 and 1.5.
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

"""A chapter of a few cells with an exercise of each level."""

import jupytext

from book.course.exercises import tags

SOURCE = """# %% [markdown]
# # Small chapter
#
# *What is small?*
#
# ```{run-card}
# ```

# %% tags=["parameters"]
profile = "book"  # smoke, book or paper
seed = 0
device = "auto"

# %% tags=["hide-input"]
import numpy as np

from frlib import course

# %%
points = np.arange(4.0) + seed

# %% tags=["remove-cell"]
hidden = points.sum()

# %% [markdown]
# ## Exercises
#
# ```{exercise} The mean (easy)
# :label: ex-mean-small
# What is the mean of `points`? Set `mean` to it, and `word` to "even" or "odd", whichever their number is.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# Four numbers.
# ```
#
# ````{solution-start} ex-mean-small
# :class: dropdown
# ````

# %% [markdown]
# Add and divide: secret words.

# %% tags=["solution"]
secret = len(points)

# %% tags=["solution"]
mean = sum(points) / secret
word = "even"

# %% tags=["check"]
course.check(
    course.number("mean", mean, np.median(points), within=1e-9, mistakes={
        "Divide by the number of points.": np.sum(points),
    }),
    course.choice("word", word, "even", ("even", "odd"), {"odd": "Divide it by two."}),
)

# %% [markdown]
# More secret words.
#
# ````{solution-end}
# ````
#
# ```{exercise} The square (medium)
# :label: ex-square-small
# Write a function `square` that returns its argument, times itself if `times` is 2.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# `x * x`
# ```
#
# ````{solution-start} ex-square-small
# :class: dropdown
# ````

# %% tags=["solution"]
def square(x, times=2):
    return x**times


# %% tags=["check"]
course.check(
    course.function("square", square, [((3,), 9), ((3, 1), 3)], within=1e-9, mistakes={
        "That is twice.": lambda x, times=2: times * x,
    })
)

# %% [markdown]
# ````{solution-end}
# ````

# %% [markdown]
# ```{exercise} The gaps (hard)
# :label: ex-gaps-small
# Set `gaps` to the differences of neighbouring points.
# ```
#
# ```{admonition} Hint
# :class: dropdown hint
# There are three.
# ```
#
# ````{solution-start} ex-gaps-small
# :class: dropdown
# ````

# %% tags=["solution"]
gaps = points[1:] - points[:-1]

# %% tags=["check"]
course.check(
    course.table("gaps", gaps, np.ones(3), within=1e-9, mistakes={"The sign is wrong.": -np.ones(3)})
)

# %% [markdown]
# ````{solution-end}
# ````
#
# To discuss: why so small?
"""


def chapter():
    """Return the chapter, as its script is read."""
    return jupytext.reads(SOURCE, fmt="py:percent")


def tagged(notebook, tag: str) -> list:
    return [cell for cell in notebook.cells if tag in tags(cell)]

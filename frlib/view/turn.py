"""Procrustes by hand: the reader turns one planar cloud onto another, and sees what is left of the difference."""

import numpy as np

from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.alignment.maps import paired_rows
from frlib.view import static
from frlib.view.charts import tones

#: Fewest and most people: each has a colour and a shape of its own.
PEOPLE = (2, 8)


@checked
def turn(source, target, identities, *, source_name: str, target_name: str, title: str, description: str):
    """Show two planar clouds of the same images; the reader turns and mirrors one until it lies on the other.

    Both are moved to their means and divided by the same number, the largest distance of a point from its mean, so
    that they fit at every angle and keep their sizes to each other. The browser computes, for the rotation W by an
    angle, after a mirror or not,

    .. math:: \\frac{|Y - XW|^2}{|Y|^2} = 1 + \\frac{|X|^2 - 2 \\langle X^\\top Y, W \\rangle}{|Y|^2},

    which is a cosine of the angle: the smaller of its two minima is the residual of
    `frlib.geometry.fit_alignment` with ``procrustes``. Rank-1 is the share of the source points, as they are turned,
    whose nearest mean of a person's target points is that of their own person.

    Parameters
    ----------
    source : array_like, shape (n, 2)
        Is turned. Networks whose embeddings have other lengths need one length first: no rotation changes it.
    target : array_like, shape (n, 2)
        Row by row the same images, at least three.
    identities : array_like, shape (n,)
        Who is in each image: the names of two to eight people.
    source_name, target_name : str
        The networks.
    title : str
        Heading of the figure.
    description : str
        Text alternative: what the figure shows and what it says.

    Returns
    -------
    widget
        In the book, static HTML with the same figure. In a live notebook its traits follow the reader: ``angle``, in
        degrees against the clock, and ``mirror``: the second axis of the source is turned over first.

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, numbers of rows differ or are below three, all rows of a cloud are equal,
        there are fewer than two people or more than eight, or the description is empty.
    """
    X, Y = _centred(source, target)
    codes, people = _people(identities, len(X))
    size = max(np.linalg.norm(rows, axis=1).max() for rows in (X, Y))
    X, Y = X / size, Y / size
    length = (Y**2).sum()
    state = {
        "source": static.pack(X),
        "target": static.pack(Y),
        "cross": (X.T @ Y / length).tolist(),
        "spread": float((X**2).sum() / length),
        "codes": codes,
        "people": [{"name": name, "tone": tone} for name, tone in zip(people, tones(people), strict=True)],
        "source_name": source_name,
        "target_name": target_name,
        "angle": 0.0,
        "mirror": False,
        "title": title,
        "description": description,
    }
    return static.host("turn", state, description=description)


def _centred(source, target) -> tuple[np.ndarray, np.ndarray]:
    """Return both clouds about their means.

    Raises
    ------
    ValueError
        If they are no planar clouds of the same images, at least three, that have an extent.
    """
    rows = paired_rows({"source": source, "target": target}, center=True, normalize=False)
    for name, cloud in rows.items():
        if len(cloud.rows) < 3 or cloud.rows.shape[1] != 2:
            raise ValueError(f"{name} must have shape (n, 2), with n at least 3; got {cloud.rows.shape}")
    return rows["source"].centred, rows["target"].centred


def _people(identities, rows: int) -> tuple[list[int], list[str]]:
    """Return the number of each row's person, and the names.

    Raises
    ------
    ValueError
        If there is not one name per row, or there are too few or too many people.
    """
    codes, names = labels.numbered("identities", identities, rows)
    fewest, most = PEOPLE
    if not fewest <= len(names) <= most:
        raise ValueError(f"identities must name {fewest} to {most} people; got {len(names)}")
    return codes.tolist(), [str(name) for name in names]

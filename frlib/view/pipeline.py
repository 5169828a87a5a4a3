"""A way of several stages as a row of small pictures with arrows: images, vectors as bars, or words alone."""

from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from frlib.arguments import checked
from frlib.view.charts import COLORS
from frlib.view.images import webp_address
from frlib.view.static import HIDDEN, check_description

#: Side of a picture, in CSS pixels.
SIDE = 80


@checked
def pipeline(stages: Sequence[tuple], *, description: str) -> HTML:
    """Show the stages of a computation one after the other; a narrow page breaks the row.

    Parameters
    ----------
    stages : sequence of (name, words, picture)
        What the stage is called, a few words on it, and one of: an image, array of uint8 (H, W, 3), shown with sharp
        pixels where it is small; numbers (k,), drawn as bars up and down; non-negative numbers (2, k), drawn as two
        histograms over one axis; None, for a box with the words alone.
    description : str
        The text alternative of the pictures.

    Returns
    -------
    HTML
        A list of the stages. Lines and text have the colour of the page's text, so that it reads in light and dark.

    Raises
    ------
    ValueError
        If there is no stage, a picture has another shape, or the description is empty.
    """
    check_description(description)
    if not stages:
        raise ValueError("stages must be at least one; got none")
    row = "display:flex;flex-wrap:wrap;gap:0.6rem 0;justify-content:center;list-style:none;padding:0;margin:1rem 0"
    items = "".join(_stage(k, *stage) for k, stage in enumerate(stages))
    hidden = f"<p {HIDDEN}>{escape(description)}</p>"
    return HTML(f'<div class="frlib-pipeline">{hidden}<ol style="{row}">{items}</ol></div>')


def _stage(k: int, name: str, words: str, picture) -> str:
    """Return one stage as an item of the list, behind an arrow if it is not the first."""
    arrow = f'<span aria-hidden="true" style="width:1.1rem;line-height:{SIDE}px;text-align:center">→</span>'
    text = f'<strong style="display:block">{escape(name)}</strong>{escape(words)}'
    box = f"display:block;width:{SIDE + 14}px;font-size:0.8rem;line-height:1.3;text-align:center"
    item = f'<span style="{box}">{_picture(picture, name)}{text}</span>'
    return f'<li style="display:flex;margin:0">{arrow if k else ""}{item}</li>'


def _picture(picture, name: str) -> str:
    """Return the picture of a stage, which a screen reader skips: the description has it."""
    if picture is None:
        return _drawing(
            f'<path d="M10 6 L70 22 L70 58 L10 74 Z" fill="{COLORS[0]}" fill-opacity="0.2" stroke="currentColor"/>'
        )
    picture = np.asarray(picture)
    if picture.ndim == 3 and picture.shape[-1] == 3:
        sharp = "image-rendering:pixelated;" if len(picture) < SIDE / 2 else ""
        style = f"{sharp}display:block;width:{SIDE}px;height:{SIDE}px;margin:0 auto 0.3rem;border-radius:4px"
        address = webp_address(picture.astype(np.uint8), 88)
        return f'<img class="dark-light" alt="" style="{style}" src="{address}">'
    if picture.ndim == 1 and len(picture):
        return _drawing(_bars(picture / max(np.abs(picture).max(), 1e-12) * SIDE / 2, SIDE / 2, "currentColor"))
    if picture.ndim == 2 and len(picture) == 2 and picture.size and (picture >= 0).all():
        heights = picture / max(picture.max(), 1e-12) * (SIDE - 4)
        axis = f'<line x1="0" x2="{SIDE}" y1="{SIDE - 1}" y2="{SIDE - 1}" stroke="currentColor"/>'
        return _drawing("".join(_bars(h, SIDE - 1, COLORS[j]) for j, h in enumerate(heights)) + axis)
    raise ValueError(
        f"the picture of {name!r} must be an image (H, W, 3), numbers (k,), two rows of non-negative numbers (2, k), "
        f"or None; got shape {picture.shape}"
    )


def _bars(heights: np.ndarray, base: float, color: str) -> str:
    """Return one path of bars that stand on a level, or hang from it."""
    wide = SIDE / len(heights)
    path = "".join(
        f"M{k * wide:.1f} {base:g}v{-height:.1f}h{wide * 0.9:.1f}v{height:.1f}z" for k, height in enumerate(heights)
    )
    return f'<path d="{path}" fill="{color}" fill-opacity="0.75"/>'


def _drawing(content: str) -> str:
    size = f'width="{SIDE}" height="{SIDE}" viewBox="0 0 {SIDE} {SIDE}"'
    return f'<svg aria-hidden="true" {size} style="display:block;margin:0 auto 0.3rem">{content}</svg>'

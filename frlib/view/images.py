"""Images on a page: one picture of a labelled grid, with a text alternative."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML
from PIL import Image

from frlib.arguments import checked
from frlib.view.static import HIDDEN, check_description


@checked
def image_grid(images, *, rows: Sequence[str], columns: Sequence[str], description: str, width: int = 88) -> HTML:
    """Show images as a grid with a name beside each row and above each column.

    Parameters
    ----------
    images : array_like of uint8, shape (len(rows) * len(columns), H, W, 3)
        RGB, row by row.
    rows, columns : sequence of str
        The names; empty strings leave the place free.
    description : str
        The text alternative: what a reader who does not see the grid must know.
    width : int
        Width of one image on the page, in CSS pixels; narrow screens shrink it.

    Raises
    ------
    ValueError
        If the number of images is not that of the grid's places, or the description is empty.
    """
    images = np.asarray(images)
    if images.ndim != 4 or len(images) != len(rows) * len(columns) or images.shape[-1] != 3:
        raise ValueError(f"images must have shape ({len(rows) * len(columns)}, H, W, 3); got {images.shape}")
    check_description(description)
    grid = images.reshape(len(rows), len(columns), *images.shape[1:])
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(_cell(image, width) for image in line)}</tr>'
        for name, line in zip(rows, grid, strict=True)
    )
    caption = f"<caption {HIDDEN}>{escape(description)}</caption>"
    return HTML(
        f'<table class="frlib-grid">{caption}<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _cell(image: np.ndarray, width: int) -> str:
    """Return one image as a table cell; an image of 112 pixels takes about 3 kB."""
    source = webp_address(image.astype(np.uint8), 88)
    # The class keeps the theme from adjusting the colours of a face in dark mode.
    return f'<td><img class="dark-light" alt="" width="{width}" src="{source}"></td>'


def webp_address(image: np.ndarray, quality: int) -> str:
    """Return an image (H, W, 3) of uint8 as the address of a WebP picture that is its own content."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=quality, method=6)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

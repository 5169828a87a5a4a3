"""What a notebook shows before it is run: charts of the site as pictures, its widgets as words, all else as it is."""

import base64
import io

import vl_convert
from PIL import Image

from frlib.view import charts, static
from frlib.view.say import PREFIX
from frlib.view.verdict import MIME

SCALE = 1.5  # pixels of a picture per pixel of the chart: sharp enough on most screens, and half the bytes of 2
TONES = 128  # of a picture: charts have few, and the file is a fifth of one with all


def outputs_of(cell) -> list:
    """Return the outputs of a cell that a notebook can show without the site: no progress bars, and nothing hidden."""
    shown = []
    for output in cell.outputs:
        data = output.get("data", {})
        if output.get("name") == "stderr" or any(kind.startswith(PREFIX) for kind in data):
            continue
        data.pop(MIME, None)
        if placed := static.read_placed(data.get("text/html", "")):
            output["data"] = as_picture(placed) if placed.kind == "chart" else as_words(placed)
        shown.append(output)
    return shown


def drawn(placed: static.Placed, mode: str = "light", scale: float = SCALE) -> bytes:
    """Return a chart as a PNG with few colours, on a page of this mode."""
    spec = {**placed.data, "config": {**charts.theme(mode), "background": charts.PAGE[mode]}}
    image = Image.open(io.BytesIO(vl_convert.vegalite_to_png(spec, scale=scale)))
    picture = io.BytesIO()
    image.convert("RGB").quantize(TONES, dither=Image.Dither.NONE).save(picture, "PNG", optimize=True)
    return picture.getvalue()


def as_picture(placed: static.Placed) -> dict:
    """Return a chart as a picture on a light page, with its description."""
    return {"image/png": base64.b64encode(drawn(placed)).decode("ascii"), "text/plain": placed.description}


def as_words(placed: static.Placed) -> dict:
    """Return the description of a widget, which moves only where there is a kernel."""
    return {"text/plain": f"[Run this cell to use the figure.] {placed.description}"}

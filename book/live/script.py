"""The script of the page: helpers of the widgets, then the files of this folder, in one function."""

from pathlib import Path

from frlib.view import static

#: In the order in which they stand; each uses what comes before it.
PARTS = "pixels crop vectors network picture style panels found sliders studio session page".split()
NAME = "move_a_face"


def source() -> str:
    """Return the text of all parts, behind the helpers of the widgets."""
    parts = (Path(__file__).with_name(f"{part}.js").read_text(encoding="utf-8") for part in PARTS)
    return static.helpers() + "".join(parts)


def classic_script() -> str:
    """Return the script that sets ``window.FRLIB_MODULES["move_a_face"]``."""
    return static.as_classic_script(NAME, source())

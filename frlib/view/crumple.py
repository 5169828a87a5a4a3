"""A sheet that the reader folds and crumples, and the energy of its field in a small and in a large ball."""

from frlib.arguments import checked
from frlib.training import sheet
from frlib.view import static

#: Radii of the two balls over the mean pair distance.
SCALES = (0.15, 1.0)


def state(description: str) -> dict:
    """Return what the widget starts from, as plain JSON values."""
    return {
        "fold": sheet.FOLD,
        "crumple": list(sheet.CRUMPLE),
        "waves": [list(wave) for wave in sheet.WAVES],
        "side": sheet.SIDE,
        "steps": sheet.STEPS,
        "scales": list(SCALES),
        "amount": 0.5,
        "title": "Flat, folded, crumpled",
        "description": description,
    }


@checked
def crumple(*, description: str):
    """Return the sheet that is folded and crumpled, for the end of a notebook cell.

    The reader moves a slider from flat over folded to crumpled, and picks a point and a ball. Sheet and energies are
    computed in the browser, as `frlib.training.sheet.crumpled_sheet` and `frlib.geometry.energy_sweep` do.

    Parameters
    ----------
    description : str
        Text alternative: what the figure shows and what it says.

    Returns
    -------
    object
        The live widget, or on the site its static host.

    Raises
    ------
    ValueError
        If the description is empty.
    """
    return static.host("crumple", state(description), description=description)

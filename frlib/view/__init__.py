"""Charts, the ε-sweep and verdicts, in a live notebook and on the site."""

from frlib.view.charts import COLORS, enable, energy_curves

__all__ = ["COLORS", "enable", "energy_curves"]

"""How far images move along curves, and how straight, cloud by cloud."""

from collections.abc import Mapping, Sequence

import pandas as pd

from frlib.arguments import checked
from frlib.clouds import Cloud
from frlib.geometry import half_step_agreement


@checked
def curve_shapes(clouds: Mapping[str, Sequence[Cloud]]) -> pd.DataFrame:
    """Return the displacement and the straightness of the curves of each cloud and attribute.

    Parameters
    ----------
    clouds : mapping of network name to sequence of Cloud
        With ends of curves.

    Returns
    -------
    DataFrame
        ``network``, ``identity``, ``attribute``; ``displacement``, the mean distance between the ends over the mean
        pair distance of the cloud; ``half_steps``, the mean of `frlib.geometry.half_step_agreement`.
    """
    rows = []
    for cloud in (cloud for own in clouds.values() for cloud in own):
        for a, moved in cloud.displacements.items():
            halves = half_step_agreement(cloud.points, cloud.minus[a], cloud.plus[a], metric=cloud.metric)
            far = float(moved.mean()) / cloud.mean_distance
            rows.append((cloud.network, cloud.identity, a, far, float(halves.nanmean())))
    return pd.DataFrame(rows, columns=["network", "identity", "attribute", "displacement", "half_steps"])

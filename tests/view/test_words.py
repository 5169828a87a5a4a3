"""Values with their intervals, as a table shows them."""

import numpy as np
import pytest

from frlib.view import with_interval


def test_every_value_has_its_interval():
    assert with_interval([0.144, -1], np.array([0.1, -2]), [0.2, 0.0]) == ["0.14 (0.10–0.20)", "-1.00 (-2.00–0.00)"]
    assert with_interval([0.98765], [0.9], [1], digits=3) == ["0.988 (0.900–1.000)"]


def test_lengths_agree():
    with pytest.raises(ValueError, match="values, low and high must have one length; got 2, 1 and 1"):
        with_interval([1, 2], [1], [1])

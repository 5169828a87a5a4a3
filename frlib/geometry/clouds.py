"""Functions of arrays that also take a cloud: an object with ``points``, ``metric`` and what else they need."""

import functools
import inspect
from collections.abc import Callable, Sequence

import numpy as np
import torch


def takes_cloud(*attributes: str) -> Callable:
    """Let a function take a cloud in place of its first arguments and of its metric.

    Parameters
    ----------
    *attributes : str
        What the function takes first, as the cloud names it. One of these names, or ``metric``, may also be given as a
        keyword, and goes before what the cloud says.
    """

    def decorate(function: Callable) -> Callable:
        any_metric = "metric" in inspect.signature(function).parameters

        @functools.wraps(function)
        def call(*arguments, **options):
            if not (arguments and _is_cloud(arguments[0])):
                return function(*arguments, **options)
            first, *rest = arguments
            given = [options.pop(name) if name in options else getattr(first, name) for name in attributes]
            if any_metric:
                options.setdefault("metric", first.metric)
            elif first.metric != "cosine":
                raise ValueError(f"the cloud must have metric 'cosine' for {function.__name__}; got {first.metric!r}")
            return function(*given, *rest, **options)

        return call

    return decorate


def takes_clouds(function: Callable) -> Callable:
    """Let a function of embeddings and identities take a sequence of clouds, one or more for each identity.

    An identity is that of the cloud, or, where it has none, the place of the cloud.
    """

    @functools.wraps(function)
    def call(*arguments, **options):
        embeddings, *rest = arguments or [None]
        if not (isinstance(embeddings, Sequence) and len(embeddings) and all(map(_is_cloud, embeddings))):
            return function(*arguments, **options)
        metrics = {cloud.metric for cloud in embeddings}
        if len(metrics) > 1:
            raise ValueError(f"embeddings must be clouds of one metric; got {', '.join(sorted(metrics))}")
        options.setdefault("metric", metrics.pop())
        names = [place if cloud.identity is None else cloud.identity for place, cloud in enumerate(embeddings)]
        identities = np.repeat(np.array(names), [len(cloud.points) for cloud in embeddings])
        return function(torch.cat([cloud.points for cloud in embeddings]), identities, *rest, **options)

    return call


def points_of(value):
    """Return the points of a cloud, and anything else as it is."""
    return value.points if _is_cloud(value) else value


def _is_cloud(value) -> bool:
    return hasattr(value, "points") and hasattr(value, "metric")

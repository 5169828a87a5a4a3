"""When the steps of a build ran, and which of them a build has to wait for however many run side by side."""


def without_pauses(steps: list[dict]) -> list[dict]:
    """Return steps with their ``start`` and ``end`` in seconds of a build; time in which no step ran does not count.

    Parameters
    ----------
    steps : list of dict
        ``name``, ``started`` (seconds since any moment) and ``seconds`` of each.

    Returns
    -------
    list of dict
        The same steps in the order in which they began.
    """
    placed, end, pauses = [], None, 0.0
    for step in sorted(steps, key=lambda step: step["started"]):
        end = step["started"] if end is None else end
        pauses += max(0.0, step["started"] - end)
        end = max(end, step["started"] + step["seconds"])
        placed.append({**step, "start": step["started"] - pauses})
    first = placed[0]["start"] if placed else 0.0
    return [s | {"start": s["start"] - first, "end": s["start"] - first + s["seconds"]} for s in placed]


def longest_chain(steps: list[dict]) -> list[dict]:
    """Return the steps, each of which needs the one before it, that together take the longest.

    No number of processors makes a build shorter than this chain.

    Parameters
    ----------
    steps : list of dict
        ``name``, ``seconds`` and ``needs``, the names of the steps that must end before, of each. A name that is none
        of the steps counts for nothing.

    Raises
    ------
    ValueError
        If a step needs itself, directly or through others.
    """
    named, chains = {step["name"]: step for step in steps}, {}

    def length(chain: list[dict]) -> float:
        return sum(step["seconds"] for step in chain)

    def chain_to(name: str, above: tuple[str, ...] = ()) -> list[dict]:
        if name in above:
            raise ValueError(f"steps must not need themselves; got {' -> '.join([*above, name])}")
        if name not in chains:
            before = [chain_to(need, (*above, name)) for need in named[name]["needs"] if need in named]
            chains[name] = [*max(before, key=length, default=[]), named[name]]
        return chains[name]

    return max(map(chain_to, named), key=length, default=[])

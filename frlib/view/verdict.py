"""A claim of a paper, and whether it holds here."""

from html import escape

from frlib import checks
from frlib.arguments import checked

MIME = "application/vnd.frlib.verdict+json"
WORDS = {
    "yes": "Holds here",
    "partly": "Holds in part",
    "no": "Does not hold here",
    "undecided": "The data do not tell",
    "not tested": "This setting cannot test it",
}


@checked
def verdict(claim_id: str, holds: str, found: str) -> None:
    """Show whether a claim holds, and leave a copy that the scoreboard page reads.

    Parameters
    ----------
    claim_id : str
        The ``id`` of a row of ``frlib.published.load("claims")``.
    holds : {"yes", "partly", "no", "undecided", "not tested"}
        Decided by the cell from its own numbers, never typed by hand. "No" needs evidence as "yes" does: where an
        interval allows both, the claim is undecided.
    found : str
        What was found, with the numbers: one sentence.

    Raises
    ------
    ValueError
        If the claim is unknown, ``holds`` is another word, or ``found`` is empty.
    """
    from IPython.display import display

    from frlib import published

    checks.one_of("holds", holds, WORDS)
    if not found.strip():
        raise ValueError("found must say what was found; got an empty text")
    claims = published.load("claims").set_index("id")
    checks.one_of("claim_id", claim_id, list(claims.index))
    row = claims.loc[claim_id]
    data = {"claim": claim_id, "holds": holds, "found": found}
    display({"text/html": _box(row, holds, found), "text/plain": f"{WORDS[holds]}: {found}", MIME: data}, raw=True)


def _box(row, holds: str, found: str) -> str:
    """Return the box on the page."""
    source, tone = f"Paper {row['paper']}, {row['section']}", holds.replace(" ", "-")
    return (
        f'<div class="frlib-verdict frlib-verdict-{tone}" role="note" aria-label="Verdict on a claim">'
        f'<p class="frlib-verdict-claim"><span>Claim</span> {escape(str(row["claim"]))} '
        f"<small>({escape(source)})</small></p>"
        f"<p><strong>{WORDS[holds]}.</strong> {escape(found)}</p></div>"
    )

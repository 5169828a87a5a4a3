"""The content security policy of a page: the browser runs the scripts that it names, and loads nothing from elsewhere.

A script that a name from outside brings into a page, now or while it is read, is not among them.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from html import escape

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.S | re.I)
_NOT_RUN = re.compile(r"""\ssrc\s*=|\btype\s*=\s*["']?(?!text/javascript|application/javascript)[\w-]+/""", re.I)
_PLACE = re.compile(r'<meta charset="?utf-8"?\s*/?>|\A(?=<meta)', re.I)  # a page that only leads on has no head
#: The files of a site. Firefox takes 'self' of a page on disk for nothing, hence the scheme; a page on a server cannot
#: load a file of the disk.
SITE = "'self' file:"


def content_policy(
    scripts: Iterable[str],
    handlers: Iterable[str] = (),
    *,
    own: str = "",
    more: Mapping[str, str] | None = None,
) -> str:
    """Return the strictest policy under which a page works.

    Styles may stand anywhere, because charts and formulas write them. Nothing is framed, no other program is started,
    and forms go to the page's own site alone.

    Parameters
    ----------
    scripts : iterable of str
        The texts of the scripts that stand in the page.
    handlers : iterable of str
        The texts of its attributes as ``onclick``.
    own : str
        From where it loads scripts, styles, images and fonts, as `SITE`; empty for a page that is one file.
    more : mapping of directive to sources
        What else it needs, as ``{"script-src": "'wasm-unsafe-eval'"}``.
    """
    named = [*hashed(scripts), *(["'unsafe-hashes'", *hashed(handlers)] if handlers else [])]
    rules = {
        "default-src": "'none'",
        "script-src": f"{own} {' '.join(named)}",
        "style-src": f"{own} 'unsafe-inline'",
        "img-src": f"{own} data:",
        "font-src": f"{own} data:",
        "connect-src": own,
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": own,
    }
    rules |= {name: f"{rules.get(name, '')} {sources}" for name, sources in (more or {}).items()}
    return "; ".join(" ".join([name, *(sources.split() or ["'none'"])]) for name, sources in rules.items())


def hashed(texts: Iterable[str]) -> list[str]:
    """Return the sources of a policy that allow scripts of these texts, each once, in their order."""
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return list(dict.fromkeys(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests))


def inline_scripts(html: str) -> list[str]:
    """Return the texts of the scripts that stand in a page, without data and those of other files."""
    return [text for kind, text in _SCRIPT.findall(html) if not _NOT_RUN.search(kind)]


def with_policy(html: str, policy: str) -> str:
    """Return a page with its policy, before everything that it rules.

    Raises
    ------
    ValueError
        If the page has a policy already, or no place for one.
    """
    if re.search("http-equiv=.?Content-Security-Policy", html, re.I):
        raise ValueError("html must be a page without a content security policy; it has one")
    place = _PLACE.search(html)
    if not place:
        raise ValueError('html must have <meta charset="utf-8"> in its head')
    meta = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy, quote=False)}">'
    return f"{html[: place.end()]}\n{meta}{html[place.end() :]}"

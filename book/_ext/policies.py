"""A content security policy on every page of the site, written when the site is complete.

Pages run the theme's scripts and ours. A script in the content of a page, such as the output of a cell, is not run.
"""

import re
from pathlib import Path

from frlib.view.content_policy import SITE, content_policy, inline_scripts, with_policy

CONTENT = re.compile(r"<article\b.*</article>", re.S)
#: The one attribute of the theme that is a script.
HANDLERS = ("toggleFullScreen()",)
#: What a network in a page needs beyond other pages: to be compiled, and to read what it unpacked.
NETWORK = {"script-src": "'wasm-unsafe-eval'", "connect-src": "blob:"}


def policy_of(html: str) -> str:
    """Return the policy of a page of the site."""
    more = NETWORK if 'data-widget="move_a_face"' in html else None
    return content_policy(inline_scripts(CONTENT.sub("", html)), HANDLERS, own=SITE, more=more)


def write(app, error):
    """Write the policy of each page into it."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        if "_static" in page.relative_to(app.outdir).parts:  # templates of the theme
            continue
        html = page.read_text(encoding="utf-8")
        page.write_text(with_policy(html, policy_of(html)), encoding="utf-8")


def setup(app):
    """Register the writer, after all that change pages."""
    app.connect("build-finished", write, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

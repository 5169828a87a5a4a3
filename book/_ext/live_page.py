"""The Sphinx extension of the page "Move a face yourself".

``move-a-face``
    The network in the page; the content is its text alternative.
"""

import json
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from frlib.view import static

#: Where the build puts what the page shows before its network is started, from the folder that holds ``_config.yml``.
STILL = Path("book/assets/vendor/live/still.json")


class MoveAFace(SphinxDirective):
    """The network in the page."""

    has_content = True

    def run(self):
        """Return the place of the network, with what is drawn before it is started."""
        still, described = Path(self.env.srcdir) / STILL, " ".join(self.content)
        self.env.note_dependency(str(STILL))
        if not still.exists():
            raise self.error(f"there is no {STILL}: the step `live` of the build writes it")
        state = json.loads(still.read_text(encoding="utf-8")) | {"description": described}
        return [nodes.raw("", static.widget_html("move_a_face", state, described), format="html")]


def setup(app):
    """Register the directive."""
    app.add_directive("move-a-face", MoveAFace)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

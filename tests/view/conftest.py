import altair as alt
import pytest

from frlib.view import static
from tests.javascript import run_in_node


@pytest.fixture(scope="session")
def node():
    """Return a function that runs the text of a widget, then a script that calls ``answer(value)``, in Node."""

    def run(script: str, question=None, widget: str = "sweep"):
        source = static.module_source(widget).replace("export default { render };", "")
        return run_in_node(source, script, question)

    return run


@pytest.fixture(autouse=True)
def altair_as_it_was():
    """Undo what a test switched in Altair."""
    yield
    alt.theme.enable("default")
    alt.renderers.enable("default")

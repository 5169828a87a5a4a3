"""Charts, the ε-sweep and verdicts, in a live notebook and on the site."""

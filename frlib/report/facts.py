"""What a report says about how it was made."""

from datetime import UTC, datetime
from importlib.metadata import version


def facts_of(seed: int) -> dict[str, str]:
    """Return seed, date and versions."""
    return {
        "seed": str(seed),
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "versions": ", ".join(f"{package} {version(package)}" for package in ("frlib", "torch", "numpy")),
    }

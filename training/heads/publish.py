"""Handing a head to the served model `collections`, which notices it while it runs."""

from pathlib import Path

from training.heads.head import Head, write

SERVED = Path(__file__).resolve().parents[2] / "model_repository" / "collections" / "heads"
CARD = "head.json"


def publish(head: Head, heads: Path) -> Path:
    """Write the weights beside the served ones, then replace the card, then delete what neither it nor its predecessor
    names: a server that has just read the old card still finds its weights.

    Returns: the path of the card.
    """
    folder = heads / str(head.card.collection)
    card = folder / CARD
    weights = f"{head.card.version}.safetensors"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.safetensors") if path.name != weights}
    write(head, folder, CARD)
    for path in sorted(before, key=lambda one: before[one])[:-1]:
        path.unlink(missing_ok=True)
    return card

"""Whether what streams show is still what their networks were judged on."""

from fastapi import APIRouter, Response

from gateway.drift.state import Drift
from gateway.state import PartsOf

router = APIRouter(tags=["service"])

SEGMENTERS = "shelf_segmenter"


@router.get("/api/drift")
async def shelf_drift(parts: PartsOf, response: Response) -> Drift:
    """Each network's last window of sampled frames beside its profile, figure by figure."""
    response.headers["Cache-Control"] = "no-store"
    models = parts.catalogue.models()
    served = frozenset(model.role for model in models if model.served and model.role.startswith(SEGMENTERS))
    return await parts.drift.state(served)

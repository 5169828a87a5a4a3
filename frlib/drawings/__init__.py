"""Drawn images through networks: what is drawn, embedded and stored comes back as clouds.

This is the only part that draws faces and embeds them. Results are kept in the user's cache under everything that they
depend on.
"""

from frlib.drawings.curves import embed_curves
from frlib.drawings.derivatives import embed_tangents, push_forward
from frlib.drawings.populations import draw_people, embed_people, switched
from frlib.drawings.recognition import embed_detected, embed_identity, varied_attributes
from frlib.drawings.variants import Variant, embed_variants, variant_images
from frlib.faces.crops import IMAGE_SIZES

__all__ = [
    "IMAGE_SIZES",
    "Variant",
    "draw_people",
    "embed_curves",
    "embed_detected",
    "embed_identity",
    "embed_people",
    "embed_tangents",
    "embed_variants",
    "push_forward",
    "switched",
    "variant_images",
    "varied_attributes",
]

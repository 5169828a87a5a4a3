"""One affine map between the embedding spaces of two networks: fitted, judged, composed, and applied to fields."""

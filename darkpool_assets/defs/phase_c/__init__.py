"""Phase C assets: what may only be made of a day whose provenance is right."""

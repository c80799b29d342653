"""What a run found and did: one model, many renderers."""

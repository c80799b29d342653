"""What makes each check fire on a live stack: one line for each, in batches that are broken and mended together."""

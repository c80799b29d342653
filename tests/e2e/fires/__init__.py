"""What makes each check fire on a live stack: a line for each, in batches that are broken together."""

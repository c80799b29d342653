"""What breaks in each layer of a stack, one file per layer. The order in a file is that of the search."""

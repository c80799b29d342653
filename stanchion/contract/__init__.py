"""The stack contract as arithmetic: pure functions that roles (through filters) and the preflight share."""

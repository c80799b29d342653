"""The reference application of the stack: medications, when to take them, and what was taken."""

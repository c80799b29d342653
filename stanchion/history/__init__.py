"""What happened to a stack in a period: which figures are asked for, and what is made of the answers."""

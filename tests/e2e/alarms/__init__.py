"""How each alert is made to fire, a file for each of its subjects."""

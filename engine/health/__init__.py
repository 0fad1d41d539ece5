"""How a score is made of facts."""

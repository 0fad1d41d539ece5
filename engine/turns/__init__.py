"""How a run walks its plan in turns: its seam to the world, its position, its branches."""

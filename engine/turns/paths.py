"""What the paths of a plan's steps say of them, such as `steps[2].repeat.steps[0]/until`."""

ROUND = ".repeat.steps["
"""What is in the path of a step that a repeat walks again and again."""
WAIT = "/until"
"""How the paths of waits end that a pause may extend; deadlines of tasks and of streams are called otherwise."""

"""The sweep and what it decides by: what changed or came due, what crosses, who may start, and what is held."""

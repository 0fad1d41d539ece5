"""When a mail may leave, to whom, and what is made of what comes back."""

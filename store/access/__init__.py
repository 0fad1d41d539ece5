"""Who may do what: people who sign in, programs with keys, whose book one sees, and the record of what was done."""

"""What people do: with a task, with an account, with the draft of a mail."""

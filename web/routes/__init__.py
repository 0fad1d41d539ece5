"""What can be asked for, one file per subject: its JSON API, and its pages where it has any."""

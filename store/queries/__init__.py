"""Read models for the command line and the web, one file per subject; they change nothing."""

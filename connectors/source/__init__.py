"""Where facts are fetched from: other people's databases."""

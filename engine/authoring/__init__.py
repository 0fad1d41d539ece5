"""The language for tools and for people: its words, schemas, codes and style."""

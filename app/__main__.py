"""`python -m app` and `tenure`: the command line."""

import gc
import os

# Imports and documents make many objects, and nearly all of them stay: looking for garbage among them takes a quarter
# of a short command's time.
gc.set_threshold(100_000, 20, 20)
# To look for plugins, Pydantic would read the metadata of every package there is.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from app.cli import main  # noqa: E402 - what is imported after this is what it is for

if __name__ == "__main__":
    main()

"""`python -m app` and `tenure`: the command line."""

import gc
import os
import sys

# Imports and documents make many objects, and nearly all of them stay: looking for garbage among them takes a quarter
# of a short command's time.
gc.set_threshold(100_000, 20, 20)
# To look for plugins, Pydantic would read the metadata of every package there is.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

try:
    from app.cli import main
except KeyboardInterrupt:
    # Ctrl-C in the first moment, before anything is there that could be let go.
    sys.exit(130)

if __name__ == "__main__":
    main()

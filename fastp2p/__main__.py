"""Entry point of the `fastp2p` command: its streams, and imports that may be interrupted like everything after them."""

import os
import sys
import warnings

from fastp2p.errors import FastP2PError
from fastp2p.streams import open_streams


def main() -> None:
    """Run the command line."""
    try:
        open_streams()
        os.environ["MPLBACKEND"] = "agg"  # figures go to files; matplotlib refuses a window's backend that it does not know
        if any(action == "error" for action, *_ in warnings.filters):
            warnings.simplefilter("default")  # what other packages warn of is no reason to end a run
        from fastp2p.cli import app

        app()
    except FastP2PError as error:  # of a stream, where no command is at work
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)


if __name__ == "__main__":
    main()

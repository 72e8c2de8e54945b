"""Entry point of the `fastp2p` command; the imports it takes may be interrupted like everything after them."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from fastp2p.cli import app

        app()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)


if __name__ == "__main__":
    main()

"""Entry point of the `fastp2p` command: its streams, and imports that may be interrupted like everything after them."""


def main() -> None:
    """Run the command line."""
    from fastp2p.cli.signals import catch_signals  # before anything else: what comes earlier is interrupted as Python does it

    catch_signals()
    import os
    import sys
    import warnings

    from fastp2p.cli.streams import open_streams, output_fault

    open_streams()
    os.environ["MPLBACKEND"] = "agg"  # figures go to files; matplotlib refuses a window's backend that it does not know
    if any(action == "error" for action, *_ in warnings.filters):
        warnings.simplefilter("default")  # what other packages warn of is no reason to end a run
    code: str | int | None = 0
    try:
        from fastp2p.cli.main import app

        app()
    except SystemExit as end:
        code = end.code
    if fault := output_fault():
        sys.stderr.write(f"error: {fault}\n")
        code = code or 1
    sys.exit(code)


if __name__ == "__main__":
    main()

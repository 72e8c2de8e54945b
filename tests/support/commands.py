"""The command line, in this process."""

from typer.testing import CliRunner

from fastp2p.cli.main import app


def call(*arguments, code=0):
    """Its result, once the exit code is as it should be."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result

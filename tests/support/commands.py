"""The command line, in this process."""

from pathlib import Path

from typer.testing import CliRunner

from fastp2p.cli.main import app


def call(*arguments, code=0):
    """Its result, once the exit code is as it should be."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result


def refused_command(*arguments):
    """What a command tells of its input, having written and printed nothing."""
    before = set(Path().rglob("*"))
    result = call(*arguments, code=2)
    assert set(Path().rglob("*")) == before, "something was written"
    assert result.stdout == ""
    assert all(line.startswith("error: ") for line in result.stderr.splitlines())
    return result.stderr

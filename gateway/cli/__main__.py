"""python -m gateway.cli caption FOLDER | search FOLDER --text WORDS | process, route PHOTOS --out FOLDER | templates"""

import argparse
import signal
import sys
from collections.abc import Sequence

from gateway.cli.client import ToolError, UsageError

URL = "http://127.0.0.1:8080"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m gateway.cli", description="Tools for a folder of pictures.")
    commands = parser.add_subparsers(dest="command", required=True)
    try:
        from gateway.cli import caption, process, route, search, stream, templates
    except ModuleNotFoundError as error:
        print(f"error: {error}: pip install -e '.[tools]'", file=sys.stderr)
        return 1
    for name, tool, text in (
        ("caption", caption, "write a caption as .txt beside each picture"),
        ("search", search, "find pictures by words or by a picture"),
        ("process", process, "make product photos, one result for each photo"),
        ("route", route, "finish recipe photos, each by its keyword, and list where they went"),
        ("stream", stream, "segment what a camera or a video file shows"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--url", "--gateway", dest="url", default=URL, help=f"the gateway (default {URL})")
        tool.add_arguments(command)
        command.set_defaults(run=tool.run)
    text = "list the templates in a store, put one there or get one from there"
    templates.add_commands(commands.add_parser("templates", help=text, description=text))
    given = parser.parse_args(arguments)
    if getattr(given, "concurrency", 1) < 1:
        parser.error("--concurrency must be at least 1")
    try:
        result: int = given.run(given)
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return result


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would not hear it
    sys.exit(main())

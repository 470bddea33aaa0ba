"""`python -m gateway.cli templates`: templates of a folder to a store that gateways read, and back."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import obstore
from obstore.store import ObjectStore
from pydantic import ValidationError

from gateway.cli.client import ToolError, UsageError
from gateway.cli.stores import guarded, settings
from gateway.settings import Settings
from gateway.store import open_existing
from gateway.template_versions import FILE, MOST_OBJECTS, NAME, VERSION, Key, Version, is_hidden, offered, trouble_of
from imaging.template_sheet import MOST_YAML, TemplateError, assets, sheet

if TYPE_CHECKING:  # obstore's types exist for type checkers only
    from obstore import ObjectMeta

PIECE_BYTES = 2**20


def add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="deed", required=True)
    for name, deed, text in (
        ("list", _list, "list the versions in the store"),
        ("push", _push, "put a version of the folder into the store"),
        ("pull", _pull, "get a version from the store into the folder"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--url", help="the store, as GATEWAY_TEMPLATES_URL, which it is without this")
        if deed is not _list:
            command.add_argument("name", type=_name, help="the template")
            command.add_argument("--version", type=_number, metavar="N", help="its version (default: the newest)")
            command.add_argument("--folder", type=Path, help="the folder of templates (default: GATEWAY_TEMPLATES)")
            command.add_argument("--replace", action="store_true", help="replace a version that is there already")
        command.set_defaults(run=deed)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"lower-case letters, digits, - and _ expected, not {text!r}")
    return text


def _number(text: str) -> int:
    if not VERSION.fullmatch(text):
        raise argparse.ArgumentTypeError(f"a number from 1 on expected, not {text!r}")
    return int(text)


def _list(args: argparse.Namespace) -> int:
    offer = offered(_listing(_store(args, settings())))
    for key in sorted(offer.marks()):
        version = offer.versions.get(key)
        told = f"{len(version.files)} files, {version.size_bytes} bytes" if version else offer.refused[key]
        print(f"{key.path}  {told}")
    return 0


def _push(args: argparse.Namespace) -> int:
    """All other files go before template.yaml, so that an interrupted push leaves no version there."""
    known = settings()
    folder = args.folder or known.templates
    key = Key(args.name, args.version or _newest(_numbers(folder / args.name), args.name, str(folder)))
    files = _files(folder / key.path, key)
    _check(key, files)
    store = _store(args, known)
    there = {meta["path"].removeprefix(f"{key.path}/") for meta in _listing(store, key.path)}
    if FILE in there and not args.replace:
        raise UsageError(f"{key.path} is in the store already; take another number, or --replace")
    with guarded(key.path):
        for path in sorted(files, key=lambda path: (path == FILE, path)):
            obstore.put(store, f"{key.path}/{path}", files[path])
        for path in sorted(there - files.keys()):
            obstore.delete(store, f"{key.path}/{path}")
    print(f"{key.path}: {len(files)} files are in the store")
    return 0


def _pull(args: argparse.Namespace) -> int:
    known = settings()
    folder, store = args.folder or known.templates, _store(args, known)
    offer = offered(_listing(store))
    numbers = [key.number for key in offer.versions if key.name == args.name]
    key = Key(args.name, args.version or _newest(numbers, args.name, "the store"))
    version = offer.versions.get(key)
    if version is None:
        raise ToolError(f"{key.path}: {offer.refused.get(key, 'the store has no such version')}")
    target = folder / key.path
    if os.path.lexists(target) and not args.replace:
        raise UsageError(f"{target} is there already; --replace")
    with guarded(key.path):
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".pull-", dir=folder) as aside:
            _download(store, version, Path(aside, "new"))
            if os.path.lexists(target):
                target.rename(Path(aside, "old"))
            Path(aside, "new").rename(target)
    print(f"{target}: {len(version.files)} files")
    return 0


def _download(store: ObjectStore, version: Version, target: Path) -> None:
    for path in version.files:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        with (target / path).open("xb") as file:
            for piece in obstore.get(store, f"{version.key.path}/{path}").stream(min_chunk_size=PIECE_BYTES):
                file.write(piece)


def _store(args: argparse.Namespace, known: Settings) -> ObjectStore:
    url = args.url or known.templates_url
    if not url:
        raise UsageError("which store? --url, or GATEWAY_TEMPLATES_URL")
    if args.url:
        try:
            url = Settings(templates_url=args.url).templates_url or ""
        except ValidationError as error:
            raise UsageError(f"--url: {error.errors()[0]['msg']}") from error
    with guarded(url):
        return open_existing(known, url)


def _listing(store: ObjectStore, prefix: str | None = None) -> "list[ObjectMeta]":
    found: list[ObjectMeta] = []
    with guarded("the store"):
        for chunk in obstore.list(store, prefix):
            found += chunk
            if len(found) > MOST_OBJECTS:
                raise ToolError(f"the store has more than {MOST_OBJECTS} objects")
    return found


def _numbers(folder: Path) -> list[int]:
    return [int(path.parent.name) for path in folder.glob(f"*/{FILE}") if VERSION.fullmatch(path.parent.name)]


def _newest(numbers: list[int], name: str, where: str) -> int:
    if not numbers:
        raise ToolError(f"there is no template {name} in {where}")
    return max(numbers)


def _files(folder: Path, key: Key) -> Mapping[str, Path]:
    """The files of a version by their paths in it, without hidden ones."""
    place = folder.resolve()
    if not (place / FILE).is_file():
        raise ToolError(f"{folder}: there is no {FILE}")
    paths = {path.relative_to(place).as_posix(): path for path in sorted(place.rglob("*")) if path.is_file()}
    for name, path in paths.items():
        if not path.resolve().is_relative_to(place):
            raise ToolError(f"{key.path}: {name} lies outside the template's folder")
    return {name: path for name, path in paths.items() if not is_hidden(name)}


def _check(key: Key, files: Mapping[str, Path]) -> None:
    """Refuses what gateways would not take, and what is plainly wrong with template.yaml."""
    trouble = trouble_of({name: path.stat().st_size for name, path in files.items()})
    if trouble:
        raise ToolError(f"{key.path}: {trouble}")
    where = f"template {key.name}, version {key.number}: {FILE}"
    if files[FILE].stat().st_size > MOST_YAML:
        raise ToolError(f"{where} is larger than {MOST_YAML // 1024} KiB")
    try:
        named = assets(sheet(files[FILE].read_bytes(), where))
    except TemplateError as error:
        raise ToolError(str(error)) from error
    for place, name in named.items():
        if os.path.normpath(name) not in files:
            raise ToolError(f"{where}: {place}: {name} is not there")

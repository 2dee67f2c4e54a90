"""The web server of a node: a directory, pages from the lab file, or a WSGI application."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import ssl
import sys
import sysconfig
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from netarium.errors import NetariumError
from netarium.model.lab import Lab, Node
from netarium.services.listening import allow_many_files, listen
from netarium.services.setup import Setup
from netarium.services.web_files import Files, StartResponse, content_type, status_page
from netarium.services.web_server import AccessLog, Pool, Server, tls_context

__all__ = ["prepare", "serve"]

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

#: What is served where the lab file says nothing.
DEFAULT_ROOT = "/srv/www"
#: Where a node sees the user's own programs.
USER_PROGRAMS = "/lab"

_WELCOME = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>
<body><h1>It works!</h1><p>This is {name}. Its pages lie in <code>{root}</code>.</p></body></html>
"""


def prepare(lab: Lab) -> None:
    """Import the applications of a lab that are installed beside netarium, once for all servers.

    Only those: this runs outside the nodes, where a program of the user's own has no business.
    """
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    wanted = {s.options.get("app") for n in lab.nodes for s in n.services if s.kind == "web"}
    for application in filter(None, wanted):
        top = application.partition(":")[0].partition(".")[0]
        found = importlib.util.find_spec(top)
        if found and found.origin and any(Path(found.origin).is_relative_to(p) for p in places):
            _import(application.partition(":")[0])


def serve(setup: Setup) -> None:
    """Serve the site until killed."""
    options = setup.service.options
    application = site(options, setup.node)
    allow_many_files()
    pool = Pool()
    access_log = AccessLog(_log_directory(setup.log) / f"{setup.service.name}.access.log")
    servers = []
    for port, context in _ports(setup):
        for listening in listen(port):
            servers.append(
                Server(
                    listening,
                    application,
                    name=setup.node.names[0],
                    pool=pool,
                    access_log=access_log,
                    log=setup.log,
                    context=context,
                )
            )
    for server in servers:
        server.prepare()
    setup.ready()
    for server in servers[1:]:
        threading.Thread(target=server.serve, daemon=True).start()
    servers[0].serve()


def _ports(setup: Setup) -> list[tuple[int, ssl.SSLContext | None]]:
    options = setup.service.options
    ports: list[tuple[int, ssl.SSLContext | None]] = []
    if options["port"]:
        ports.append((options["port"], None))
    if options["tls_port"]:
        if setup.tls_certificate is None:
            raise NetariumError(
                f"{setup.node.name} has no certificate for HTTPS",
                "Set tls_port to null to serve HTTP alone.",
            )
        ports.append((options["tls_port"], tls_context(setup.tls_certificate)))
    if not ports:
        raise NetariumError(
            f"the web server of {setup.node.name} has neither an HTTP nor an HTTPS port",
            "Give it a port or a tls_port.",
        )
    return ports


def site(options: Mapping[str, Any], node: Node) -> Application:
    """The application that a web service's options ask for.

    Raises:
        NetariumError: the application cannot be imported.
    """
    if options.get("app"):
        return load(options["app"])
    if options.get("pages"):
        return Pages(options["pages"])
    root = Path(options.get("root") or DEFAULT_ROOT)
    make_root(root, node)
    return Files(root)


def make_root(root: Path, node: Node) -> None:
    """Make the directory, with a welcome page, where there is none yet."""
    mounted = any(Path(m.target).is_relative_to(root) for m in node.mounts)
    if not root.exists() and not mounted:
        root.mkdir(parents=True)
        (root / "index.html").write_text(_WELCOME.format(name=node.names[0], root=root))


class Pages:
    """Serves texts by their path."""

    def __init__(self, pages: Mapping[str, str]) -> None:
        self._pages = {path: (text.encode(), _kind(path, text)) for path, text in pages.items()}

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace") or "/"
        page = self._pages.get(path)
        if page is None:
            return status_page(start, "404 Not Found")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return status_page(start, "405 Method Not Allowed", [("Allow", "GET, HEAD")])
        text, kind = page
        start("200 OK", [("Content-Type", kind), ("Content-Length", str(len(text)))])
        return [text]


def _kind(path: str, text: str) -> str:
    """The media type of a page: by the path's ending, else by what the text looks like."""
    name = path.rpartition("/")[2]
    if "." in name:
        return content_type(name, text.encode())
    if text.lstrip().startswith("<"):
        return "text/html; charset=utf-8"
    if text.lstrip().startswith(("{", "[")):
        try:
            json.loads(text)
        except ValueError:
            pass
        else:
            return "application/json; charset=utf-8"
    return "text/plain; charset=utf-8"


def load(name: str) -> Application:
    """Import ``module:callable``: installed, or one of the user's programs in /lab.

    Raises:
        NetariumError: there is no such module or callable, or importing it fails.
    """
    module_name, _, attribute = name.partition(":")
    cure = f"Write app as MODULE:CALLABLE; MODULE is installed, or a file in {USER_PROGRAMS}."
    if USER_PROGRAMS not in sys.path:
        sys.path.append(USER_PROGRAMS)
    try:
        found: Any = _import(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise NetariumError(f"the application {name} needs the module {error.name}") from error
        raise NetariumError(
            f"there is no module {error.name} for the application {name}", cure
        ) from error
    except Exception as error:
        what = f"importing the application {name} failed: {type(error).__name__}: {error}"
        raise NetariumError(what) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise NetariumError(f"the module {module_name} has no {attribute}", cure)
        found = getattr(found, part)
    if not callable(found):
        raise NetariumError(f"{name} is not a WSGI application: it cannot be called", cure)
    application: Application = found
    return application


def _import(module: str) -> Any:
    # What a library has to say to its developers does not belong into a server's log.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


def _log_directory(log: logging.Logger) -> Path:
    """Beside the service's own log."""
    for handler in log.handlers:
        if isinstance(handler, logging.FileHandler):
            return Path(handler.baseFilename).parent
    return Path("/var/log")

"""The list of verbs, each loaded when it is called, and the help that lists them."""

from __future__ import annotations

import difflib
import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from netarium import __version__
from netarium.errors import NetariumError, UsageError

__all__ = ["SECTIONS", "run"]

#: Verbs by section: name -> (module of this package, what it does).
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Labs": {
        "up": ("lifecycle", "Bring a lab up, from the labs that ship or from a lab file."),
        "down": ("lifecycle", "Take a lab down; nothing of it remains."),
        "status": ("status", "Show what runs: labs, nodes, addresses, services, memory."),
        "labs": ("catalogue", "List the labs that ship with netarium."),
        "schema": ("catalogue", "Print the JSON Schema of lab files, for editors."),
    },
    "Inside a node": {
        "shell": ("inside", "Open a shell on a node."),
        "exec": ("inside", "Run one command on a node."),
        "cp": ("files", "Copy files into or out of a node."),
        "logs": ("files", "Show what a node's services have logged."),
    },
    "From the host": {
        "ssh": ("secure", "Log in to a node with the host's own ssh."),
        "ssh-config": ("secure", "Make plain ssh, scp and sftp reach the nodes by name."),
        "connect": ("traffic", "Join standard input and output with a TCP port of a node."),
        "proxy": ("traffic", "Offer a SOCKS5 proxy whose connections go out from a node."),
        "forward": ("traffic", "Offer ports of nodes on this machine's loopback interface."),
    },
    "Packets": {
        "capture": ("capture", "Capture packets of a lab's nodes, or of this machine."),
        "read": ("packets", "Show the packets of a capture file as text."),
        "draw": ("drawings", "Draw packets: their bytes beside the headers they are."),
        "ladder": ("drawings", "Draw who said what to whom, as a sequence diagram."),
        "query": ("questions", "Ask a capture file questions in SQL."),
        "stats": ("questions", "Sum a capture file up: hosts, conversations, throughput."),
        "extcap": ("extcap", "Put every interface of every lab into Wireshark's list."),
    },
    "This machine": {
        "doctor": ("machine", "Say what this machine has, what it lacks, and what installs it."),
    },
}

VERBS = {name: verb for section in SECTIONS.values() for name, verb in section.items()}

#: What other programs call the same things.
_SYNONYMS = {
    "attach": "shell",
    "bash": "shell",
    "check": "doctor",
    "copy": "cp",
    "destroy": "down",
    "list": "labs",
    "log": "logs",
    "login": "shell",
    "ls": "labs",
    "nc": "connect",
    "ps": "status",
    "run": "exec",
    "scp": "cp",
    "sh": "shell",
    "start": "up",
    "stop": "down",
    "tunnel": "forward",
}

_EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 lab file not valid, 4 no such lab, "
    "node, service or file, 5 this machine cannot do it, 130 interrupted. "
    "exec, shell and ssh give the exit code of what they ran."
)


#: click's base of all complaints, wherever this version of typer keeps it.
_ClickError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


class _Verbs(TyperGroup):
    """Loads a verb's module when the verb is called: help and every verb stay quick."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"netarium.cli.{VERBS[cmd_name][0]}")
        return typer.main.get_command(module.app(cmd_name))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            close = _nearest(name)
            cure = f"did you mean {close}?" if close else "netarium --help lists the verbs"
            raise UsageError(f"there is no verb {name!r}", cure)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in verbs.items()])
        options = [record for p in self.get_params(ctx) if (record := p.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl(options)
        formatter.write_paragraph()
        formatter.write_text("netarium VERB --help tells more. Start with: netarium up playground")
        formatter.write_paragraph()
        formatter.write_text(_EPILOG)


def _nearest(name: str) -> str | None:
    if name in _SYNONYMS:
        return _SYNONYMS[name]
    return next(iter(difflib.get_close_matches(name, VERBS, 1, 0.66)), None)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"netarium {__version__}")
        raise typer.Exit


def _build() -> Any:
    app = typer.Typer(
        name="netarium",
        cls=_Verbs,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )

    @app.callback()
    def netarium(
        version: Annotated[
            bool,
            typer.Option(
                "--version",
                callback=_show_version,
                is_eager=True,
                help="Show the version and exit.",
            ),
        ] = False,
    ) -> None:
        """The Internet in miniature: build networks on this machine, use them like the real one."""

    return typer.main.get_command(app)


def run(words: list[str]) -> int:
    """Run the command line with typer; give the exit code. Raises NetariumError."""
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    try:
        code = _build()(words, prog_name="netarium", standalone_mode=False)
    except typer.Abort:
        return 130
    except SystemExit as end:
        # click ends the program with 1 where the reader of a pipe has left.
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        raise
    except _ClickError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error)
            return UsageError.exit_code
        raise _usage_error(error) from None
    return code if isinstance(code, int) else 0


def _usage_error(error: Any) -> NetariumError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "netarium"
    if type(error).__name__ == "MissingParameter" and context is not None:
        usage = context.command.get_usage(context).removeprefix("Usage: ")
        return UsageError(error.format_message(), f"usage: {usage}")
    return UsageError(_of_value(error) or error.format_message(), f"{path} --help tells more")


def _of_value(error: Any) -> str:
    """What is wrong with an option's value, in a sentence; empty where it is something else."""
    details = getattr(error.__cause__, "errors", None)
    option = getattr(error, "param", None)
    if details is None or option is None:
        return ""
    (wrong, *_) = details()
    limits = {"greater_than_equal": "{ge} or more", "less_than_equal": "{le} or less"}
    needed = limits.get(wrong["type"], "").format(**wrong.get("ctx", {}))
    if wrong["type"] in ("int_parsing", "int_from_float"):
        needed = "a whole number"
    name = max(option.opts, key=len) if option.opts[0].startswith("-") else option.metavar
    return f"{name} must be {needed}, not {wrong['input']}" if needed else ""

"""The verbs that answer questions about a capture file: in SQL, and as a summary."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from netarium.cli.options import Json, single
from netarium.cli.output import counted, note, print_json, print_table
from netarium.errors import UsageError

__all__ = ["app"]

_FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="A capture file, pcap or pcapng; - is standard input.")
]
_FilterOption = Annotated[
    str,
    typer.Option(
        "--filter", "-f", metavar="FILTER", help="Only packets that match, as in tcpdump."
    ),
]
_EXAMPLE = 'as in: netarium query FILE "SELECT protocol, count(*) FROM packets GROUP BY protocol"'


def _query(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A capture file, pcap or pcapng; - is standard input."),
    ] = "",
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A SELECT of DuckDB's SQL.")] = "",
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="TO",
            help="Write the answer to a file: a name in .csv, .json or .parquet.",
        ),
    ] = "",
    filter: _FilterOption = "",
    tables: Annotated[bool, typer.Option("--tables", help="List the tables.")] = False,
    columns: Annotated[
        bool, typer.Option("--columns", help="List the columns of all tables, and what they say.")
    ] = False,
) -> None:
    """Ask a capture file questions in SQL.

    The tables are packets, flows, dns and http. * stands for the columns of packets that a
    first look needs; there are many more. Times are in UTC. in_prefix(ip_src, '10.0.0.0/8'),
    subnet(ip_src, 24) and is_private(ip_src) look into addresses.
    """
    from netarium.cli import answers

    if tables or columns:
        _list(columns, json)
        return
    if not file or not sql:
        raise UsageError("FILE or SQL is missing" if not file else "SQL is missing", _EXAMPLE)
    if output:
        answers.format_of(output)
    from netarium.capture.asking import Source, ask
    from netarium.capture.sql import scans

    _tell_of_compiling(file)
    source = Source(file, filter, again=scans(sql) > 1)
    try:
        with ask(source, sql) as found:
            if output:
                rows = answers.save(found.schema, found, output)
                note(f"{counted(rows, 'row')} in {output}")
            elif json:
                answers.write_json(found.schema, found)
            elif csv:
                answers.print_csv(found.schema, found)
            else:
                answers.print_rows(found.schema, found)
        if source.trouble:
            note(source.trouble)
    finally:
        source.close()


def _tell_of_compiling(file: str) -> None:
    """Say why the first large file of all takes longer, to a person who waits for it."""
    from netarium.wire.bulk.column_kernels import gather
    from netarium.wire.hot import is_kept, worth_compiling

    try:
        is_large = worth_compiling(Path(file).stat().st_size)
    except OSError:
        return  # standard input, or no such file
    if is_large and sys.stderr.isatty() and not is_kept(gather):
        note("compiling the loops for columns; this is done once, and takes some seconds")


def _list(columns: bool, json: bool) -> None:
    from netarium.capture.tables import tables

    known = tables().values()
    if json:
        print_json(
            {
                table.name: {
                    "meaning": table.meaning,
                    "columns": {
                        column.name: {"type": column.type_name, "meaning": column.meaning}
                        for column in table.columns.values()
                    },
                }
                for table in known
            }
        )
    elif columns:
        for number, table in enumerate(known):
            if number:
                print()
            rows = [(c.name, c.type_name, c.meaning) for c in table.columns.values()]
            print_table((table.name, "type", "meaning"), rows)
    else:
        print_table(("table", "meaning"), [(table.name, table.meaning) for table in known])


def _stats(
    file: _FileArgument,
    json: Json = False,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="PICTURE",
            help="Draw throughput over time: a name in .svg, .pdf or .png.",
        ),
    ] = "",
    top: Annotated[
        int,
        typer.Option("--top", "-n", metavar="N", min=1, help="How many hosts and conversations."),
    ] = 10,
    interface: Annotated[
        str,
        typer.Option("--interface", "-i", metavar="NAME", help="Only what was captured there."),
    ] = "",
    filter: _FilterOption = "",
) -> None:
    """Sum a capture file up: protocols, hosts, conversations, throughput over time.

    A frame that was captured at several interfaces counts at each of them; --interface
    counts at one.
    """
    from netarium.cli import summaries
    from netarium.wire.drawing.output import picture_format

    if output:
        picture_format(output)
    from netarium.capture.summary import stats

    _tell_of_compiling(file)
    summary = stats(file, filter, interface)
    name = "standard input" if file == "-" else Path(file).name
    if json:
        print_json(summaries.as_json(summary))
    elif output:
        from netarium.capture.pictures import save

        save(summaries.picture(summary, name), output)
        note(f"throughput of {name} in {output}")
    else:
        summaries.show(summary, name, top)
    if summary.trouble:
        note(summary.trouble)


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _query if verb == "query" else _stats)

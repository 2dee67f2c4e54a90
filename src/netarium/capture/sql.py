"""DuckDB over a capture: tables that are read while SQL runs, and nothing else within reach."""

from __future__ import annotations

import contextlib
import difflib
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from netarium.capture.arrow import schema_of
from netarium.capture.columnar import Columns
from netarium.capture.tables import COMMON, tables
from netarium.errors import NetariumError

if TYPE_CHECKING:
    import pyarrow

    from netarium.wire.batch import Batch

__all__ = ["Answer", "SqlError", "answer", "scans"]

#: What gives the frames of the capture from the beginning, each time that it is called.
Opener = Callable[[], Iterable["Batch"]]

_WORD = re.compile(r"""'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|"((?:[^"]|"")*)"|([A-Za-z_]\w*)""", re.S)
_STAR = re.compile(r"(?:\b(?:select|distinct|all|from)|[,.(]|^)\s*\*(?!\s*\))", re.I)


class SqlError(NetariumError):
    """The SQL is wrong, or asks for what there is not."""

    exit_code = 2


class _Table:
    """A table as DuckDB scans it: each scan reads the capture again."""

    def __init__(
        self, schema: pyarrow.Schema, read: Callable[[], Iterator[pyarrow.RecordBatch]]
    ) -> None:
        self.schema = schema
        self.read = read
        self.error: BaseException | None = None

    def __arrow_c_schema__(self) -> Any:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        import pyarrow as pa

        reader: Any = pa.RecordBatchReader.from_batches(self.schema, self._guarded())
        return reader.__arrow_c_stream__(requested_schema)

    def _guarded(self) -> Iterator[pyarrow.RecordBatch]:
        try:
            yield from self.read()
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error  # DuckDB would tell of it in words of its own
            raise


def words(sql: str) -> list[str]:
    """All names in SQL, in small letters: what may be a table or a column."""
    return [(a.replace('""', '"') or b).lower() for a, b in _WORD.findall(sql) if a or b]


def scans(sql: str) -> int:
    """How many times SQL may read the capture, at most."""
    known = tables()
    return sum(word in known for word in words(sql))


def _packet_columns(sql: str) -> list[str]:
    """Those columns of ``packets`` that SQL may need: what it names, and the common for ``*``."""
    named = set(words(sql))
    plain = _WORD.sub(lambda found: found[2] or found[1] or " ", sql)
    wanted = named & tables()["packets"].columns.keys()
    if _STAR.search(plain) or "select" not in named:
        wanted |= set(COMMON)
    order = list(tables()["packets"].columns)
    ordered = [name for name in COMMON if name in wanted]
    ordered += sorted(wanted - set(COMMON), key=order.index)
    return ordered or ["number"]


@contextlib.contextmanager
def answer(sql: str, opener: Opener) -> Iterator[Answer]:
    """Run SQL over a capture, and give its answer as it comes.

    Args:
        sql: one statement of DuckDB's SQL. Files, the network and settings are out of its
            reach; what DuckDB cannot hold in memory goes to a directory that is removed.
        opener: gives the frames of the capture from the beginning, each time it is called.

    Raises:
        SqlError: the SQL is wrong. Also whatever reading the capture raises.
    """
    import duckdb

    registered: dict[str, _Table] = {}
    with tempfile.TemporaryDirectory(prefix="netarium-query-") as spill:
        config: Any = {
            "temp_directory": spill,
            # A function that it does not know must not send it to the network for an extension.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        connection = duckdb.connect(":memory:", config=config)
        apart = _Apart(connection)
        try:
            _define(connection)
            for name in sorted(set(words(sql)) & tables().keys()):
                registered[name] = _table(name, sql, opener)
                connection.register(name, registered[name])
            connection.execute("SET enable_progress_bar = false")  # it would go to stdout
            connection.execute("SET enable_external_access = false")
            connection.execute("SET python_enable_replacements = false")
            connection.execute("SET lock_configuration = true")
            with _told(sql, registered):
                relation = apart.do(connection.sql, _one_statement(connection, sql))
                if relation is None:
                    raise SqlError("the SQL gives no rows", "ask with SELECT")
                reader = apart.do(_reader, relation)
            yield Answer(reader, apart, lambda: _told(sql, registered))
        finally:
            apart.close()
            connection.close()


class _Apart:
    """Has DuckDB work in a thread of its own: Ctrl-C would wait until it is done with a row."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1)

    def do(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Call this there, and give what it gives."""
        doing = self._thread.submit(work, *arguments)
        try:
            return doing.result()
        except KeyboardInterrupt:
            while not doing.done():
                self._connection.interrupt()
                wait([doing], timeout=0.1)
            raise

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()


def _one_statement(connection: Any, sql: str) -> str:
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise SqlError(
            "there is no SQL"
            if not statements
            else f"{len(statements)} statements are one too many",
            "as in: SELECT protocol, count(*) FROM packets GROUP BY protocol",
        )
    return sql.strip().rstrip(";")


def _table(name: str, sql: str, opener: Opener) -> _Table:
    """One table, with those columns that the SQL may need."""
    from netarium.capture import dns_table, flows, http_table

    if name == "packets":
        wanted = _packet_columns(sql)
        return _Table(Columns(wanted).schema, lambda: Columns(wanted).stream(opener()))
    module: Any = {"flows": flows, "dns": dns_table, "http": http_table}[name]
    return _Table(schema_of(module.COLUMNS), lambda: module.record_batches(opener()))


def _reader(relation: Any) -> Any:
    """The rows as they come; DuckDB has renamed the way there."""
    rows = 1 << 16
    if hasattr(relation, "to_arrow_reader"):
        return relation.to_arrow_reader(rows)
    return relation.fetch_record_batch(rows)


class Answer:
    """Record batches whose errors are told in netarium's words.

    Attributes:
        schema: names and types of their columns.
    """

    def __init__(self, reader: Any, apart: _Apart, guard: Callable[[], Any]) -> None:
        self.schema = reader.schema
        self._reader = reader
        self._apart = apart
        self._guard = guard

    def __iter__(self) -> Iterator[Any]:
        rows = iter(self._reader)
        while True:
            with self._guard():
                batch = self._apart.do(next, rows, None)
            if batch is None:
                return
            yield batch


@contextlib.contextmanager
def _told(sql: str, registered: dict[str, _Table]) -> Iterator[None]:
    """Errors of DuckDB as what is wrong and what to do."""
    import duckdb
    import pyarrow as pa

    try:
        yield
    except (duckdb.Error, pa.ArrowException, RuntimeError) as error:
        for table in registered.values():
            if table.error is not None:
                raise table.error from None
        raise _explained(sql, str(error), registered) from None


_NOT_FOUND = re.compile(r'Referenced column "([^"]+)" not found|column named "?([^"\s]+)"?', re.I)
_UNKNOWN_TABLE = re.compile(r"Table with name (\S+) does not exist")


def _explained(sql: str, text: str, registered: dict[str, _Table]) -> SqlError:
    text = text.removeprefix("Invalid Input Error: ")
    text = text.removeprefix("Python exception occurred while executing the UDF: SqlError: ")
    known = tables()
    if found := _UNKNOWN_TABLE.search(text):
        near = difflib.get_close_matches(found[1].lower(), known, 1)
        cure = f"did you mean {near[0]}? " if near else ""
        return SqlError(f"there is no table {found[1]!r}", f"{cure}there are: {', '.join(known)}")
    if found := _NOT_FOUND.search(text):
        name = (found[1] or found[2]).split(".")[-1]
        columns = [column for table in registered for column in known[table].columns]
        near = difflib.get_close_matches(name.lower(), columns, 1)
        cure = f"did you mean {near[0]}? " if near else ""
        return SqlError(
            f"{' and '.join(sorted(registered)) or 'no table'} has no column {name!r}",
            f"{cure}netarium query --columns lists them all",
        )
    what, _, rest = text.partition("\n")
    kind, colon, told = what.partition(" Error: ")
    lines = [
        line for line in rest.splitlines() if line.startswith("LINE ") or set(line.strip()) == {"^"}
    ]
    if kind == "Permission":
        return SqlError(told, "SQL sees the capture only; -o FILE writes the answer to a file")
    message = f"SQL: {told if colon else what}"
    if candidates := re.search(r"Candidate functions?:\s*(\w.+)", rest):
        return SqlError(message, f"there is {candidates[1].strip()}")
    hint = re.search(r"Did you mean .*", rest)
    if len(lines) == 2:
        message += "".join(f"\n  {line}" for line in lines)
    return SqlError(message, hint[0] if hint else "")


# --- functions ------------------------------------------------------------------------------


def _define(connection: Any) -> None:
    """Functions on addresses, for SQL."""
    for name, function, arguments, result in (
        ("in_prefix", _in_prefix, ["VARCHAR", "VARCHAR"], "BOOLEAN"),
        ("subnet", _subnet, ["VARCHAR", "INTEGER"], "VARCHAR"),
        ("is_private", _is_private, ["VARCHAR"], "BOOLEAN"),
    ):
        connection.create_function(name, _columnar(function), arguments, result, type="arrow")


def _columnar(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of values as one of Arrow arrays; the same values are computed once."""
    known: dict[tuple[Any, ...], Any] = {}

    def computed(*arrays: Any) -> Any:
        import pyarrow as pa

        out = []
        for row in zip(*(array.to_pylist() for array in arrays), strict=True):
            if row not in known:
                if len(known) > 1 << 16:
                    known.clear()
                known[row] = function(*row)
            out.append(known[row])
        return pa.array(out, pa.string() if function is _subnet else pa.bool_())

    # DuckDB counts the parameters.
    if function.__code__.co_argcount == 1:
        return lambda only: computed(only)
    return lambda first, second: computed(first, second)


def _in_prefix(address: str, prefix: str) -> bool | None:
    import ipaddress

    try:
        network = ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        raise SqlError(
            f"{prefix!r} is no prefix", "as in: in_prefix(ip_src, '10.0.0.0/8')"
        ) from None
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:
        return None


def _subnet(address: str, bits: int) -> str | None:
    import ipaddress

    try:
        return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
    except ValueError:
        return None


def _is_private(address: str) -> bool | None:
    import ipaddress

    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return None

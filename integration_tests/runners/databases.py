"""The SQL of the pages, on PostgreSQL and DuckDB, filled by PyAirbyte before and after changes in the sandbox; PostgreSQL by
examples/sync.py as it is.

Every file of docs/sql must answer what `figures.py` reckons from the sandbox's truth. What is written for BigQuery and Snowflake
is translated by sqlglot and run on DuckDB: the words are theirs, the database is not.

Set by `.ci/runners`: SANDBOX (the program); POSTGRESQL_PORT, where there is one. SQL_FOLDER, to be another one than the
repository's.
"""

import atexit
import os

os.environ |= {"DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1", "AIRBYTE_NO_UPDATE_CHECK": "1"}

import contextlib
import datetime
import decimal
import importlib.metadata
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import airbyte
import sqlglot
from airbyte.caches import DuckDBCache, PostgresCache
from sqlalchemy import text


def sandbox_of_its_own(days=45):
    """Days enough for payments whatever the date, and two advertisers of one currency, which share a payment."""
    options = ["--port", "0", "--days", str(days), "--advertisers", "4", "--still", "--throttle-per-minute", "0"]
    options += ["--token", os.environ["TOKEN"]]
    process = subprocess.Popen([os.environ["SANDBOX"], "serve", *options], stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)
    start = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=days)
    os.environ |= {"SANDBOX_URL": process.stdout.readline().split()[-1], "START_DATE": str(start)}


sandbox_of_its_own()  # before `common`, which reads where it is

import common
import figures

ROOT = Path(__file__).parents[2]
SQL = Path(os.environ.get("SQL_FOLDER", ROOT / "docs/sql"))
STREAMS = ["transactions", "stats_by_publisher", "accounts", "publishers", "programmes", "commission_groups", "commission_rates",
           "payments", "payment_breakdowns"]  # fmt: skip
# Looks back on all that the sandbox has: a sale that leaves the look-back is sent once more.
CONFIG = common.config(lookback_days=60)
# The month of the files, and what the check puts in its place: all days that the sandbox has.
TODAY = datetime.datetime.now(datetime.UTC).date()
FIRST, END = common.START_DATE, str(TODAY + datetime.timedelta(days=2))


def sql(name):
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


class Way:
    """One way to run the files: a database, and how it takes them. Each has its own views and its own closed month."""

    def __init__(self, name, title, views, adapt=str, tables="awin"):
        self.name, self.title, self.views, self.adapt, self.tables = name, title, views, adapt, tables

    def make_views(self, run):
        for file in (self.views, f"payments-{self.views}"):
            for statement in self.adapt(sql(f"views/{file}")).split(";"):
                if statement.strip():
                    run(statement)

    def lose(self, run, row_ids):
        """From now on the table of transactions lacks these rows."""
        column = "rowid" if self.tables == "awin" else '"rowId"'
        listed = ", ".join(f"'{row_id}'" for row_id in row_ids)
        run(f"CREATE TABLE {self.name}.transactions AS SELECT * FROM {self.tables}.transactions WHERE {column} NOT IN ({listed})")
        self.make_views(run)

    def raise_rates(self, run, moment):
        """From now on the table of rates says that those without an end ended at the moment, and that ones higher by 1 hold since."""
        same, read = "groupId, advertiserId, accountId, type", f"FROM {self.tables}.commission_rates"
        statement = f"""CREATE TABLE {self.name}.commission_rates AS
            SELECT {same}, percentage, amount, ratesStart, coalesce(ratesEnd, TIMESTAMP '{moment}') AS ratesEnd {read}
            UNION ALL SELECT {same}, percentage + 1, amount + 1, TIMESTAMP '{moment}', NULL {read} WHERE ratesEnd IS NULL"""
        run(statement if self.tables == "awin" else with_capitals_quoted(statement))

    def enter(self, run):
        run(f"CREATE SCHEMA IF NOT EXISTS {self.name}")
        path = f"{self.name},{self.tables}"
        run(f"SET search_path TO {path}" if run.is_postgresql else f"SET search_path = '{path}'")

    def ask(self, run, name, month, **replaced):
        """The rows of a file, with the month that is asked for."""
        return plain(run(self.adapt(of_month(sql(name), month, replaced)).rstrip().rstrip(";")))


def of_month(statement, month, replaced):
    date = {"transactionDate": "sold_on", "validationDate": "decided_on"}[month.date]
    # As the pages say: the other date, in the places that name the month.
    statement = re.sub(r"\b(?:sold_on|decided_on)( (?:>=|<) DATE '2026-0[34]-01')", rf"{date}\1", statement)
    for old, new in {"2026-03-01": month.first, "2026-04-01 00:00:00": replaced.get("moment", ""), "2026-04-01": month.end,
                     "closed_2026_03": f"closed_by_{date}"}.items():  # fmt: skip
        statement = statement.replace(old, new)
    return statement


def plain(rows):
    """Rows in no order, and values that do not depend on the database's types."""
    def value(found):
        if isinstance(found, bool) or found is None or isinstance(found, str):
            return found
        if isinstance(found, (int, float, decimal.Decimal)):
            return decimal.Decimal(str(found)).normalize() + 0
        return str(found)
    return sorted((tuple(map(value, row)) for row in rows), key=repr)


def with_capitals_quoted(statement):
    """For tables whose names keep their capitals."""
    code = re.sub(r"--.*", "", statement)
    return re.sub(r"""(?<!['"])\b([a-z]+[A-Z]\w*)\b(?!['"])""", r'"\1"', code)


def translated(dialect):
    def translate(statements):
        found = ";".join(sqlglot.transpile(statements, read=dialect, write="duckdb", error_level=sqlglot.ErrorLevel.RAISE))
        # sqlglot does not do two things of Snowflake's right: FLATTEN, and a text that leaves its VARIANT.
        flattened = r",\s*CROSS JOIN UNNEST\(INPUT => (.*?)\) AS p\(.*?\)"
        found = re.sub(flattened, r" CROSS JOIN UNNEST(CAST(\1 AS JSON[])) AS p(value)", found)
        return re.sub(r"CAST\((\S+) -> ('\S+') AS TEXT\)", r"\1 ->> \2", found)
    return translate


def tables_of(schema):
    """Views on PyAirbyte's tables that have the names and types of Airbyte's destination, or of Meltano's target-postgres."""
    yield f"CREATE SCHEMA {schema}"
    is_meltano = schema == "meltano_tables"
    array = "ARRAY(SELECT jsonb_array_elements(nullif({}::jsonb, 'null')))" if is_meltano else "{}::jsonb"
    for stream in common.discover():
        if stream["name"] in STREAMS:
            columns = [f"_airbyte_extracted_at AS {'_sdc_batched_at' if is_meltano else '_airbyte_extracted_at'}"]
            for name, kind in stream["json_schema"]["properties"].items():
                form = array if "array" in kind["type"] else "{}::jsonb" if "object" in kind["type"] else "{}"
                columns.append(f'{form.format(name.lower())} AS "{name}"')
            yield f"CREATE VIEW {schema}.{stream['name']} AS SELECT {', '.join(columns)} FROM awin.{stream['name']}"


class Database:
    """A cache of PyAirbyte, and the ways to run the files on it."""

    def __init__(self, name, open_cache, ways):
        self.name, self.open_cache, self.cache, self.ways = name, open_cache, open_cache(), ways

    def read(self):
        if self.name == "PostgreSQL":
            environment = {"AWIN_TOKEN": common.TOKEN, "AWIN_START_DATE": common.START_DATE, "AWIN_CONFIG": json.dumps(CONFIG),
                           "AWIN_STREAMS": ",".join(STREAMS), "SOURCE_AWIN": common.CONNECTOR, "DATABASE_HOST": "127.0.0.1",
                           "DATABASE_PORT": os.environ["POSTGRESQL_PORT"], "DATABASE_NAME": "postgres", "DATABASE_PASSWORD": "none"}  # fmt: skip
            subprocess.run([sys.executable, ROOT / "examples/sync.py"], env=os.environ | environment, check=True)
        else:
            source = airbyte.get_source("source-awin", local_executable=common.CONNECTOR, config=CONFIG)
            source.select_streams(STREAMS)
            source.read(cache=self.cache)

    def read_from_scratch(self):
        self.session(lambda run: run("DROP SCHEMA IF EXISTS awin CASCADE"))
        self.cache = self.open_cache()
        self.read()

    def fill(self, read):
        _, answers = common.while_nothing_changes(read, STREAMS)
        return figures.Truth(answers)

    def session(self, work):
        """Runs `work` with a function that runs SQL, in one connection."""
        with self.cache.get_sql_engine().connect() as connection:
            def run(statement):
                result = connection.execute(text(statement.replace(":", r"\:")))
                return result.fetchall() if result.returns_rows else []
            run.is_postgresql = self.name == "PostgreSQL"
            result = work(run)
            connection.commit()
            return result

    def version(self):
        return self.session(lambda run: run("SHOW server_version" if run.is_postgresql else "SELECT version()"))[0][0].split()[0]

    def check(self, report):
        months = [figures.Month(FIRST, END, date) for date in ("validationDate", "transactionDate")]
        with report.check("filled once; every file's views are made, and the month is closed by either date") as notes:
            before = self.fill(self.read_from_scratch)
            self.session(lambda run: [self.open(run, way, months) for way in self.ways])
            notes.append(f"{len(before.sales)} transactions")
        moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        with report.check("filled again after changes; the page's lines say what it is complete through") as notes:
            corrected = common.sandbox("/sandbox/correct", "POST")
            common.sandbox("/sandbox/change", "POST")
            common.equal([change["what"] for change in corrected], ["amended", "declined"], "corrections")
            now = self.fill(self.read)
            notes.append(complete_through(self.cache))
        for way in self.ways:
            with report.check(f"every file of docs/sql = the sandbox's truth: {way.title}") as notes:
                notes.append(self.session(lambda run, way=way: ask_everything(run, way, months, before, now, moment)))

    def open(self, run, way, months):
        if way.tables != "awin":
            for statement in tables_of(way.tables):
                run(statement)
        way.enter(run)
        way.make_views(run)
        for month in months:
            way.ask(run, "close-month", month)


def complete_through(cache):
    """Runs the lines of Python in the page on closing a month."""
    page = (ROOT / "docs/month-close.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(lines, {"cache": cache})
    lines = said.getvalue().splitlines()
    common.equal(len(lines), 6, "accounts")
    common.expect(all(line.split()[2] >= str(TODAY) for line in lines), f"not complete: {lines}")
    return lines[0]


def ask_everything(run, way, months, before, now, moment):
    by_decision, by_sale = months
    way.enter(run)
    done, rows = {"close-month"}, 0

    def expect(name, wanted, month=by_decision, columns=None, **replaced):
        nonlocal rows
        have, want = [row[:columns] for row in way.ask(run, name, month, **replaced)], plain(wanted)
        if have != want:
            apart = [row for row in have if row not in want][:2], [row for row in want if row not in have][:2]
            raise AssertionError(f"{name}: {len(have)} rows, not {len(want)}: {apart[0]} instead of {apart[1]}")
        done.add(name)
        rows += len(have)
        return have

    for month in months:
        common.expect(expect("owed", figures.owed_of_the_month(now, month), month), "nothing is owed")
        closed = {row_id: figures.owed(row) for row_id, row in figures.booked(before, month).items()}
        changed = expect("changed-since-close", figures.changed_since_close(closed, now, month), month)
        # Booked and what changed since add up to what is owed now.
        total = sum(closed.values()) + sum(row[6] for row in changed)
        common.equal(total, sum(row[6] for row in way.ask(run, "owed", month)), f"booked and changed, by {month.date}")
        kinds = {(row[4] is None, row[5] is None) for row in changed}
        common.equal(kinds, {(False, False), (True, False), (False, True)}, "amended, came later and no longer counted")
    expect("earned", figures.earned(now, by_sale), by_sale)
    # The last column says when, which the truth does not know.
    common.expect(expect("changed-since", figures.changed_since(before, now), columns=-1, moment=moment), "nothing changed")
    expect("partner-names", figures.partner_names(now))
    expect("by-commission-group", figures.by_commission_group(now))
    expect("report-differs", figures.report_differs(now))
    expect("unpaid", figures.unpaid(now))
    paid = expect("paid", figures.paid(now))
    common.expect(paid, "nothing was paid")
    parts = figures.group(paid, lambda row: (row[0], row[1], row[4]))
    common.equal({key: sum(row[7] for row in found) for key, found in parts}, {key: key[2] for key, _ in parts}, "parts of payments")
    flagged = [row for row in now.of("publisher").values() if row["paidToPublisher"]]
    common.equal(sum(row[8] for row in paid), len(flagged), "paid sales that have a payment")
    expect("rate-of-sale", figures.rate_of_sale(now))
    # All sales of the sandbox are of one period of rates, so another one begins with a sale in their middle.
    moments = sorted(row["transactionDate"] for row in now.of("publisher").values())
    raised = moments[len(moments) // 2]
    way.raise_rates(run, raised.replace("T", " "))
    expect("rate-of-sale", figures.rate_of_sale(now, raised))
    # Nothing differs in tables that are right, so all sales of a publisher's day are taken away.
    sales = now.of("advertiser")
    day = figures.day_of_sale(next(row for row in sales.values() if row["commissionStatus"] == "approved"))
    lost = [row_id for row_id, row in sales.items() if figures.day_of_sale(row) == day]
    way.lose(run, lost)
    common.expect(expect("report-differs", figures.report_differs(now, lost)), "lost sales are not seen")
    expect("changed-since-close", figures.changed_since_close(closed, now, by_sale, lost), by_sale)
    common.equal(done, {file.stem for file in SQL.glob("*.sql")}, "files that were run")
    return f"{rows} rows"


databases = [
    Database("DuckDB", lambda: DuckDBCache(db_path=common.WORK / "databases.duckdb", schema_name="awin"), [
        Way("plain", "as they are", "duckdb"),
        Way("bigquery", "those for BigQuery, translated", "bigquery", translated("bigquery")),
        Way("snowflake", "those for Snowflake, translated", "snowflake", translated("snowflake")),
    ]),
]  # fmt: skip
if "POSTGRESQL_PORT" in os.environ:
    port = int(os.environ["POSTGRESQL_PORT"])
    postgresql = {"host": "127.0.0.1", "port": port, "username": "awin", "password": "none", "database": "postgres"}
    databases.append(Database("PostgreSQL", lambda: PostgresCache(**postgresql, schema_name="awin"), [
        Way("lower_case", "names in lower case", "postgresql", lambda statement: statement.replace('"', "")),
        Way("capitals", "names and types of Airbyte's destination", "postgresql", with_capitals_quoted, "airbyte_tables"),
        Way("meltano", "names and types of Meltano's target-postgres", "postgresql",
            lambda statement: with_capitals_quoted(statement).replace("_airbyte_extracted_at", "_sdc_batched_at"), "meltano_tables"),
    ]))  # fmt: skip

os.chdir(common.WORK)
failed = False
for database in databases:
    report = common.Report(database.name, f"{database.version()}, by PyAirbyte {importlib.metadata.version('airbyte')}")
    database.check(report)
    failed = failed or report.failed
raise SystemExit(bool(failed))

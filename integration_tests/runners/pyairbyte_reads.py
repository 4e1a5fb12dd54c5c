"""PyAirbyte: checks, lists the streams and reads all of them into DuckDB, before and after changes in the sandbox.

Every time the tables must be the sandbox's truth, value by value. A last read with a short look-back shows that the state
comes back and is used.
"""

import os

os.environ |= {"DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1", "AIRBYTE_NO_UPDATE_CHECK": "1"}

import importlib.metadata

import airbyte
import common
import truth
from airbyte.caches import DuckDBCache

report = common.Report("PyAirbyte", importlib.metadata.version("airbyte"))
os.chdir(common.WORK)
cache = None


def source(**changes):
    found = airbyte.get_source("source-awin", local_executable=common.CONNECTOR, config=common.config(**changes))
    found.select_all_streams()
    return found


def read_from_scratch():
    global cache
    path = common.WORK / "pyairbyte.duckdb"
    if cache:
        cache.get_sql_engine().dispose()
    path.unlink(missing_ok=True)
    cache = DuckDBCache(db_path=path, schema_name="awin")
    return source().read(cache=cache)


def in_sync(read, streams=tuple(truth.KEYS)):
    """Reads everything, and compares the tables of `streams` with the truth by SQL."""
    result, answers = common.while_nothing_changes(read)
    # The cache's own connection: DuckDB lets nobody else in while that is open.
    with cache.get_sql_engine().connect() as connection:
        database = connection.connection.driver_connection
        rows, values = truth.compare(database, "awin", {stream: answers[stream] for stream in streams})
    return result.processed_records, f"{rows} rows, {values} values"


def change():
    changes = common.sandbox("/sandbox/change", "POST")
    common.equal(sorted(change["what"] for change in changes), ["added", "amended", "approved", "declined"], "changes")


with report.check("check, all streams"):
    reader = source()
    reader.check()
    common.equal(reader.get_available_streams(), common.STREAMS, "streams")
with report.check("first read into DuckDB: all tables = truth, by SQL") as notes:
    first, compared = in_sync(read_from_scratch)
    notes.append(compared)
with report.check("read after changes in the sandbox: all tables = truth, by SQL") as notes:
    change()
    second, compared = in_sync(lambda: source().read(cache=cache))
    notes.append(compared)
with report.check("look-back of 1 day after changes of old sales: the state comes back, transactions = truth") as notes:
    change()
    third, compared = in_sync(lambda: source(lookback_days=1).read(cache=cache), ["transactions"])
    notes.append(f"{third} records instead of {first}")
    common.expect(0 < third < first / 2, f"{third} records after {first}: the state was not used")
report.end()

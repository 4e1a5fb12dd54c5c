"""What a perfect copy would hold: the sandbox's own tables, and how a DuckDB database is compared with them by SQL.

A table is compared leaf by leaf: `saleAmount.amount` of a nested column is a leaf, and so is the length of a list. Columns
that only the connector adds (`accountType`, `rowId` and the like) are not in the truth; the key of a row is.
"""

import datetime
import json

import common

# Columns that tell the rows of the truth apart. Reports have no key of their own there: `rowId` is made of these.
KEYS = {
    "transactions": ["id", "accountId"],
    "stats_by_publisher": ["date", "accountId", "advertiserId", "publisherId", "region", "currency"],
    "stats_by_creative": ["date", "accountId", "advertiserId", "publisherId", "region", "currency", "creativeId", "tagName"],
    "stats_by_advertiser": ["date", "accountId", "advertiserId", "publisherId", "region", "currency"],
    "stats_by_campaign": ["date", "accountId", "advertiserId", "publisherId", "campaign"],
    "transaction_queries": ["enquiryId", "accountId"],
    "accounts": ["accountId"],
    "publishers": ["id", "accountId"],
    "programmes": ["id", "accountId"],
    "programme_details": ["advertiserId", "accountId"],
    "commission_groups": ["advertiserId", "groupId", "accountId"],
}


def answers(streams):
    """Stream name to the sandbox's rows from the start date to today."""
    span = f"?from={common.START_DATE}&to={datetime.datetime.now(datetime.UTC).date()}"
    return {stream: common.sandbox(f"/sandbox/truth/{stream}{span}") for stream in streams}


def rows(stream, answered):
    """The rows of the connector's table among what the sandbox answers."""
    for row in answered:
        if stream == "programme_details":
            yield row | {"advertiserId": row["programmeInfo"]["id"]}
        elif stream == "commission_groups":
            for group in row["commissionGroups"]:
                yield group | {"advertiserId": row["advertiser"], "accountId": row["accountId"]}
        elif stream == "transaction_queries" and row["declineReason"] == "null":
            yield row | {"declineReason": None}  # Awin writes this text for null
        else:
            yield row


def leaves(value, path="$"):
    """(JSON path, value as text or None) of everything in `value` that is not nested any further."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f'{path}."{name}"')
    elif isinstance(value, list):
        yield f"{path}#", str(len(value))
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value if value is None or isinstance(value, str) else json.dumps(value)


def compare(database, schema, truth):
    """Raises unless the tables of `schema` are the truth; returns how many rows and leaves were compared."""
    file = common.WORK / "leaves.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for stream, answered in truth.items():
            for row in rows(stream, answered):
                key = "|".join("" if row.get(name) is None else str(row[name]) for name in KEYS[stream])
                for column, value in row.items():
                    for path, text in leaves(value):
                        line = {"stream": stream, "key": key, "column_name": column.lower(), "path": path, "leaf": text}
                        out.write(json.dumps(line) + "\n")
    database.execute(
        f"""CREATE OR REPLACE TEMP TABLE truth AS SELECT * FROM read_json('{file}', format = 'newline_delimited', columns =
            {{stream: 'VARCHAR', key: 'VARCHAR', column_name: 'VARCHAR', path: 'VARCHAR', leaf: 'VARCHAR'}})"""
    )
    faults, compared, total = [], 0, 0
    for stream in truth:
        total += compare_rows(database, schema, stream, faults)
        compared += compare_leaves(database, stream, faults)
    common.expect(not faults, f"{len(faults)} differences: " + "; ".join(faults[:8]))
    return total, compared


def compare_rows(database, schema, stream, faults):
    """The rows of a table are those of the truth, each once. Leaves the table as the view `copy` with its key."""
    columns = {row[0] for row in database.execute(f'DESCRIBE {schema}."{stream}"').fetchall()}
    parts = [f"coalesce(CAST({name.lower()} AS VARCHAR), '')" if name.lower() in columns else "''" for name in KEYS[stream]]
    key = " || '|' || ".join(parts)
    database.execute(f'CREATE OR REPLACE TEMP VIEW copy AS SELECT {key} AS "key", t.* FROM {schema}."{stream}" t')
    has, distinct = database.execute("SELECT count(*), count(DISTINCT key) FROM copy").fetchone()
    if has != distinct:
        faults.append(f"{stream}: {has} rows but {distinct} keys")
    if "rowid" in columns and database.execute('SELECT count(DISTINCT "rowid") FROM copy').fetchone()[0] != has:
        faults.append(f"{stream}: rowId is not unique")
    wanted = f"SELECT DISTINCT key FROM truth WHERE stream = '{stream}'"
    missing = database.execute(f"{wanted} AND key NOT IN (SELECT key FROM copy)").fetchall()
    extra = database.execute(f"SELECT key FROM copy WHERE key NOT IN ({wanted})").fetchall()
    for what, found in (("missing", missing), ("not in the truth", extra)):
        if found:
            faults.append(f"{stream}: {len(found)} rows {what}, such as {found[0][0]}")
    return has


def compare_leaves(database, stream, faults):
    columns = {row[0] for row in database.execute("DESCRIBE copy").fetchall()}
    asked = "SELECT column_name, path, count(*) FROM truth WHERE stream = ? GROUP BY ALL ORDER BY ALL"
    compared = 0
    for column, path, count in database.execute(asked, [stream]).fetchall():
        if column not in columns:
            faults.append(f"{stream}.{column}: no such column")
            continue
        if path == "$":
            value = f'CAST(c."{column}" AS VARCHAR)'
        elif path.endswith("#"):
            value = f"""CAST(json_array_length(c."{column}", '{path[:-1]}') AS VARCHAR)"""
        else:
            value = f"""json_extract_string(c."{column}", '{path}')"""
        wrong = database.execute(
            f"""WITH pairs AS (
                  SELECT t.key, t.leaf AS want, nullif({value}, 'null') AS have
                  FROM truth t JOIN copy c ON c.key = t.key WHERE t.stream = ? AND t.column_name = ? AND t.path = ?)
                SELECT key, have, want FROM pairs WHERE have IS DISTINCT FROM want
                  AND NOT coalesce(TRY_CAST(have AS DECIMAL(38, 9)) = TRY_CAST(want AS DECIMAL(38, 9)), false)
                  AND NOT coalesce(TRY_CAST(have AS TIMESTAMP) = TRY_CAST(want AS TIMESTAMP), false)""",
            [stream, column, path],
        ).fetchall()
        compared += count
        if wrong:
            key, have, want = wrong[0]
            faults.append(f"{stream}.{column} {path}: {len(wrong)} differ, at {key} {have!r} instead of {want!r}")
    return compared

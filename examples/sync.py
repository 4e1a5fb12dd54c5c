"""One sync of Awin into Postgres, by PyAirbyte. Run it again, and it goes on where it stopped: the state is in the database, too.

Reads from the environment: AWIN_TOKEN, AWIN_START_DATE, DATABASE_HOST, DATABASE_PASSWORD; and, if they are not as in compose.yml,
AWIN_CONFIG (more keys of the configuration, a JSON object), AWIN_STREAMS, DATABASE_PORT, DATABASE_NAME, DATABASE_USER, SOURCE_AWIN.
"""

import json
import os

import airbyte as ab
from airbyte.caches import PostgresCache

env = os.environ

source = ab.get_source(
    "source-awin",
    local_executable=env.get("SOURCE_AWIN", "/usr/local/bin/source-awin"),
    config={
        "api_token": env["AWIN_TOKEN"],
        "start_date": env["AWIN_START_DATE"],
        **json.loads(env.get("AWIN_CONFIG") or "{}"),
    },
)
source.check()
source.select_streams((env.get("AWIN_STREAMS") or "transactions,stats_by_publisher,publishers").split(","))
cache = PostgresCache(
    host=env["DATABASE_HOST"],
    port=int(env.get("DATABASE_PORT", "5432")),
    database=env.get("DATABASE_NAME", "awin"),
    username=env.get("DATABASE_USER", "awin"),
    password=env["DATABASE_PASSWORD"],
    schema_name="awin",
)
result = source.read(cache=cache)
print(f"{result.processed_records} rows")

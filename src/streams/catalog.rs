//! The answer to `discover`, from the declarations and the schemas in `catalog/`. Needs no network.

use serde_json::Value;

use super::{STREAMS, Stream};
use crate::protocol::{AirbyteStream, Catalog, SyncMode};

/// The JSON schema of a stream's records.
pub fn json_schema(stream: &Stream) -> Value {
    serde_json::from_str(stream.schema).expect("schemas are compiled in and tested")
}

/// All streams, always in the same order and the same bytes.
pub fn discover() -> Catalog {
    Catalog { streams: STREAMS.iter().map(airbyte_stream).collect() }
}

fn airbyte_stream(stream: &Stream) -> AirbyteStream {
    let path = |field: &str| vec![field.to_owned()];
    let incremental = stream.is_incremental();
    AirbyteStream {
        name: stream.name.to_owned(),
        json_schema: json_schema(stream),
        // Meltano takes the first mode as its default.
        supported_sync_modes: if incremental {
            vec![SyncMode::Incremental, SyncMode::FullRefresh]
        } else {
            vec![SyncMode::FullRefresh]
        },
        source_defined_cursor: stream.is_resumable().then_some(true),
        default_cursor_field: stream.cursor.map(path),
        source_defined_primary_key: Some(vec![path(stream.primary_key())]),
        is_resumable: stream.is_resumable().then_some(true),
    }
}

CREATE OR REPLACE TABLE transactions AS
SELECT * EXCLUDE emitted_at, epoch_ms(emitted_at) AS _airbyte_extracted_at
FROM read_json('transactions.jsonl', maximum_depth = 2, sample_size = -1)
QUALIFY row_number() OVER (PARTITION BY rowId ORDER BY emitted_at DESC) = 1;

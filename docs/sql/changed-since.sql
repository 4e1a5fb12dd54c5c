-- Sales that are new or have changed since a moment, in the session's time zone.
SELECT row_id, status, sold_on, decided_on, currency, commission, network_fee, synced_at
FROM awin_sales
WHERE synced_at >= CAST('2026-04-01 00:00:00' AS TIMESTAMP)
ORDER BY row_id;

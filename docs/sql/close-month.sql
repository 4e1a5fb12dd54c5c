-- Keeps the rows that were booked. Use the same date column as owed.sql.
CREATE TABLE awin_closed_2026_03 AS
SELECT row_id, account_id, publisher_id, currency, sold_on, decided_on, commission, network_fee, owed
FROM awin_sales
WHERE account_type = 'advertiser'
  AND status = 'approved'
  AND decided_on >= DATE '2026-03-01'
  AND decided_on < DATE '2026-04-01';
